"""What a batch says of a trace beside its spans: under which id it ran, what it logged."""

from __future__ import annotations

import logging

from fanlight import instruments
from fanlight.recording.traceparent import outgoing


def test_a_trace_arrives_under_the_id_that_it_brought_or_sent(agent, receiver):
    with agent.trace("quiet"):
        pass
    with agent.trace("called") as called:
        called.ident = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with agent.trace("calling"):
        sent = outgoing()
    with agent.trace("called by garbage") as garbage:
        garbage.ident = "00-4bf9"
    assert agent.flush(10)
    quiet, brought, drawn, own = (f"{trace.high:016x}{trace.low:016x}" for trace in receiver.traces)
    assert brought == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert sent.split("-")[1] == drawn
    assert len({quiet, brought, drawn, own, "0" * 32}) == 5


def test_a_line_of_the_log_arrives_at_its_moment_without_its_secret(agent, receiver):
    instruments.install(["logging"])
    with agent.trace("job"):
        with agent.span("before"):
            pass
        logging.getLogger("shop.cart").warning("password=%s for %s", "hunter2", "/orders/7?token=1")
        with agent.span("after"):
            pass
    assert agent.flush(10)
    (received,) = receiver.traces
    assert received.root.shape() == ("job", ["before", "shop.cart", "after"])
    line = received.root.find("shop.cart")
    assert line.category == "log.warning"
    assert line.notes["message"] == "password=<redacted> for <path>"
    assert line.notes["location"].startswith("tests/agent/test_batch.py:")
    before, after = received.root.find("before"), received.root.find("after")
    assert before.start + before.duration <= line.start <= line.start + line.duration <= after.start
