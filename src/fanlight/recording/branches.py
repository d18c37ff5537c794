"""Branches: work that a trace starts elsewhere gets a lane of its own, whoever starts it.

A copied context shows its parent's lane. For threads and greenlets the lane's owner tells; asyncio
tasks share a thread, so their creation is noted and the lane forks when one of them records, which
costs nothing per span.
The hooks sit on classes, under any task factory: eager ones, foreign ones, `gather`, `TaskGroup`.
"""

from __future__ import annotations

import _thread
from _contextvars import Context
from _operator import attrgetter
from sys import flags

from fanlight.recording.arrival import ARRIVALS, does_as
from fanlight.recording.lanes import LANE, collecting, lane_here, own_lane, put, set_lane, share
from fanlight.recording.recorder import SWITCH

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
GEVENT_MAPS = ("map", "map_async", "imap", "imap_unordered")
SERVES_OTHERS = ("anyio.", "asgiref.", "concurrent.futures.", "multiprocessing.", "gevent.")
"""Where a thread comes from that a trace happens to start and that then works for everybody."""
INHERITS = bool(getattr(flags, "thread_inherit_context", False))
"""Whether a thread starts with a copy of the context, as it may from Python 3.14 on."""


class Bridge:
    """Django's way from asynchronous code into synchronous.

    What it calls runs in a copy of the caller's context, and the caller waits: nothing comes between.

    Attributes:
        kind: asgiref's class of such calls, None while it is not there.
    """

    __slots__ = ("kind",)

    def __init__(self) -> None:
        self.kind: Any = None

    def note(self, module: ModuleType) -> None:
        """Note the class; an asgiref that has none stays unknown."""
        self.kind = getattr(module, "SyncToAsync", None)


BRIDGE = Bridge()


def hook() -> None:
    """Hook tasks, executors and threads, each once its module is there; a second call does nothing."""
    for module, owner, name, wrapper in (
        ("asyncio.base_events", "BaseEventLoop", "create_task", branching_task),
        # uvloop's loop is written in C and shares nothing with asyncio's but the interface.
        ("uvloop", "Loop", "create_task", branching_task),
        ("threading", "Thread", "start", branching_start),
        # A greenlet begins with an empty context; its class is written in C, so what makes one is
        # hooked: the functions, and the methods of pools.
        ("gevent", "", "spawn", branching_call),
        ("gevent", "", "spawn_later", branching_second),
        ("gevent.pool", "Group", "spawn", branching_second),
        *(("gevent.pool", "GroupMappingMixin", name, branching_each) for name in GEVENT_MAPS),
        ("gevent.threadpool", "ThreadPool", "spawn", branching_second),
    ):
        ARRIVALS.expect(module, Wrapping(owner, name, wrapper))
    ARRIVALS.expect("concurrent.futures.thread", hook_executor)
    ARRIVALS.expect("asgiref.sync", BRIDGE.note)
    ARRIVALS.expect("asgiref.sync", Wrapping("AsyncToSync", "__call__", branching_back))


def hook_executor(module: ModuleType) -> None:
    """Hook where executors keep a call until a thread takes it; a second call does nothing."""
    keep = getattr(getattr(module, "_WorkItem", None), "__init__", None)
    if hasattr(keep, MARK):
        return
    if does_as(keep, Kept.__init__):
        # A fast path: it does ours in place of its own, where `submit` would be called behind ours.
        Wrapping("_WorkItem", "__init__", lambda _: keep_carried)(module)
    else:
        Wrapping("ThreadPoolExecutor", "submit", branching_submit)(module)


class Kept:
    """What an executor keeps of a call, where its class does this and no more."""

    def __init__(self, future: Any, fn: Any, args: Any, kwargs: Any) -> None:
        self.future = future
        self.fn = fn
        self.args = args
        self.kwargs = kwargs


def keep_carried(self: Any, future: Any, fn: Any, args: Any, kwargs: Any) -> None:
    """Keep a call, with a lane of its own."""
    here = lane_here()
    self.future = future
    self.fn = fn if here is None else carried_on(fn, here)
    self.args = args
    self.kwargs = kwargs


