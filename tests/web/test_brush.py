"""Choosing durations on an open page, in place: with a pointer, a finger, keys. How fast is in `bench/`."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

CHECKOUT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"
MEASURED = "performance.getEntriesByName('brush').length"
PAINTED = """(known) => new Promise((done) => {
    const look = () => {
        const all = performance.getEntriesByName("brush");
        if (all.length > known) done(all.at(-1).duration);
        else requestAnimationFrame(look);
    };
    look();
})"""


def chosen(page):
    """Answer the octaves in the address."""
    found = parse_qs(urlsplit(page.url).query).get("octaves", [""])[0]
    return [int(each) for each in found.split(",") if each]


def sweep(page, first, last):
    """Press on one part of the chart, let go on another; return once that is painted."""
    known = page.evaluate(MEASURED)
    press(page, first, last)
    page.evaluate(PAINTED, known)


def press(page, first, last):
    """Press on one part of the chart, let go on another."""
    box = page.locator("svg.brush").bounding_box()
    count = int(page.get_attribute("svg.brush", "data-count"))
    at = [box["x"] + box["width"] * (place + 0.5) / count for place in (first, last)]
    page.mouse.move(at[0], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(at[1], box["y"] + 60, steps=4)
    page.mouse.up()


@pytest.fixture
def opened(visit):
    page = visit(viewport={"width": 1280, "height": 1000}, has_touch=True)
    page.goto(page.base + CHECKOUT)
    # A document that was loaded anew would not have it.
    page.evaluate("window.kept = true")
    yield page
    assert page.evaluate("window.kept"), "nothing navigated"
    assert page.complaints == []


def test_what_is_swept_over_is_followed_in_place(opened):
    page = opened
    page.click("#spread >> xpath=../.. >> summary >> text=Table")
    for first, last in ((1, 3), (3, 3), (5, 7)):
        sweep(page, first, last)
    numbers = chosen(page)
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert page.locator("rect.chosen").count() == 3
    assert "slower than 93% of its kind" in page.inner_text("table.tree")
    assert page.input_value("input.query").count("duration>") == 1
    assert page.locator("#spread >> xpath=../..").get_by_role("table").is_visible(), "what was open stays so"
    longer = parse_qs(urlsplit(page.get_attribute(".times a >> nth=2", "href")).query)
    assert longer["octaves"] == [",".join(map(str, numbers))]
    page.go_back()
    expect(page.locator("rect.chosen")).to_have_count(1)
    page.click("a.unbrush")
    expect(page.locator("rect.chosen")).to_have_count(0)
    assert chosen(page) == []


def test_a_sweep_to_the_left_chooses_what_one_to_the_right_does(opened):
    page = opened
    sweep(page, 2, 5)
    numbers = chosen(page)
    known = page.inner_text("main [data-brushed] >> nth=0")
    page.click("a.unbrush")
    expect(page.locator("rect.chosen")).to_have_count(0)
    sweep(page, 5, 2)
    assert chosen(page) == numbers == list(range(numbers[0], numbers[0] + 4))
    assert page.locator("rect.chosen").count() == 4
    assert page.inner_text("main [data-brushed] >> nth=0") == known


def test_what_would_be_chosen_is_marked_whichever_way_the_pointer_goes(opened):
    page = opened
    box = page.locator("svg.brush").bounding_box()
    count = int(page.get_attribute("svg.brush", "data-count"))
    at = [box["x"] + box["width"] * (place + 0.5) / count for place in range(6)]
    marked = (
        "[...document.querySelectorAll('svg.brush rect.swept[data-octave]')].map(it => +it.dataset.octave)"
    )
    first = int(page.get_attribute("svg.brush", "data-first"))
    page.mouse.move(at[3], box["y"] + 60)
    page.mouse.down()
    for place, octaves in ((5, (3, 4, 5)), (1, (1, 2, 3)), (3, (3,))):
        page.mouse.move(at[place], box["y"] + 60, steps=3)
        assert sorted(set(page.evaluate(marked))) == [first + each for each in octaves]
    page.mouse.move(at[1], box["y"] + 60)
    page.mouse.up()
    expect(page.locator("rect.chosen")).to_have_count(3)
    assert chosen(page) == [first + 1, first + 2, first + 3]


def test_the_keys_choose_stretch_and_clear(opened):
    page = opened
    page.focus("a[data-octave] >> nth=2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("rect.chosen")).to_have_count(1)
    (octave,) = chosen(page)
    assert page.evaluate("Number(document.activeElement.dataset.octave)") == octave
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("rect.chosen")).to_have_count(2)
    assert chosen(page) == [octave, octave + 1]
    assert re.search(r"\d requests", page.text_content(".said"))
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("rect.chosen")).to_have_count(1)
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("rect.chosen")).to_have_count(2)
    assert chosen(page) == [octave - 1, octave], "over the first one and on"
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("rect.chosen")).to_have_count(1)
    assert chosen(page) == [octave], "the end under the keys is the one that moves"
    page.keyboard.press("Escape")
    expect(page.locator("rect.chosen")).to_have_count(0)
    assert chosen(page) == []


def test_a_finger_chooses(opened):
    page = opened
    page.locator("a[data-octave] >> nth=3").scroll_into_view_if_needed()
    box = page.locator("rect.hit[data-octave] >> nth=3").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 40)
    expect(page.locator("rect.chosen")).to_have_count(1)
    assert len(chosen(page)) == 1


def test_a_choice_made_while_the_server_is_away_is_shown_when_it_is_back(visit):
    page = visit(viewport={"width": 1280, "height": 1000})
    page.goto(page.base + CHECKOUT)
    page.evaluate("window.kept = true")
    page.route("**/*", lambda route: route.abort())
    page.focus("a[data-octave] >> nth=2")
    page.keyboard.press("Enter")
    page.wait_for_selector(".away >> text=goes on by itself")
    assert len(chosen(page)) == 1
    page.unroute("**/*")
    expect(page.locator("rect.chosen")).to_have_count(1)
    page.wait_for_selector(".away", state="hidden")
    assert page.evaluate("window.kept"), "nothing navigated"


def test_an_answer_that_a_later_choice_has_overtaken_is_not_shown(opened):
    page = opened
    held = []
    page.route("**/endpoint/brushed*", lambda route: route.continue_() if held else held.append(route))
    press(page, 4, 4)
    sweep(page, 1, 3)
    expect(page.locator("rect.chosen")).to_have_count(3)
    numbers = chosen(page)
    with page.expect_response("**/endpoint/brushed*"):
        held[0].continue_()
    # Behind the frame in which it would be shown.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    shown = page.evaluate("[...document.querySelectorAll('rect.chosen')].map((each) => +each.dataset.octave)")
    assert (shown, chosen(page)) == (numbers, numbers)


def test_another_button_than_the_first_chooses_nothing(opened):
    page = opened
    box = page.locator("svg.brush").bounding_box()
    known = page.evaluate(MEASURED)
    for button in ("right", "middle"):
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 190)
        page.mouse.down(button=button)
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 190, steps=3)
        page.mouse.up(button=button)
    assert chosen(page) == []
    assert page.locator("rect.swept").count() == 0
    assert page.evaluate(MEASURED) == known
