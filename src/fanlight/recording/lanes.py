"""Lanes (HOT): one flat list of events per execution context, and which one is whose.

A trace is a few flat lists of events, one list per lane. What an event is shows in its shape:

    int                                             a `with` block closes: the end
    (start, category, title)                        a `with` block opens …
    (start, category, title, attributes)            … with attributes
    (start, end, name, payload, location)           a leaf, recorded after the fact
    (start, name, title, payload, handle, None)     a span opens that only its handle closes …
    (handle, end)                                   … here
    dict                                            annotations of the innermost open span

Times are `clock()` nanoseconds. Nesting, names, GC, pruning and encoding are the background's.
"""

from __future__ import annotations

import _thread
from _contextvars import ContextVar
from _thread import get_ident
from sys import modules

from fanlight.recording.clock import clock
from fanlight.recording.location import location, repeated_at
from fanlight.recording.reduction import reduce_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.recording.recorder import Trace

RECORDS = 100_000
"""Spans and annotations that one trace keeps; further ones are counted as lost."""
BLOCK_FIRST = 16
BLOCK = 4_096
"""Events that a lane may append before it asks its trace for more room, at first and at the most."""
REPEAT = 5
"""A statement's n-th repeat in a trace carries the place in the application's code."""
SLOW_NS = 10_000_000
"""A leaf over this carries the place too."""
LOOKALIKES = (5, 25, 125, 625)
LOOKALIKE_CHARACTERS = 24
LONG_CHARACTERS = 2_048
"""Text from which on its own length counts in what a trace takes; shorter ones are mostly shared."""
MUTED = -1
"""Limit of a lane that records nothing, and whose branches record nothing either."""
LEFT = -2
"""Owner of a generator's lane between its steps; who went on with it last may have ended since."""


class Gone(list["Any"]):
    """Events of a lane whose trace has ended: stays empty, whoever still appends."""

    __slots__ = ()

    def append(self, event: Any) -> None:
        """Leave the event out."""


GONE = Gone()


class Entering(type):
    """The class of classes of blocks, so that they can be entered by hand; the recorder sets how."""


class Lane(metaclass=Entering):
    """The events of one execution context: a thread, an asyncio task, a greenlet.

    It is also the context manager that `span()` answers, so that a span allocates none.

    Attributes:
        trace: None once the trace has ended.
        events: see the module.
        limit: length of `events` at which the lane must ask for room; 0 while it has had none,
            `MUTED` where it gets none.
        owner: identity of the thread (or greenlet) that may append; 0 is still to be claimed.
        parent: the lane that this one was forked from, when that had `at` events.
        mark: length of `events` when room was last given, `reserved` how much; -1 before the first.
        loose: whether an event may hold the application's own objects, or other lanes went before.
        seen: how often each statement has come in this trace.
        brancher: identity of the task that started others here; see `share`. 0 while none has.
        branch: length of `events` when it did; -1 before.
        after: the lane that goes on for this one; its `before` is this one.
        home: the lane that counts where a context still shows this one, whose worker is done; None before.
        callers: the lane that counts for a thread that was called from a context that showed this one.
    """

    # A fast path, as in `Trace`: what a request's own lane never sets is the class's.
    trace: Trace | None
    events: list[Any]
    seen: dict[str, int]
    owner: int
    limit: int
    loose: bool
    reserved = BLOCK
    mark = 0
    parent: Lane | None = None
    at = 0
    brancher = 0
    branch = -1
    before: Lane | None = None
    after: Lane | None = None
    home: Lane | None = None
    callers: dict[int, Lane] | None = None

    # What a block is given; the recorder sets it, since it needs `current`.
    __enter__: Callable[..., Any]

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is not None:
            self.events.append({"error": kind.__name__})
        self.events.append(clock())

    def start(self, name: str, payload: Any = None, title: str | None = None) -> int:
        """Open a span and answer the handle that closes it.

        Args:
            name: a notification name or a category; looked up in the background.
            payload: for the normalizer: text, numbers, or tuples and dicts of those.
            title: a title that the caller knows already.
        """
        if payload.__class__ is dict:
            self.loose = True
        events = self.events
        handle = len(events)
        events.append((clock(), name, title, payload, handle, None))
        return handle

    def stop(self, handle: int) -> None:
        """Close the span that `start` answered this handle for, in whatever order."""
        self.events.append((handle, clock()))

    def leaf(self, name: str, payload: Any, start_ns: int, end_ns: int) -> None:
        """Record a call that is already over, under the span that is open now.

        Args:
            name: a notification name, such as `sql.query`.
            payload: as for `start`.
            start_ns: `clock()` before the call.
            end_ns: `clock()` after it.
        """
        where = ""
        # A fast path: a statement's first four times cost one look-up in a dict.
        if payload.__class__ is str:
            seen = self.seen
            times = seen.get(payload, 0) + 1
            seen[payload] = times
            if times == 1:
                where = self.lookalike(payload)
            elif times == REPEAT:
                where = repeated_at(payload)
        if end_ns - start_ns > SLOW_NS:
            where = where or location()
        self.events.append((start_ns, end_ns, name, payload, where))

    def lookalike(self, payload: str) -> str:
        """Answer the place of a new statement that begins like others: literals hide a repeat."""
        if len(payload) >= LONG_CHARACTERS and (trace := self.trace) is not None:
            trace.size += len(payload)
        beginning = "\0" + payload[:LOOKALIKE_CHARACTERS]
        times = self.seen.get(beginning, 0) + 1
        self.seen[beginning] = times
        return location() if times in LOOKALIKES else ""

    def annotate(self, **notes: Any) -> None:
        """Attach annotations to the innermost open span."""
        self.loose = True
        self.events.append(notes)

    def taken(self) -> list[Any]:
        """End the lane and answer its events, free of the application's objects."""
        events = self.events
        # What still closes here goes nowhere, and a context that lives on pins nothing.
        self.events = GONE
        self.limit = 0
        self.trace = None
        if self.seen:
            self.seen = {}
        if self.loose:
            older = self.before
            while older is not None:
                older.trace = older.parent = older.after = None
                older.events = GONE
                older = older.before
            self.before = None
            reduce_events(events)
        return events

    def fork(self) -> Lane:
        """Answer a lane for a context that branches off here; whoever uses it first owns it."""
        lane = Lane()
        lane.trace = self.trace
        lane.parent, lane.at = self, len(self.events)
        lane.seen, lane.events = self.seen, []
        lane.owner = 0
        lane.limit = MUTED if self.limit < 0 else 0
        lane.loose = False
        lane.reserved, lane.mark = 0, -1
        return lane


