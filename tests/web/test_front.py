"""The front page: what servers are at, times in words, releases, and what it weighs."""

from __future__ import annotations

import gzip
import re

from web_shop import NOW, Shop


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
