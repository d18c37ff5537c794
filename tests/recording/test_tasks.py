"""What stands in for an event loop's `create_task` does what that does, whatever it takes."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from typing import Any

import pytest

from fanlight.recording import tasks
from fanlight.recording.blocks import trace
from fanlight.recording.branches import branching, branching_task
from fanlight.recording.recorder import span

ORIGINAL = asyncio.BaseEventLoop.create_task


def making(method: Any, apart: Any) -> Any:
    """Answer the hook that makes the tasks itself."""
    return tasks.making(method, apart, asyncio.tasks)


WAYS = {"making": making, "calling": tasks.calling_any}


@pytest.fixture(params=WAYS)
def loop(request: Any) -> Any:
    """A loop of a class whose `create_task` is hooked in each way."""
    method = getattr(ORIGINAL, "__wrapped__", ORIGINAL)
    hook = WAYS[request.param](method, tasks.creating_apart(method, branching))
    made = type("Loop", (asyncio.SelectorEventLoop,), {"create_task": hook})()
    yield made
    made.close()


async def work(name: str) -> str:
    with span(name):
        await asyncio.sleep(0)
    return name


def test_asyncios_own_is_not_called_behind_the_hook_where_it_is_known():
    method = getattr(ORIGINAL, "__wrapped__", ORIGINAL)
    loop = type("Loop", (asyncio.SelectorEventLoop,), {"create_task": branching_task(method)})()
    called = []

    async def main() -> str:
        sys.setprofile(lambda frame, event, _: called.append((event, frame.f_code)))
        try:
            task = loop.create_task(work("a"))
        finally:
            sys.setprofile(None)
        return str(await task)

    try:
        assert loop.run_until_complete(main()) == "a"
    finally:
        loop.close()
    is_known = (3, 11) <= sys.version_info < (3, 13, 3)
    assert (("call", method.__code__) not in called) == is_known


def test_a_method_that_does_more_is_called():
    called = []

    def create_task(self: Any, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        called.append(name)
        return self._task_factory or ORIGINAL(self, coro, name=name, context=context)

    loop = type("Loop", (asyncio.SelectorEventLoop,), {"create_task": branching_task(create_task)})()
    try:
        assert loop.run_until_complete(loop.create_task(work("a"), name="more")) == "a"
    finally:
        loop.close()
    assert called == ["more"]


def run_hooked(create_task: Any, main: Any, **more: Any) -> Any:
    """Run a coroutine function, given its loop, on a loop whose hooked `create_task` is this."""
    loop = type("Loop", (asyncio.SelectorEventLoop,), {"create_task": branching_task(create_task), **more})()
    try:
        return loop.run_until_complete(asyncio.Task(main(loop), loop=loop))
    finally:
        loop.close()


def test_a_method_that_takes_more_is_given_more():
    asked = []

    def create_task(self: Any, coro: Any, *, name: Any = None, context: Any = None, **more: Any) -> Any:
        asked.append((self._task_factory, more))
        return ORIGINAL(self, coro, name=name, context=context)

    async def main(loop: Any) -> None:
        with trace("root"):
            await loop.create_task(work("a"), urgent=True)

    run_hooked(create_task, main)
    assert asked == [(None, {"urgent": True})]


def test_a_loop_that_keeps_its_factory_elsewhere_is_asked_for_it(caught, shape):
    def create_task(self: Any, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        return asyncio.Task(coro, loop=self, name=name, context=context)

    class Elsewhere:
        """Stands in the way of whoever looks where asyncio's loops keep theirs."""

        def __get__(self, loop: Any, kind: Any) -> Any:
            raise AttributeError("_task_factory")

        def __set__(self, loop: Any, factory: Any) -> None:
            pass

    async def main(loop: Any) -> None:
        with trace("root"):
            await asyncio.gather(loop.create_task(work("a")), loop.create_task(work("b")))

    run_hooked(create_task, main, _task_factory=Elsewhere(), get_task_factory=lambda _: None)
    assert shape() == ("root", ["a", "b"])


@pytest.mark.parametrize("foreign", [False, True])
def test_a_task_in_the_very_context_of_its_caller_runs_and_shares_the_lane(caught, shape, loop, foreign):
    if foreign:
        loop.set_task_factory(lambda loop, coro, **keywords: asyncio.Task(coro, loop=loop, **keywords))
    here = contextvars.copy_context()

    async def main() -> None:
        with trace("root"):
            assert await loop.create_task(work("a"), context=here) == "a"

    loop.run_until_complete(asyncio.Task(main(), loop=loop, context=here))
    assert shape() == ("root", ["a"])


def test_siblings_stand_side_by_side(caught, shape, loop):
    async def main() -> None:
        with trace("root"):
            await asyncio.gather(*(loop.create_task(work(f"job {number}")) for number in range(3)))

    loop.run_until_complete(main())
    assert shape() == ("root", [f"job {number}" for number in range(3)])


def test_name_context_and_whoever_makes_tasks_are_heeded(loop):
    made = []

    def make(loop: Any, coro: Any, **keywords: Any) -> Any:
        made.append(keywords)
        return asyncio.Task(coro, loop=loop, **keywords)

    async def main() -> None:
        task = loop.create_task(work("a"), name="mine")
        assert task.get_name() == "mine"
        assert await task == "a"
        loop.set_task_factory(make)
        with trace("root"):
            assert await loop.create_task(work("b")) == "b"
        task = loop.create_task(work("c"), name="other")
        assert (await task, task.get_name()) == ("c", "other")

    loop.run_until_complete(main())
    assert len(made) == 2


def test_in_debug_mode_a_task_tells_where_it_was_made(loop):
    loop.set_debug(True)

    async def main() -> None:
        task = loop.create_task(work("a"))
        frames = [frame.name for frame in task._source_traceback]
        assert "main" in frames[-2:]
        await task

    loop.run_until_complete(main())


def test_a_closed_loop_says_so(loop):
    loop.close()
    coroutine = work("a")
    with pytest.raises(RuntimeError, match="closed"):
        loop.create_task(coroutine)
    coroutine.close()
