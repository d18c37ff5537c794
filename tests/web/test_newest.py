"""The newest events on Explore: the same however little was looked at, there when the rest takes too long."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from web_client import Page
from web_shop import NOW

from fanlight import Event, Property
from fanlight.event.packing import pack
from fanlight.event.times import Time
from fanlight.query.query import Query
from fanlight.server.answers import Answers
from fanlight.stores import open_store
from fanlight.stores.imports import Imported, Piece


class Slow:
    """Answers a store that has to look at every event: a long time of it, or counting it, takes too long.

    Args:
        answers: behind it.
        longest_s: length of time that can be looked at.
    """

    def __init__(self, answers, longest_s):
        self.answers = answers
        self.longest_ns = longest_s * 10**9
        self.asked = []

    def __getattr__(self, name):
        return getattr(self.answers, name)

    def query(self, question):
        self.asked.append(question.text)
        low, high = question.read().bounds()
        if (question.now_ns if high is None else high) - low > self.longest_ns:
            return 422, {"error": {"code": "too-long", "message": "the answer took longer than it may"}}
        return self.answers.query(question)


@pytest.fixture
def many():
    """Answer what asks a store with a line every second of the last hour, and some without a time."""
    store = open_store("memory:")
    lines = []
    for number in range(3600):
        event = Event([Property("message", f"line {number}")], time=Time(NOW - number * 10**9))
        event.number = number + 1
        lines.append(event)
    for number in range(150):
        event = Event([Property("message", f"undated {number}")])
        event.number = 4000 + number
        lines.append(event)
    packed = [pack(event) for event in lines]
    store.imports.keep(
        Piece(Imported(0, "/var/log/app.log", "json", "1:2", "ab", 0), "", 1, 4200, packed), NOW
    )
    yield Answers(store, dict)
    store.close()


def messages(text):
    """Answer the numbers of the lines that a page shows."""
    return [int(each) for each in re.findall(r">line (\d+)<", text)]


@pytest.mark.parametrize("q", ["", "line", "message:9", "message:undated"])
def test_the_newest_events_are_the_same_however_little_was_looked_at(ask_with, many, q):
    text = ask_with(many).get(f"/explore/whole?q={quote(q)}").text
    found = [event["message"] for event in many.store.answer(Query(f"{q} last:1h", now_ns=NOW))]
    assert re.findall(r">((?:line|undated) \d+)<", text) == found[:-101:-1]
    assert f"{len(found):,} events in the last hour; the newest 100" in Page(text).words, "all are counted"


def test_what_takes_too_long_is_left_out_and_told_and_the_rest_is_there(ask_with, many):
    slow = Slow(many, 1000)
    answer = ask_with(slow).get("/explore/whole?q=line")
    words = Page(answer.text).words
    assert answer.status == 200
    assert messages(answer.text) == list(range(100)), "the newest hundred, by the events of 225 seconds"
    assert "The newest 100 events in the last hour, newest first." in words
    assert "Counting the events took too long" in words
    assert "Show up to 1,000" in words
    assert '<svg class="chart sweep"' not in answer.text


def test_few_events_of_a_part_are_shown_where_the_whole_takes_too_long(ask_with, many):
    query = quote('message~"line .*77"')
    answer = ask_with(Slow(many, 1000)).get(f"/explore/whole?q={query}")
    words = Page(answer.text).words
    assert answer.status == 200
    assert messages(answer.text) == [77, 177]
    assert "Looking at all of the time took too long: these are the events since" in words


class Unhurried:
    """Answers what adds up only to whoever can wait for it.

    Args:
        answers: behind it.
    """

    def __init__(self, answers):
        self.answers = answers

    def __getattr__(self, name):
        return getattr(self.answers, name)

    def query(self, question):
        if question.patience_s < 1 and ("timechart" in question.text or "stats" in question.text):
            return 422, {"error": {"code": "too-long", "message": "the answer took longer than it may"}}
        return self.answers.query(question)


def test_events_come_before_the_bars_and_the_rest_is_a_page_of_its_own(ask_with, many):
    browser = ask_with(Unhurried(many))
    first = browser.get("/explore?q=line")
    assert messages(first.text) == list(range(100))
    assert "Counting events over time…" in Page(first.text).words
    assert '<svg class="chart sweep"' not in first.text
    (later,) = [tag["data-later"] for _, tag in Page(first.text).tags if "data-later" in tag]
    assert f'content="0; url={later}"' in first.text, "without a script it is gone to"
    whole = browser.get(later)
    assert messages(whole.text) == list(range(100))
    assert '<svg class="chart sweep"' in whole.text
    assert "data-later" not in whole.text
    assert not [link for link in Page(whole.text).links if link.startswith("/explore/whole")], (
        "no link keeps it"
    )


def test_the_newest_events_are_seen_while_a_stage_adds_up(ask_with, many):
    browser = ask_with(Unhurried(many))
    first = browser.get(f"/explore?q={quote('line | stats count')}")
    assert messages(first.text) == list(range(20))
    words = Page(first.text).words
    assert "The newest 20 events of which the answer is made." in words
    assert "The answer is being worked out…" in words
    assert "count 3,600" in Page(browser.get(f"/explore/whole?q={quote('line | stats count')}").text).words


def test_what_selects_nothing_and_takes_long_says_that_it_is_worked_out(ask_with, many):
    first = ask_with(Unhurried(many)).get(f"/explore?q={quote('nowhere | stats count')}")
    assert first.status == 200
    assert "The answer is being worked out…" in Page(first.text).words
