"""The pages when something is unusual: nothing there yet, too much there, wrong address, loss."""

from __future__ import annotations

import gzip

import pytest
from web_client import Browser, Page
from web_shop import NOW

from fanlight.web.app import create
from fanlight.web.gate import Gate

CHECKOUT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"


def test_status_adds_up_in_words(look, ask_with, shop):
    words = look("/status").words
    assert "Everything that was accepted is accounted for." in words
    assert "too few yet" not in words
    assert "shop 18,432 18,400 32 0 adds up" in words
    assert "flask 3.1.3, sqlite3, wsgi (unsupported: 9.9)" in words
    assert "mail 640 628 2 10 10: the spool was full adds up" in words

    class Leaky(type(shop)):
        def status(self):
            found = super().status()
            found["services"]["shop"] |= {"stored": 18_399, "balanced": False}
            found["spool"]["trouble"] = "No space left on device"
            found["store"]["trouble"] = "The store's file cannot be opened"
            found["cost"][1] |= {"requests": 29}
            found["store"]["shares"] = {"shop": {"bytes": 5 << 20, "left_out": 1234, "keeps": "counts"}}
            return found | {"collector": None}

    words = Page(ask_with(Leaky()).get("/status").text).words
    assert "Some traces are not accounted for" in words
    assert "Collector too few yet" in words
    assert "does not add up" in words
    assert "The collector does not answer." in words
    assert "No space left on device" in words
    assert "The store's file cannot be opened" in words
    assert "shop: 1,234 not kept whole, more than its share of the store. It has about 5 MiB there." in words


def test_an_empty_store_says_what_it_waits_for(ask_with, shop):
    browser = ask_with(type(shop)(empty=True))
    answer = browser.get("/")
    words = Page(answer.text).words
    assert "No request yet" in words
    assert "curl http://127.0.0.1:8000/" in words
    assert "fanlight demo" in words
    assert looks_again(answer) == "5"
    assert "No trace has arrived yet." in Page(browser.get("/status").text).words


def test_an_empty_time_offers_a_longer_one(ask_with, shop):
    class Quiet(type(shop)):
        def endpoints(self, *_):
            return []

    page = Page(ask_with(Quiet()).get("/?last=15m").text)
    assert "No request in the last 15 minutes" in page.words
    assert "/?last=24h" in page.links


def test_an_endpoint_that_was_not_asked_in_a_time_keeps_its_page(ask_with, shop):
    class Quiet(type(shop)):
        def endpoint(self, *asked):
            return super().endpoint(*asked) if asked[4] - asked[3] > 3600 * 10**9 else None

    browser = ask_with(Quiet())
    address = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"
    answer = browser.get(address + "&last=15m&octaves=28")
    page = Page(answer.text)
    assert answer.status == 200
    assert "POST /checkout html No request like this in the last 15 minutes." in page.words
    assert [link for link in page.links if "POST+%2Fcheckout" in link and "last=24h" in link]
    assert [1 for tag, each in page.tags if tag == "a" and each.get("rel") == "prev"], "times can be shifted"
    assert browser.get("/endpoint?service=shop&endpoint=nowhere&segment=html&last=15m").status == 404


def test_live_follows_as_much_time_as_is_shown(look):
    for times, live in (
        ("from=2026-09-21T13:00:00Z&to=2026-09-21T14:00:00Z", "/?last=1h&live=on"),
        ("from=2026-09-21T13:00:00Z&to=2026-09-21T13:00:40Z", "/?last=40s&live=on"),
        ("last=6h", "/?last=6h&live=on"),
    ):
        links = [each["href"] for tag, each in look(f"/?{times}").tags if each.get("class") == "live"]
        assert [sorted(link[2:].split("&")) for link in links] == [sorted(live[2:].split("&"))], times


def test_a_filter_that_fits_nothing_can_be_cleared(look):
    page = look("/?contains=nowhere&last=6h")
    assert "No endpoint fits the filter" in page.words
    assert "/?last=6h" in page.links


