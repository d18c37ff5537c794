"""The whole way: from a block in the application to a receiver's hands."""

from __future__ import annotations

import gc
import json
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest

import fanlight
from fanlight.agent.agent import AGENT
from fanlight.agent.queue import HELD
from fanlight.errors import ConfigError
from fanlight.recording.clock import clock
from fanlight.recording.recorder import SWITCH, begin, current, finish
from fanlight.wire.messages import ERROR, PRUNED, UNSAMPLED

if TYPE_CHECKING:
    from pathlib import Path


def test_a_trace_arrives_with_its_spans_names_and_annotations(agent, receiver):
    with agent.trace("nightly import") as trace:
        with agent.span("load cart", items=3, share=0.5, hot=True, who="ada"):
            agent.annotate(total=-7)
        with agent.span("render", "view.cart"):
            pass
        trace.annotate("rows", 1 << 80)
    assert agent.flush(30)
    (received,) = receiver.traces
    assert received.endpoint == "nightly import"
    assert received.segment == ""
    assert received.flags == 0
    assert received.root.shape() == ("nightly import", ["load cart", "render"])
    assert [span.category for span in received.spans] == ["app.job", "app.block", "view.cart"]
    assert received.spans[1].notes == {"items": 3, "share": 0.5, "hot": True, "who": "ada", "total": -7}
    assert received.root.notes == {"rows": str(1 << 80)}
    assert receiver.hellos[0]["service"] == "shop"
    assert receiver.hellos[0]["pid"] == os.getpid()
    assert len(receiver.hellos[0]["client"]) == 32


def test_times_are_offsets_in_ns_from_a_wall_anchor(agent, receiver):
    before = __import__("time").time_ns()
    with agent.trace("job"), agent.span("a"):
        pass
    after = __import__("time").time_ns()
    assert agent.flush(30)
    (received,) = receiver.traces
    root, inner = received.spans
    assert before <= received.start <= after
    assert root.start == 0
    assert root.duration == received.duration <= after - before
    assert 0 < inner.start < inner.start + inner.duration <= root.duration


def test_a_trace_that_waited_to_be_sent_tells_when_it_began(agent, receiver):
    began_ns = time.time_ns()
    finish(begin("app.job", "early", "early", start_ns=clock() - 5_000_000_000))
    with agent.trace("late"):
        pass
    assert agent.flush(30)
    early, late = receiver.traces
    # Else it would be none of the five seconds.
    assert early.start == pytest.approx(began_ns - 5_000_000_000, abs=4_000_000_000)
    assert late.start - early.start == pytest.approx(5_000_000_000, abs=4_000_000_000)


def test_what_comes_without_a_flush_is_sent_within_a_second(agent, receiver):
    with agent.trace("job"):
        pass
    receiver.wait(lambda r: len(r.traces) == 1, 60)


def test_an_error_carries_type_and_message_and_no_secret(agent, receiver):
    with pytest.raises(ValueError, match="log in"), agent.trace("job"), agent.span("inner"):
        raise ValueError("cannot log in: password=hunter2 at https://ada:lovelace@db/x\nSELECT 'secret'")
    assert agent.flush(30)
    (received,) = receiver.traces
    assert received.flags & ERROR
    assert received.segment == "error"
    assert received.root.notes["error.type"] == "ValueError"
    message = received.root.notes["error.message"]
    assert message.startswith("cannot log in: password=<redacted>")
    assert "hunter2" not in message
    assert "lovelace" not in message
    assert "SELECT" not in message
    assert received.spans[1].notes == {"error": "ValueError"}


def test_values_of_secret_names_never_leave(agent, receiver):
    with agent.trace("job"), agent.span("a", api_key="k", user_password=12345678, X_Csrf_Token="t", ok="v"):
        agent.annotate(**{"Set-Cookie": "c", "nested": {"password": "p", "x": [{"pwd": 1}]}})
    assert agent.flush(30)
    notes = receiver.traces[0].spans[1].notes
    assert notes == {
        "api_key": "<redacted>",
        "user_password": "<redacted>",
        "X_Csrf_Token": "<redacted>",
        "Set-Cookie": "<redacted>",
        "nested.password": "<redacted>",
        "nested.x": "[{'pwd': <redacted>}]",
        "ok": "v",
    }
    sent = b"".join(body for *_, body in receiver.batches)
    assert b"12345678" not in sent


def test_long_texts_are_cut_and_odd_ones_survive(agent, receiver):
    with agent.trace("job \ud800"), agent.span("x" * 5000, n="y" * 10_000, null="a\0b", empty="", none=None):
        pass
    assert agent.flush(30)
    (received,) = receiver.traces
    assert received.endpoint == "job ?"
    assert len(received.spans[1].title) == 4096
    assert received.spans[1].title.endswith("…")
    notes = received.spans[1].notes
    assert len(notes["n"]) == 4096
    assert notes["null"] == "a\0b"
    assert notes["empty"] == ""
    assert "none" not in notes


