"""Clocks that are set back, and midnight: a day's file is rewritten while its pages are looked at."""

from __future__ import annotations

import threading

import pytest
from commits import commit
from web_client import Browser, Page
from web_days import ENDPOINT, GRACE_NS, HOUR, MIDNIGHT, SECOND, Clock, asked, filled, state

from fanlight.server.answers import Answers
from fanlight.web.app import create

PAGES = ("/", "/?last=24h", ENDPOINT + "&last=6h", "/explore", "/servers", "/compare", "/status")


@pytest.fixture
def clock():
    return Clock(MIDNIGHT - 10 * SECOND)


@pytest.fixture
def store(tmp_path, clock):
    store = filled(tmp_path, clock)
    yield store
    store.close()


@pytest.fixture
def browser(store, clock, gate):
    known = Browser(create(Answers(store, state), gate, clock=clock), gate)
    known.login()
    return known


def test_a_clock_that_was_set_back_leads_to_what_lies_ahead(browser, clock):
    assert "120 requests to 1 endpoint" in Page(browser.get("/").text).words
    clock.now -= 2 * HOUR
    for address in PAGES:
        if address != ENDPOINT + "&last=6h":
            assert browser.get(address).status == 200, address
    page = Page(browser.get("/").text)
    assert "No request in the last hour" in page.words
    assert "ahead of this machine's clock" in page.words
    link = [link for link in page.links if link.startswith("/?from=")][-1]
    assert "120 requests to 1 endpoint" in Page(browser.get(link).text).words
    # A year off, as of a machine whose battery was empty.
    clock.now -= 300 * 24 * HOUR
    page = Page(browser.get("/?sort=p95").text)
    link = [link for link in page.links if "sort=p95&from=" in link][-1]
    assert "120 requests to 1 endpoint" in Page(browser.get(link).text).words
    clock.now += 302 * 24 * HOUR
    assert "There were requests before that" in Page(browser.get("/").text).words


def test_pages_tell_the_same_while_the_day_they_are_of_is_rewritten(browser, store, clock):
    clock.now = MIDNIGHT + GRACE_NS + 60 * SECOND
    store.apply(2, [(1, commit(asked(clock.now - SECOND, 30)))])
    closing = threading.Thread(target=store.compact)
    closing.start()
    looked = 0
    while closing.is_alive() or looked < 3:
        page = Page(browser.get("/?last=24h").text)
        assert "150 requests to 1 endpoint in the last 24 hours" in page.words
        page = Page(browser.get(ENDPOINT + "&last=24h").text)
        assert "150 requests in the last 24 hours" in page.words
        looked += 1
    closing.join(60)
    assert [day.closed for _, day in sorted(store.days.items())] == [True, False]
    for address in PAGES:
        assert browser.get(address).status == 200, address
