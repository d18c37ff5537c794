"""Event loops of every kind: eager tasks, loops written in C, chosen contexts, late ends, callbacks."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import multiprocessing
import threading
import tracemalloc
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
import uvloop

from fanlight.recording.blocks import instrument, trace
from fanlight.recording.recorder import LANE, current, span

pytestmark = pytest.mark.usefixtures("branches")

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def eager(loop: asyncio.AbstractEventLoop, coroutine: Any, **keywords: Any) -> Any:
    """Make an eager task, as Python 3.12 and later can."""
    # A word of 3.14's that some loops say to every factory.
    keywords.pop("eager_start", None)
    make = getattr(asyncio, "eager_task_factory", asyncio.Task)
    return (
        make(coroutine, loop=loop, **keywords) if make is asyncio.Task else make(loop, coroutine, **keywords)
    )


FACTORIES = {"none": None, "eager": eager}


async def job(name: str, delay_s: float = 0.002) -> None:
    with span(name):
        await asyncio.sleep(delay_s)
        with span(f"{name} sql"):
            await asyncio.sleep(delay_s)


JOBS = [(f"job {number}", [f"job {number} sql"]) for number in range(3)]


@pytest.fixture(params=LOOPS)
def run(request) -> Any:
    """Run a coroutine on a loop of each kind."""

    def on_loop(main: Any) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(main)

    return on_loop


@pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)
def test_on_every_loop_siblings_stand_side_by_side(caught, shape, run, factory):
    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        with trace("root"):
            with span("gather"):
                await asyncio.gather(*(job(f"job {number}") for number in range(3)))
            with span("group"):
                async with asyncio.TaskGroup() as group:
                    for number in range(3):
                        group.create_task(job(f"job {number}"))
            with span("tail"):
                pass

    run(main())
    assert shape() == ("root", [("gather", JOBS), ("group", JOBS), "tail"])


def test_a_group_that_fails_leaves_the_cancelled_in_place(caught, shape, run):
    async def together(*jobs: Any) -> None:
        async with asyncio.TaskGroup() as group:
            for each in jobs:
                group.create_task(each)

    async def within(limit_s: float, late: Any) -> None:
        async with asyncio.timeout(limit_s):
            await late

    async def fail() -> None:
        with span("fail"):
            await asyncio.sleep(0.002)
            raise KeyError

    async def main() -> None:
        with trace("root"):
            with pytest.raises(ExceptionGroup):
                await together(job("slow", 5), fail())
            with pytest.raises(TimeoutError):
                await asyncio.create_task(within(0.002, job("late", 5)))
            with span("tail"):
                pass

    run(main())
    assert shape() == ("root", ["slow", "fail", "late", "tail"])


def test_a_task_in_a_copy_of_the_context_has_a_lane_of_its_own(caught, shape, run):
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with trace("root"):
            copies = [contextvars.copy_context() for _ in range(3)]
            tasks = [
                loop.create_task(job(f"job {number}"), context=copy) for number, copy in enumerate(copies)
            ]
            await asyncio.gather(*tasks)

    run(main())
    assert shape() == ("root", JOBS)


def test_a_context_that_tasks_share_stays_shared(caught, run):
    seen: list[Any] = []
    word = contextvars.ContextVar("word", default="")

    async def say(text: str) -> None:
        seen.append((text, word.get(), LANE.get()))
        word.set(text)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with trace("root"):
            shared = contextvars.copy_context()
            await loop.create_task(say("a"), context=shared)
            await loop.create_task(say("b"), context=shared)
            # One that has no trace in it is somebody's who wanted it so.
            await loop.create_task(say("c"), context=contextvars.Context())

    run(main())
    assert [(text, before) for text, before, _ in seen] == [("a", ""), ("b", "a"), ("c", "")]
    assert seen[0][2] is seen[1][2]
    assert seen[2][2] is None


def test_callbacks_stand_under_what_is_open_when_they_run(caught, shape, run):
    def callback(name: str, *_: Any) -> None:
        with span(name):
            pass

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        with trace("root"):
            with span("soon"):
                loop.call_soon(callback, "called soon")
                # Not before it ran: what is due by then may come first where a machine is busy.
                await asyncio.sleep(0)
                loop.call_later(0.001, callback, "called later")
                await asyncio.sleep(0.01)
            with span("done"):
                task = asyncio.ensure_future(job("task"))
                task.add_done_callback(lambda _: callback("called when done"))
                await task
            with span("thread"):
                thread = threading.Thread(
                    target=loop.call_soon_threadsafe, args=(callback, "called from a thread")
                )
                thread.start()
                loop.call_later(0.01, done.set_result, None)
                await done
                thread.join()
        loop.call_soon(callback, "after the trace")
        await asyncio.sleep(0)

    run(main())
    assert shape() == (
        "root",
        [
            ("soon", ["called soon", "called later"]),
            ("done", [("task", ["task sql"]), "called when done"]),
            ("thread", ["called from a thread"]),
        ],
    )


def work(name: str) -> None:
    with span(name), span(f"{name} sql"):
        pass


def test_every_way_into_an_executor_nests(caught, shape, run):
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool, trace("root"):
            with span("default"):
                await loop.run_in_executor(None, work, "job 0")
            with span("own"):
                await loop.run_in_executor(pool, work, "job 1")
            with span("copied"):
                await loop.run_in_executor(pool, contextvars.copy_context().run, work, "job 2")
            with span("map"):
                list(pool.map(work, ["job 0"]))

    run(main())
    assert shape() == (
        "root",
        [("default", [JOBS[0]]), ("own", [JOBS[1]]), ("copied", [JOBS[2]]), ("map", [JOBS[0]])],
    )


def recorded_there(number: int) -> tuple[int, bool]:
    """Answer, in another process, whether a trace is open."""
    with span("in the child"):
        return number, current() is not None


def test_processes_compute_as_ever_and_record_none_of_it(caught, shape):
    # Forked inside the trace, so that the child has all of it in memory.
    with (
        trace("root"),
        span("view"),
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool,
    ):
        answers = list(pool.map(recorded_there, range(4)))
    assert [number for number, _ in answers] == [0, 1, 2, 3]
    assert shape() == ("root", ["view"])


def test_an_asynchronous_generator_closed_late_ends_only_its_own_span(caught, shape, run):
    @instrument
    async def stream() -> Any:
        try:
            with span("inside"):
                for number in range(5):
                    yield number
                    await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)

    async def main() -> None:
        with trace("root"):
            with span("reads one"):
                async for _ in stream():
                    break
            # The loop finishes what the collector found, in a task and a context of its own.
            gc.collect()
            with span("next"):
                await asyncio.sleep(0.002)
                with span("next sql"):
                    pass
        with trace("second"), span("view"):
            pass

    run(main())
    second = caught.pop()
    assert (second.endpoint, len(second.records)) == ("second", 1)
    name, children = shape()
    assert name == "root"
    assert children[-1] == ("next", ["next sql"])


def test_a_generator_with_a_plain_span_never_reaches_beyond_its_trace(caught, reading, run):
    async def stream() -> Any:
        with span("over a yield"):
            yield 1
            yield 2

    kept = stream()

    async def first() -> None:
        with trace("first"):
            await anext(kept)

    async def second() -> None:
        with trace("second"):
            with span("before"):
                assert [number async for number in kept] == [2]
            with span("after"):
                pass

    async def main() -> None:
        await first()
        await second()

    run(main())
    shapes = [reading(trace).shape() for trace in caught]
    assert shapes == [("first", ["over a yield"]), ("second", ["before", "after"])]


def test_a_pools_thread_that_a_trace_started_belongs_to_nobody(caught, run):
    with ThreadPoolExecutor(1) as pool:
        with trace("root"):
            pool.submit(int).result(60)
        assert pool.submit(LANE.get).result(60) is None


def test_contexts_that_outlive_their_traces_keep_little_of_them(caught):
    async def live(forever: asyncio.Event) -> None:
        with span("live"):
            await forever.wait()

    async def request(forever: asyncio.Event) -> asyncio.Task[None]:
        with trace("request"):
            for _ in range(100):
                with span("a", text="x" * 100):
                    pass
            task = asyncio.create_task(live(forever))
            await asyncio.sleep(0)
        # As the background does with a trace that it has read.
        caught.pop().records = None
        return task

    async def main() -> None:
        forever = asyncio.Event()
        tasks = [await request(forever) for _ in range(20)]
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            tasks += [await request(forever) for _ in range(100)]
            gc.collect()
            each = (tracemalloc.get_traced_memory()[0] - before) / 100
        finally:
            tracemalloc.stop()
        forever.set()
        await asyncio.gather(*tasks)
        # The task itself and an empty lane; the events alone would take ten times as much.
        assert each < 4000

    asyncio.run(main())
