"""The pages in a real browser: what it asks for, what it complains of, what runs, who can read it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

CHECKOUT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"
TRACE = f"/trace/{2:032x}"
CURVES = "/explore?q=|+timechart+10m+p95(duration)+by+service"
PAGES = {
    "endpoints": "/",
    "endpoint": CHECKOUT,
    "explore": "/explore",
    "trace": TRACE,
    "status": "/status",
    "servers": "/servers",
    "compare": "/compare?service=shop&last=1h",
}
SCREENSHOTS = Path(__file__).parents[2] / "docs" / "screenshots"


def test_a_link_lets_in_once_and_leaves_the_address_bar(visit, running):
    page = visit(login=False)
    assert page.goto(f"{page.base}/").status == 401
    assert "fanlight open" in page.inner_text("main")
    link = running.gate.link()
    page.goto(link)
    assert page.url == f"{page.base}/"
    assert page.inner_text("h1") == "Endpoints"
    other = visit(login=False)
    assert other.goto(link).status == 401
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert page.evaluate("document.cookie") == ""


def test_a_file_that_goes_on_to_the_link_lets_in(visit, running, tmp_path):
    """`fanlight open` hands the browser such a file: other users read a browser's arguments."""
    file = tmp_path / "open.html"
    file.write_text(f'<meta http-equiv="refresh" content="0; url={running.gate.link()}">')
    page = visit(login=False)
    page.goto(file.as_uri())
    page.wait_for_selector("table.endpoints")
    assert page.url == f"{page.base}/"


def test_no_page_complains_or_asks_another_host(visit):
    page = visit()
    for address in (*PAGES.values(), CHECKOUT + "&octaves=29,30", TRACE + "?fold=off", "/?last=7d&live=on"):
        page.goto(page.base + address)
        assert page.evaluate("document.querySelectorAll('[style]').length") == 0
    assert page.complaints == []
    assert {re.match(r"[a-z]+://[^/]*", url)[0] for url in page.asked} == {page.base}


def test_the_policy_blocks_what_slips_in(visit):
    """The second wall stands: markup that got into a page by a mistake of ours would still not run."""
    page = visit()
    page.goto(page.base + "/")
    ran = page.evaluate(
        """() => { try { document.body.innerHTML = '<img src=x onerror="window.ran = 1">'; } catch (error) {
            return error.name; } return 'accepted'; }"""
    )
    assert ran == "TypeError", "trusted types refuse text as markup"
    assert page.evaluate("window.ran") is None


def test_hostile_text_is_inert(visit):
    page = visit()
    for address in PAGES.values():
        page.goto(page.base + address)
        assert (
            page.evaluate(
                "document.querySelectorAll('main script, main img, main [onload], main [onerror]').length"
            )
            == 0
        )
        assert page.evaluate("[...document.links].every((link) => link.origin === location.origin)")
        assert "alert(1)" in page.inner_text("main")
    assert page.complaints == []


def test_from_the_list_to_the_trace_by_clicks(visit):
    page = visit()
    page.click("tbody a.row >> nth=0")
    assert "Repeated query" in page.inner_text(".finding")
    assert page.inner_text("tr.repeated .many").endswith("41")
    page.click(".samples a.row >> nth=0")
    assert "What happened" in page.inner_text("main")
    page.click(".crumbs a >> nth=1")
    assert "/endpoint?" in page.url
    page.go_back()
    assert "/trace/" in page.url


def test_the_pointer_learns_what_a_bar_stands_for(visit):
    page = visit()
    page.goto(page.base + CHECKOUT)
    page.hover("svg.brush a >> nth=2")
    assert re.search(r"requests, [0-9.]+%", page.inner_text(".tip"))


def test_keys_move_through_the_pages(visit):
    page = visit()
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "GET /cart"
    page.keyboard.press("Enter")
    page.wait_for_url("**/endpoint?**")
    page.keyboard.press("[")
    page.wait_for_url("**from=**")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/status**")
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_url("**/servers**")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def test_a_question_mark_shows_the_keys(visit, violations):
    page = visit(color_scheme="dark")
    page.keyboard.press("?")
    assert "write a query" in page.inner_text("dialog.keys")
    assert violations(page) == []
    page.keyboard.press("Escape")
    assert page.locator("dialog.keys").is_hidden()
    page.keyboard.press("f")
    assert page.evaluate("document.activeElement.name") == "contains"
    page.keyboard.type("?")
    assert page.locator("dialog.keys").is_hidden(), "a field takes every letter"


