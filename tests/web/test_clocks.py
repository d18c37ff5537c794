"""Times on pages where clocks are put back: an hour of that night is told twice."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qs, urlsplit

TWICE = ("2025-10-26T00:40:00Z", "2025-10-26T01:10:00Z")
"""Half past midnight and on, in Berlin: from 02:40 before clocks were put back until 02:10 after."""


def asked(page):
    """Answer the moments of the address."""
    found = parse_qs(urlsplit(page.url).query)
    return [datetime.fromisoformat(found[name][0]) for name in ("from", "to")]


def test_a_time_that_nobody_changed_is_the_one_it_was(visit):
    page = visit(timezone_id="Europe/Berlin")
    page.goto(f"{page.base}/?from={TWICE[0]}&to={TWICE[1]}")
    known = asked(page)
    page.click(".custom summary")
    assert page.input_value(".custom [name=to]").endswith("T02:10")
    page.click(".custom button")
    assert asked(page) == known
    page.click(".custom summary")
    page.fill(".custom [name=from]", "2025-10-26T01:40:00")
    page.click(".custom button")
    assert asked(page) == [datetime.fromisoformat("2025-10-25T23:40:00Z"), known[1]]
    assert page.complaints == []