def test_after_the_end_nothing_of_the_application_is_referenced(agent, black_hole):
    class Cart:
        def __repr__(self) -> str:
            raise AssertionError("nobody may ask")

    class EmptyError(Exception):
        pass

    def work() -> list[weakref.ref[Any]]:
        cart, error = Cart(), EmptyError()
        try:
            with agent.trace("job") as trace, agent.span("a", cart=cart):
                trace.annotate("cart", cart)
                agent.annotate(carts=[cart])
                current().start("app.cart", {"cart": cart})
                raise error
        except EmptyError:
            return [weakref.ref(cart), weakref.ref(error)]

    gone = work()
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_a_context_that_lives_on_pins_nothing_and_heals(agent, receiver):
    import contextvars

    class Big:
        pass

    big = Big()
    gone = weakref.ref(big)
    with agent.trace("job"), agent.span("a"):
        kept = contextvars.copy_context()
        agent.annotate(big=big)
    del big
    assert agent.flush(30)
    assert gone() is None
    assert kept.run(current) is None
    assert kept.run(begin, "app.job", "again", "again") is not None


def test_unsampled_traces_are_counted_without_children(tmp_path, receiver, monkeypatch):
    # The next to begin without a start of its own finds what was there.
    monkeypatch.setattr(SWITCH, "sample", SWITCH.sample)
    fanlight.start("shop", dsn=f"unix://{tmp_path}/collector.sock", sample=0.0, instrument=False)
    try:
        with fanlight.trace("job") as trace, fanlight.span("a"):
            assert current() is None
            fanlight.endpoint("renamed")
            trace.status = 302
            with fanlight.trace("inner") as inner:
                assert inner is trace
        assert fanlight.flush(30)
    finally:
        fanlight.stop(1)
    (received,) = receiver.traces
    assert (received.endpoint, received.segment, received.flags) == ("renamed", "redirect", UNSAMPLED)
    assert received.root.children == []
    assert received.duration > 0


def test_a_share_of_the_traces_is_sampled(tmp_path, receiver, monkeypatch):
    monkeypatch.setattr(SWITCH, "sample", SWITCH.sample)
    fanlight.start("shop", dsn=f"unix://{tmp_path}/collector.sock", sample=0.3, instrument=False)
    try:
        for _ in range(1000):
            with fanlight.trace("job"), fanlight.span("a"):
                pass
        assert fanlight.flush(30)
    finally:
        fanlight.stop(1)
    sampled = sum(not trace.flags & UNSAMPLED for trace in receiver.traces)
    assert len(receiver.traces) == 1000
    assert 200 < sampled < 400


@pytest.mark.parametrize(
    ("status", "segment"),
    [
        *[(0, "json"), (200, "json"), (299, "json"), (300, "redirect"), (301, "redirect")],
        *[(304, "not modified"), (399, "redirect"), (400, "error"), (404, "error"), (500, "error")],
    ],
)
def test_the_segment_follows_the_status(agent, receiver, status, segment):
    with agent.trace("job") as trace:
        trace.segment = "json"
        trace.status = status
    assert agent.flush(30)
    assert receiver.traces[0].segment == segment


def test_who_knows_better_names_the_endpoint(agent, receiver):
    trace = begin("app.wsgi.request", "GET", "<unmatched>")
    trace.set_endpoint("a middleware", 1)
    trace.set_endpoint("/cart/<id>", 2)
    trace.set_endpoint("another middleware", 1)
    finish(trace)
    finish(trace)
    assert agent.flush(30)
    assert [trace.endpoint for trace in receiver.traces] == ["/cart/<id>"]


def test_a_trace_inside_a_trace_yields_the_outer_one(agent, receiver):
    with agent.trace("outer") as outer, agent.span("a"), agent.trace("inner") as inner, agent.span("b"):
        assert inner is outer
    assert agent.flush(30)
    assert receiver.shapes() == [("outer", [("a", ["b"])])]


def test_switched_off_everything_runs_and_nothing_is_recorded(receiver):
    fanlight.stop(0)
    with fanlight.trace("job") as trace, fanlight.span("a", n=1) as span:
        trace.annotate("k", 1)
        span.annotate(k=1)
        fanlight.annotate(k=1)
        fanlight.endpoint("x")
    assert current() is None
    assert fanlight.flush(0.1)
    assert receiver.hellos == []


