"""Worked examples of depth and time, in seconds, that any recorder has to get right."""

from __future__ import annotations

from typing import Any

import pytest

from fanlight.recording.lanes import LANE
from fanlight.recording.recorder import Trace, begin, clock, current, finish, fresh_trace, span

S = 1_000_000_000


def over(events: list[Any], start: float, end: float) -> Trace:
    """Answer a finished trace with these events, whose times are seconds."""
    trace = fresh_trace("app.job", "root", "root", int(start * S))
    trace.end_ns = int(end * S)
    trace.records = [(events, -1, 0)]
    return trace


def at(second: float, *more: Any) -> Any:
    """Answer an event of a moment: a close, or with more to it what opens there."""
    return (int(second * S), *more) if more else int(second * S)


def times(read: Any, title: str, start: float = 0) -> tuple[float, float]:
    """Answer when a span began and how long it took, in seconds, counted from the trace's start."""
    begin_ns, end_ns = read.interval(title)
    return (begin_ns - start * S) / S, (end_ns - begin_ns) / S


def test_blocks_moments_and_spans_that_are_left_out(reading):
    events = [
        *[at(10, "app.block", "one"), at(11, "app.block", "two"), at(11, "-skip", "x")],
        *[at(11, "app.block", "three"), at(12, "-skip", "y"), at(12, "app.mark", "four"), at(12), at(13)],
        *[at(14, "app.mark", "five"), at(14), at(14), at(15), at(17), at(19)],
    ]
    read = reading(over(events, 10, 19))
    assert read.shape() == ("root", [("one", [("two", [("three", ["four", "five"])])])])
    assert [times(read, title, 10) for title in ("one", "two", "three", "four", "five")] == [
        *[(0, 9), (1, 6), (1, 3)],
        *[(2, 0), (4, 0)],
    ]


def test_closing_an_outer_span_closes_the_deeper_ones_at_that_moment(caught, reading):
    start = clock()
    trace = begin("app.job", "root", "root", start)
    lane = current()
    outer = lane.start("app.x", title="foo")
    lane.start("app.x", title="bar")
    lane.start("app.x", title="baz")
    lane.stop(outer)
    with span("after"):
        pass
    finish(trace)
    read = reading(trace)
    assert read.shape() == ("root", [("foo", [("bar", ["baz"])]), "after"])
    assert len({read.interval(title)[1] for title in ("foo", "bar", "baz")}) == 1
    events = [at(0, "app.x", "foo", None, 0, None), at(0.1, "app.x", "bar", None, 1, None)]
    events += [at(0.2, "app.x", "baz", None, 2, None), (0, at(0.3))]
    read = reading(over(events, 0, 1))
    assert [times(read, title)[1] for title in ("foo", "bar", "baz")] == [0.3, pytest.approx(0.2), 0.1]


def test_a_collection_is_told_once_and_taken_out_of_a_child_as_long_as_the_trace(reading):
    events = [at(0, "app.block", "child"), at(1)]
    assert reading(over(events, 0, 1)).shape() == ("root", ["child"])
    read = reading(over(events, 0, 1), [(int(0.4 * S), int(0.5 * S))])
    assert read.shape() == ("root", ["child", "noise.gc"])
    assert times(read, "root") == (0, 1)
    assert times(read, "child") == (0, 0.9)
    assert times(read, "noise.gc") == (0.9, 0.1)


def test_an_open_span_is_nobodys_until_the_trace_is_over(caught, reading):
    trace = begin("app.job", "root", "root", clock() - S)
    lane = LANE.get()
    lane.start("app.x", title="open")
    assert caught == []
    finish(trace)
    (finished,) = caught
    read = reading(finished)
    assert read.interval("open")[0] - read.interval("root")[0] >= S
    assert read.interval("open")[1] == read.interval("root")[1]


def test_a_stop_of_what_was_never_started_changes_nothing(caught, reading):
    trace = begin("app.job", "root", "root")
    lane = current()
    for handle in (-1, 0, 7, 1 << 40):
        lane.stop(handle)
    lane.__exit__(None, None, None)
    with span("a"):
        pass
    finish(trace)
    assert reading(trace).shape() == ("root", ["a"])
