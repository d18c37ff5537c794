"""The switch of every page, and what the navigation carries."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from web_shop import ident

CHECKOUT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"


PAGES = ("/", "/servers", "/explore", "/compare", "/status", CHECKOUT, f"/trace/{ident(1)}")


@pytest.mark.parametrize("path", PAGES)
def test_the_navigation_carries_time_service_and_environment(look, path):
    page = look(
        path + ("&" if "?" in path else "?") + ("" if path == CHECKOUT else "service=shop&") + "env=staging"
    )
    links = {urlsplit(link).path: parse_qs(urlsplit(link).query) for link in page.links[1:7]}
    assert set(links) == {"/", "/compare", "/explore", "/servers", "/status"}
    for where, query in links.items():
        assert query.items() >= {"service": ["shop"], "env": ["staging"]}.items(), where


def test_links_from_the_list_keep_the_environment_and_ask_for_it(look, shop):
    page = look("/?env=production&last=24h")
    assert ("within", "production") in shop.asked
    rows = [link for link in page.links if link.startswith("/endpoint?")]
    assert rows
    assert all("env=production" in link for link in rows)
    page = look(rows[0])
    assert all("env=production" in link for link in page.links if link.startswith(("/trace/", "/explore?")))


def test_a_switch_leads_to_the_same_page_with_the_rest_of_its_state(look):
    forms = [each for tag, each in look("/?sort=p95&service=shop&last=6h").tags if tag == "form"]
    assert [each["action"] for each in forms if each.get("class") == "switch"] == ["/", "/"]
    page = look(CHECKOUT + "&octaves=28")
    forms = [each["action"] for tag, each in page.tags if tag == "form" and each.get("class") == "switch"]
    assert forms == ["/", "/endpoint"], "another service is looked at from the front page"
    kept = [each["value"] for tag, each in page.tags if tag == "input" and each.get("name") == "octaves"]
    assert "28" in kept


def test_the_json_takes_the_environment_too(browser, shop):
    browser.get("/api/endpoints?env=staging")
    assert shop.asked[-2] == ("within", "staging")
    assert browser.get("/v1/query?q=&env=staging").status == 200
    pairs = browser.get("/api/overview").json["environments"]
    assert {"service": "shop", "environment": "staging"} in pairs


def test_nothing_to_choose_is_no_switch(ask_with):
    from web_shop import Shop

    page = ask_with(Shop(empty=True)).get("/").text
    assert 'class="switch"' not in page
