"""Explore: a query in the address, its answer as a page, mistakes where they stand."""

from __future__ import annotations

import gzip
import shlex
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from web_client import Page
from web_kept import kept
from web_shop import HOSTILE, NOW, Shop

from fanlight import Event, Property
from fanlight.cli.logs.query import query_of, read
from fanlight.event.packing import pack
from fanlight.event.times import Time
from fanlight.query.query import Query
from fanlight.server.answers import Answers
from fanlight.server.questions import Questions
from fanlight.stores import open_store
from fanlight.stores.imports import Imported, Piece
from fanlight.web.pages.results import Column, written

CHECKOUT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"


@pytest.fixture
def explore(browser):
    """Answer the page of a query, taken apart."""

    def explore(q, status=200, **more):
        asked = "".join(f"&{name}={quote(str(value))}" for name, value in more.items())
        answer = browser.get(f"/explore/whole?q={quote(q)}{asked}")
        assert answer.status == status, answer.text
        page = Page(answer.text)
        assert (page.open, page.wrong) == ([], [])
        return page

    return explore


def test_without_a_query_the_newest_events_of_the_hour_come_first(explore):
    page = explore("")
    assert "events in the last hour; the newest 100 are shown, newest first." in page.words
    times = [attributes["datetime"] for tag, attributes in page.tags if tag == "time"]
    shown = times[-100:]
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == 100
    assert "/explore?q=duration%3A%3E1s" in page.links, "it says what to try"


def test_events_have_everyday_columns_units_and_links(explore):
    page = explore("status:500")
    assert "time duration service endpoint segment status trace more" in page.words
    assert " ms shop POST /checkout error 500" in page.words
    trace = next(link for link in page.links if link.startswith("/trace/"))
    assert len(trace) == len("/trace/") + 32
    assert "/endpoint?service=shop&endpoint=POST+%2Fcheckout&segment=error" in page.links
    assert "error.type PaymentDeclined" in page.words
    assert "whole" not in page.words, "what every ordinary trace has is left out"


def test_what_the_query_asks_for_has_a_column(explore):
    assert "status error.type trace more" in explore("error.type=PaymentDeclined").words


def test_links_keep_the_time_of_the_page(explore):
    page = explore("status:500", last="6h")
    for start in ("/trace/", "/endpoint?", "/?", "/explore?last=6h"):
        assert any(link.startswith(start) and "last=6h" in link for link in page.links), start


def test_stages_make_a_table_whose_groups_lead_to_their_events(explore):
    page = explore("| stats count, p95(duration) by endpoint, failed")
    assert "endpoint failed count p95(duration)" in page.words
    link = next(link for link in page.links if "checkout" in link and "POST" in link)
    asked = parse_qs(urlsplit(link).query)["q"][0]
    assert asked == 'endpoint="POST /checkout"'
    assert "events in the last hour" in explore(asked).words


def test_a_group_of_hostile_name_is_asked_for_as_it_is(explore):
    queries = [parse_qs(urlsplit(link).query).get("q") for link in explore("| top 50 endpoint").links]
    for name in HOSTILE[:2]:
        assert [asked_for(name)] in queries
        assert "Nothing is selected" not in explore(asked_for(name)).words


def asked_for(name):
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'endpoint="{escaped}"'


def test_bars_say_when_and_each_leads_to_its_own_events(explore):
    page = explore("failed=true")
    assert "A bar is 1 minute." in page.words
    links = [link for link in page.links if "from=" in link and "to=" in link and "q=failed" in link]
    assert links
    asked = parse_qs(urlsplit(links[3]).query)
    inner = explore(asked["q"][0], **{"from": asked["from"][0], "to": asked["to"][0]})
    assert "in this time" in inner.words
    assert "A bar is 1 second." in inner.words


def test_a_chart_over_time_is_drawn_a_curve_for_each_group(explore):
    page = explore("service in (shop, mail) | timechart 5m p95(duration) by service")
    paths = [
        attributes for tag, attributes in page.tags if tag == "path" and "line" in attributes.get("class", "")
    ]
    assert [each["class"] for each in paths] == ["line line1", "line line2"]
    places = [part.replace("M", "L").split("L") for part in (each["d"] for each in paths)]
    for path in places:
        numbers = [float(number) for point in path if point for number in point.split("h")[0].split()]
        assert len(numbers) >= 20
        assert all(0 <= number <= 1000 for number in numbers)
    many = explore("| timechart 10m count by endpoint")
    assert "more in the table below." in many.words
    assert (
        len([1 for tag, attributes in many.tags if tag == "path" and "line6" in attributes.get("class", "")])
        == 1
    )
    assert not [
        1
        for tag, attributes in explore("| top 3 service").tags
        if tag == "path" and "line" in attributes.get("class", "")
    ]
    explore("from:1970-01-01 | timechart 1s avg(duration)")
    explore("| timechart 400d max(note)")


def test_bars_are_of_all_events_whatever_the_stages_leave(explore):
    assert "From Events Failed" in explore("| head 1").words
    assert "From Events Failed" in explore("| top 3 service").words


