"""What of an endpoint's page follows a choice of durations, and its numbers around releases."""

from __future__ import annotations

CHECKOUT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"


def test_what_alone_follows_is_small_and_says_the_same(look, browser):
    query = CHECKOUT.partition("?")[2] + "&octaves=30,31"
    part, whole = look(f"/endpoint/brushed?{query}"), look(f"/endpoint?{query}")
    assert part.words.split("Single requests")[1].strip() in whole.words
    assert "slower than 93% of its kind" in part.words
    assert all(link in whole.links for link in part.links)
    assert browser.get("/endpoint/brushed?service=no&endpoint=such").status == 404
    assert browser.get(f"/endpoint/brushed?{query}&octaves=31").status == 400


def test_a_release_is_told_of_before_and_after(look):
    words = look(CHECKOUT).words
    assert "Before and after each release" in words
    assert f"1.64 s → 2.41 s 1.5{chr(0xD7)} slower" in words
    assert "0.2% → 0.8%" in words


def test_small_parts_are_left_out_by_a_switch(look):
    page = look(CHECKOUT + "&octaves=30")
    assert "Main parts" not in page.words, "there is no small one"
