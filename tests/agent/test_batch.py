"""Annotations on their way out: what form they have, and that none is lost without a word."""

from __future__ import annotations

import logging

import pytest

import fanlight
from fanlight import instruments
from fanlight.agent.agent import AGENT
from fanlight.agent.batch import NOTES, Packer
from fanlight.agent.queue import HELD
from fanlight.recording.pauses import Pauses
from fanlight.recording.recorder import SWITCH, begin, finish
from fanlight.recording.reduction import ENTRIES
from fanlight.recording.traceparent import outgoing


def test_annotations_keep_their_type_and_one_nested_level(agent, receiver):
    cart = {"items": 3, "total": 12.5, "currency": "EUR", "gift": False, "lines": [1, {"deep": 2}]}
    with agent.trace("job") as trace, agent.span("pack", cart=cart):
        agent.annotate(count=7, ratio=0.25, text="ada", pair=(1, "b"), nothing=None, empty={})
        agent.mark("packed", "app.mark", box={"number": 4})
        trace.annotate("about", {"kind": "test"})
        cart["items"] = 4
    assert agent.flush(30)
    (received,) = receiver.traces
    assert received.root.find("pack").notes == {
        "cart.items": 3,
        "cart.total": 12.5,
        "cart.currency": "EUR",
        "cart.gift": False,
        "cart.lines": "[1, {'deep': 2}]",
        "count": 7,
        "ratio": 0.25,
        "text": "ada",
        "pair": "[1, 'b']",
    }
    assert received.root.find("packed").notes == {"box.number": 4}
    assert received.root.notes == {"about.kind": "test"}


def test_a_payloads_tuples_and_dicts_are_annotations_too(agent, receiver):
    payload = {"title": "load", "ids": (1, 2), "page": {"size": 20, "of": 3}}
    with agent.trace("job"), agent.notify("app.load", payload):
        pass
    assert agent.flush(30)
    assert receiver.traces[0].root.find("load").notes == {"ids": "[1, 2]", "page.size": 20, "page.of": 3}


def test_secrets_one_level_down_never_leave(agent, receiver):
    headers = {"Authorization": "planted", "host": "example", "X-Api-Key": 4711}
    with agent.trace("job"), agent.span("a", headers=headers, token={"first": "planted"}):
        pass
    assert agent.flush(30)
    assert receiver.traces[0].root.find("a").notes == {
        "headers.Authorization": "<redacted>",
        "headers.host": "example",
        "headers.X-Api-Key": "<redacted>",
        "token": "<redacted>",
    }
    assert b"planted" not in b"".join(body for _, _, body in receiver.batches)


def test_a_large_dict_keeps_its_first_entries_and_tells_how_many_more_there_were(agent, receiver):
    with agent.trace("job"), agent.span("a", rows={str(n): n for n in range(ENTRIES + 5)}):
        pass
    assert agent.flush(30)
    notes = receiver.traces[0].root.find("a").notes
    assert notes == {**{f"rows.{n}": n for n in range(ENTRIES)}, "rows.…": 5}


def test_annotations_beyond_the_bound_are_counted_and_the_error_is_told(agent, receiver):
    entries = {str(n): n for n in range(ENTRIES)}
    marks = NOTES // ENTRIES + 3
    with agent.trace("job") as trace:
        for _ in range(marks):
            agent.mark("a", "app.mark", rows=entries, n=1, nothing=None)
        trace.error = "ValueError", "x"
    assert agent.flush(30)
    (received,) = receiver.traces
    lost = received.root.notes.pop("annotations.lost")
    assert received.root.notes == {"error.type": "ValueError", "error.message": "x"}
    told = sum(len(span.notes) for span in received.spans)
    assert told == NOTES - 1
    assert told + lost == marks * (ENTRIES + 1) + 2