@pytest.mark.parametrize(
    ("q", "message", "before", "at"),
    [
        ("status:5xx | sats count", "did you mean 'stats'?", "status:5xx | ", "s"),
        ("endpoint~'('", "", "endpoint~'", "("),
        ("(a OR last:15m)", "", "(a OR ", "l"),
        ("duration>", "", "duration>", " "),
    ],
)
def test_a_mistake_stands_above_its_caret(browser, q, message, before, at):
    answer = browser.get(f"/explore?q={quote(q)}")
    assert answer.status == 400
    page = Page(answer.text)
    assert "This query cannot be read." in page.words
    assert message in page.words
    text = answer.text.partition('<pre class="caret"><code>')[2].partition("</code>")[0]
    line, _, below = text.partition("\n")
    assert line.replace("&#39;", "'").replace("&gt;", ">").startswith(f'{before}<b class="wrong">{at}')
    assert below.index("^") - below.index(">") - 1 == len(before)
    assert any(attributes.get("value") == q for tag, attributes in page.tags if tag == "input")


def test_a_long_line_is_shown_round_its_mistake(explore):
    page = explore("x" * 3000 + " status>", status=400)
    assert len(page.words) < 3000


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/explore?limit=0", "expected a number of events, 1 to 1000"),
        ("/explore?limit=1001", "expected a number of events, 1 to 1000"),
        ("/explore?limit=9999999999999999999999", "expected a number of events"),
        ("/explore?q=" + "x" * 8001, "a query has at most 8000 characters"),
        ("/explore?query=x", "a parameter that this page does not know"),
    ],
)
def test_what_is_too_much_is_refused(browser, address, words):
    answer = browser.get(address)
    assert answer.status == 400
    assert words in Page(answer.text).words


def test_a_huge_number_in_a_query_is_no_trouble(explore):
    assert "Events" in explore("| head 999999999").words
    assert "Nothing is selected" in explore(f"status:{'9' * 400}").words


def test_markup_and_escape_codes_in_a_query_stay_text(browser):
    q = f"{HOSTILE[0]} \x1b[2J \u202e"
    answer = browser.get(f"/explore?q={quote(q)}")
    assert "<img src" not in answer.text
    assert "\x1b" not in answer.text
    assert "\u202e" not in answer.text


def test_nothing_selected_says_what_may_have_been_meant(explore):
    page = explore("durration:>1s")
    assert "Nothing is selected" in page.words
    assert "None of the latest events has durration; did you mean duration?" in page.words
    assert any("last=24h" in link for link in page.links)
    assert "/explore?q=" in page.links


def test_an_empty_store_says_where_events_come_from(ask_with):
    page = Page(ask_with(Shop(empty=True)).get("/explore").text)
    assert "No event in the last hour" in page.words
    assert "fanlight demo" in page.words


def test_words_that_united_and_samples_are_told(explore):
    words = explore("paymentdeclined receipt").words
    assert "Events with paymentdeclined or receipt; for all of them, write AND between." in words
    assert "that are kept stand for" in explore("").words


def test_a_service_narrows_the_page(explore):
    page = explore("", service="mail")
    assert " mail POST /send " in page.words
    assert " shop GET" not in page.words
    assert any(tag == "option" and attributes.get("value") == "shop" for tag, attributes in page.tags)


def test_an_answer_that_takes_too_long_offers_less(ask_with):
    slow = Answers(kept(NOW).store, dict)
    slow.questions = Questions(slow.store, patience_s=0.0)
    answer = ask_with(slow).get("/explore/whole?q=x&last=24h")
    page = Page(answer.text)
    assert answer.status == 422
    assert "The answer took longer than it may." in page.words
    assert any("last=1h" in link for link in page.links)


@pytest.mark.parametrize(
    ("q", "more"),
    [
        ("red blue status:5xx", {"last": "24h"}),
        ("red blue", {}),
        ('endpoint="POST /checkout" | top 5 status', {"service": "shop"}),
        ('"it\'s" OR x', {}),
        ("--case-sensitive Red", {}),
        ("a OR b", {"from": "2026-09-21T10:00:00Z", "to": "2026-09-21T11:00:00Z"}),
        ("$(reboot) `reboot` ; x", {}),
    ],
)
def test_the_command_line_asks_the_same(browser, q, more):
    asked = "".join(f"&{name}={quote(value)}" for name, value in more.items())
    page = Page(browser.get(f"/explore?q={quote(q)}{asked}").text)
    line = page.words.partition("Terminal ")[2].partition(" curl curl")[0]
    words = shlex.split(line)
    assert words[:2] == ["fanlight", "query"]
    told = read(words[2:])
    assert (told.options.get("last"), told.options.get("service")) == (more.get("last"), more.get("service"))
    query = query_of(told)
    assert query.node == Query(q).node
    assert query.stages == () or [str(each) for each in query.stages] == [
        str(each) for each in Query(q).stages
    ]
    if "from" in more:
        low, high = query.bounds()
        assert high - low == 3600 * 10**9 - 1


def test_json_has_the_same_address(browser, explore):
    page = explore("status:500 | top 3 endpoint", last="2h")
    link = next(link for link in page.links if link.startswith("/v1/query"))
    found = browser.get(link).json
    assert found["query"] == "status:500 | top 3 endpoint"


