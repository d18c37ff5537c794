"""The page of web servers: what it says, where it leads, and that every graph has its table."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from fanlight.web.pages.servers import facts, workers


def asked_in(page):
    """Answer the queries that a page leads to."""
    links = [urlsplit(link) for link in page.links if link.startswith("/explore?")]
    return [parse_qs(link.query)["q"][0] for link in links if "q" in parse_qs(link.query)]


def test_a_server_says_how_busy_it_is_and_what_waits(look):
    words = look("/servers?service=shop").words
    assert "of 8 threads" in words
    assert "of 2 are ready" in words
    assert "31%" in words
    for title in ("Waiting", "Workers and threads", "Event loop late", "Restarts and refusals"):
        assert title in words


def test_every_graph_of_a_server_has_its_table(look):
    page = look("/servers?service=shop")
    heads = ("All that wait", "Of them in the kernel's queue", "Busy", "Threads", "Workers", "At most")
    for head in heads:
        # Once beside the curve, once above the column.
        assert page.words.count(head) >= 2, head
    assert len([1 for tag, _ in page.tags if tag == "tr"]) > 60


def test_a_worker_that_says_nothing_stands_out(look):
    assert look("/servers?service=shop").words.count("says nothing") == 1


def test_a_server_that_went_is_told_as_gone_and_not_as_it_was_in_its_last_moment(look, ask_with, shop):
    class Stopped(type(shop)):
        def servers(self, from_ns, to_ns, service=None):
            return super().servers(from_ns, to_ns - 90 * 1_000_000_000, service)

    page = ask_with(Stopped()).get("/servers?service=shop")
    assert "<b>gone</b> since" in page.text
    assert "are ready" not in page.text
    assert page.text.count(">gone<") == 3, "the server and its two workers"
    assert "gone" not in look("/servers?service=shop").words


def test_a_worker_that_was_read_before_its_server_is_gone():
    values = {"workers.booted": 1}
    found = {"worker": 0, "time": "2026-01-31T14:05:00.000Z", "values": values}
    told = [
        workers([found], *how)
        for how in (
            ("2026-01-31T14:05:00.000Z", False),
            ("2026-01-31T14:05:00.000Z", True),
            ("2026-01-31T14:05:01.000Z", False),
        )
    ]
    assert [each["rows"][0]["state"] for each in told] == ["", "gone", "gone"]
    assert [each["is_well"] for each in told] == [True, False, False], "no column where nothing is wrong"


def test_it_leads_to_the_requests_that_waited(look):
    asked = asked_in(look("/servers?service=shop&last=6h"))
    assert "service=shop queue.time:>=10ms | sort -queue.time" in asked
    assert "service=shop requests.waiting:>0 | sort -duration" in asked
    assert [text for text in asked if text.startswith("kind:metrics service=shop server=")]


def test_the_time_and_the_service_of_the_address_are_asked_for(browser, shop):
    browser.get("/servers?last=6h&service=shop")
    browser.get("/api/servers?last=6h&service=shop")
    one, other = [each for each in shop.asked if each[0] == "servers"]
    assert one == other
    assert (one[2] - one[1], one[3]) == (6 * 3_600_000_000_000, "shop")


def test_the_json_says_what_the_page_shows(browser, shop):
    found = browser.get("/api/servers").json
    assert found["step"] == 60
    assert [each["service"] for each in found["servers"]][:1] == ["shop"]
    assert browser.get("/api/servers?servce=shop").status == 400


def test_a_time_without_readings_says_what_would_fill_it(ask_with, shop):
    text = ask_with(type(shop)(empty=True)).get("/servers").text
    assert "No server was read" in text
    assert "fanlight run" in text


def test_a_step_of_a_graph_leads_to_its_time_and_to_who_waited(look):
    page = look("/servers?service=shop&last=1h")
    steps = [link for link in page.links if link.startswith("/servers?") and "from=" in link]
    assert len(steps) > 4 * 60, "a link for each minute of each graph"
    waited = [link for link in page.links if link.startswith("/explore?") and "queue.time%3A%3E%3D" in link]
    assert sum("from=" in link for link in waited) == 61, "the hour touches so many minutes"
    assert "sweep to look closer" in page.words


def test_a_full_queue_refusals_and_uneven_waiting_are_said():
    calm = {"sockets.backlog": 4, "sockets.backlog_limit": 5, "sockets.drops": 0, "workers.skewed": 0}
    assert [label for label, _, _ in facts(calm)] == ["Waiting"]
    assert not facts(calm)[0][2].endswith("full")
    loud = {"sockets.backlog": 6, "sockets.backlog_limit": 5, "sockets.drops": 15, "workers.skewed": 1}
    waiting, uneven, refused = facts(loud)
    assert waiting[2] == "6 in the kernel's queue, which has room for 5 and is full"
    assert (uneven[:2], refused[:2]) == (("Uneven", "1"), ("Refused", "15"))
