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
    f"/trace/{2:032x}",
    "/servers",
    "/compare?service=shop",
    "/status",
    "/explore?q=status:5xx",
    "/explore?q=|+timechart+5m+p95(duration)+by+endpoint&last=6h",
)


@pytest.mark.parametrize(
    ("address", "anchors"),
    [
        ("/", {"facts", "all"}),
        (CHECKOUT, {"facts", "finding-1", "over-time", "spread", "where", "samples"}),
        (f"/trace/{2:032x}", {"error", "facts", "spans"}),
        ("/servers", {"server-1", "each-1", "workers-1"}),
    ],
)
def test_strips_of_numbers_and_boxes_of_findings_are_panels_too(look, address, anchors):
    links = {attributes.get("data-link", "") for _, attributes in look(address).tags}
    assert anchors <= {urlsplit(link).fragment for link in links}


def test_a_finding_is_copied_as_the_query_of_its_requests(look):
    page = look(CHECKOUT)
    told = [attributes["data-text"] for _, attributes in page.tags if "data-text" in attributes]
    queries = [shlex.split(line)[-1] for line in told if line.startswith("fanlight query")]
    asked = [each for each in queries if "span.title" in each]
    assert len(asked) == 1
    assert "SELECT FROM product" in asked[0]
    assert asked[0].endswith("| sort -duration")


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
