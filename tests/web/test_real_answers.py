"""The pages over the real answers of a real store: what the made-up shop could get wrong."""

from __future__ import annotations

import errno
import os
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from commits import Part, Request, commit
from web_client import Page
from web_shop import HOSTILE, MS, NOW

from fanlight.errors import StoreError
from fanlight.server.answers import Answers
from fanlight.server.server import Server
from fanlight.stores import open_store
from fanlight.stores.duckdb.engine import open_engine, telling
from fanlight.web.app import HARDSHIPS
from fanlight.wire.messages import ERROR, WHOLE

VIEW = Part(("app.flask.view", "checkout", ""), 0, 1 * MS, 300 * MS)
SQL = Part(
    ("db.sql.query", "SELECT FROM product", "SELECT ?"),
    1,
    5 * MS,
    5 * MS,
    (("location", "shop/cart.py:88"),),
    "shop/cart.py:88",
)
EVIL = Part(("db.sql.query", HOSTILE[1], HOSTILE[2]), 1, 290 * MS, 2 * MS, ((HOSTILE[0], HOSTILE[1]),))
PAUSE = Part(("noise.gc", "", ""), 0, 0, 5 * MS)


def requests():
    for number in range(1, 201):
        slow = number % 10 == 0
        repeated = [SQL._replace(start_ns=(5 + each * 6) * MS) for each in range(41)]
        parts = (VIEW, *repeated, EVIL, PAUSE)
        notes = (("status", 200), ("ratio", float("nan")), ("error.message", HOSTILE[0])) if slow else ()
        flags = WHOLE | (ERROR if slow else 0)
        yield Request(
            NOW - number * 10_000 * MS,
            (4000 if slow else 320) * MS,
            number,
            ("shop", "POST /checkout", "html"),
            parts,
            flags,
            notes,
        )
    for number in range(500, 540):
        yield Request(NOW - (number - 480) * 30_000 * MS, 20 * MS, number, ("shop", HOSTILE[0], ""))


@pytest.mark.parametrize(
    "address",
    ["/api/overview", f"/api/trace/{1:032x}", "/v1/query?q=service%3Ashop", "/", f"/trace/{1:032x}"],
)
def test_while_the_store_is_not_there_everybody_is_asked_to_come_again(tmp_path, ask_with, address):
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    browser = ask_with(Answers(store, dict))
    store.close()
    answer = browser.get(address)
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    assert "The store is being closed or opened anew; ask again in a moment." in answer.text
    assert str(tmp_path) not in answer.text


@pytest.mark.parametrize("address", ["/api/overview", "/v1/query?q=service%3Ashop", "/", "/explore?q=*"])
def test_a_disk_that_fails_is_told_and_the_next_question_is_answered(tmp_path, ask_with, address, capfd):
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    store.apply(1, [(1, commit(list(requests())))])
    store.close()
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    browser = ask_with(Answers(store, dict))
    (day,) = (tmp_path / "store").glob("*.duckdb")
    whole = day.read_bytes()
    os.truncate(day, 12_288)
    answer = browser.get(address)
    day.write_bytes(whole)
    assert (answer.status, answer.header("retry-after")) == (503, "10")
    assert "The disk cannot be read or written" in unescape(answer.text)
    assert str(tmp_path) not in answer.text
    assert capfd.readouterr().err.count("was not answered: ") == 1
    assert browser.get(address).status == 200
    store.close()


class Poor:
    """Answers of a machine that lacks something."""

    def __init__(self, error):
        self.error = error

    def overview(self, *_, **__):
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory"),
        (OSError(errno.ENOSPC, "No space left on device", "/secret/x"), "room"),
        (OSError(errno.EIO, "Input/output error", "/secret/x"), "disk"),
    ],
    ids=str,
)
def test_what_the_machine_lacks_is_named_with_what_to_do(ask_with, error, code, capfd):
    answer = ask_with(Poor(error)).get("/api/overview")
    assert (answer.status, answer.header("retry-after")) == (503, "10")
    assert answer.json == {"error": {"code": code, "message": HARDSHIPS[code]}}
    assert "/secret" not in answer.text
    assert "/api/overview was not answered: " in capfd.readouterr().err


def test_an_error_of_the_system_that_is_no_lack_stays_a_defect(ask_with):
    with pytest.raises(PermissionError):
        ask_with(Poor(PermissionError(errno.EACCES, "Permission denied"))).get("/api/overview")


@pytest.mark.parametrize(
    ("statement", "code"),
    [("SELECT list(range) FROM range(99000000)", "memory"), ("FROM read_csv('/proc/no/such')", None)],
)
def test_the_engine_tells_apart_what_is_lacking(tmp_path, statement, code):
    engine = open_engine(tmp_path)
    with pytest.raises(StoreError) as caught, telling("it failed"):
        engine.execute(statement)
    assert getattr(caught.value, "code", None) == code
    engine.close()


