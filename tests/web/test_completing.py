"""`/api/complete`: what is offered where, from the dictionary and the store, quickly."""

from __future__ import annotations

import tomllib
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_kept import kept
from web_shop import NOW

from fanlight.query.stages import BUILT_IN
from fanlight.server.answers import Answers
from fanlight.server.questions import Questions
from fanlight.web.completing import STAGES
from fanlight.web.place import place
from fanlight.web.seen import Seen

CASES = tomllib.loads((Path(__file__).parent / "completions.toml").read_text("utf-8"))["case"]


def caret(case):
    """Answer a case's query and where its caret is: at the last `^`."""
    head, _, tail = case["query"].rpartition("^")
    return head + tail, len(head)


@pytest.fixture
def complete(browser):
    def complete(text, at, **more):
        asked = "".join(f"&{name}={quote(value)}" for name, value in more.items())
        answer = browser.get(f"/api/complete?q={quote(text)}&at={at}{asked}")
        assert answer.status == 200, answer.text
        return answer.json

    return complete


@pytest.mark.parametrize("case", CASES, ids=[case["query"] for case in CASES])
def test_what_is_offered(case, complete):
    text, at = caret(case)
    found = complete(text, at)
    labels = [each["label"] for each in found["items"]]
    assert set(case.get("has", ())) <= set(labels), labels
    assert not set(case.get("lacks", ())) & set(labels)
    assert len(labels) <= 12
    if "first" in case:
        assert labels[0] == case["first"], labels
    if "taken" in case:
        assert text[: found["start"]] + found["items"][0]["text"] + text[found["end"] :] == case["taken"]


def test_an_offer_says_what_it_means_and_its_unit(complete):
    (offer,) = [each for each in complete("dur", 3)["items"] if each["label"] == "duration"]
    assert offer == {
        "label": "duration",
        "text": "duration>",
        "meaning": "how long it took; always ns",
        "unit": "ns",
    }
    (value, *_) = complete("service=shop", 11)["items"]
    assert value["meaning"].endswith(" events")


def test_values_are_of_the_service_and_the_time(complete):
    everywhere = {each["label"] for each in complete("endpoint=", 9)["items"]}
    mail = {each["label"] for each in complete("endpoint=", 9, service="mail")["items"]}
    assert mail == {"POST /send"} < everywhere
    assert complete("endpoint=", 9, **{"from": "2020-01-01", "to": "2020-01-02"})["items"] == []


def test_every_stage_is_offered():
    assert set(STAGES) == set(BUILT_IN)


@pytest.mark.parametrize("at", ["-1", "x", "100000", "1.5"])
def test_a_place_that_is_none_is_refused(browser, at):
    answer = browser.get(f"/api/complete?q=x&at={at}")
    assert answer.status == 400
    assert answer.json["error"]["parameter"] == "at"


def test_a_long_query_is_refused_and_a_far_place_is_its_end(browser):
    assert browser.get("/api/complete?q=" + "x" * 8001).status == 400
    assert browser.get("/api/complete?q=dur&at=9999").json["items"][0]["label"] == "duration"


def test_a_slow_store_is_not_waited_for(ask_with):
    slow = Answers(kept(NOW).store, dict)
    slow.questions = Questions(slow.store, patience_s=0.0)
    found = ask_with(slow).get("/api/complete?q=dur&at=3").json
    assert found["items"][0]["label"] == "duration", "the dictionary needs no store"


def test_what_was_asked_is_remembered_for_some_seconds():
    class Counting:
        def __init__(self):
            self.asked = 0

        def query(self, question):
            self.asked += 1
            return kept(NOW).query(question)

    class At:
        given, now_ns, from_ns, to_ns = {}, NOW, NOW - 3600 * 10**9, NOW

        def get(self, name, default=""):
            return self.given.get(name, default)

    now_s = 0.0
    answers = Counting()
    seen = Seen(answers, lambda: now_s)
    assert seen.values("service", At()) == seen.values("service", At())
    assert answers.asked == 1
    now_s = 11.0
    seen.values("service", At())
    assert answers.asked == 2


def test_a_keystroke_costs_few_calls(browser, calls):
    def stroke():
        browser.get("/api/complete?q=service=&at=8")

    stroke()
    assert calls(stroke) <= 1_500


@given(st.text(st.sampled_from("ab \"'\\|(),:=<>-!~/^by.time stats top"), max_size=60), st.integers(0, 60))
def test_any_text_has_places_within_itself(text, at):
    found = place(text, min(at, len(text)))
    assert 0 <= found.start <= found.end <= len(text)
    assert found.start <= min(at, len(text))