def looks_again(answer):
    """Answer after how many seconds a page looks again, with a script and without."""
    tags = Page(answer.text).tags
    (scripted,) = [attributes.get("data-refresh") for tag, attributes in tags if tag == "main"]
    plain = [attributes["content"] for tag, attributes in tags if attributes.get("http-equiv") == "refresh"]
    assert plain == ([scripted] if scripted else [])
    return scripted


def test_live_is_in_the_address_and_a_link_back(browser):
    answer = browser.get("/?live=on")
    assert looks_again(answer) == "10"
    assert "/" in Page(answer.text).links
    assert looks_again(browser.get("/")) is None


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/?lst=echo1", 400),
        ("/?echo2=1", 400),
        ("/?last=echo3", 400),
        ("/?from=echo4", 400),
        ("/?sort=echo5", 400),
        ("/endpoint?service=echo6&endpoint=echo7", 404),
        ("/trace/echo8", 404),
        ("/echo9", 404),
        ("/static/echo10", 404),
    ],
)
def test_error_pages_do_not_echo_and_say_what_to_do(browser, address, status):
    answer = browser.get(address)
    assert answer.status == status
    page = Page(answer.text)
    assert "echo" not in answer.text
    assert (page.open, page.wrong) == ([], [])
    assert "Endpoints" in page.words


@pytest.mark.parametrize(
    ("address", "exposed"),
    [("127.0.0.1:7700", False), ("[::1]:7700", False), ("10.0.0.5:7700", True), ("0.0.0.0:7700", True)],
)
def test_a_page_that_other_machines_reach_says_so(shop, address, exposed):
    gate = Gate(address)
    browser = Browser(create(shop, gate, clock=lambda: NOW), gate, host=gate.address)
    browser.login()
    for path in ("/", "/status"):
        assert ("Other machines reach this page" in Page(browser.get(path).text).words) is exposed


def test_a_mistyped_parameter_names_the_nearest(browser):
    assert "Did you mean last?" in Page(browser.get("/?lst=1h").text).words
    assert "expected a number and a unit" in Page(browser.get("/?last=1w").text).words


def test_a_thousand_endpoints_cost_ten_times_what_a_hundred_do(ask_with, shop, calls):
    browser = ask_with(type(shop)(endpoints=1000))
    first = browser.get("/")
    assert len(gzip.compress(first.body)) < 100_000
    assert "Show 900 more endpoints" in Page(first.text).words
    assert browser.get("/?show=all").text.count("<tr") == 1001
    hundred = ask_with(type(shop)(endpoints=100))
    assert hundred.get("/?show=all").text.count("<tr") == 101
    few, many = (calls(lambda asked=asked: asked.get("/?show=all")) for asked in (hundred, browser))
    assert many <= 10 * few, (few, many)


def test_the_first_page_with_its_files_is_small(browser):
    page = browser.get("/")
    whole = page.body
    for _, attributes in Page(page.text).tags:
        address = attributes.get("src") or attributes.get("href") or ""
        if address.startswith("/static/"):
            whole += browser.get(address).body
    assert len(gzip.compress(whole)) < 100_000 / 4


def test_a_large_tree_leaves_out_small_leaves_until_asked(ask_with, shop):
    class Wide(type(shop)):
        def endpoint(self, *asked):
            found = super().endpoint(*asked)
            leaf = dict(found["tree"][2], share=0.001, total=1000, self=1000)
            found["tree"][3:3] = [
                dict(leaf, path=f"{1000 + number:016x}", title=f"leaf {number}") for number in range(60)
            ]
            return found

    browser = ask_with(Wide())
    page = Page(browser.get(CHECKOUT).text)
    assert "leaf 7" not in page.words
    assert "60 small parts, each under 1% of the time, are left out." in page.words
    assert "leaf 7" in Page(browser.get(next(link for link in page.links if "leaves=all" in link)).text).words
