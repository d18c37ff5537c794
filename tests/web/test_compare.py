"""Compare: two times or two releases of the shop, in words, tables and JSON."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from web_client import Page
from web_shop import HOSTILE, MINUTE, NOW, Shop

from fanlight.web.pages.compare import percent, times
from fanlight.web.wording import rfc3339

CHECKOUT = "/compare?service=shop&endpoint=POST+/checkout&segment=html"
RELEASES = CHECKOUT + "&last=2h&release=2026.9.2&against_release=2026.9.1"


def test_two_releases_tell_what_got_slower_first(look):
    words = look(RELEASES).words
    assert "SELECT FROM product explains 6" in words
    assert "runs 19 times a request instead of 8" in words
    assert words.index("SELECT FROM product explains") < words.index("Waiting before it began explains")
    assert "release 2026.9.1" in words
    assert f"{chr(0xD7)}8 → {chr(0xD7)}19" in words


def test_after_a_repair_what_got_faster_stands_first(ask_with, shop):
    class Repaired(type(shop)):
        def compare(self, *asked, **more):
            status, found = super().compare(*asked, **more)
            changes = [
                each | {"change": -each["change"], "before": each["after"], "after": each["before"]}
                for each in found["changes"]
            ]
            return status, found | {"changes": changes}

    page = Page(ask_with(Repaired()).get(RELEASES).text)
    assert "What got faster Copy" in page.words
    assert page.words.index("SELECT FROM product explains 6") < page.words.index("What got slower (")


def test_every_time_is_in_the_address(look):
    page = look(CHECKOUT + "&last=15m")
    kept = [parse_qs(urlsplit(link).query) for link in page.links if link.startswith("/compare?")]
    against = [each["against"] for each in kept if "against" in each]
    assert against[:3] == [["before"], ["day"], ["week"]]
    assert all(each["endpoint"] == ["POST /checkout"] for each in kept if "against" in each)
    assert "The merged traces here are of" in page.words


def test_a_service_is_compared_endpoint_by_endpoint(look):
    page = look("/compare?service=shop&last=1h")
    assert "Endpoint by endpoint" in page.words
    assert HOSTILE[0] in page.words
    assert any("endpoint=POST+%2Fcheckout&segment=html" in link for link in page.links)


def test_without_a_service_the_busiest_is_compared(look):
    assert "Compare shop" in look("/compare").words


def test_the_switch_says_which_service_is_compared(look):
    chosen = [each["value"] for tag, each in look("/compare").tags if tag == "option" and "selected" in each]
    assert chosen == ["shop"]


def test_a_query_narrows_the_comparison(look):
    words = look("/compare?service=shop&last=1h&q=status%3A500").words
    assert "estimated" in words
    assert "Endpoint by endpoint" not in words, "counts are not told apart by a query"


@pytest.mark.parametrize(
    ("more", "status", "told"),
    [
        ("&q=duration:>", 400, "This query cannot be used here"),
        ("&against_from=never&against_to=2026-01-01", 400, "against_from"),
        ("&against_from=2026-01-02T00:00:00Z&against_to=2026-01-01T00:00:00Z", 400, "against_to"),
        ("&release=1&against_release=2026.9.1", 400, "no such release"),
        ("&release=2026.9.1&against_release=2026.9.1", 400, "same release"),
        ("&against=tomorrow", 400, "against"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(browser, more, status, told):
    answer = browser.get(CHECKOUT + "&last=2h" + more)
    assert (answer.status, told in answer.text) == (status, True)
    assert browser.get(f"/api{CHECKOUT}&last=2h{more}").status == status


def test_nothing_to_compare_says_what_to_do(ask_with):
    for address in ("/compare", CHECKOUT):
        answer = ask_with(Shop(empty=True)).get(address)
        assert answer.status == 200
        page = Page(answer.text)
        assert (page.open, page.wrong) == ([], [])
        assert "Nothing to compare" in page.words or "fanlight demo" in page.words


def test_a_service_without_a_past_is_not_told_as_new(look):
    page = look("/compare?service=shop&last=6h")
    assert "there is nothing to compare with" in page.words
    assert "was not there before" not in page.words
    assert "What got slower" not in page.words
    assert "Where the time went" not in page.words
    shorter = next(link for link in page.links if "last=15m" in link and "service=shop" in link)
    assert "What got slower" in look(shorter).words


def test_a_shorter_time_is_shorter_than_the_one_without_a_past(ask_with):
    class Young(Shop):
        def compare(self, *asked, **more):
            status, found = super().compare(*asked, **more)
            return status, found | {"before": found["before"] | {"count": 0}}

    words = Page(ask_with(Young()).get("/compare?service=shop&last=5m").text).words
    assert "the last minute" in words
    assert "the last 5 minutes" not in words


def test_the_json_has_what_the_page_shows(browser):
    found = json.loads(browser.get(f"/api{RELEASES}").text)
    assert found["names"] == ["release 2026.9.1", "release 2026.9.2"]
    assert found["changes"][0]["title"] == "SELECT FROM product"
    assert found["after"]["p50"] > found["before"]["p50"]
    assert sum(each["after"] for each in found["histogram"]) == found["after"]["count"]
    times = {name: rfc3339(NOW - ago * MINUTE) for name, ago in (("from", 30), ("to", 0))}
    other = f"&against_from={rfc3339(NOW - 90 * MINUTE)}&against_to={rfc3339(NOW - 60 * MINUTE)}"
    address = f"/api{CHECKOUT}&from={times['from']}&to={times['to']}{other}"
    found = json.loads(browser.get(address).text)
    assert (found["before"]["from"], found["after"]["to"]) == (rfc3339(NOW - 90 * MINUTE), times["to"])


def test_what_reads_the_same_is_no_change():
    assert (percent(17.001, 17.0), percent(17.0, 17.2), percent(2, 30)) == ("", "+1.2%", f"{chr(0xD7)}15")
    assert (times(0.21, 0.23), times(0.2, 0.4)) == ("", "runs 0.4 times a request instead of 0.2")