def test_colours_are_chosen_and_stay(visit):
    page = visit(color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("button.theme")
    assert page.inner_text("button.theme") == "Colours: light"
    page.click("button.theme")
    dark = page.evaluate(paper)
    assert dark != light
    page.goto(page.base + CHECKOUT)
    assert (page.evaluate(paper), page.inner_text("button.theme")) == (dark, "Colours: dark")
    page.click("button.theme")
    assert page.evaluate(paper) == light
    assert page.evaluate("document.cookie") == "", "nothing chosen, nothing kept"
    assert page.complaints == []


def test_a_panel_is_copied_as_a_link_a_command_and_json(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    page.clock.install()
    page.goto(page.base + CHECKOUT + "&last=6h")
    copied = {}
    for what in ("Link", "Command", "curl", "JSON"):
        page.click("#spread + .copying summary")
        page.click(f"#spread + .copying .copy >> text={what}")
        page.wait_for_selector("#spread + .copying summary >> text=Copied")
        copied[what] = page.evaluate("navigator.clipboard.readText()")
        page.clock.run_for(2000)
    assert copied["Link"] == page.url.replace("/checkout", "%2Fcheckout") + "#spread"
    assert copied["Command"].startswith("fanlight query --last 6h 'service=shop AND endpoint=")
    assert copied["curl"].startswith("curl --unix-socket ")
    assert json.loads(copied["JSON"])["endpoint"] == "POST /checkout"
    assert page.complaints == []


def test_times_are_in_the_viewers_zone(visit):
    page = visit(timezone_id="Asia/Kathmandu")
    page.goto(page.base + TRACE)
    assert page.inner_text(".zone") in ("Asia/Kathmandu", "Asia/Katmandu")
    shown = page.inner_text(".sub time")
    written = page.get_attribute(".sub time", "datetime")
    assert int(shown[-5:-3]) == (int(written[14:16]) + 45) % 60


def test_a_time_is_written_in_the_viewers_zone_and_travels_in_utc(visit, violations):
    page = visit(timezone_id="Asia/Kathmandu")
    page.goto(page.base + "/?service=shop&last=6h&live=on")
    page.click(".custom summary")
    assert violations(page) == []
    for name, value in (("from", "2026-03-01T05:45:00"), ("to", "2026-03-01T06:45:30")):
        page.fill(f".custom [name={name}]", value)
    page.click(".custom button")
    page.wait_for_url("**/?service=shop&from=2026-03-01T00%3A00%3A00.000Z&to=2026-03-01T01%3A00%3A30.000Z")
    page.click(".custom summary")
    assert page.input_value(".custom [name=to]") == "2026-03-01T06:45:30"


def test_a_time_is_written_in_utc_without_a_script(visit):
    page = visit(java_script_enabled=False)
    page.goto(page.base + CHECKOUT)
    page.click(".custom summary")
    page.fill(".custom [name=from]", page.input_value(".custom [name=from]")[:-1] + "0")
    page.click(".custom button")
    assert "POST /checkout" in page.inner_text("h1")
    assert {"service", "endpoint", "segment", "from", "to"} == set(parse_qs(urlsplit(page.url).query))


@pytest.mark.parametrize(("first", "last"), [(5, 9), (9, 5)])
def test_sweeping_over_the_time_of_an_endpoint_becomes_the_address(visit, first, last):
    page = visit(viewport={"width": 1280, "height": 1000})
    page.goto(page.base + CHECKOUT)
    asked = swept(page, first, last, 3)
    assert asked["endpoint"] == ["POST /checkout"]
    moments = [datetime.fromisoformat(asked[name][0]) for name in ("from", "to")]
    assert (moments[1] - moments[0]).total_seconds() == 5 * 60


def swept(page, first, last, inside):
    """Sweep from one bar to another; answer what the address asks then, which is of these bars."""
    links = page.query_selector_all("svg.sweep a")
    begins, ends = (
        links[min(first, last)].get_attribute("data-from"),
        links[max(first, last)].get_attribute("data-to"),
    )
    here, there = links[first].bounding_box(), links[last].bounding_box()
    page.mouse.move(here["x"] + inside, here["y"] + 40)
    page.mouse.down()
    page.mouse.move(there["x"] + inside, there["y"] + 40, steps=6)
    assert page.locator("svg.sweep .swept").count() == abs(last - first) + 1
    with page.expect_navigation():
        page.mouse.up()
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["from"], asked["to"]) == ([begins], [ends])
    return asked


def test_everything_is_readable_without_a_script(visit):
    page = visit(java_script_enabled=False)
    page.goto(page.base + CHECKOUT)
    assert "Where the time goes" in page.inner_text("main")
    page.click("svg.brush a >> nth=2")
    assert "octaves=" in page.url


def test_a_query_is_completed_by_keys(visit):
    page = visit()
    page.goto(page.base + "/explore?last=6h")
    page.keyboard.press("/")
    box = page.locator("input.query")
    assert box.evaluate("(element) => element === document.activeElement")
    page.keyboard.type("stat")
    page.wait_for_selector("[role=option]")
    assert box.get_attribute("aria-expanded") == "true"
    assert page.inner_text("[role=option] >> nth=0").split()[:3] == ["status", "HTTP", "status"]
    page.keyboard.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == page.get_attribute("[aria-selected=true]", "id")
    page.keyboard.press("Enter")
    assert box.input_value() == "status:"
    page.wait_for_selector("[role=option] >> text=5xx")
    page.keyboard.press("Escape")
    assert page.locator(".offers").is_hidden()
    assert box.get_attribute("aria-expanded") == "false"
    page.keyboard.type("500 | top 3 end")
    page.wait_for_selector("[role=option] >> text=endpoint")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert box.input_value() == "status:500 | top 3 end", "leaving takes nothing"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("End")
    page.keyboard.type("point")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "q=status%3A500+%7C+top+3+endpoint" in page.url
    assert "last=6h" in page.url
    assert "POST /checkout" in page.inner_text("table.results")
    page.go_back()
    assert page.input_value("input.query") == ""
    assert page.complaints == []


def test_assistive_software_finds_nothing_to_complain_of_while_one_writes(visit, violations):
    page = visit(color_scheme="dark", viewport={"width": 390, "height": 844})
    page.goto(page.base + "/explore")
    page.click("input.query")
    page.keyboard.type("s")
    page.wait_for_selector("[role=option]")
    page.keyboard.press("ArrowDown")
    assert violations(page) == []


def test_a_mistake_is_marked_and_writing_goes_on_there(visit, violations):
    page = visit()
    page.goto(page.base + CURVES)
    assert violations(page) == []
    page.goto(page.base + "/explore?q=status:5xx+|+sats")
    assert violations(page) == []
    mark, sign = page.locator(".caret b").bounding_box(), page.locator(".caret span").bounding_box()
    assert abs(sign["x"] + sign["width"] - mark["x"] - mark["width"]) < 1, "the caret is under the place"
    assert page.evaluate("document.activeElement.selectionStart") == len("status:5xx | ")


def test_a_sweep_may_begin_where_nothing_happened_and_end_beside_the_chart(visit):
    page = visit(viewport={"width": 1280, "height": 1000})
    page.goto(page.base + "/explore?q=duration:>1ms&last=1h")
    links = page.locator("svg.sweep a")
    begin = links.nth(3).get_attribute("data-from")
    end = links.last.get_attribute("data-to")
    page.evaluate(
        "[...document.querySelectorAll('svg.sweep a')].slice(0, 3).forEach((link) => link.remove())"
    )
    page.evaluate("document.dispatchEvent(new Event('fresh'))")
    chart = page.locator("svg.sweep").bounding_box()
    page.mouse.move(chart["x"] + 2, chart["y"] + 40)
    page.mouse.down()
    page.mouse.move(chart["x"] + chart["width"] + 9, chart["y"] + 200, steps=6)
    with page.expect_navigation():
        page.mouse.up()
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["from"], asked["to"]) == ([begin], [end])
    assert page.complaints == []


