"""What a page does not have at once, in a real browser: it comes by itself, with a script and without."""

from __future__ import annotations

from fanlight.web.pages import explore


def test_what_is_not_there_at_once_comes_by_itself_and_the_address_stays(visit, monkeypatch):
    monkeypatch.setattr(explore, "HURRY_S", 0.0)
    page = visit()
    page.goto(page.base + "/explore?q=duration:%3E1ms&last=1h")
    page.wait_for_selector("svg.chart.sweep")
    assert page.locator("table.results tbody tr").count() > 0
    assert page.locator("[data-later]").count() == 0
    assert page.url.endswith("/explore?q=duration:%3E1ms&last=1h")
    bare = visit(java_script_enabled=False)
    bare.goto(bare.base + "/explore?q=duration:%3E1ms&last=1h")
    bare.wait_for_selector("svg.chart.sweep")
    assert "/explore/whole?" in bare.url
    assert page.complaints == []