class Wrapping:
    """Puts a hook in place of a method, once.

    Args:
        owner: name of the class in the module, "" for a function of the module's own.
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
        place = getattr(module, self.owner, None) if self.owner else module
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
    lane = lane_here()
    if lane is None or collecting():
        return None
    trace = lane.trace
    if trace is None or trace.lanes is None or not trace.sampled or trace.epoch != SWITCH.epoch:
        return None
    # What is shown may be the lane of a worker whose call is over.
    if lane.brancher or lane.owner != _thread.get_ident():
        lane = own_lane(lane)
    return lane.fork()


def branching_task(create_task: Any) -> Any:
    """Answer `create_task` of an event loop, with a lane of its own for each task."""
    # Here, for an application that has none.
    from fanlight.recording.tasks import hooked

    return hooked(create_task, branching)


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """Answer `function` such that, wherever it runs, its spans stand under the span open here."""
    lane = branching()
    return function if lane is None else carrying(function, lane)


def carrying(function: Callable[P, R], lane: Lane) -> Callable[P, R]:
    """Answer `function` such that it runs with this lane, in whichever thread."""

    def carried(*args: P.args, **keywords: P.kwargs) -> R:
        before = lane_here()
        lane.owner = _thread.get_ident()
        set_lane(lane)
        try:
            return function(*args, **keywords)
        finally:
            # A thread that begins later may have the identity of one that ended.
            lane.owner = -1
            set_lane(before)

    return carried


def branching_submit(submit: Any) -> Any:
    """Answer `submit` of an executor, with a lane of its own for each call."""

    def submit_carried(executor: Any, function: Any, /, *args: Any, **keywords: Any) -> Any:
        here = lane_here()
        return submit(executor, function if here is None else carried_on(function, here), *args, **keywords)

    return submit_carried


bound = attrgetter("func.__self__")


def carried_on(function: Any, here: Lane) -> Any:
    """Answer what an executor is to call, where its caller's context shows a lane."""
    try:
        # Whose method it is that arguments are bound to, or else whose it is itself.
        owner = bound(function)
    except AttributeError:
        owner = getattr(function, "__self__", None)
    if owner.__class__ is BRIDGE.kind:
        # Fast paths: mostly no task was started before, and nothing ended since the call before this one.
        if here.brancher:
            if here.branch != len(here.events):
                return standing(function, here)
        elif (above := here.parent) is not None:
            is_elsewhere = above.owner != (me := _thread.get_ident())
            if is_elsewhere and here.owner == me:
                return standing(function, here)
            if is_elsewhere or here.at != len(above.events):
                return_home(here)
    elif owner.__class__ is Context and owner.get(LANE) is here:
        share_copy(owner, here)
    elif (lane := branching()) is not None:
        return carrying(function, lane)
    return function


def share_copy(copy: Context, here: Lane) -> None:
    """Let what runs in a copy of the caller's context stand where the caller is; `here` is what it shows."""
    # A fast path: as for a task, the lane forks when something is recorded there.
    if here.owner == _thread.get_ident() and not here.brancher:
        share(here)
    elif here.branch != len(here.events) and (lane := branching()) is not None:
        from fanlight.recording.tasks import enter

        # It is made, and shows a worker's lane, or the place of tasks that were started before.
        enter(copy, here, lane)


def return_home(here: Lane) -> None:
    """Let the next call over the bridge stand where its caller is, not where the one before stood.

    Args:
        here: the lane that the caller's context shows, and the copy that is about to be entered: the
            worker's, if the call before recorded something.
    """
    trace = here.trace
    if trace is None or trace.lanes is None or collecting():
        return
    own = own_lane(here)
    if own is not here:
        # Nobody's: whoever comes by in a context that shows it branches off its home.
        here.home, here.owner = own, -1


