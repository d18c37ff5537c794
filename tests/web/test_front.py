"""The front page: what servers are at, times in words, releases, and what it weighs."""

from __future__ import annotations


def test_the_front_page_tells_what_servers_are_at_and_says_times_in_words(look, shop):
    words = look("/").words
    assert "Busy now 6.5 of 8 threads, 2 workers" in words
    assert "Waiting now 12 4 in the kernel's queue" in words
    assert "mostly noticeable, 1 in 20 slow, queues add 12 ms" in words
    assert "always instant" in words
    shop.saturation = None
    assert "Busy now" not in look("/").words


def test_the_list_marks_where_a_release_began(look, shop):
    marks = [each for tag, each in look("/").tags if tag == "path" and each.get("class") == "began"]
    # The second of two: what the time begins with is no news.
    assert len(marks) == len(shop.rows)
    assert {each["d"] for each in marks} == {"M72.0 0v16"}
