"""Tasks of an event loop that are started inside a trace: each may have a lane of its own."""

from __future__ import annotations

import _thread

from fanlight.recording.lanes import LANE, lane_here, set_lane, share

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.recording.lanes import Lane

    Branching = Callable[[], Lane | None]

NAMED = frozenset({"name", "context"})
"""What may be said of a task that leaves open when it runs first."""
STEPS = ("_check_closed", "_task_factory", "tasks", "Task", "_source_traceback")
MAKES = frozenset({(*STEPS, "_set_task_name"), (*STEPS, "set_name")})
"""What asyncio's own names, in this order, where it makes a task as `making` does."""
TASK = ("self", "coro", "name", "context")
"""What it takes then."""
COLLECTS = 0x04 | 0x08
"""Flags of a function's code: takes further arguments, or keywords."""


def hooked(create_task: Any, branching: Branching) -> Any:
    """Answer `create_task` of an event loop, with a lane of its own for each task.

    Args:
        create_task: of a class of loops.
        branching: answers a lane for work that is started here.
    """
    apart = creating_apart(create_task, branching)
    code = getattr(create_task, "__code__", None)
    if code is not None and code.co_names in MAKES and create_task.__module__ == "asyncio.base_events":
        known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] == TASK
        if known and not code.co_flags & COLLECTS:
            return making(create_task, apart, create_task.__globals__["tasks"])
    return calling_any(create_task, apart)


def calling_any(create_task: Any, apart: Any) -> Any:
    """Answer a hook that calls a `create_task` of which nothing is known."""

    def create(loop: Any, coro: Any, **keywords: Any) -> Any:
        here = lane_here()
        if here is None:
            return create_task(loop, coro, **keywords)
        # A fast path: nobody else has a say in when the task runs first.
        if (not keywords or NAMED.issuperset(keywords)) and loop.get_task_factory() is None:
            share(here)
            return create_task(loop, coro, **keywords)
        return apart(loop, coro, keywords)

    return create


def making(create_task: Any, apart: Any, tasks: Any) -> Any:
    """Answer a hook that makes a task as asyncio's `create_task` does, of what `tasks` has for that."""

    # A fast path, chosen once: it does that in place of the method, which would be called behind ours.
    def create(loop: Any, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        here = lane_here()
        if loop._task_factory is not None:  # noqa: SLF001  asked by the method too
            if here is None:
                return create_task(loop, coro, name=name, context=context)
            return apart(loop, coro, {"name": name, "context": context})
        if here is not None and here.branch != len(here.events):
            share(here)
        loop._check_closed()  # noqa: SLF001  likewise
        task = tasks.Task(coro, loop=loop, name=name, context=context)
        if task._source_traceback:  # noqa: SLF001  likewise
            del task._source_traceback[-1]  # noqa: SLF001  likewise
        return task

    return create


def creating_apart(create_task: Any, branching: Branching) -> Any:
    """Answer what creates a task whose beginning somebody else decides, with its own lane."""

    def create(loop: Any, coro: Any, keywords: dict[str, Any]) -> Any:
        before, lane = lane_here(), branching()
        if before is None or lane is None:
            return create_task(loop, coro, **keywords)
        # The loop's: a thread that the task calls before it records would take it for its own.
        lane.owner = _thread.get_ident()
        context = keywords.get("context")
        if context is not None:
            enter(context, before, lane)
            return create_task(loop, coro, **keywords)
        # The task copies the context that it is created in, and an eager one runs there at once.
        set_lane(lane)
        try:
            return create_task(loop, coro, **keywords)
        finally:
            set_lane(before)

    return create


def enter(context: Any, before: Lane, lane: Lane) -> None:
    """Put a task's lane into the context that its caller chose for it, if that is a fresh copy.

    One that is shared on purpose keeps the lane that it has.
    """
    if context.get(LANE) is not before:
        return
    try:
        context.run(LANE.set, lane)
    except RuntimeError:
        # The context is the one that runs here and now, so the task shares its lane too.
        return
