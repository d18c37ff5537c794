"""Live pages in a real browser: they look again by themselves, and outlive a server that is away."""

from __future__ import annotations

import pytest

CHECKOUT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"


def looked_at(page, path):
    """Answer how often a page's own script asked for it anew."""
    return len([url for url in page.asked if url.startswith(page.base + path)])


def test_a_live_page_brings_its_content_anew_and_keeps_what_was_opened(visit, shop):
    page = visit()
    page.clock.install()
    page.goto(page.base + CHECKOUT + "&live=on")
    page.click("summary >> nth=0")
    page.evaluate("document.querySelector('main h1').textContent = 'old'")
    page.clock.fast_forward(10_000)
    page.wait_for_selector("h1 >> text=POST /checkout")
    assert page.evaluate("document.querySelector('details').open")
    assert "UTC" not in page.inner_text("details time >> nth=0")
    page.hover("svg.brush a >> nth=2")
    assert "requests" in page.inner_text(".tip"), "what is new is dressed as what was"
    assert page.complaints == []


def test_a_list_follows_the_letters(visit):
    page = visit()
    page.goto(page.base + "/?last=6h")
    page.keyboard.press("f")
    page.keyboard.type("check post")
    page.wait_for_selector(".sub >> text=to 2 endpoints")
    assert page.locator("tbody a.row").all_inner_texts() == ["POST /checkout", "POST /checkout"]
    assert page.evaluate("document.activeElement.value") == "check post", "who writes goes on writing"
    assert "contains=check+post" in page.url
    page.keyboard.press("Control+A")
    page.keyboard.type("gsearch")
    page.wait_for_selector(".sub >> text=to 1 endpoint")
    assert page.locator("tbody a.row").all_inner_texts() == ["GET /search"], "its letters in this order"
    page.click(".times >> text=24h")
    page.wait_for_url("**last=24h**")
    assert page.locator("tbody a.row").all_inner_texts() == ["GET /search"], "the links follow too"
    page.fill("input[type=search]", "zzz")
    page.wait_for_selector("h2 >> text=No endpoint fits the filter")
    page.fill("input[type=search]", "")
    page.wait_for_selector("tbody a.row >> text=GET /basket")
    assert "contains" not in page.url
    assert page.complaints == []


def test_a_live_page_leaves_in_peace_who_writes(visit):
    page = visit()
    page.clock.install()
    page.goto(page.base + "/explore?live=on&q=duration:>1s")
    page.click("input.query")
    page.keyboard.type("status")
    asked = looked_at(page, "/explore")
    with page.expect_request("**/api/alive"):
        page.clock.fast_forward(10_000)
    assert page.evaluate("document.activeElement.value").endswith("status")
    assert looked_at(page, "/explore") == asked
    page.click("h1")
    with page.expect_request("**/explore**"):
        page.clock.fast_forward(10_000)
    assert page.input_value("input.query").endswith("status"), "what was written stays"


@pytest.mark.parametrize(
    "address",
    [
        "/endpoint?service=shop&endpoint=POST+/checkout&segment=html",
        f"/trace/{1:032x}",
        "/explore?q=status:5xx",
        "/compare?service=shop&endpoint=POST+/checkout&segment=html&last=2h",
        "/servers",
        "/status",
    ],
    ids=lambda address: address.lstrip("/").partition("?")[0].partition("/")[0],
)
def test_every_open_page_outlives_a_server_that_goes_away(visit, violations, address):
    page = visit()
    page.clock.install()
    page.goto(page.base + address)
    page.evaluate("window.kept = true")
    page.route("**/*", lambda route: route.abort())
    page.clock.fast_forward(21_000)
    page.wait_for_selector(".away >> text=goes on by itself")
    assert violations(page) == []
    page.unroute("**/*")
    page.clock.fast_forward(2_000)
    page.wait_for_selector(".away", state="hidden")
    assert page.evaluate("window.kept")


def test_an_open_page_says_that_the_server_is_away_and_goes_on_when_it_is_back(visit, violations, running):
    page = visit()
    page.clock.install()
    page.goto(page.base + "/?live=on")
    page.route("**/*", lambda route: route.abort())
    page.clock.fast_forward(10_000)
    page.wait_for_selector(".away >> text=goes on by itself")
    assert violations(page) == []
    page.unroute("**/*")
    page.clock.fast_forward(2_000)
    page.wait_for_selector(".away", state="hidden")
    running.gate.keys.cookies.clear()
    page.clock.fast_forward(10_000)
    page.wait_for_selector(".away >> text=fanlight open")