def test_huge_traces_travel_pruned_with_their_totals(agent, receiver):
    with agent.trace("job"), agent.span("view"):
        for _ in range(3000):
            current().leaf("db.sql.query", "q", 1, 2)
    assert agent.flush(30)
    (received,) = receiver.traces
    assert received.flags & PRUNED
    assert len(received.spans) <= 2048
    (marker,) = [span for span in received.spans if span.category == "agent.pruned"]
    assert len(received.spans) - 1 + marker.notes["spans"] == 3002
    assert received.lost == marker.notes["spans"]


def test_a_trace_whose_spans_break_us_is_still_counted(agent, receiver):
    faults = SWITCH.faults
    with agent.trace("job"):
        current().events.append(("no", "such", "event", "shape", "at", "all", "here"))
    assert agent.flush(30)
    assert [trace.endpoint for trace in receiver.traces] == ["job"]
    assert SWITCH.faults == faults + 1
    SWITCH.faults = faults


def test_a_trace_that_a_fault_of_ours_costs_is_reported(agent, receiver):
    faults = SWITCH.faults
    with agent.trace("lost"):
        current().trace.notes = ["no dict"]
    with agent.trace("job"):
        pass
    assert agent.flush(30)
    assert [trace.endpoint for trace in receiver.traces] == ["job"]
    assert receiver.dropped == {"fault": 1}
    assert SWITCH.faults == faults + 1
    SWITCH.faults = faults


def test_traces_of_many_threads_all_arrive_once(agent, receiver):
    def work() -> None:
        for _ in range(200):
            with agent.trace("job"), agent.span("a"):
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert agent.flush(30)
    assert len(receiver.traces) == 1600
    assert len({(trace.high, trace.low) for trace in receiver.traces}) == 1600
    assert set(map(json.dumps, receiver.shapes())) == {'["job", ["a"]]'}


def test_nothing_starts_before_the_first_trace(tmp_path, script):
    result = script("""
        import threading, os, sys
        before = os.listdir('/proc/self/task'), os.listdir('/proc/self/fd')
        fanlight.span('a').__enter__()
        assert fanlight.flush(30)
        after = os.listdir('/proc/self/task'), os.listdir('/proc/self/fd')
        assert len(before[0]) == len(after[0]) == 1, after
        assert before[1] == after[1]
    """)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dsn": "tcp://localhost:1"}, "no address of a collector"),
        ({"dsn": "unix://relative.sock"}, "no address of a collector"),
        ({"dsn": "unix:///" + "x" * 200}, "107"),
        ({"sample": 2}, "from 0 to 1"),
        ({"sample": "half"}, "from 0 to 1"),
    ],
)
def test_arguments_that_mean_nothing_are_errors(arguments, message):
    with pytest.raises(ConfigError, match=message):
        fanlight.start("shop", **arguments)
    assert SWITCH.sink is None


def test_an_environment_that_means_nothing_leaves_the_program_alone(monkeypatch, capfd):
    monkeypatch.setenv("FANLIGHT_SAMPLE", "lots")
    fanlight.start("shop", instrument=False)
    assert SWITCH.sink is None
    assert "nothing is recorded" in capfd.readouterr().err


def test_address_and_service_come_from_the_environment(tmp_path: Path, receiver, monkeypatch):
    monkeypatch.setenv("FANLIGHT_SOCKET", str(tmp_path / "collector.sock"))
    monkeypatch.setenv("FANLIGHT_SERVICE", "till")
    fanlight.start(instrument=False)
    try:
        with fanlight.trace("job"):
            pass
        assert fanlight.flush(30)
    finally:
        fanlight.stop(1)
    assert receiver.hellos[0]["service"] == "till"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["/srv/shop/serve.py"], "serve"),
        (["/usr/bin/gunicorn"], "cart"),
        (["-c"], "cart"),
        ([""], "cart"),
        (["/lib/till/__main__.py"], "till"),
    ],
)
def test_an_application_without_a_name_gets_its_programs_or_its_directorys(
    tmp_path, monkeypatch, arguments, name
):
    from fanlight.agent.naming import default_service

    (tmp_path / "cart").mkdir()
    monkeypatch.chdir(tmp_path / "cart")
    monkeypatch.setattr("sys.argv", arguments)
    assert default_service() == name


def test_after_stop_it_can_start_again(tmp_path, receiver):
    for _ in range(2):
        fanlight.start("shop", dsn=f"unix://{tmp_path}/collector.sock", instrument=False)
        with fanlight.trace("job"):
            pass
        assert fanlight.stop(10)
    assert len(receiver.traces) == 2
    assert len({hello["client"] for hello in receiver.hellos}) == 1
    assert not HELD.line.traces
    value: Any = SWITCH.sink
    assert value is None


def test_a_service_name_of_any_length_is_taken(agent, receiver, monkeypatch):
    monkeypatch.setattr(AGENT, "service", "ö" * 5_000)
    with agent.trace("job"):
        pass
    assert agent.flush(30)
    assert receiver.hellos[0]["service"] == "ö" * 255
