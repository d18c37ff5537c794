"""Calls out of asynchronous code as Django makes them: asgiref enters a copy of the context."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async

from fanlight.recording.blocks import trace
from fanlight.recording.branches import BRIDGE, POOLS
from fanlight.recording.recorder import LANE, span

pytestmark = pytest.mark.usefixtures("branches")


def work(name: str) -> None:
    with span(name):
        pass


async def hop(name: str, *, sensitive: bool = True) -> None:
    await sync_to_async(work, thread_sensitive=sensitive)(name)


@pytest.mark.parametrize("sensitive", [True, False])
def test_calls_stand_under_what_was_open_where_they_were_awaited(caught, shape, sensitive):
    async def main() -> None:
        async with ThreadSensitiveContext():
            with trace("root"):
                with span("one"):
                    await hop("in one", sensitive=sensitive)
                with span("two"):
                    await hop("in two", sensitive=sensitive)

    asyncio.run(main())
    assert shape() == ("root", [("one", ["in one"]), ("two", ["in two"])])


@pytest.mark.parametrize("sensitive", [True, False])
def test_calls_after_a_span_stand_beside_it(caught, shape, sensitive):
    async def main() -> None:
        async with ThreadSensitiveContext():
            with trace("root"):
                await hop("first", sensitive=sensitive)
                with span("one"):
                    await hop("in one", sensitive=sensitive)
                    with span("deep"):
                        await hop("in deep", sensitive=sensitive)
                        await hop("in deep too", sensitive=sensitive)
                    await hop("in one too", sensitive=sensitive)
                await hop("beside", sensitive=sensitive)
                await hop("last", sensitive=sensitive)

    asyncio.run(main())
    inside = ["in one", ("deep", ["in deep", "in deep too"]), "in one too"]
    assert shape() == ("root", ["first", ("one", inside), "beside", "last"])


def test_calls_that_one_thread_after_the_other_takes_stand_where_they_are_made(caught, shape):
    async def main() -> None:
        with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:

            async def by(executor: ThreadPoolExecutor, name: str) -> None:
                await sync_to_async(work, thread_sensitive=False, executor=executor)(name)

            with trace("root"):
                with span("deep"):
                    await by(one, "first")
                    await by(other, "second")
                await by(one, "third")
                with span("again"):
                    await by(other, "fourth")
                await by(other, "fifth")

    asyncio.run(main())
    assert shape() == ("root", [("deep", ["first", "second"]), "third", ("again", ["fourth"]), "fifth"])


@pytest.mark.parametrize("sensitive", [True, False])
def test_a_task_that_was_started_after_a_span_stands_beside_it(caught, shape, sensitive):
    async def main() -> None:
        async with ThreadSensitiveContext():
            with trace("root"):
                with span("one"):
                    await hop("in one", sensitive=sensitive)
                await asyncio.gather(hop("a", sensitive=sensitive), hop("b", sensitive=sensitive))

    asyncio.run(main())
    root, children = shape()
    assert (root, children[0], sorted(children[1:])) == ("root", ("one", ["in one"]), ["a", "b"])


@pytest.mark.parametrize("sensitive", [True, False])
def test_calls_of_tasks_stand_under_their_tasks(caught, shape, sensitive):
    async def task(name: str) -> None:
        await hop(f"{name} before", sensitive=sensitive)
        with span(name):
            await asyncio.sleep(0)
            await hop(f"{name} inside", sensitive=sensitive)

    async def main() -> None:
        async with ThreadSensitiveContext():
            with trace("root"):
                with span("group"):
                    await asyncio.gather(task("a"), task("b"))
                with span("tail"):
                    await hop("in tail", sensitive=sensitive)

    asyncio.run(main())
    root, (group, tail) = shape()
    assert (root, group[0], tail) == ("root", "group", ("tail", ["in tail"]))
    assert sorted(map(str, group[1])) == sorted(
        map(str, ["a before", "b before", ("a", ["a inside"]), ("b", ["b inside"])])
    )


@pytest.mark.parametrize("sensitive", [True, False])
def test_a_call_after_a_task_was_started_stands_where_it_is_made_and_the_task_where_it_was(
    caught, shape, sensitive
):
    async def late() -> None:
        await hop("late", sensitive=sensitive)
        work("later")

    async def child() -> None:
        with span("child"):
            with span("start"):
                started = asyncio.create_task(late())
            await hop("call", sensitive=sensitive)
            await started
            await hop("last", sensitive=sensitive)

    async def main() -> None:
        async with ThreadSensitiveContext():
            with trace("root"):
                await child()
                task = asyncio.create_task(child())
                with span("meanwhile"):
                    await task

    asyncio.run(main())
    root, children = shape()
    assert root == "root"
    # Beside each other, in whatever order the loop took them.
    one = ("child", [("start", ["late", "later"]), "call", "last"])
    assert sorted(map(str, children)) == sorted(map(str, [one, one, "meanwhile"]))


def test_what_another_task_calls_during_a_call_stands_where_that_task_was_started(caught, shape):
    other_done = threading.Event()

    async def main() -> None:
        loop, is_called = asyncio.get_running_loop(), asyncio.Event()

        def slow() -> None:
            loop.call_soon_threadsafe(is_called.set)
            assert other_done.wait(30)
            work("called")

        async def other() -> None:
            await is_called.wait()
            await asyncio.to_thread(work, "other's")
            other_done.set()

        with trace("root"):
            with span("start"):
                task = asyncio.create_task(other())
            await sync_to_async(slow, thread_sensitive=False)()
            await task

    asyncio.run(main())
    assert shape() == ("root", [("start", ["other's"]), "called"])


def test_calls_that_overlap_leave_other_tasks_where_they_were_started(caught, shape):
    first_ends, second_ends = threading.Event(), threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        first_is_over, second_is_called = asyncio.Event(), asyncio.Event()

        def first() -> None:
            loop.call_soon_threadsafe(second_is_called.set)
            assert first_ends.wait(30)
            work("in first")

        def second() -> None:
            first_ends.set()
            assert second_ends.wait(30)
            work("in second")

        async def calling() -> None:
            await second_is_called.wait()
            await sync_to_async(second, thread_sensitive=False)()

        async def late(task: asyncio.Task[None]) -> None:
            await first_is_over.wait()
            second_ends.set()
            await task
            await asyncio.to_thread(work, "late")

        with trace("root"):
            with span("start"):
                tasks = [asyncio.create_task(calling())]
                tasks.append(asyncio.create_task(late(tasks[0])))
            await sync_to_async(first, thread_sensitive=False)()
            first_is_over.set()
            await asyncio.gather(*tasks)

    asyncio.run(main())
    assert shape() == ("root", [("start", ["in second", "late"]), "in first"])


def test_a_call_that_records_nothing_leaves_the_lane_alone(caught):
    async def main() -> None:
        async with ThreadSensitiveContext():
            with trace("root"):
                here = LANE.get()
                await sync_to_async(int)()
                assert LANE.get() is here
                assert here is not None
                assert here.brancher == 0

    asyncio.run(main())
    assert len(caught[0].records) == 1
    assert BRIDGE.kind is SyncToAsync


def test_whose_threads_are_a_pools_is_told_by_their_module():
    assert POOLS["asgiref.sync"]
    assert POOLS["concurrent.futures.thread"]
    assert not POOLS["shop.jobs"]
    assert not POOLS[threading.__name__]