# One ContextVar read is all that a span costs outside a trace, so this one cannot be an attribute.
LANE: ContextVar[Lane | None] = ContextVar("fanlight_lane", default=None)
# Fast paths: a method of an imported name is bound anew at each call, which costs more than the call.
lane_here = LANE.get
set_lane = LANE.set


class Collecting:
    """Where the garbage collector runs now.

    Attributes:
        thread: identity of its thread, 0 while it does not run.
    """

    __slots__ = ("thread",)

    def __init__(self) -> None:
        self.thread = 0


COLLECTING = Collecting()


def collecting() -> bool:
    """Answer whether the garbage collector runs in this thread, so that no lane may be set.

    Up to Python 3.11 it may begin within any `ContextVar.set`; one in a finalizer then ends the process.
    """
    return COLLECTING.thread == get_ident()


def put(lane: Lane | None) -> None:
    """Set the lane of this context, but not from a finalizer that the collector calls."""
    if COLLECTING.thread == 0 or not collecting():
        set_lane(lane)


def resolved(lane: Lane) -> Lane | None:
    """Answer the lane for this thread when the context's own is foreign, full, silent or over."""
    if COLLECTING.thread and collecting():
        return None
    trace = lane.trace
    if trace is None or trace.lanes is None:
        # A context that outlived its trace; heal it, so that it costs one read from now on.
        set_lane(None)
        return None
    if not trace.sampled:
        return None
    if lane.brancher or lane.owner != _thread.get_ident():
        lane = own_lane(lane)
    if lane.limit < 0:
        return None
    if len(lane.events) < lane.limit or granted(trace, lane):
        return lane
    trace.lost += 1
    return None


def own_lane(lane: Lane) -> Lane:
    """Answer the lane of this thread and task in a context that may show another's."""
    me = _thread.get_ident()
    if lane.owner != me:
        lane = claimed(lane, me)
    while lane.brancher:
        lane = settled(lane)
    return lane