@pytest.mark.parametrize(("first", "last"), [(5, 9), (9, 5)])
def test_sweeping_over_the_bars_becomes_the_address(visit, first, last):
    page = visit(viewport={"width": 1280, "height": 1000})
    page.goto(page.base + "/explore?q=duration:>1ms&last=1h")
    asked = swept(page, first, last, 5)
    assert "last" not in asked
    assert asked["q"] == ["duration:>1ms"]
    assert "A bar is 5 seconds." in page.inner_text("main")
    page.query_selector_all("svg.sweep a")[0].click()
    page.wait_for_selector("text=A bar is 1 second.")


def test_explore_works_without_a_script(visit):
    page = visit(java_script_enabled=False)
    page.goto(page.base + "/explore")
    page.fill("input.query", "status:500")
    page.select_option("select[name=service]", "shop")
    page.click("form.ask button")
    assert "q=status%3A500" in page.url
    assert "service=shop" in page.url
    page.click("table.results a.row >> nth=0")
    assert "/trace/" in page.url


@pytest.mark.parametrize("width", [1280, 700, 320])
def test_no_page_scrolls_sideways(visit, width):
    page = visit(viewport={"width": width, "height": 800})
    for address in (*PAGES.values(), CURVES, "/explore?q=status:5xx+|+sats+" + "x" * 300):
        page.goto(page.base + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


@pytest.mark.parametrize(
    ("scheme", "width", "names"),
    [
        ("light", 1280, ("endpoints", "trace", "compare")),
        ("dark", 390, ("endpoint", "status", "explore", "servers")),
    ],
)
def test_assistive_software_finds_nothing_to_complain_of(visit, violations, scheme, width, names):
    """Contrast of every pair of colours is computed in test_assets, so each page is checked once."""
    page = visit(color_scheme=scheme, viewport={"width": width, "height": 900})
    for name in names:
        page.goto(page.base + PAGES[name])
        assert violations(page) == [], name


def test_the_closed_page_reads_well_too(visit, violations):
    page = visit(login=False)
    page.goto(f"{page.base}/")
    assert page.evaluate("getComputedStyle(document.querySelector('pre')).borderRadius") == "8px", (
        "its style is let in"
    )
    # The policy lets no script of ours in here either; the checker is injected by the debugger.
    assert violations(page) == []


def test_the_pictures_in_the_documentation_are_small():
    """`python tests/web/web_pictures.py` renews them."""
    pictures = sorted(SCREENSHOTS.glob("*.png"))
    assert len(pictures) == 3 * len(PAGES)
    for picture in pictures:
        content = picture.read_bytes()
        assert content.startswith(b"\x89PNG"), picture.name
        assert len(content) <= 150 * 1024, picture.name
