"""The queue holds what it promises to hold, refuses the rest and counts it."""

from __future__ import annotations

from typing import Any

import pytest

import fanlight
from fanlight.agent import queue
from fanlight.agent.queue import HELD, Line, push
from fanlight.recording.lanes import RECORDS
from fanlight.recording.recorder import ALONE, SWITCH, Trace, current, fresh_trace

LONG = "x" * 200_000


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A line whose task never starts."""
    held = Line()
    held.fresh.acquire()
    monkeypatch.setattr(HELD, "line", held)
    return held


def finished(events: int = 0) -> Trace:
    trace = fresh_trace("app.job", "t", "t", 1)
    trace.epoch = SWITCH.epoch
    trace.records = [([1] * events, -1, 0)] if events else ALONE
    return trace


def test_it_takes_exactly_ten_thousand_and_counts_the_others(line):
    assert [push(finished()) for _ in range(10_003)] == [*range(1, 10_001), None, None, None]
    assert line.dropped == {"queue_full": 3}
    assert len(line.traces) == 10_000


def test_it_takes_eight_mebibytes_and_counts_the_others(line):
    answers = [push(finished(events=10_000)) for _ in range(20)]
    held = len([answer for answer in answers if answer])
    assert 0 < held < 20
    assert (held - 1) * 10_000 * queue.EVENT_BYTES < queue.BYTES <= line.bytes + held * queue.TRACE_BYTES
    assert line.dropped == {"queue_bytes": 20 - held}
    while line.take() is not None:
        pass
    assert line.bytes == 0
    assert push(finished()) == 1


def test_each_trace_that_leaves_makes_room_for_as_much(line):
    while push(finished(events=10_000)) is not None:
        pass
    full = len(line.traces)
    for _ in range(3):
        line.take()
    assert [push(finished(events=10_000)) for _ in range(4)] == [full - 2, full - 1, full, None]
    assert line.bytes == len(line.traces) * 10_000 * queue.EVENT_BYTES


def test_what_is_full_to_the_byte_takes_no_more(line, monkeypatch):
    monkeypatch.setattr(queue, "BYTES", 2 * queue.TRACE_BYTES)
    assert [push(finished()) for _ in range(3)] == [1, 2, None]
    assert line.dropped == {"queue_bytes": 1}


MUCH: dict[str, Any] = {
    "endpoint": LONG,
    "category": LONG,
    "error": ("ValueError", LONG),
    "stamp": LONG.encode(),
    "ident": LONG,
    "notes": {LONG: 1},
    "records": [([(1, "app.block", LONG), 2], -1, 0)],
}


@pytest.mark.parametrize("place", MUCH)
def test_what_is_long_counts_from_the_first_trace_on_where_nothing_arrives(line, place):
    for _ in range(100):
        trace = finished()
        setattr(trace, place, MUCH[place])
        push(trace)
    held = len(line.traces)
    assert held - 1 <= queue.BYTES / len(LONG) <= held + 1
    assert line.dropped == {"queue_bytes": 100 - held}


@pytest.mark.parametrize(
    ("notes", "least"),
    [
        ({"text": "\N{OWL}" * 50_000}, 200_000),
        ({f"key {number}": number for number in range(2_000)}, 200_000),
        ({f"key {number}": f"{number:2000}" for number in range(100)}, 200_000),
    ],
    ids=["four bytes a character", "many numbers", "many short texts"],
)
def test_annotations_count_with_all_that_they_take(line, notes, least):
    trace = finished()
    trace.records = [([notes], -1, 0)]
    push(trace)
    assert least < line.bytes < 2 * least


def test_while_parcels_arrive_nothing_is_walked_through_until_a_thousand_wait(line):
    push(finished())
    line.settle(True)
    trace = finished()
    trace.records, trace.notes = [([1], -1, 0)], {"text": LONG}
    push(trace)
    assert line.bytes == queue.EVENT_BYTES
    line.settle(False)
    push(trace)
    assert line.bytes > len(LONG)
    assert line.room == 0


def test_what_arrives_lets_what_waits_unweighed(agent, receiver):
    with agent.trace("job"):
        pass
    assert agent.flush(30)
    assert HELD.line.light == queue.BATCH


def test_what_does_not_arrive_has_what_waits_weighed(agent):
    HELD.line.settle(True)
    with agent.trace("job"):
        pass
    assert not agent.flush(0.3)
    assert HELD.line.light == 0


@pytest.mark.parametrize("place", ["endpoint", "title", "notes", "records"])
def test_long_texts_count_where_more_than_a_thousand_wait(line, place):
    for _ in range(queue.BATCH):
        push(finished())
    values: dict[str, Any] = {"notes": {"a": {"b": LONG}}, "records": [([(1, LONG), 2], -1, 0)]}
    for _ in range(100):
        trace = finished()
        setattr(trace, place, values.get(place, LONG))
        push(trace)
    more = queue.BYTES - queue.BATCH * queue.TRACE_BYTES
    held = len(line.traces) - queue.BATCH
    assert held - 1 <= more / len(LONG) <= held + 1
    assert line.dropped == {"queue_bytes": 100 - held}
    while line.take() is not None:
        pass
    assert line.bytes == 0


def test_a_long_statement_counts_from_the_first(line, monkeypatch):
    line.settle(True)
    monkeypatch.setattr(SWITCH, "sink", push)
    for number in range(100):
        with fanlight.trace("import"):
            lane = current()
            assert lane is not None
            for _ in range(2):
                lane.leaf("sql.query", f"insert {number} {LONG}", 1, 2)
    held = len(line.traces)
    assert held - 1 <= queue.BYTES / len(LONG) <= held + 1
    assert line.dropped == {"queue_bytes": 100 - held}


def test_it_takes_a_trace_that_is_larger_than_all_may_be(line):
    push(finished())
    assert push(finished(events=2 * RECORDS)) == 2
    assert push(finished()) is None
    assert line.dropped == {"queue_bytes": 1}


def test_traces_leave_in_the_order_in_which_they_came(line):
    traces = [finished() for _ in range(3)]
    for trace in traces:
        push(trace)
    assert [line.take() for _ in range(4)] == [*traces, None]


def test_a_waiting_task_is_rung_once_and_never_waited_for(line):
    line.idle = True
    push(finished())
    assert not line.bell.locked()
    assert not line.idle
    line.ring()
    line.ring()
    assert line.bell.acquire(False)


def test_a_waiting_task_is_rung_by_whatever_comes_behind_the_first(line):
    line.settle(True)
    for events in (0, 3):
        push(finished())
        assert line.room == queue.BATCH
        line.idle = True
        push(finished(events))
        assert line.bell.acquire(False)
        assert not line.idle


def test_a_trace_of_only_a_root_is_looked_at_where_others_fill_the_line(line):
    line.settle(True)
    push(finished())
    while push(finished(events=10_000)) is not None:
        pass
    assert line.room == 0
    assert push(finished()) is None
    while line.take() is not None:
        pass
    assert [push(finished()), push(finished())] == [1, 2]
    assert line.room == queue.BATCH


def test_the_task_is_rung_when_a_thousand_wait(line):
    for _ in range(999):
        push(finished())
    assert line.bell.locked()
    push(finished())
    assert not line.bell.locked()


def test_a_trace_of_another_epoch_is_the_parents(line):
    trace = finished()
    trace.epoch -= 1
    assert push(trace) is None
    assert line.dropped == {}


def test_what_did_not_fit_is_reported_with_the_next_batch(agent, receiver, monkeypatch):
    monkeypatch.setattr(queue, "TRACES", 2)
    HELD.line.fresh.acquire()
    for _ in range(5):
        with agent.trace("job"):
            pass
    assert agent.flush(30)
    assert len(receiver.traces) == 2
    assert receiver.dropped == {"queue_full": 3}


def test_after_a_fork_without_hooks_the_first_push_begins_anew(line, monkeypatch):
    renewed = []
    monkeypatch.setattr(HELD, "renew", lambda: (renewed.append(1), setattr(HELD, "line", Line())))
    monkeypatch.setattr(HELD, "spawn", lambda: None)
    push(finished())
    monkeypatch.setattr(line, "here", [0])
    push(finished())
    assert renewed == [1]
    assert len(HELD.line.traces) == 1


def test_a_flood_without_a_collector_stays_bounded(agent):
    for _ in range(12_000):
        with agent.trace("job"):
            pass
    assert len(HELD.line.traces) <= 10_000
    # The task may have taken one batch off the line before it found nobody to send it to.
    assert HELD.line.dropped["queue_full"] >= 1000
    assert not fanlight.flush(0)
