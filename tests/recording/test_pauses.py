"""Garbage collections are seen, subtracted from spans, and shown once."""

from __future__ import annotations

import _thread
import gc
import signal
import weakref
from functools import partial
from itertools import repeat

import pytest

from fanlight.recording.blocks import trace
from fanlight.recording.lanes import COLLECTING
from fanlight.recording.pauses import RING, Pauses, Seen, Squeezed
from fanlight.recording.recorder import clock, fresh_trace, span


@pytest.fixture
def pauses():
    watching = Pauses()
    watching.watch()
    watching.watch()
    yield watching
    watching.ignore()
    watching.ignore()
    assert watching.told not in gc.callbacks


def test_a_collection_is_one_pause(pauses):
    # One that comes by itself would be a second one.
    gc.disable()
    pauses.ring.clear()
    try:
        before = clock()
        gc.collect()
        after = clock()
    finally:
        gc.enable()
    ((start, end),) = pauses.ring
    assert before <= start < end <= after


class Woken(Exception):  # noqa: N818  what a handler raises, such as a time limit
    """What the application's handler raises."""


def test_what_a_handler_raises_for_a_signal_within_a_collection_arrives(pauses):
    class Garbage:
        pass

    def wake(*_):
        raise Woken

    # As a signal that comes meanwhile: nothing of it runs Python code before the collection is over.
    strike = partial(next, map(_thread.interrupt_main, repeat(signal.SIGUSR1)))
    before = signal.signal(signal.SIGUSR1, wake)
    # Those of the tests' tools are written in Python.
    others = [each for each in gc.callbacks if each is not pauses.told]
    gc.callbacks[:] = [pauses.told]
    gc.disable()
    try:
        garbage = Garbage()
        garbage.itself = garbage
        struck = weakref.ref(garbage, strike)
        del garbage
        with pytest.raises(Woken):
            gc.collect()
        assert struck() is None
    finally:
        gc.enable()
        gc.callbacks.extend(others)
        signal.signal(signal.SIGUSR1, before)
    assert COLLECTING.thread == 0


def test_of_a_collection_that_ran_before_watching_nothing_is_told():
    pauses = Pauses()
    for phase in ("stop", "start", "stop"):
        pauses.told(phase, {})
    ((start, end),) = pauses.seen().pauses
    assert 0 < start <= end


def test_the_ring_keeps_the_latest():
    pauses = Pauses()
    for number in range(RING + 10):
        pauses.ring.append((number * 10, number * 10 + 1))
    assert len(pauses.ring) == RING
    assert pauses.seen().pauses[0][0] == 100


def test_what_overlaps_is_clipped():
    seen = Seen([(0, 10), (20, 30), (40, 50)])
    assert seen.between(5, 45) == [(5, 10), (20, 30), (40, 45)]
    assert seen.between(10, 20) == []
    assert seen.between(60, 70) == []
    assert Seen([]).between(0, 1) == []


def test_a_moment_moves_by_the_paused_time_before_it():
    squeezed = Squeezed([(10, 20), (30, 35)])
    assert [squeezed(moment) for moment in (0, 10, 15, 20, 25, 30, 33, 35, 40)] == [
        *(0, 10, 10, 10, 15, 20, 20, 20, 25)
    ]
    assert squeezed.total_ns == 15


def test_the_reference_case_a_tenth_of_a_second_in_a_second(reading):
    ms = 1_000_000
    finished = fresh_trace("app.job", "root", "root", 0)
    finished.end_ns = 1000 * ms
    finished.records = [([(0, "app.block", "child"), 1000 * ms], -1, 0)]
    read = reading(finished, [(200 * ms, 300 * ms)])
    assert read.interval("root") == (0, 1000 * ms)
    assert read.interval("child") == (0, 900 * ms)
    assert read.interval("noise.gc") == (900 * ms, 1000 * ms)


def test_without_a_collection_there_is_no_such_span(reading):
    finished = fresh_trace("app.job", "root", "root", 0)
    finished.end_ns = 1000
    read = reading(finished, [(2000, 3000)])
    assert read.titles == ["root"]


def test_a_real_collection_inside_a_span_is_taken_out_of_it(caught, pauses, reading):
    with trace("root"), span("a"):
        garbage = [[number] for number in range(50_000)]
        gc.collect()
        del garbage
    (finished,) = caught
    read = reading(finished, list(pauses.ring))
    assert read.titles == ["root", "a", "noise.gc"]
    paused = sum(end - start for start, end in pauses.ring)
    start, end = read.interval("noise.gc")
    assert end - start == paused > 0
    (opened, *_), closed = finished.records[0][0]
    start, end = read.interval("a")
    assert end - start == closed - opened - paused
