"""The recorder (HOT): what a request pays. Everything here is one append, or as near as can be."""

from __future__ import annotations

import _thread
from itertools import repeat

from fanlight.recording.clock import clock, wall_clock
from fanlight.recording.lanes import (
    BLOCK,
    COLLECTING,
    GONE,
    LANE,
    RECORDS,
    Entering,
    Lane,
    collecting,
    lane_here,
    put,
    resolved,
    set_lane,
)
from fanlight.recording.reduction import PLAIN, described, plain, reduce_values
from fanlight.wire.account import FINISHED, opened

__all__ = ["LANE", "SWITCH", "Lane", "Trace", "begin", "clock", "close", "current", "finish"]
__all__ += ["fresh_trace", "is_open", "release", "resume", "span"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence, Sequence
    from typing import Any


ROUTER = 2
"""Rank of an endpoint that a router named."""
EXPLICIT = 3
"""Rank of an endpoint that the application itself named; see `Trace.set_endpoint`."""
TIMED_NS = 1_000_000
"""What traces take on average where their threads are asked for CPU time, which costs two system calls."""


class Switch:
    """The recorder's state in this process: off until `sink` is set.

    Attributes:
        sink: takes each finished trace.
        sample: share (0..1) of traces whose child spans are recorded.
        epoch: counts the forks that led here; a trace of another epoch is the parent's.
        draw: answers the next random number in 0..1.
        flush: sends what waits, in so many seconds at most, for whoever knows that the process ends
            without exit handlers.
        faults: errors of ours that were kept from the application; for tests, reported to nobody.
        lost: traces that one of them cost, and that nobody has been told of.
        timed: whether a request's thread is asked for its CPU time; the background decides.
        finished: traces, as the account tells.
        account: of finished traces, as `wire.account` has it; in the slot once there is one.
        whereabouts: answers the service's name, the runtime directory of its collector, "" for none, and
            what leaves a trail in memory that it is given; None until the agent has started.
    """

    __slots__ = (
        *("account", "draw", "epoch", "faults", "finished", "flush", "lost", "sample", "sink", "timed"),
        "whereabouts",
    )

    def __init__(self) -> None:
        self.sink: Callable[[Trace], object] | None = None
        self.sample = 1.0
        self.epoch = 0
        self.draw: Callable[[], float] = float
        self.flush: Callable[..., object] | None = None
        self.faults = self.finished = self.lost = 0
        self.timed = True
        self.account: MutableSequence[int] = opened()
        self.whereabouts: Callable[[], tuple[Any, ...]] | None = None

    def weigh(self, durations_ns: Sequence[int]) -> None:
        """Decide by the last batch of traces whether the next ones are long enough to be timed."""
        if durations_ns:
            self.timed = sum(durations_ns) >= TIMED_NS * len(durations_ns)


SWITCH = Switch()


class Nothing(metaclass=Entering):
    """What `span()` answers where nothing is recorded."""

    __slots__ = ()

    # A fast path: entering and leaving run no Python. A text without placeholders formats to
    # itself whatever it is given, and "" lets exceptions pass.
    __enter__: Callable[..., Here]
    __exit__ = staticmethod("".format)


NOTHING = Nothing()


class Here:
    """What `with span(…) as here` gives: the place in the trace where the program is."""

    __slots__ = ()

    def annotate(self, **notes: Any) -> None:
        """Attach annotations to the innermost open span; outside a trace nothing happens."""
        lane = current()
        if lane is not None:
            lane.annotate(**notes)


HERE = Here()
# A fast path: every block enters through an iterator in C that answers the same thing for ever.
Nothing.__enter__ = staticmethod(repeat(HERE).__next__)
Lane.__enter__ = staticmethod(repeat(HERE).__next__)


def entered(_: object) -> Here:
    """Answer what a block gives that is entered by hand, as `contextlib.ExitStack` does."""
    return HERE


# Whoever asks a class for it hands the block over; `with` does not, and looks behind this.
Entering.__enter__ = property(lambda _: entered)  # type: ignore[attr-defined]  # for the classes alone


ALONE: Sequence[tuple[list[Any], int, int]] = ((GONE, -1, 0),)
"""Records of every trace that is only a root."""


class Trace:
    """One request or job from its first moment to its last.

    Attributes:
        category: of the root span, or the notification name that yields it.
        title: of the root span.
        endpoint: the route's template, or a job's name; never a URL.
        rank: who named the endpoint; see `set_endpoint`.
        segment: the response's format, such as `json`; errors and redirects go by `status`.
        status: HTTP status, 0 when there is none.
        error: type name and message of the exception that ended it.
        has_length: whether the response tells its length.
        whole: the response's body when all of it is there, so that sending it runs nothing of the
            application; True until the framework that knows has answered it.
        notes: annotations of the root span.
        asked: the framework's request until its route is asked for; False when that was in vain.
        waited_ms: between the request's last bytes and its start, -1 when the kernel was not asked.
        cpu_ns: CPU time of the thread when it began, 0 where nobody asked.
        spent_ns: CPU time of the thread from begin to end, -1 when it was not measured.
        stamp: the header in which a proxy told when it took the request; None without one.
        ident: the id as a number, 0 until somebody asks, or the `traceparent` that brings it.
        start_ns: `clock()` at the start; `wall_ns` is the same moment since 1970.
        end_ns: `clock()` at the end, 0 before it.
        lanes: the lanes that hold events; None once the trace has ended.
        records: at the end, (events, index of the parent lane or -1, events of that at the fork).
        lost: spans beyond the limit.
        size: bytes that its events take while it waits, by estimate; before its end, long statements.
    """

    # A fast path: what most requests never set is the class's own, and what most read is the trace's.
    category: str
    title: str
    endpoint: str
    start_ns: int
    epoch: int
    notes: dict[str, Any]
    rank: int
    waited_ms = -1
    cpu_ns = 0
    spent_ns = -1
    stamp: str | bytes | None = None
    ident: int | str | bytes = 0
    segment = ""
    status = 0
    error: tuple[str, str] | None = None
    has_length = False
    whole: Any = None
    asked: Any = None
    wall_ns = 0
    end_ns = 0
    sampled = True
    room = RECORDS - BLOCK
    lost = size = 0
    lanes: list[Lane] | None = None
    records: Sequence[tuple[list[Any], int, int]] | None = None

    def set_endpoint(self, name: str, rank: int) -> None:
        """Name the endpoint unless somebody who knows better has done so.

        Args:
            name: the route's template or the job's name.
            rank: 0 server, 1 middleware, 2 router, 3 the application itself; equal ranks replace.
        """
        if rank >= self.rank:
            self.endpoint = name
            self.rank = rank

    def annotate(self, key: str, value: Any) -> None:
        """Attach an annotation to the root span."""
        self.notes[key] = value


def fresh_trace(category: str, title: str, endpoint: str, start_ns: int) -> Trace:
    """Answer a trace that has begun and has no lane yet.

    Args:
        category: of the root span, or a notification name.
        title: of the root span.
        endpoint: its first name, of rank 0.
        start_ns: `clock()` when it began.
    """
    trace = Trace()
    trace.category = category
    trace.title = title
    trace.endpoint = endpoint
    trace.start_ns = start_ns
    trace.epoch = SWITCH.epoch
    trace.notes = {}
    trace.rank = 0
    trace.sampled = False
    trace.room = RECORDS
    return trace


def current() -> Lane | None:
    """Answer the lane to record in here and now; None where nothing is recorded."""
    lane = lane_here()
    if lane is None:
        return None
    # Read from the module each time: gevent puts the greenlet's identity there.
    if lane.owner == _thread.get_ident() and len(lane.events) < lane.limit:
        return lane
    return resolved(lane)


def span(title: str, category: str = "app.block", /, **attributes: Any) -> Lane | Nothing:
    """Record what a `with` statement encloses as a span.

    Args:
        title: what the block does; one of few, not one per user or item.
        category: dotted lower-case path that begins with a tier, such as `view.cart`.
        attributes: annotations, as `annotate` takes them.
    """
    lane = lane_here()
    if lane is None:
        return NOTHING
    # A fast path: the checks of `current`, without the call.
    if lane.owner != _thread.get_ident() or len(lane.events) >= lane.limit:
        lane = resolved(lane)
        if lane is None:
            return NOTHING
    if title.__class__ is not str:
        title = str(plain(title))
    if attributes:
        for value in attributes.values():
            if value.__class__ not in PLAIN:
                reduce_values(attributes)
                break
        lane.events.append((clock(), category, title, attributes))
    else:
        lane.events.append((clock(), category, title))
    return lane


def begin(category: str, title: str, endpoint: str, start_ns: int | None = None) -> Trace | None:
    """Open a trace with its root span in this context.

    Args:
        category: of the root span, or a notification name.
        title: of the root span.
        endpoint: its first name, of rank 0.
        start_ns: `clock()` when it began, if that was before now.

    Returns:
        None when the agent is off, when a trace is open here already, or in a finalizer that the
        garbage collector calls.
    """
    if SWITCH.sink is None or (COLLECTING.thread and collecting()):
        return None
    outer = lane_here()
    if outer is not None and is_open(outer.trace):
        return None
    # A fast path: what `fresh_trace` does, without the call.
    trace = Trace()
    trace.category = category
    trace.title = title
    trace.endpoint = endpoint
    trace.epoch = SWITCH.epoch
    trace.notes = {}
    trace.rank = 0
    trace.start_ns = clock()
    trace.wall_ns = wall_clock()
    lane = Lane()
    lane.trace = trace
    lane.owner = _thread.get_ident()
    lane.events = []
    lane.seen = {}
    lane.loose = False
    lane.limit = BLOCK
    trace.lanes = [lane]
    if SWITCH.sample < 1.0 and SWITCH.draw() >= SWITCH.sample:
        trace.sampled = False
        lane.limit = 0
    set_lane(lane)
    if start_ns is not None:
        trace.wall_ns -= trace.start_ns - start_ns
        trace.start_ns = start_ns
    return trace


def is_open(trace: Trace | None) -> bool:
    """Answer whether a trace still records, in the process that began it."""
    return trace is not None and trace.lanes is not None and trace.epoch == SWITCH.epoch


def finish(trace: Trace, error: BaseException | None = None) -> None:
    """Close a trace and every span still open in it, and hand it to the background.

    A second call does nothing; any thread and context may make it.

    Args:
        trace: what `begin` answered.
        error: the exception that ended it; only its type's name and message are kept.
    """
    here = lane_here()
    if here is not None and here.trace is trace and not COLLECTING.thread:
        set_lane(None)
    close(trace, error)


def close(trace: Trace, error: BaseException | None = None) -> None:
    """Do what `finish` does, but leave the context as it is: a lane that is over shows nothing."""
    lanes = trace.lanes
    if lanes is None:
        return
    trace.lanes = None
    trace.end_ns = clock()
    try:
        if trace.notes:
            reduce_values(trace.notes)
        if len(lanes) != 1:
            trace.records = collected(lanes)
        elif (lane := lanes[0]).events or lane.loose:
            trace.records = [(lane.taken(), -1, 0)]
        else:
            # A fast path: what `taken` does where there is nothing to take.
            lane.events = GONE
            lane.limit = 0
            lane.trace = None
            trace.records = ALONE
        if error is not None:
            trace.error = described(error)
        if (sink := SWITCH.sink) is not None:
            sink(trace)
    except Exception:
        # The one boundary of the request path: a fault of ours costs a trace, never a response.
        SWITCH.faults += 1
        SWITCH.lost += 1
        SWITCH.finished = SWITCH.account[FINISHED] = SWITCH.finished + 1


def collected(lanes: list[Lane]) -> list[tuple[list[Any], int, int]]:
    """Take the events off several lanes; answer them as `Trace.records` holds them."""
    places: dict[int, int] = {}
    for place, lane in enumerate(lanes):
        # What hangs on a lane that this one goes on for has its place in the same events.
        each: Lane | None = lane
        while each is not None:
            places[id(each)] = place
            each = each.before
    records = []
    for lane in lanes:
        parent, at = lane.parent, lane.at
        # A lane that never recorded has no events to hang others on; its own place is the one.
        while parent is not None and id(parent) not in places:
            at = parent.at
            parent = parent.parent
        records.append((-1 if parent is None else places[id(parent)], at))
    for lane in lanes:
        lane.parent = None
    return [(lane.taken(), *place) for lane, place in zip(lanes, records, strict=True)]


def release(trace: Trace) -> None:
    """Take a trace off this context without ending it: the body of its response streams on."""
    here = lane_here()
    if here is not None and here.trace is trace:
        put(None)


def resume(trace: Trace) -> None:
    """Put a released trace back on this context, so that what it does now is recorded."""
    lanes = trace.lanes
    if lanes is not None:
        put(lanes[0])
