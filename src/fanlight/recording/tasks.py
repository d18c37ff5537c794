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
TASK = ("self", "coro", "name", "context")
"""What `create_task` takes where the fast path knows all of it."""
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
    if code is None or code.co_flags & COLLECTS or "_task_factory" not in code.co_names:
        return calling_any(create_task, apart)
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] == TASK
    return calling(create_task, apart) if known else calling_any(create_task, apart)


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


def calling(create_task: Any, apart: Any) -> Any:
    """Answer a hook that calls a `create_task` that takes what asyncio's does."""

    # A fast path, chosen once: collecting keywords costs as much as all the rest.
    def create(loop: Any, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        here = lane_here()
        if here is not None:
            if loop._task_factory is not None:  # noqa: SLF001  asked by the method too
                return apart(loop, coro, {"name": name, "context": context})
            # As `share` asks first: tasks that are started one after the other stand at one place.
            if here.branch != len(here.events):
                share(here)
        # A fast path: keywords are matched by name each time.
        if name is None and context is None:
            return create_task(loop, coro)
        return create_task(loop, coro, name=name, context=context)

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
