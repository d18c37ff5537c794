"""Work that a trace starts elsewhere nests under what started it, with nobody's help."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from fanlight.recording.blocks import instrument, trace
from fanlight.recording.branches import carry, hook_executor
from fanlight.recording.recorder import LANE, begin, current, finish, span

pytestmark = pytest.mark.usefixtures("branches")


async def job(name: str, delay_s: float = 0.002) -> None:
    with span(name):
        await asyncio.sleep(delay_s)
        with span(f"{name} sql"):
            await asyncio.sleep(delay_s)


JOBS = [(f"job {number}", [f"job {number} sql"]) for number in range(3)]


def test_gathered_coroutines_nest_side_by_side(caught, shape):
    async def main() -> None:
        with trace("root"), span("view"):
            await asyncio.gather(*(job(f"job {number}") for number in range(3)))
            with span("tail"):
                pass

    asyncio.run(main())
    assert shape() == ("root", [("view", [*JOBS, "tail"])])


def test_a_task_group_nests_side_by_side(caught, shape):
    async def main() -> None:
        with trace("root"):
            async with asyncio.TaskGroup() as group:
                for number in range(3):
                    with span(f"start {number}"):
                        group.create_task(job(f"job {number}"))

    asyncio.run(main())
    assert shape() == ("root", [(f"start {number}", [JOBS[number]]) for number in range(3)])


def eager(loop: asyncio.AbstractEventLoop, coroutine: Any, **keywords: Any) -> Any:
    """Run the first step at once, as Python 3.12's eager tasks do, in the task's own context."""
    context = contextvars.copy_context()

    async def rest(waited: Any) -> Any:
        while True:
            if waited is not None:
                waited._asyncio_future_blocking = False
                await asyncio.wait([waited])
            try:
                waited = coroutine.send(None)
            except StopIteration as stop:
                return stop.value

    async def over(value: Any) -> Any:
        return value

    try:
        going_on = rest(context.run(coroutine.send, None))
    except StopIteration as stop:
        going_on = over(stop.value)
    return context.run(lambda: asyncio.Task(going_on, loop=loop))


def foreign(loop: asyncio.AbstractEventLoop, coroutine: Any, **keywords: Any) -> Any:
    return asyncio.Task(coroutine, loop=loop, **keywords)


@pytest.mark.parametrize("factory", [foreign, eager])
def test_whatever_makes_the_tasks_they_nest(caught, shape, factory):
    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        with trace("root"), span("view"):
            await asyncio.gather(*(job(f"job {number}") for number in range(3)))
            with span("tail"):
                pass

    asyncio.run(main())
    assert shape() == ("root", [("view", [*JOBS, "tail"])])


def test_a_loop_inside_a_synchronous_view_nests(caught, shape):
    async def main() -> None:
        await asyncio.gather(*(job(f"job {number}") for number in range(3)))

    with trace("root"), span("view"):
        asyncio.run(main())
        with span("tail"):
            pass
    assert shape() == ("root", [("view", [*JOBS, "tail"])])


def test_tasks_of_tasks_nest(caught, shape):
    async def outer(name: str) -> None:
        with span(name):
            await asyncio.gather(job(f"{name} a"), job(f"{name} b"))

    async def main() -> None:
        with trace("root"):
            await asyncio.gather(outer("x"), outer("y"))

    asyncio.run(main())
    expected = [(x, [(f"{x} {y}", [f"{x} {y} sql"]) for y in "ab"]) for x in "xy"]
    assert shape() == ("root", expected)


def test_cancelled_and_timed_out_tasks_leave_the_others_in_place(caught, shape):
    async def main() -> None:
        with trace("root"):
            slow = asyncio.create_task(job("slow", 5))
            await asyncio.sleep(0.001)
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(job("late", 5), 0.01)
            with span("tail"):
                pass

    asyncio.run(main())
    assert shape() == ("root", ["slow", "late", "tail"])


def test_a_task_that_outlives_the_trace_ends_with_it(caught, reading):
    async def main() -> None:
        opened = begin("app.job", "root", "root")
        task = asyncio.create_task(job("long", 0.02))
        await asyncio.sleep(0.005)
        finish(opened)
        await task

    asyncio.run(main())
    read = reading(caught[0])
    assert read.shape() == ("root", ["long"])
    assert read.interval("long")[1] == caught[0].end_ns


def test_requests_of_one_loop_do_not_mix(caught, reading):
    async def request(name: str) -> None:
        with trace(name):
            await asyncio.gather(job(f"{name} a"), job(f"{name} b"))

    async def main() -> None:
        await asyncio.gather(*(request(f"request {number}") for number in range(5)))

    asyncio.run(main())
    shapes = sorted(reading(trace).shape() for trace in caught)
    assert shapes == [
        (name, [(f"{name} a", [f"{name} a sql"]), (f"{name} b", [f"{name} b sql"])])
        for name in (f"request {number}" for number in range(5))
    ]


def work(name: str, barrier: threading.Barrier | None = None) -> None:
    with span(name):
        if barrier is not None:
            barrier.wait(30)
        with span(f"{name} sql"):
            if barrier is not None:
                barrier.wait(30)


def test_an_executors_calls_nest_where_they_were_submitted(caught, reading):
    barrier = threading.Barrier(3)
    with ThreadPoolExecutor(3) as pool:
        with trace("root"):
            for number in range(3):
                with span(f"submit {number}"):
                    last = pool.submit(work, f"job {number}", barrier)
            last.result(60)
            pool.submit(int).result(60)
        with trace("second"):
            pool.submit(work, "again").result(60)
        pool.submit(work, "outside").result(60)
    first, second = map(reading, caught)
    assert first.shape() == ("root", [(f"submit {number}", [JOBS[number]]) for number in range(3)])
    assert second.shape() == ("second", [("again", ["again sql"])])


def test_an_executor_that_keeps_calls_in_another_way_nests_too(caught, shape):
    kept: list[Any] = []

    class Executor:
        def submit(self, function: Any, /, *args: Any, **keywords: Any) -> None:
            kept.append(Item(function, args, keywords))

    class Item:
        def __init__(self, function: Any, args: Any, keywords: Any) -> None:
            self.call = lambda: function(*args, **keywords)

    own = SimpleNamespace(ThreadPoolExecutor=Executor, _WorkItem=Item)
    for _ in range(2):
        hook_executor(own)
    with trace("root"), span("submit"):
        Executor().submit(work, name="job")
        thread = threading.Thread(target=contextvars.Context().run, args=(kept[0].call,))
        thread.start()
        thread.join()
    assert shape() == ("root", [("submit", [("job", ["job sql"])])])


def test_threads_nest_where_they_were_started(caught, shape):
    barrier = threading.Barrier(3)

    class Own(threading.Thread):
        def run(self) -> None:
            work("job 2", barrier)

    with trace("root"), span("view"):
        threads = [threading.Thread(target=work, args=(f"job {number}", barrier)) for number in range(2)]
        threads.append(Own())
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
            assert "run" not in vars(thread)
    assert sorted(shape()[1][0][1]) == JOBS


def test_copied_contexts_in_threads_get_lanes_of_their_own(caught, shape):
    barrier = threading.Barrier(3)
    with trace("root"), span("view"):
        contexts = [contextvars.copy_context() for _ in range(3)]
        threads = [
            # Past our hook, as a framework's own worker threads are.
            threading.Thread(target=contexts[number].run, args=(work, f"job {number}", barrier))
            for number in range(3)
        ]
        for thread in threads:
            start = threading.Thread.start
            getattr(start, "__wrapped__", start)(thread)
        for thread in threads:
            thread.join()
        with span("tail"):
            pass
    (view,) = shape()[1]
    assert sorted(view[1][:3]) == JOBS
    assert view[1][3] == "tail"


def test_to_thread_nests(caught, shape):
    async def main() -> None:
        with trace("root"):
            barrier = threading.Barrier(3)
            with span("one"):
                await asyncio.to_thread(work, "inner")
            await asyncio.gather(*(asyncio.to_thread(work, f"job {number}", barrier) for number in range(3)))
            with span("tail"):
                pass

    asyncio.run(main())
    _, children = shape()
    assert children[0] == ("one", [("inner", ["inner sql"])])
    assert sorted(children[1:4]) == JOBS
    assert children[4] == "tail"


def test_a_context_copied_back_from_a_worker_leaves_the_caller_its_lane(caught, shape):
    inside: list[Any] = []
    with trace("root"):
        context = contextvars.copy_context()

        def worker() -> None:
            with span("worker"):
                inside.append(LANE.get())

        thread = threading.Thread(target=context.run, args=(worker,))
        thread.start()
        thread.join()
        # As bridges between synchronous and asynchronous code do with every variable.
        LANE.set(inside[0])
        with span("caller"):
            pass
    assert shape() == ("root", ["worker", "caller"])


def test_what_is_carried_nests_where_it_was_wrapped(caught, shape):
    with trace("root"):
        with span("here"):
            carried = carry(work)
        thread = threading.Thread(target=carried, args=("there",))
        thread.start()
        thread.join()
    assert shape() == ("root", [("here", [("there", ["there sql"])])])


def test_outside_a_trace_nothing_is_wrapped():
    assert carry(work) is work


def test_a_lane_that_forked_but_never_recorded_passes_its_place_on(caught, shape):
    async def middle() -> None:
        await asyncio.gather(job("job 0"), job("job 1"))

    async def main() -> None:
        with trace("root"), span("view"):
            await asyncio.create_task(middle())

    asyncio.run(main())
    assert shape() == ("root", [("view", JOBS[:2])])


def test_a_thread_that_lives_on_records_nothing_afterwards(caught):
    go, done = threading.Event(), threading.Event()
    seen = []

    def live() -> None:
        go.wait(30)
        seen.append(current())
        done.set()

    with trace("root"):
        threading.Thread(target=live, daemon=True).start()
    go.set()
    done.wait(30)
    assert seen == [None]


def test_the_hooks_keep_results_names_and_exceptions(branches):
    assert asyncio.BaseEventLoop.create_task.__name__ == "create_task"

    async def fail() -> None:
        raise KeyError("x")

    async def main() -> None:
        with pytest.raises(KeyError):
            await asyncio.create_task(fail(), name="n")
        with trace("root"):
            task = asyncio.get_running_loop().create_task(coro=asyncio.sleep(0, "slept"), name="by keyword")
            assert task.get_name() == "by keyword"
            assert await task == "slept"

    asyncio.run(main())
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(divmod, 7, 2).result() == (3, 1)
        assert pool.submit(dict, fn=1, function=2).result() == {"fn": 1, "function": 2}


def test_who_has_the_identity_of_who_went_on_with_a_generator_does_not_go_on_with_its_lane(caught, shape):
    contexts, met = [], []

    def work() -> None:
        contexts.append(contextvars.copy_context())

    @instrument(title="feed")
    def items() -> Any:
        run_apart(work)
        yield
        met.append(threading.get_ident())

    def late() -> None:
        met.append(threading.get_ident())
        with span("late"):
            pass

    def run_apart(call: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=call, args=arguments)
        thread.start()
        thread.join()

    with trace("root"):
        feed = items()
        next(feed)
        run_apart(next, feed, None)
        run_apart(contexts[0].run, late)
    # Where the second thread got an identity of its own, there was nothing to mistake.
    assert len(met) == 2
    assert shape() == ("root", [("feed", ["late"])])