def test_as_many_annotations_as_travel_are_all_told(agent, receiver):
    with agent.trace("job"):
        for _ in range(NOTES // 16):
            agent.mark("a", "app.mark", **{f"n{number}": number for number in range(16)})
    assert agent.flush(30)
    assert sum(len(span.notes) for span in receiver.traces[0].spans) == NOTES
    assert receiver.traces[0].root.notes == {}


def test_a_category_without_a_tier_is_other_and_a_wrong_one_is_told_once(agent, receiver, capfd):
    fanlight.agent.agent.AGENT.told.clear()  # type: ignore[attr-defined]
    with agent.trace("job"), agent.span("kept", "Foo.Bar"):
        for category in ("not a category", "a..b", "", "ü", 7):
            with agent.span("left out", category), agent.span("below"):
                pass
            agent.mark("left out", category)
    assert agent.flush(30)
    (received,) = receiver.traces
    assert received.root.shape() == ("job", [("kept", ["below"] * 5)])
    assert received.root.find("kept").category == "other.foo.bar"
    said = capfd.readouterr().err
    assert said.count("fanlight: a span's category is") == 1
    assert len(said.splitlines()) == 1


def test_a_trace_arrives_under_the_id_that_it_brought_or_sent(agent, receiver):
    with agent.trace("quiet"):
        pass
    with agent.trace("called") as called:
        called.ident = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with agent.trace("calling"):
        sent = outgoing()
    with agent.trace("called by garbage") as garbage:
        garbage.ident = "00-4bf9"
    assert agent.flush(30)
    quiet, brought, drawn, own = (f"{trace.high:016x}{trace.low:016x}" for trace in receiver.traces)
    assert brought == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert sent.split("-")[1] == drawn
    assert len({quiet, brought, drawn, own, "0" * 32}) == 5


def test_a_line_of_the_log_arrives_at_its_moment_without_its_secret(agent, receiver):
    instruments.install(["logging"])
    with agent.trace("job"):
        with agent.span("before"):
            pass
        logging.Logger("shop.cart").warning(  # noqa: LOG001  its level is its own
            "password=%s for %s", "hunter2", "/orders/7?token=1"
        )
        with agent.span("after"):
            pass
    assert agent.flush(30)
    (received,) = receiver.traces
    assert received.root.shape() == ("job", ["before", "shop.cart", "after"])
    line = received.root.find("shop.cart")
    assert line.category == "log.warning"
    assert line.notes["message"] == "password=<redacted> for <path>"
    assert line.notes["location"].startswith("tests/agent/test_batch.py:")
    before, after = received.root.find("before"), received.root.find("after")
    assert before.start + before.duration <= line.start <= line.start + line.duration <= after.start


class Interrupting:
    def __str__(self):
        raise KeyboardInterrupt


class InterruptedPauses(Pauses):
    def seen(self):
        raise KeyboardInterrupt


@pytest.mark.parametrize("fails_at", ["pauses", "second", "columns"])
def test_traces_that_a_fault_or_an_interrupt_takes_off_the_line_are_counted(agent, fails_at):
    task = AGENT.ready()
    # Nobody else takes them meanwhile.
    with task.turn:
        for number in range(3):
            with agent.trace("job") as trace:
                pass
            if fails_at == "second" and number == 1:
                trace.segment = Interrupting()
        line = HELD.line
        assert len(line.traces) == 3

        pauses = InterruptedPauses() if fails_at == "pauses" else Pauses()
        packer = Packer(task.packer.names.normalize, pauses, print)
        if fails_at == "columns":
            packer.table.generation = "no number"
        with pytest.raises((KeyboardInterrupt, TypeError)):
            packer.pack(line)
        lost = {"pauses": 1, "second": 2, "columns": 3}[fails_at]
        assert line.dropped == {"fault": lost}
        assert len(line.traces) == 3 - lost
        left = packer.pack(line) if fails_at == "second" else None
        assert left is None or left.traces == 1


@pytest.mark.parametrize("is_long", [True, False])
def test_a_batch_decides_whether_the_next_traces_are_timed(agent, receiver, monkeypatch, is_long):
    monkeypatch.setattr(SWITCH, "timed", not is_long)
    for _ in range(3):
        with agent.trace("job") as trace:
            if is_long:
                trace.start_ns -= 1_100_000
    assert agent.flush(30)
    assert SWITCH.timed is is_long


def test_traces_of_only_a_root_are_told_apart_by_all_that_they_do_not_share(agent, receiver):
    kinds = [
        ("GET /a", "GET", 200, "json"),
        ("GET /b", "GET", 200, "json"),
        ("GET /a", "GET", 200, "html"),
        ("GET /a", "GET", 500, "json"),
        ("GET /a", "POST", 200, "json"),
        ("GET /a", "GET", 304, "json"),
    ]
    for endpoint, title, status, segment in kinds * 2:
        trace = begin("app.asgi.request", title, endpoint)
        trace.status, trace.segment = status, segment
        finish(trace)
    assert agent.flush(30)
    expected = [
        (endpoint, title, {500: "error", 304: "not modified"}.get(status, segment), status)
        for endpoint, title, status, segment in kinds
    ]
    assert [
        (each.endpoint, each.root.title, each.segment, each.root.notes["status"]) for each in receiver.traces
    ] == expected * 2
