"""A thousand endpoints in a browser: only what is in sight is laid out, by a key as by the whole page."""

from __future__ import annotations

import pytest
from web_shop import Shop

MANY = 1000
KEYS = 20
FRAME_MS = 16
LAID_OUT = """() => [...document.querySelectorAll('.endpoints tbody tr')]
    .filter(row => row.firstElementChild.checkVisibility({contentVisibilityAuto: true})).length"""
PAINTED = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


@pytest.fixture
def shop():
    """Of a thousand endpoints, for `running`."""
    return Thousand()


class Thousand(Shop):
    """A shop that has them whenever it is."""

    def __init__(self, *now):
        super().__init__(*now, endpoints=MANY)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_key_lays_out_less_than_a_frame_takes(visit, width):
    page = visit(viewport={"width": width, "height": 800})
    page.goto(f"{page.base}/?show=all")
    assert page.locator("a.row").count() == MANY
    assert 0 < page.evaluate(LAID_OUT) < MANY / 10
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = spent_s(session)
    for _ in range(KEYS):
        page.keyboard.press("j")
        page.evaluate(PAINTED)
    assert (spent_s(session) - before) / KEYS * 1000 <= FRAME_MS
    focused = "document.activeElement.getBoundingClientRect()"
    top, bottom = page.evaluate(f"[{focused}.top, {focused}.bottom]")
    assert 0 <= top < bottom <= 800, "the row with the keys is in sight"
    rows = page.locator("a.row")
    assert rows.nth(KEYS - 1).evaluate("row => row === document.activeElement")


def spent_s(session):
    """Answer the seconds that layouts and styles of the page have taken."""
    told = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return told["LayoutDuration"] + told["RecalcStyleDuration"]


def test_the_columns_stand_below_their_heads(visit):
    page = visit(viewport={"width": 1280, "height": 800})
    page.goto(f"{page.base}/")
    for name in ("c-pain", "c-p95", "c-rpm", "c-count"):
        rights = page.locator(f".endpoints .{name}").evaluate_all(
            "cells => cells.slice(0, 5).map(cell => Math.round(cell.getBoundingClientRect().right))"
        )
        assert len(set(rights)) == 1, name