@pytest.fixture(params=["memory", "duckdb"])
def browser(request, tmp_path, ask_with):
    store = open_store(f"{request.param}:{tmp_path / 'store' if request.param == 'duckdb' else ''}")
    store.apply(1, [(1, commit(list(requests())))])
    yield ask_with(Answers(store, dict))
    store.close()


def test_from_the_list_through_an_endpoint_to_a_trace(browser):
    page = Page(browser.get("/").text)
    assert "240 requests to 2 endpoints in the last hour, 20 errors." in page.words
    assert "Errors 8.3% of requests" in page.words
    assert "SELECT FROM product 41 times, at shop/cart.py:88" in page.words
    assert "<script>alert(1)</script>" in page.words
    links = [link for link in page.links if link.startswith("/endpoint?")]
    assert len(links) == 2
    words = Page(browser.get(links[1]).text).words
    assert "no body" in words
    answer = browser.get(links[0])
    page = Page(answer.text)
    assert (answer.status, page.open, page.wrong) == (200, [], [])
    assert "200 requests in the last hour." in page.words
    assert "runs 41 times in every request and takes 205 ms of each of them." in page.words
    assert f"SELECT FROM product {chr(0xD7)}41" in page.words
    assert "Garbage collection" in page.words
    for title in ("Slowest", "With an error", "Typical"):
        assert title in page.words
    trace = next(link for link in page.links if link.startswith("/trace/"))
    answer = browser.get(trace)
    page = Page(answer.text)
    assert (answer.status, page.open, page.wrong) == (200, [], [])
    assert "POST /checkout took 4.00 s" in page.words
    assert f"SELECT FROM product {chr(0xD7)}41" in page.words
    assert "error.message <script>alert(1)</script>" in page.words
    assert browser.get(f"/api{trace}").json["spans"][0]["annotations"]["ratio"] == "nan"


def test_choosing_the_slow_tail_narrows_trace_and_samples(browser):
    link = next(link for link in Page(browser.get("/").text).links if "checkout" in link)
    page = Page(browser.get(link).text)
    tail = [each for each in page.links if parse_qs(urlsplit(each).query).get("octaves") == ["32"]]
    assert tail, "4 s lies in octave 32"
    words = Page(browser.get(tail[0]).text).words
    assert "2.15 s to 4.29 s: 20 requests, 10%" in words
    assert "All requests of 2.15 s to 4.29 s, merged into one" in words
    assert "Typical 32" in words, "the heading's numbers stay those of all requests"
    assert "320 ms 2" not in words.partition("Single requests")[2]


def test_a_merged_trace_of_more_than_the_time_says_of_when_it_is(browser):
    named = "service=shop&endpoint=POST+/checkout&segment=html"
    words = Page(browser.get(f"/endpoint?{named}&last=10m").text).words
    assert "62 requests in the last 10 minutes." in words
    told = "between 2026-09-21 14:00:00 UTC and 2026-09-21 15:00:00 UTC"
    assert f"it is of 80 requests {told}, more than the time above." in words
    assert f"What repeats is counted by the hour: here in 80 requests {told}." in words
    found = browser.get(f"/api/endpoint?{named}&last=10m&octaves=32").json
    assert found["hours"] == {
        "from": "2026-09-21T14:00:00.000Z",
        "to": "2026-09-21T15:00:00.000Z",
        "requests": 80,
        "chosen": 8,
    }
    words = Page(browser.get(f"/endpoint?{named}&last=10m&octaves=32").text).words
    assert f"it is of 8 requests of these durations {told}" in words
    assert "by the hour" not in Page(browser.get(f"/endpoint?{named}&last=1h").text).words, (
        "nothing else is there"
    )


def test_a_time_without_requests_has_a_page_that_says_so_and_is_404_in_json(browser):
    query = "service=shop&endpoint=POST+/checkout&segment=html&from=2020-01-01&to=2020-01-02"
    quiet = browser.get(f"/endpoint?{query}")
    assert (quiet.status, Page(quiet.text).words.count("Nothing to show")) == (200, 1)
    assert browser.get(f"/endpoint?{query.replace('checkout', 'never')}").status == 404
    assert browser.get(f"/api/endpoint?{query}").status == 404
    assert browser.get("/api/endpoints?from=2020-01-01&to=2020-01-02").json == []


def test_status_has_every_field_that_the_page_shows(tmp_path, ask_with):
    server = Server(open_store("memory:"), tmp_path, lambda: None, store_url="memory:")
    browser = ask_with(server.answers)
    words = Page(browser.get("/status").text).words
    assert "The collector does not answer." in words
    assert "up to date" in words
    server.store.close()


@pytest.mark.parametrize("part", ["services", "spool", "store", "collector", "processes", "version"])
def test_a_missing_field_is_no_empty_field(tmp_path, ask_with, part):
    server = Server(open_store("memory:"), tmp_path, lambda: None)
    answers = Answers(server.store, lambda: {k: v for k, v in server.status().items() if k != part})
    with pytest.raises(KeyError, match=part):
        ask_with(answers).get("/status")
    server.store.close()
