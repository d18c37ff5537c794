"""What a panel is copied as: it leads back here, and tells the same elsewhere."""

from __future__ import annotations

import shlex
from urllib.parse import urlsplit

import pytest

from fanlight.query.query import Query

CHECKOUT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"
PAGES = (
    "/?service=shop&last=6h&live=on",
    CHECKOUT + "&octaves=28,29",
    f"/trace/{1:032x}",
    "/status",
    "/explore?q=status:5xx",
    "/explore?q=|+timechart+5m+p95(duration)+by+endpoint&last=6h",
)


@pytest.mark.parametrize("address", PAGES)
def test_every_panel_is_copied_as_link_command_json_and_curl(look, browser, address):
    page = look(address)
    menus = [attributes for tag, attributes in page.tags if attributes.get("class") == "copy"]
    assert len(menus) % 4 == 0
    assert menus
    anchors = {f"#{attributes['id']}" for _, attributes in page.tags if "id" in attributes}
    for menu in menus:
        if "data-link" in menu:
            assert f"#{urlsplit(menu['data-link']).fragment}" in anchors
            assert browser.get(menu["data-link"].partition("#")[0]).status == 200
        elif "data-json" in menu:
            assert browser.get(menu["href"]).json
        else:
            words = shlex.split(menu["data-text"])
            assert words[0] in ("fanlight", "curl")
            if words[:2] == ["fanlight", "query"]:
                Query(words[-1])
