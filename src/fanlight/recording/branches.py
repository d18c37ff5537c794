"""Branches: work that a trace starts elsewhere gets a lane of its own, whoever starts it.

A copied context shows its parent's lane. For threads and greenlets the lane's owner tells; asyncio
tasks share a thread, so their creation is where the lane forks, which costs nothing per span.
The hooks sit on classes, under any task factory: eager ones, foreign ones, `gather`, `TaskGroup`.
"""

from __future__ import annotations

import _thread

from fanlight.recording.arrival import ARRIVALS
from fanlight.recording.lanes import LANE
from fanlight.recording.recorder import is_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

    from fanlight.recording.lanes import Lane

MARK = "fanlight_branches"
"""Attribute of a function that is a hook of ours already."""


def hook() -> None:
    """Hook tasks, executors and threads, each once its module is there; a second call does nothing."""
    for module, owner, name, wrapper in (
        ("asyncio.base_events", "BaseEventLoop", "create_task", branching_task),
        # uvloop's loop is written in C and shares nothing with asyncio's but the interface.
        ("uvloop", "Loop", "create_task", branching_task),
        ("concurrent.futures.thread", "ThreadPoolExecutor", "submit", branching_submit),
        ("threading", "Thread", "start", branching_start),
    ):
        ARRIVALS.expect(module, Wrapping(owner, name, wrapper))


class Wrapping:
    """Puts a hook in place of a method, once.

    Args:
        owner: name of the class in the module.
        name: of the method.
        wrapper: answers the hook for the method.
    """

    __slots__ = ("name", "owner", "wrapper")

    def __init__(self, owner: str, name: str, wrapper: Callable[[Any], Any]) -> None:
        self.owner = owner
        self.name = name
        self.wrapper = wrapper

    def __call__(self, module: ModuleType) -> None:
        """Hook the module's class; one that has no such method stays as it is."""
        place = getattr(module, self.owner, None)
        method = getattr(place, self.name, None)
        if method is None or hasattr(method, MARK):
            return
        hooked = self.wrapper(method)
        for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(hooked, attribute, getattr(method, attribute, None))
        hooked.__wrapped__ = method
        setattr(hooked, MARK, True)
        setattr(place, self.name, hooked)


def branching() -> Lane | None:
    """Answer a lane for work that is started here, None where nothing is recorded."""
    lane = LANE.get()
    if lane is None or not is_open(lane.trace) or not lane.trace.sampled:  # type: ignore[union-attr]  # is_open
        return None
    return lane.fork()


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """Answer `function` such that, wherever it runs, its spans stand under the span open here."""
    lane = branching()
    if lane is None:
        return function

    def carried(*args: P.args, **keywords: P.kwargs) -> R:
        before = LANE.get()
        lane.owner = _thread.get_ident()
        LANE.set(lane)
        try:
            return function(*args, **keywords)
        finally:
            LANE.set(before)

    return carried


def branching_task(create_task: Any) -> Any:
    """Answer `create_task` of an event loop, with a lane of its own for each task."""

    def create(loop: Any, coroutine: Any, *args: Any, **keywords: Any) -> Any:
        lane = branching()
        # A context given by the caller is the caller's business, and may be shared on purpose.
        if lane is None or keywords.get("context") is not None:
            return create_task(loop, coroutine, *args, **keywords)
        before = LANE.get()
        lane.owner = _thread.get_ident()
        # The task copies the context that it is created in, and an eager one runs there at once.
        LANE.set(lane)
        try:
            return create_task(loop, coroutine, *args, **keywords)
        finally:
            LANE.set(before)

    return create


def branching_submit(submit: Any) -> Any:
    """Answer `submit` of an executor, with a lane of its own for each call."""

    def submit_carried(executor: Any, function: Any, /, *args: Any, **keywords: Any) -> Any:
        before = LANE.get()
        if before is None:
            return submit(executor, function, *args, **keywords)
        carried = carry(function)
        # A worker thread that starts now serves others later: it is no branch of this trace.
        LANE.set(None)
        try:
            return submit(executor, carried, *args, **keywords)
        finally:
            LANE.set(before)

    return submit_carried


def branching_start(start: Any) -> Any:
    """Answer `start` of a thread, with a lane of its own for what it runs."""

    def start_carried(thread: Any) -> None:
        lane = branching()
        if lane is not None and "run" not in thread.__dict__:
            run = thread.run

            def carried() -> None:
                # Off the instance first: the thread must not hold on to itself.
                del thread.__dict__["run"]
                lane.owner = _thread.get_ident()
                LANE.set(lane)
                run()

            thread.run = carried
        start(thread)

    return start_carried