def test_the_page_is_small(browser):
    answer = browser.get("/explore?last=2h&limit=100")
    assert len(gzip.compress(answer.body)) < 60_000


def test_an_endpoint_leads_to_the_queries_of_its_requests(look, browser):
    page = look(CHECKOUT + "&last=6h&octaves=28,29")
    whole = 'service=shop endpoint="POST /checkout" segment=html'
    asked = [parse_qs(urlsplit(link).query) for link in page.links if link.startswith("/explore?q=")]
    assert {"6h"} == {each["last"][0] for each in asked}
    queries = {each["q"][0] for each in asked}
    assert whole in queries, "all of them"
    assert f"{whole} duration>2002ms" in queries, "the problem"
    assert f"{whole} duration>=160ms duration<=200ms" in queries, "the typical ones"
    assert f"{whole} | sort -duration" in queries, "the slowest"
    assert f"{whole} duration>134217728ns duration<=536870912ns" in queries, "what is chosen"
    assert f"{whole} duration>134217728ns duration<=268435456ns" in queries, "one part of it"
    assert f'{whole} span.title="SELECT FROM product" | sort -duration' in queries, "the finding"
    failing = look("/endpoint?service=shop&endpoint=POST+/checkout&segment=error")
    assert any("failed%3Dtrue" in link for link in failing.links)
    for link in page.links:
        if link.startswith("/explore?q="):
            assert browser.get(link).status == 200, link


@pytest.fixture
def imported(ask_with):
    """Answer a browser in front of a store with lines of a log, one of them of many properties."""
    store = open_store("memory:")
    lines = []
    for number, level in enumerate(("error", "info", "info")):
        event = Event(
            [Property("level", level), Property("message", f"order {number} of {HOSTILE[0]}")],
            time=Time(NOW - (number + 1) * 60 * 10**9),
        )
        event.number = number + 1
        lines.append(event)
    wide = Event([Property(f"key {number}", "v" * 3000) for number in range(60)])
    wide.number = 4
    events = [pack(event) for event in (*lines, wide)]
    store.imports.keep(Piece(Imported(0, "/var/log/app.log", "json", "1:2", "ab", 0), "", 1, 4, events), NOW)
    yield ask_with(Answers(store, dict))
    store.close()


def test_lines_of_a_log_have_columns_of_their_own(imported):
    page = Page(imported.get("/explore").text)
    assert (page.open, page.wrong) == ([], [])
    assert "4 events in the last hour" in page.words
    assert "time level message" in page.words
    assert "error order 0 of <script>alert(1)</script>" in page.words
    assert "\u2026 and 20 more" in page.words, "a line of many properties does not fill the page"
    found = Page(imported.get("/explore?q=level:error+|+timechart+5m+count").text)
    assert "1 row from 1 event in the last hour." in found.words
    offered = imported.get("/api/complete?q=level%3D").json["items"]
    assert {each["label"] for each in offered} == {"error", "info"}
    assert "key 0" in [each["label"] for each in imported.get("/api/complete?q=key").json["items"]]


def test_what_a_query_does_not_select_is_a_state_of_the_address(explore):
    page = explore("status:500", invert="on")
    assert " 500 " not in page.words
    assert any("invert=on" in link for link in page.links if link.startswith("/v1/query"))
    assert "fanlight query --last 1h 'NOT status:500'" in page.words or "'NOT status:500'" in page.words
    # Without terms there is nothing to be the opposite of.
    assert "in the last hour" in explore("", invert="on").words


def test_an_inverted_answer_is_narrowed_with_what_it_was(explore):
    page = explore("status:500 | top 3 endpoint", invert="on")
    drills = [parse_qs(urlsplit(link).query) for link in page.links if "endpoint%3D" in link]
    assert drills
    assert all(each["q"][0].startswith("NOT status:500 AND endpoint=") for each in drills)
    assert all("invert" not in each for each in drills)


def test_times_of_a_query_are_of_the_zone_that_was_given(explore):
    first = explore("from:'2026-01-31 12:00:00' to:'2026-01-31 12:30:00'", tz="Asia/Tokyo")
    assert "2026-01-31T03:00:00" in first.words
    assert "in the time that the query says, of Asia/Tokyo" in first.words
    assert any("tz=Asia%2FTokyo" in link for link in first.links if link.startswith("/v1/query"))


def test_a_zone_that_there_is_not_is_told(browser):
    answer = browser.get("/explore?q=a&tz=Mars/Olympus")
    assert answer.status == 400
    assert "expected a zone such as Europe/Berlin" in answer.text


def test_who_asks_nothing_yet_sees_examples_before_the_events(look):
    words = look("/explore").words
    assert words.index("Try") < words.index("Over time") < words.index("Show up to")


def test_what_holds_more_is_written_as_json():
    column = Column("http", "", "map", None, is_number=False)
    assert written({"status": 500, "way": "é", "list": [None, True]}, column) == (
        '{"status": 500, "way": "é", "list": [null, true]}'
    )
