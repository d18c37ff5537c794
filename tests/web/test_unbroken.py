"""Names that no browser may break: no page scrolls sideways for them, and all read well."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from web_unbroken import UNBROKEN, Unbroken

NAMED = "/endpoint?service=shop&segment=&endpoint="
PAGES = {
    "endpoints": "/",
    "endpoint": "/endpoint?service=shop&endpoint=POST+/checkout&segment=html",
    "combining": NAMED + quote(UNBROKEN[0]),
    "joined": NAMED + quote(UNBROKEN[1]),
    "trace": f"/trace/{2:032x}",
    "servers": "/servers",
    "compare": "/compare?service=shop&last=1h",
    "status": "/status",
}


@pytest.fixture
def shop():
    """Of such names, for `running`."""
    return Unbroken()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_name_that_cannot_be_broken_widens_no_page(visit, violations, width):
    page = visit(viewport={"width": width, "height": 800})
    for name, address in PAGES.items():
        page.goto(page.base + address)
        page.evaluate("document.querySelectorAll('main details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    if width < 1000:
        for name in ("combining", "compare"):
            page.goto(page.base + PAGES[name])
            assert violations(page) == [], name
    assert page.complaints == []
