"""The pages as a reader gets them: well formed, inert, in words, every state in the address."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from web_client import Page
from web_shop import HOSTILE

from fanlight.web.folding import is_failed, is_fault

CHECKOUT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"
TRACE = f"/trace/{2:032x}"
PAGES = (
    "/",
    CHECKOUT,
    CHECKOUT + "&octaves=28,29",
    f"/trace/{1:032x}",
    TRACE,
    TRACE + "?fold=off",
    "/servers",
    "/servers?service=shop&last=24h",
    "/status",
    "/explore",
    "/explore?q=status:5xx",
    "/explore?q=|top+5+endpoint",
    "/explore?q=|+timechart+5m+p95(duration)+by+endpoint&last=6h",
    "/explore?q=nowhere:1",
)


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_well_formed_and_needs_no_script_or_inline_style(look, address):
    page = look(address)
    assert (page.open, page.wrong) == ([], [])
    for tag, attributes in page.tags:
        assert tag not in ("style", "iframe", "object", "embed", "base")
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        if tag == "script":
            assert attributes["src"].startswith("/static/")
    assert len([tag for tag, _ in page.tags if tag == "h1"]) == 1
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("address", PAGES)
def test_hostile_text_stays_text(look, browser, address):
    page = look(address)
    assert {tag for tag, _ in page.tags} <= {
        "html",
        "head",
        "meta",
        "title",
        "link",
        "script",
        "body",
        "a",
        "header",
        "svg",
        "path",
        "nav",
        "main",
        "div",
        "h1",
        "p",
        "form",
        "input",
        "label",
        "select",
        "option",
        "button",
        "table",
        "caption",
        "thead",
        "tr",
        "th",
        "tbody",
        "td",
        "bdi",
        "span",
        "rect",
        "b",
        "footer",
        "kbd",
        "dl",
        "dt",
        "dd",
        "section",
        "pre",
        "code",
        "h2",
        "h3",
        "line",
        "text",
        "details",
        "summary",
        "time",
        "ul",
        "li",
        "br",
        "dialog",
    }
    assert not re.search(
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]",
        browser.get(address).text,
    )
    assert all((link.startswith("/") and not link.startswith("//")) or link == "#main" for link in page.links)


def test_hostile_names_are_shown_with_their_tricks_visible(look):
    words = look("/").words
    assert "<script>alert(1)</script>" in words
    assert "\\x1b[2J" in words
    assert "\u27e8U+202E\u27e9gnp.exe" in words
    assert "{{ 7*7 }} ${7*7}" in words


def test_every_link_of_every_page_leads_somewhere(browser):
    """Starting at the front page, through every link that differs in more than the time."""
    seen, waiting = set(), ["/"]
    while waiting and len(seen) < 150:
        address = waiting.pop()
        shape = (urlsplit(address).path, urlsplit(address).query)
        # Every page leads to its comparison, which is the dear one: a few stand for all.
        if shape in seen or (shape[0] == "/compare" and sum(path == "/compare" for path, _ in seen) > 4):
            continue
        seen.add(shape)
        answer = browser.get(address)
        assert answer.status in (200, 404), address
        if answer.status == 404:
            assert address.startswith("/trace/") or "service=" in address, address
        if answer.header("content-type").startswith("text/html"):
            waiting += [
                link for link in Page(answer.text).links if link.startswith("/") and "from=" not in link
            ]
    assert len(seen) > 60


def test_endpoints_are_sorted_by_pain_and_say_what_hurts(look):
    page = look("/")
    words = page.words
    assert "31,006 requests to 12 endpoints in the last hour, 124 errors." in words
    assert words.index("POST /checkout") < words.index("GET /cart") < words.index("POST /send")
    assert "SELECT FROM product 41 times, at shop/cart.py:88" in words
    assert "182 ms" in words
    assert "2,460" in words
    heads = [attributes for tag, attributes in page.tags if tag == "th" and attributes.get("aria-sort")]
    assert [head["class"] for head in heads] == ["c-pain"]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("sort=p50", "GET /export.csv"),
        ("sort=count", "GET /product/<int:id>"),
        ("sort=p50&order=asc", "GET /health"),
        ("sort=errors", "POST /checkout"),
        ("sort=endpoint", '"><svg'),
        ("service=mail", "POST /send"),
        ("contains=SEARCH", "GET /search"),
    ],
)
def test_the_address_sorts_and_filters(look, query, first):
    page = look(f"/?{query}")
    body = page.words.rpartition(" Errors Requests ")[2]
    names = [word for word in body.split("  ") if word]
    assert first in names[0].split(" shop ")[0].split(" mail ")[0], names[0][:80]


def test_a_second_click_on_a_column_turns_it_round(look):
    links = [link for link in look("/?sort=p95&service=shop").links if "order=asc" in link]
    assert parse_qs(urlsplit(links[0]).query) == {"sort": ["p95"], "order": ["asc"], "service": ["shop"]}


def test_links_to_an_endpoint_keep_the_time_and_the_whole_name(look, shop):
    link = next(
        link for link in look("/?last=24h").links if link.startswith("/endpoint?") and "script" in link
    )
    assert parse_qs(urlsplit(link).query) == {
        "service": ["shop"],
        "endpoint": ['<script>alert(1)</script><img src=x onerror="alert(2)">'],
        "segment": ["html"],
        "last": ["24h"],
    }
    look(link)
    name, service, endpoint, segment, start, end, octaves = shop.asked[-1]
    assert (name, service, endpoint[:8], segment, octaves) == ("endpoint", "shop", "<script>", "html", None)
    assert end - start == 24 * 3600 * 10**9


def test_an_endpoint_without_content_type_has_a_page(look):
    link = next(link for link in look("/").links if "segment=&" in link or link.endswith("segment="))
    assert "no body" in look(link).words


def test_an_endpoint_says_how_slow_how_often_and_why(look):
    words = look(CHECKOUT).words
    for part in (
        "Typical 182 ms half are faster",
        "Problem 2.00 s 1 in 20 is slower",
        "Requests 2,460 41 a minute",
        "2,460 requests in the last hour. On average 309 ms, one in a hundred over 3.20 s",
        "Repeated query. SELECT FROM product runs 41 times (up to 84) in 97% of the requests",
        "and takes 98 ms of each of them.",
        "It is called from shop/cart.py:88.",
        "Waiting 4% 12 ms",
        "SQL 61% 195 ms",
    ):
        assert part in words, part


def test_the_merged_trace_is_a_table_with_bars(look):
    page = look(CHECKOUT)
    assert f"SELECT FROM product {chr(0xD7)}41 SELECT … FROM product WHERE product.id = ?" in page.words
    assert "Garbage collection in 30% of requests" in page.words
    assert "Waiting for a worker before it began 12 ms" in page.words
    bars = [
        attributes for tag, attributes in page.tags if tag == "rect" and "own" in attributes.get("class", "")
    ]
    assert all(
        0 <= float(bar["x"]) <= 1000 and float(bar["x"]) + float(bar["width"]) <= 1000.5 for bar in bars
    )


def test_every_graph_has_its_table(look):
    page = look(CHECKOUT)
    graphs = [attributes for tag, attributes in page.tags if attributes.get("class") == "chart-box"]
    tables = [attributes for tag, attributes in page.tags if attributes.get("class") == "plain"]
    assert len(graphs) == len(tables) == 2
    assert "134 ms to 268 ms" in page.words


def test_a_release_is_marked_where_it_began_within_the_time(look):
    page = look(CHECKOUT)
    assert f"Release {HOSTILE[0]} began at" in page.words
    marks = [attributes for tag, attributes in page.tags if attributes.get("class") == "deploy"]
    assert [mark["x1"] for mark in marks] == ["60.0%"], "what the time begins with is no news"
    assert "Release" not in look(CHECKOUT + "&last=15m").words


def test_choosing_a_range_of_durations_asks_for_its_trace(look, shop):
    page = look(CHECKOUT + "&octaves=28")
    assert shop.asked[-1][-1] == [28]
    assert "134 ms to 268 ms: " in page.words
    parts = [told for tag, told in page.tags if tag == "a" and "data-octave" in told]
    wider = {
        int(told["data-octave"]): parse_qs(urlsplit(told["href"]).query).get("octaves") for told in parts
    }
    assert len(wider) > 2
    for number in wider.keys() - {28}:
        low, high = sorted((number, 28))
        asked = [",".join(str(each) for each in range(low, high + 1))]
        assert wider[number] == asked, "a click on another part stretches the range to it"


def test_samples_lead_to_traces(look):
    page = look(CHECKOUT + "&last=6h")
    for title in ("Slowest", "With an error", "Typical"):
        assert title in page.words
    assert f"/trace/{1:032x}?last=6h" in page.links


def test_a_trace_folds_repeats_and_shows_own_time(look):
    page = look(TRACE)
    assert f"SELECT FROM product {chr(0xD7)}41" in page.words
    assert page.words.count("SELECT FROM product") == 1
    assert "shop/cart.py:88" in page.words
    assert look(TRACE + "?fold=off").words.count("SELECT FROM product") == 41


def test_a_failed_trace_says_so_first(look):
    words = look(TRACE).words
    assert "This request failed. PaymentDeclined <script>alert(1)</script>" in words
    assert "12 spans were too many to keep" in words
    assert "This request failed" not in look(f"/trace/{1:032x}").words


@pytest.mark.parametrize(
    ("key", "tells"),
    [
        *[("error", True), ("error.type", True), ("exception", True), ("fault.message", True)],
        *[("errors", False), ("error_rate", False), ("faulty_items", False), ("cart.error", False)],
    ],
)
def test_an_applications_count_of_errors_is_no_failure(key, tells):
    assert is_fault(key) is tells
    assert is_failed({"annotations": {"items": 3, key: 0}}) is tells


def test_a_trace_leads_back_to_its_endpoint_in_the_same_time(look):
    assert any(link.startswith("/endpoint?") and "last=6h" in link for link in look(TRACE + "?last=6h").links)
    link = next(link for link in look(TRACE).links if link.startswith("/endpoint?"))
    assert {"from", "to"} <= parse_qs(urlsplit(link).query).keys(), "otherwise the time around the trace"


def test_own_time_is_dark_only_where_no_child_ran(look):
    page = look(f"/trace/{1:032x}")
    # The first is in the bar of all that the request did.
    rendered = [attributes for tag, attributes in page.tags if attributes.get("class") == "t-view own"][1:]
    assert [(float(bar["x"]), float(bar["width"])) for bar in rendered] == [(843.8, 23.4), (902.3, 62.5)]


def test_several_roots_share_the_whole(ask_with, shop):
    """HEAD counts under its route, and is a root of its own in the merged trace."""

    class WithHead(type(shop)):
        def endpoint(self, *asked):
            found = super().endpoint(*asked)
            tree = found["tree"]
            head = dict(tree[0], path="f" * 16, title="HEAD", count=2460, traces=2460, share=0.25)
            head["total"] = head["self"] = tree[0]["total"] // 3
            for node in tree:
                node["share"] *= 0.75
            found["tree"] = [*tree, head]
            return found

    page = Page(ask_with(WithHead()).get(CHECKOUT).text)
    assert "POST in 50% of requests 155 ms" in page.words
    assert "HEAD in 50% of requests 52 ms 52 ms 25%" in page.words


def test_a_trace_of_several_services_leads_to_each(ask_with, shop):
    class Shared(type(shop)):
        def trace(self, *asked):
            found = super().trace(*asked)
            return {**found, "also": [{**found, "service": "payments", "endpoint": "POST /charge"}]}

    first = Page(ask_with(Shared()).get(TRACE).text)
    assert "The same trace went through POST /charge of payments" in first.words
    (link,) = [each for each in first.links if "part=1" in each]
    second = Page(ask_with(Shared()).get(link).text)
    assert "POST /charge took" in second.words
    assert "One request to payments" in second.words
    assert ask_with(Shared()).get(TRACE + "?part=2").status == 404
    assert ask_with(Shared()).get(TRACE + "?part=-1").status == 400


def test_lines_of_the_log_are_told_apart_and_shown_by_level(ask_with, shop):
    class Logging(type(shop)):
        def trace(self, *asked):
            found = super().trace(*asked)
            last = found["spans"][-1]
            lines = [
                {**last, "index": last["index"] + 1 + place, "parent": 0, "category": "log.warning"}
                | {
                    "title": "shop.cart",
                    "annotations": {"message": f"{place} <b> left", "location": "a.py:3"},
                }
                for place in range(6)
            ]
            return {**found, "spans": found["spans"] + lines}

    page = Page(ask_with(Logging()).get(TRACE).text)
    for place in range(6):
        assert f"shop.cart WARNING: {place} <b> left a.py:3" in page.words


def test_a_fold_says_where_it_stands_though_only_one_of_its_spans_knows(ask_with, shop):
    """Only the fifth of many repeats is asked for its file and line."""

    class Fifth(type(shop)):
        def trace(self, *asked):
            found = super().trace(*asked)
            repeats = [span for span in found["spans"] if "location" in span["annotations"]]
            for span in repeats[:4] + repeats[5:]:
                del span["annotations"]["location"]
            return found

    words = Page(ask_with(Fifth()).get(TRACE).text).words
    assert "shop/cart.py:88" in words
    assert words.count("SELECT FROM product") == 1
