"""What a narrow phone shows, and a small laptop."""

from __future__ import annotations

ENDPOINT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"
PAGES = (
    "/",
    ENDPOINT,
    f"{ENDPOINT}&octaves=28,29",
    f"/trace/{2:032x}",
    "/explore",
    "/compare?service=shop",
    "/servers",
    "/status",
)


def test_nothing_that_is_unfolded_is_wider_than_360_pixels(visit):
    page = visit(viewport={"width": 360, "height": 800})
    for address in PAGES:
        page.goto(page.base + address)
        page.evaluate("document.querySelectorAll('main details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address


def test_a_tree_has_its_axis_over_bars_of_one_scale_at_360_pixels(visit):
    page = visit(viewport={"width": 360, "height": 800})
    for address in (ENDPOINT, f"/trace/{2:032x}", "/compare?service=shop"):
        page.goto(page.base + address)
        assert page.locator("table.tree thead .c-bar text >> visible=true").count() >= 2, address
        places = page.locator("table.tree .c-bar svg").evaluate_all(
            "bars => bars.map(bar => [bar.getBoundingClientRect().left, bar.getBoundingClientRect().width])"
        )
        assert len({tuple(map(round, place)) for place in places}) == 1, address
        assert places[0][1] > 120
    page.goto(f"{page.base}/trace/{2:032x}")
    assert page.locator("table.tree thead svg.strip").is_visible()


def test_the_navigation_is_one_line_at_360_pixels(visit):
    page = visit(viewport={"width": 360, "height": 800})
    page.goto(f"{page.base}/servers")
    tops = page.locator(".top nav a").evaluate_all(
        "links => links.map(link => link.getBoundingClientRect().top)"
    )
    assert len(tops) == 5
    assert len(set(tops)) == 1


def test_the_list_is_whole_and_the_numbers_above_stand_evenly_at_1024_pixels(visit):
    page = visit(viewport={"width": 1024, "height": 768})
    page.goto(f"{page.base}/")
    wide, shown = page.locator(".scroll:has(.endpoints)").evaluate("it => [it.scrollWidth, it.clientWidth]")
    assert wide <= shown
    widths = page.locator(".facts div").evaluate_all(
        "facts => facts.map(fact => Math.round(fact.getBoundingClientRect().width))"
    )
    assert len(widths) == 6
    assert max(widths) - min(widths) <= 1
