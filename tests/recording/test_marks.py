"""Moments, and what is said not to be recorded."""

from __future__ import annotations

import asyncio
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from fanlight.recording.blocks import annotate, endpoint, instrument, mark, mute, trace, unmute
from fanlight.recording.lanes import LANE
from fanlight.recording.recorder import begin, current, finish, release, span


def test_a_mark_is_a_span_without_duration_under_the_open_one(caught, reading):
    with trace("root"), span("outer"):
        mark("evicted", "cache.eviction", key_count=3)
        mark("noted")
        with span("inner"):
            pass
    read = reading(caught[0])
    assert read.shape() == ("root", [("outer", ["evicted", "noted", "inner"])])
    start_ns, end_ns = read.interval("evicted")
    assert start_ns == end_ns
    assert start_ns >= read.interval("outer")[0]
    assert read.notes("evicted") == {"key_count": 3}
    assert read.notes("noted") == {}


def test_a_mark_outside_a_trace_and_one_of_odd_values_harm_nobody(caught, shape):
    mark("nobody listens", n=object())
    with trace("root"):
        mark(7, n=object())  # type: ignore[arg-type]
    assert shape() == ("root", ["7"])


def test_what_is_muted_is_not_recorded_and_the_trace_is(caught, shape):
    with trace("root"):
        with span("before"):
            pass
        with span("quiet"), mute():
            assert current() is None
            with span("unheard"):
                mark("unheard")
                annotate(unheard=1)
        with span("after"):
            pass
    assert shape() == ("root", ["before", "quiet", "after"])
    assert caught[0].lost == 0


def test_the_innermost_of_mute_and_unmute_decides(caught, shape):
    with trace("root"), span("a"), mute():
        with span("unheard"), unmute():
            with span("b"), mute(), span("unheard"), mute(), unmute(), unmute(), span("c"):
                pass
            with span("d"):
                pass
        with span("unheard"):
            pass
    assert shape() == ("root", [("a", [("b", ["c"]), "d"])])


def test_unmuting_what_is_not_muted_changes_nothing(caught, shape):
    with trace("root"):
        lane = LANE.get()
        with unmute():
            assert LANE.get() is lane
            with span("a"):
                pass
    assert shape() == ("root", ["a"])


def test_exceptions_pass_and_end_the_muting(caught, shape):
    with trace("root"):
        with pytest.raises(ZeroDivisionError), mute():
            raise ZeroDivisionError
        with span("after"):
            pass
    assert shape() == ("root", ["after"])


def test_outside_a_trace_muting_does_nothing(caught):
    with mute(), unmute(), mute(), trace("root"), span("a"):
        assert current() is not None
    assert len(caught) == 1


def test_a_trace_inside_a_muted_block_is_the_outer_one(caught, shape):
    with trace("root") as outer, mute():
        with trace("inner") as inner, span("unheard"):
            assert inner is outer
        assert begin("job", "another", "another") is None
        endpoint("named inside")
    assert shape() == "root"
    assert caught[0].endpoint == "named inside"


def test_what_is_decorated_runs_muted_too(caught, shape):
    @instrument
    def doubled(n: int) -> int:
        return 2 * n

    with trace("root"), mute():
        assert doubled(4) == 8
    assert shape() == "root"


@pytest.mark.usefixtures("branches")
def test_tasks_that_are_started_muted_are_muted_and_may_unmute(caught, shape):
    async def quiet(name: str) -> None:
        with span(name):
            await asyncio.sleep(0)
        with unmute(), span(f"{name} told"):
            await asyncio.sleep(0)

    async def work() -> None:
        with span("around"):
            with mute():
                await asyncio.gather(quiet("a"), quiet("b"))
            with span("after"):
                await asyncio.sleep(0)

    with trace("root"):
        asyncio.run(work())
    assert shape() == ("root", [("around", ["a told", "b told", "after"])])


@pytest.mark.parametrize("of", ["coroutine", "generator"])
def test_a_task_that_was_started_muted_stays_so_when_it_drops_whoever_muted(caught, shape, of):
    @types.coroutine
    def stay():
        yield

    async def awaiting():
        with mute():
            await stay()

    def yielding():
        with mute():
            yield

    async def drop() -> None:
        with span("unheard"):
            held.clear()
        with span("unheard"):
            await asyncio.sleep(0)

    async def work() -> None:
        with span("around"):
            held.append(awaiting() if of == "coroutine" else yielding())
            held[0].send(None)
            await asyncio.create_task(drop())

    held = []
    with trace("root"):
        asyncio.run(work())
    assert held == []
    assert shape() == ("root", ["around"])


@pytest.mark.usefixtures("branches")
def test_threads_and_executors_that_are_started_muted_are_muted_and_may_unmute(caught, shape):
    def quiet() -> None:
        with span("unheard"), unmute(), span("told"):
            pass

    with trace("root"), ThreadPoolExecutor(1) as pool:
        with mute():
            pool.submit(quiet).result()
            thread = threading.Thread(target=quiet)
            thread.start()
            thread.join()
        pool.submit(quiet).result()
    assert shape() == ("root", ["told", "told", ("unheard", ["told"])])


def test_a_copied_context_in_another_thread_is_muted_too(caught, shape):
    def quiet() -> None:
        with span("unheard"), unmute(), span("told"):
            pass

    with trace("root"), span("a"), mute():
        context = copy_context()
        thread = threading.Thread(target=context.run, args=(quiet,))
        thread.start()
        thread.join()
        with span("unheard"):
            pass
    assert shape() == ("root", [("a", ["told"])])


@pytest.mark.parametrize("end", [finish, release])
def test_a_muting_that_nobody_ended_ends_with_its_trace(caught, end):
    trace_ = begin("job", "first", "first")
    muting = mute()
    muting.__enter__()
    end(trace_)
    second = begin("job", "second", "second")
    assert second is not None
    muting.__exit__(None, None, None)
    assert current() is not None
    finish(second)
    finish(trace_)
    assert [each.endpoint for each in caught] == ["second", "first"] or end is finish


def test_a_muted_block_that_outlives_its_trace_leaves_nothing_behind(caught):
    opened = begin("job", "first", "first")
    with mute():
        finish(opened)
        with span("late"):
            pass
    assert current() is None
    with trace("next"), span("a"):
        assert current() is not None
    assert len(caught) == 2