def claimed(lane: Lane, me: int) -> Lane:
    """Answer this thread's lane in a context that another thread's lane was copied into."""
    if not lane.owner:
        lane.owner = me
        return lane
    home = lane.home if lane.callers is None else lane.callers.get(me, lane.home)
    if home is not None:
        if home.owner != me:
            return branched(home, me)
        set_lane(home)
        return home
    # Some bridges copy a worker's context back: then the caller's own lane is up the line.
    above = None if lane.owner == LEFT else lane.parent
    while above is not None:
        if above.owner == me and (above.limit < 0) == (lane.limit < 0):
            set_lane(above)
            return above
        above = above.parent
    return branched(lane, me)


def branched(lane: Lane, me: int) -> Lane:
    """Put a lane of its own on a context that shows the one of whoever started what runs in it."""
    own = lane.fork()
    if lane.brancher:
        own.at = lane.branch
    own.owner = me
    set_lane(own)
    return own


def running_task() -> object | None:
    """Answer the asyncio task that runs here, if asyncio is there at all."""
    asyncio = modules.get("asyncio")
    running_loop = getattr(asyncio, "_get_running_loop", None)
    if asyncio is None or running_loop is None or running_loop() is None:
        return None
    task: object | None = asyncio.current_task()
    return task


def share(lane: Lane) -> None:
    """Let a task that is started now show this lane until it records something, if it ever does.

    A fast path: most tasks record nothing, and to set a context variable and put it back for each
    costs more than a span. Where the task stands is kept, and `settled` tells who is who.
    """
    # A fast path: tasks that are started one after the other stand at one place.
    if lane.branch == len(lane.events) or collecting():
        return
    # A muted lane is muted for good where it is shown: a task that is started in it stays so.
    trace = lane.trace
    if lane.limit < 0 or trace is None or trace.lanes is None or not trace.sampled:
        return
    if lane.brancher or lane.owner != _thread.get_ident():
        lane = own_lane(lane)
    lane.brancher = id(running_task())
    lane.branch = len(lane.events)
    # Whoever records here next comes by `resolved`.
    lane.limit = 0


def settled(lane: Lane) -> Lane:
    """Answer the lane of the running task, where its context shows one that tasks share."""
    if lane.brancher != id(running_task()):
        return branched(lane, lane.owner)
    # Another context of this task may have come by already.
    going_on = lane.after or followed(lane)
    set_lane(going_on)
    return going_on


def followed(lane: Lane) -> Lane:
    """Answer the lane with which the task goes on that started others on this one.

    This one then stays as the place where they did. Blocks that are open hold it still, and close in
    the list of events, which both have.
    """
    going_on = lane.fork()
    going_on.events, going_on.parent, going_on.at = lane.events, lane.parent, lane.at
    going_on.mark, going_on.reserved, going_on.owner = lane.mark, lane.reserved, lane.owner
    going_on.before = lane
    going_on.loose = True
    lanes = lane.trace.lanes if lane.trace is not None else None
    if lane.mark >= 0 and lanes is not None:
        going_on.limit = lane.mark + lane.reserved
        lanes[lanes.index(lane)] = going_on
    lane.after = going_on
    return going_on


def granted(trace: Trace, lane: Lane) -> bool:
    """Give a lane room for more events; answer False when the trace has none left."""
    lanes = trace.lanes
    if lanes is None:
        return False
    if lane.mark < 0:
        lane.mark = 0
        lanes.append(lane)
    if trace.room <= 0 or not take_room(trace, lane):
        if trace.room < 0:
            return False
        # Other lanes may hold room that they never used.
        for other in lanes:
            give_back(trace, other)
        if not take_room(trace, lane):
            trace.room = -1
            return False
    return True


def take_room(trace: Trace, lane: Lane) -> bool:
    """Settle what a lane has used of its room, and reserve it more: twice as much each time."""
    give_back(trace, lane)
    lane.reserved = max(min(max(BLOCK_FIRST, lane.mark), BLOCK, trace.room), 0)
    trace.room -= lane.reserved
    lane.limit = lane.mark + lane.reserved
    return lane.reserved > 0


def give_back(trace: Trace, lane: Lane) -> None:
    """Return the room that a lane has not used; it asks again when it needs some."""
    tail = lane.events[lane.mark :]
    # What closes a span took room in the block, but is no record.
    used = sum(1 for event in tail if event.__class__ is not int and len(event) != 2)
    trace.room += max(lane.reserved - used, 0)
    lane.mark = lane.limit = lane.mark + len(tail)
    lane.reserved = 0
