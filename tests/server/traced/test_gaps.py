"""Gaps: every stretch of own time that is long enough, named by what the CPU time allows to say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.event.trace import Span
from fanlight.server.shape import spans
from fanlight.server.traced.gaps import told, uncovered

MS = 1_000_000


def trace(cpu_ms: float | None):
    """A request of 100 ms in a view of 90 ms that asks the database twice, 20 ms each."""
    notes = () if cpu_ms is None else (("cpu.time", round(cpu_ms * MS)),)
    rows = [
        Span("app.wsgi.request", "GET", "", None, 0, 100 * MS, notes),
        Span("app.flask.view", "cart", "", 0, 0, 90 * MS, ()),
        Span("db.sql.query", "SELECT", "", 1, 10 * MS, 20 * MS, ()),
        Span("db.sql.query", "SELECT", "", 1, 60 * MS, 20 * MS, ()),
    ]
    return spans(rows)


@pytest.mark.parametrize(
    ("cpu_ms", "cause", "idle_ms"),
    [(None, "unknown", None), (60, "code", 0), (58, "code", 2), (40, "both", 20), (5, "waiting", 55)],
)
def test_a_gap_is_named_by_what_the_cpu_time_allows(cpu_ms, cause, idle_ms) -> None:
    found = told(trace(cpu_ms), 100 * MS)
    assert {gap["cause"] for gap in found["gaps"]} == {cause}
    assert (found["cpu"] and found["cpu"]["idle"]) == (None if idle_ms is None else idle_ms * MS)
    places = [(gap["span"], gap["start"] // MS, gap["duration"] // MS) for gap in found["gaps"]]
    assert places == [(1, 0, 10), (1, 30, 30), (1, 80, 10), (0, 90, 10)]


def test_what_is_too_short_to_matter_is_no_gap() -> None:
    assert told(trace(None), 100_000 * MS)["gaps"] == []
    assert told([], 5 * MS) == {"cpu": None, "gaps": []}


def reading(at_ms: int, late_ms: int | None) -> dict[str, Any]:
    values = {} if late_ms is None else {"loop.overdue": late_ms * MS}
    return {"time": "", "offset": at_ms * MS, "values": values}


@pytest.mark.parametrize(
    ("readings", "cause", "late_ms"),
    [
        # The gap of 30 ms lies between 30 and 60 ms.
        ([(-5000, 0), (50, 40)], "loop", 40),
        ([(-5000, 0), (50, 2), (5050, 16)], "loop", 16),
        ([(-5000, 0), (50, 14)], "unknown", 14),
        ([(-5000, 90), (50, 0)], "unknown", 0),
        ([(-5000, 0), (20, 90), (5020, 1)], "unknown", 1),
        ([(-5000, None), (50, None)], "unknown", None),
        ([(50, 40)], "unknown", None),
        ([], "unknown", None),
    ],
)
def test_a_gap_beside_a_late_loop_is_named_so_where_no_cpu_time_is_known(readings, cause, late_ms) -> None:
    server = [reading(*each) for each in readings]
    longest = max(told(trace(None), 100 * MS, server)["gaps"], key=lambda gap: gap["duration"])
    assert (longest["cause"], longest["late"]) == (cause, None if late_ms is None else late_ms * MS)
    assert {gap["cause"] for gap in told(trace(5), 100 * MS, server)["gaps"]} == {"waiting"}


@given(
    st.integers(0, 100),
    st.integers(0, 100),
    st.lists(st.tuples(st.integers(-20, 120), st.integers(0, 50)), max_size=12),
)
def test_own_time_is_what_no_child_covers(start, length, children) -> None:
    end = start + length
    taken = [(low, low + span) for low, span in children]
    free = uncovered(start, end, taken)
    moments = {moment for low, high in free for moment in range(low, high)}
    assert moments == {
        moment for moment in range(start, end) if not any(low <= moment < high for low, high in taken)
    }
