"""Times on pages where clocks are put back, an hour of that night being told twice, and at midnight."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from web_days import ENDPOINT, GRACE_NS, MIDNIGHT, SECOND, Clock, filled, state

from fanlight.server.answers import Answers

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


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
def test_a_reload_at_midnight_shows_what_was_there_before_it(chromium, serve, tmp_path, zone):
    clock = Clock(MIDNIGHT - 10 * SECOND)
    store = filled(tmp_path, clock)
    running = serve(Answers(store, state), clock)
    context = chromium.new_context(timezone_id=zone)
    context.set_default_timeout(120_000)
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # Only what is asked for passes: ten seconds may be over before the page is there.
    page.clock.install(time=clock.now / SECOND - 3600)
    page.clock.pause_at(clock.now / SECOND)
    page.goto(running.gate.link())
    page.goto(f"http://127.0.0.1:{running.port}{ENDPOINT}&last=1h")
    times = page.locator("section[data-brushed=samples] time")
    before = times.all_inner_texts()
    assert before
    clock.now = MIDNIGHT + GRACE_NS + 60 * SECOND
    store.compact()
    page.reload()
    assert times.all_inner_texts() == before, "the page's own clock has not moved"
    page.clock.run_for("24:00:00")
    later = times.all_inner_texts()
    assert [len(text) for text in later] == [19] * len(later), "what was today's has its date"
    assert [text[-8:] for text in later] == [text[-8:] for text in before]
    page.goto(f"http://127.0.0.1:{running.port}/?last=24h")
    assert "120 requests to 1 endpoint in the last 24 hours" in page.locator("h1 + .sub").inner_text()
    assert complaints == []
    context.close()
    store.close()
