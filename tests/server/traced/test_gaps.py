"""Gaps: every stretch of own time that is long enough, named by what the CPU time allows to say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.server.shape import spans
from fanlight.server.traced.gaps import told, uncovered
from fanlight.stores.answers import Span

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
