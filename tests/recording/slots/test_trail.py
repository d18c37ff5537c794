"""What finishes leaves a mark in memory that outlives the process."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from fanlight.agent import queue
from fanlight.agent.queue import HELD, TRACES, Line, follow, push
from fanlight.recording.recorder import SWITCH, Trace, begin, finish, fresh_trace
from fanlight.recording.slots.trail import NUMBERS
from fanlight.wire import account, trail


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> bytearray:
    """The trail of a process that has finished nothing and sends nothing."""
    line = Line()
    line.fresh.acquire()
    monkeypatch.setattr(HELD, "line", line)
    monkeypatch.setattr(SWITCH, "finished", 0)
    monkeypatch.setattr(SWITCH, "account", account.opened())
    made = bytearray(trail.SIZE)
    follow(memoryview(made))
    return made


def finished(endpoint: str = "GET /", category: str = "app.wsgi.request", **told: Any) -> Trace:
    trace = fresh_trace(category, "GET", endpoint, 100)
    trace.epoch, trace.end_ns, trace.wall_ns = SWITCH.epoch, 107, 55
    for name, value in told.items():
        setattr(trace, name, value)
    return trace


def left(memory: bytearray, many: int = 10) -> list[tuple[Any, ...]]:
    found = trail.last(bytes(memory), SWITCH.account, many)
    return [(name.endpoint, name.segment, name.ignored, *rest) for name, *rest in found]


def test_each_trace_is_told_with_what_it_is_counted_under(memory):
    push(finished(segment="html", status=200))
    push(finished(status=500))
    push(finished(error=("ValueError", "")))
    push(finished(status=302))
    push(finished("GET /healthz"))
    assert left(memory) == [
        ("GET /", "html", False, 55, 7),
        ("GET /", "error", False, 55, 7),
        ("GET /", "error", False, 55, 7),
        ("GET /", "redirect", False, 55, 7),
        ("GET /healthz", "", True, 55, 7),
    ]
    assert [row[0] for row in left(memory, 2)] == ["GET /", "GET /healthz"]


def test_it_tells_when_a_trace_began(memory, monkeypatch):
    monkeypatch.setattr(SWITCH, "sink", push)
    before_ns = time.time_ns()
    finish(begin("app.job", "work", "work"))
    ((*_, start_ns, duration_ns),) = left(memory)
    assert before_ns <= start_ns <= start_ns + duration_ns <= time.time_ns() + 1_000_000


def test_it_goes_round_and_what_the_queue_refuses_is_marked_too(memory):
    for number in range(TRACES + 5):
        push(finished(wall_ns=number))
    assert HELD.line.dropped == {queue.FULL: 5}
    assert [row[3] for row in left(memory, 3)] == [TRACES + 2, TRACES + 3, TRACES + 4]
    assert len(left(memory, TRACES)) == trail.ENTRIES


def test_what_takes_longer_than_fits_is_told_as_the_longest(memory):
    push(finished(end_ns=1 << 60))
    assert left(memory) == [("GET /", "", False, 55, trail.LONGEST_NS)]


def test_names_beyond_the_room_leave_no_name_and_cost_nothing_else(memory):
    for number in range(NUMBERS + 10):
        push(finished(f"GET /{number}/{'x' * 20}"))
    push(finished("GET /0/" + "x" * 20))
    push(finished("GET /long/" + "x" * (1 << 17)))
    assert [row[0] for row in left(memory, 2)] == ["GET /0/" + "x" * 20]
    assert SWITCH.account[account.FINISHED] == NUMBERS + 12


def test_a_name_that_only_the_background_knows_has_no_mark(memory):
    push(finished(category="sql.query"))
    assert left(memory) == []
    assert SWITCH.account[account.FINISHED] == 1


class Strange(str):
    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


def test_a_name_of_a_strange_sort_is_counted_without_a_mark(memory):
    assert push(finished(Strange("GET /"))) == 1
    assert left(memory) == []


def test_a_child_leaves_no_mark_in_its_parents_trail(memory):
    push(finished())
    before = bytes(memory)
    pid = os.fork()
    if not pid:
        HELD.forget()
        push(finished("GET /child"))
        os._exit(bytes(memory) != before)
    assert os.waitpid(pid, 0)[1] == 0