def standing(function: Callable[P, R], here: Lane) -> Callable[P, R]:
    """Answer a call that enters a copied context such that it stands where its caller is.

    Args:
        function: enters a copy of the caller's context, which is made already.
        here: the lane that this shows, and so do tasks that stand elsewhere, or the worker that waits for it.
    """
    trace = here.trace
    if trace is None or trace.lanes is None or collecting():
        return function
    lane, callers = own_lane(here).fork(), here.callers
    if callers is None:
        callers = here.callers = {}

    def carried(*args: P.args, **keywords: P.kwargs) -> R:
        # For this thread alone: meanwhile other tasks may call elsewhere in copies that show the same lane.
        me = lane.owner = _thread.get_ident()
        # Such a call may come back to this thread for a further one.
        before = callers.get(me)
        callers[me] = lane
        try:
            return function(*args, **keywords)
        finally:
            if before is None:
                del callers[me]
            else:
                callers[me] = before

    return carried


def branching_back(call: Any) -> Any:
    """Answer the way from synchronous code into asynchronous, which copies contexts there and back."""

    def call_apart(self: Any, /, *args: Any, **keywords: Any) -> Any:
        here, lane = lane_here(), branching()
        if lane is None:
            return call(self, *args, **keywords)
        # Nobody's: whichever thread runs it, the caller's or the loop's, it stands where its caller is.
        put(lane)
        try:
            return call(self, *args, **keywords)
        finally:
            put(here)

    return call_apart


def branching_call(spawn: Any) -> Any:
    """Answer a function that calls its first argument elsewhere, with a lane of its own for that."""

    def spawn_carried(function: Any, /, *args: Any, **keywords: Any) -> Any:
        lane = branching()
        if lane is not None and callable(function):
            function = carrying(function, lane)
        return spawn(function, *args, **keywords)

    return spawn_carried


def branching_second(spawn: Any) -> Any:
    """Answer the same for a function that calls its second argument, such as a pool's method."""

    def spawn_carried(first: Any, function: Any, /, *args: Any, **keywords: Any) -> Any:
        lane = branching()
        if lane is not None and callable(function):
            function = carrying(function, lane)
        return spawn(first, function, *args, **keywords)

    return spawn_carried


def branching_each(spread: Any) -> Any:
    """Answer a pool's method that calls its argument for many items, with a lane for each call."""

    def spread_carried(pool: Any, function: Any, /, *args: Any, **keywords: Any) -> Any:
        lane = branching()
        if lane is not None and callable(function):
            plain = function

            def each(*items: Any, **more: Any) -> Any:
                # The calls overlap, so they cannot have one lane among them.
                return carrying(plain, lane.fork())(*items, **more)

            function = each
        return spread(pool, function, *args, **keywords)

    return spread_carried


def branching_start(start: Any) -> Any:
    """Answer `start` of a thread, with a lane of its own for what it runs."""

    def start_carried(thread: Any) -> None:
        here = lane_here()
        if here is not None:
            target = getattr(thread, "_target", None)
            module = getattr(thread.__class__ if target is None else target, "__module__", None)
            if module.__class__ is str and POOLS[module]:
                if INHERITS:
                    start_without(start, thread, here)
                    return
            elif (lane := branching()) is not None and "run" not in thread.__dict__:
                thread.run = running(thread, lane)
        start(thread)

    return start_carried


class Pools(dict[str, bool]):
    """Whether a module's threads are a pool's, which a trace may start but does not own."""

    def __missing__(self, module: str) -> bool:
        self[module] = serves = module.startswith(SERVES_OTHERS)
        return serves


POOLS = Pools()


def start_without(start: Any, thread: Any, here: Lane) -> None:
    """Start a thread that would inherit this trace's lane and keep it for good."""
    put(None)
    try:
        start(thread)
    finally:
        put(here)


def running(thread: Any, lane: Lane) -> Callable[..., None]:
    """Answer what a thread runs, with this lane."""
    run = thread.run

    # Some who start threads take what stands there for a function of the class, and give it the thread.
    def carried(*_: object) -> None:
        # Off the instance first: the thread must not hold on to itself.
        thread.__dict__.pop("run", None)
        carrying(run, lane)()

    return carried
