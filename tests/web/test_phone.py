"""What a narrow phone shows."""

from __future__ import annotations


def test_the_navigation_is_one_line_at_360_pixels(visit):
    page = visit(viewport={"width": 360, "height": 800})
    page.goto(f"{page.base}/servers")
    tops = page.locator(".top nav a").evaluate_all(
        "links => links.map(link => link.getBoundingClientRect().top)"
    )
    assert len(tops) == 5
    assert len(set(tops)) == 1
