"""The front page: what servers are at, times in words, releases, and what it weighs."""

from __future__ import annotations

import gzip
import re
from urllib.parse import urlencode

from web_client import Page
from web_shop import N_PLUS_ONE, NOW, Shop


def test_the_front_page_tells_what_servers_are_at_and_says_times_in_words(look, shop):
    words = look("/").words
    assert "Busy now 6.5 of 8 threads, 2 workers" in words
    assert "Waiting now 12 4 in the kernel's queue" in words
    assert "mostly noticeable, 1 in 20 slow, after a wait for a worker" in words
    assert "always instant" in words
    shop.saturation = None
    assert "Busy now" not in look("/").words


def test_the_list_marks_where_a_release_began(look, shop):
    marks = [each for tag, each in look("/").tags if tag == "path" and each.get("class") == "began"]
    # The second of two: what the time begins with is no news.
    assert len(marks) == len(shop.rows)
    assert {each["d"] for each in marks} == {"M72.0 0v16"}


def test_many_findings_leave_room_for_what_hurts_next(ask_with):
    """A page of a large project repeats a dozen statements; the costliest stand open."""
    shop = Shop()
    many = [dict(N_PLUS_ONE, title=f"SELECT FROM part_{number}") for number in range(12)]
    shop.rows[0]["findings"] = many
    browser = ask_with(shop)
    words = Page(browser.get("/").text).words
    assert "SELECT FROM part_1 41 times" in words
    assert "SELECT FROM part_2 " not in words
    assert "and 10 more repeated" in words
    row = shop.rows[0]
    query = urlencode({name: row[name] for name in ("service", "endpoint", "segment")})
    page = Page(browser.get(f"/endpoint?{query}").text)
    assert "9 more repeated queries, the costliest first" in page.words
    assert page.words.count("Repeated query.") == 12
    folds = [each for tag, each in page.tags if tag == "details" and each.get("class") == "further"]
    assert len(folds) == 1
    assert "open" not in folds[0]


def test_a_thousand_endpoints_weigh_little_on_the_first_page(ask_with):
    browser = ask_with(Shop(NOW, endpoints=1000))
    page = browser.get("/")
    assert page.text.count('<tr role="row">') == 101, "the worst hundred, and the heads"
    assert "Show 900 more endpoints" in page.text
    files = dict.fromkeys(re.findall(r"/static/[^\"]+", page.text))
    assert len(files) >= 6
    parts = [page.body, *(browser.get(file).body for file in files)]
    assert sum(len(gzip.compress(part)) for part in parts) <= 60_000, "100 KB are the bound, and room to grow"
    everything = browser.get("/?show=all")
    assert len(gzip.compress(everything.body)) <= 100_000


def young(minutes):
    """Answer a shop whose first request came some minutes ago."""

    class Young(Shop):
        def overview(self, from_ns, to_ns, service=None):
            told = super().overview(from_ns, to_ns, service)
            quiet = 60 - minutes if to_ns - from_ns > 15 * 60 * 10**9 else 0
            return told | {"all": told["all"] | {"sparkline": [0] * quiet + [7] * (60 - quiet)}}

    return Young()


def test_who_began_some_minutes_ago_sees_these_minutes_and_not_an_empty_hour(ask_with):
    shop = young(3)
    browser = ask_with(shop)
    page = Page(browser.get("/?service=shop").text)
    assert "endpoints in the last 15 minutes" in page.words
    spans = [to_ns - from_ns for what, from_ns, to_ns, *_ in shop.asked if what == "endpoints"]
    assert [span / 60 / 10**9 for span in spans] == [60, 15]
    for path in ("/endpoint?", "/servers?", "/explore?", "/compare?"):
        assert all("last=15m" in link for link in page.links if link.startswith(path)), path
    assert "--last 15m" in browser.get("/").text, "what is copied is what is seen"


def test_a_time_that_was_asked_for_is_shown_however_little_of_it_is_filled(ask_with):
    browser = ask_with(young(3))
    for address, words in (("/?last=1h", "in the last hour"), ("/?last=6h", "in the last 6 hours")):
        assert words in Page(browser.get(address).text).words
    assert "in the last hour" in Page(ask_with(young(15)).get("/").text).words, "there may be some before"
    assert "in the last 15 minutes" in Page(ask_with(young(14)).get("/").text).words


def test_what_is_counted_by_the_minute_fills_a_sparkline_of_minutes(ask_with):
    shop = Shop()
    shop.rows[0]["sparkline"] = ([0, 4, 0, 0] * 15)[:60]
    browser = ask_with(shop)
    paths = [
        [each["d"] for tag, each in Page(browser.get(address).text).tags if tag == "path" and "d" in each]
        for address in ("/?last=15m", "/?last=1h")
    ]
    assert "M0 16V0h120V16z" in paths[0], "a level, no comb"
    assert "M0 16V0h120V16z" not in paths[1]
