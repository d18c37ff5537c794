"""The queue (HOT): a finished trace goes in on the request's thread, without a lock or a wait."""

from __future__ import annotations

from collections import deque
from itertools import repeat

from fanlight.agent.forked import mark as marked
from fanlight.agent.unpatched import allocate_lock
from fanlight.recording.lanes import LONG_CHARACTERS
from fanlight.recording.recorder import ALONE, SWITCH
from fanlight.wire.account import FINISHED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.recording.recorder import Trace


TRACES = 10_000
"""Traces that wait at the most."""
BYTES = 8 << 20
"""Bytes, by estimate, from which on no more are taken. The one that passes them is: a trace may be
larger than this by itself, and would never be counted otherwise."""
TRACE_BYTES = 600
EVENT_BYTES = 110
"""What a trace and an event take in memory, roughly: the true sizes would cost a walk."""
BATCH = 1_000
"""Traces after which the task is woken before its time. Where more wait, or nobody has taken what came
before, each is walked through for its texts: ten thousand of a megabyte are no 8 MiB."""
ENTRY_BYTES = 100
"""What an entry of a dict takes, roughly, besides its texts."""

FULL = "queue_full"
LARGE = "queue_bytes"


class Line:
    """The traces that wait, in one process.

    Attributes:
        here: its first item is 1 in the process that it belongs to, and 0 in every child.
        traces: finished ones, oldest first.
        bytes: estimate of their events and long texts; each takes `TRACE_BYTES` besides.
        room: traces below which one that is only a root is taken without a further look; 0 while the
            task has not begun, and where events fill the line.
        dropped: traces not taken or not delivered, by reason, since the process began.
        idle: whether the task sleeps until it is rung.
        bell: locked; released to wake the task.
        fresh: locked by whoever starts the task, once.
        begun: whether somebody has done so.
        left: locked by whoever begins anew in a forked child, once.
        light: traces up to which one is not walked through: `BATCH` while parcels arrive, else 0.
        mark: leaves the trail of each finished trace; None where nobody needs one.
    """

    __slots__ = (
        *("begun", "bell", "bytes", "dropped", "fresh", "here", "idle", "left", "light", "mark", "room"),
        "traces",
    )

    def __init__(self) -> None:
        self.here = marked()
        self.traces: deque[Trace] = deque()
        self.bytes = self.light = self.room = 0
        self.dropped: dict[str, int] = {}
        self.idle = False
        self.bell = allocate_lock()
        self.bell.acquire()
        self.fresh = allocate_lock()
        self.begun = False
        self.left = allocate_lock()
        self.mark: Callable[[Trace], None] | None = None

    def ring(self) -> None:
        """Wake the task; never waits."""
        self.idle = False
        try:
            self.bell.release()
        except RuntimeError:
            # Somebody rang already and the task is about to hear it.
            return

    def settle(self, has_arrived: bool) -> None:
        """Take note whether a parcel arrived: where none does, what waits is weighed from the first on."""
        self.light = BATCH if has_arrived else 0
        if not has_arrived:
            self.room = 0

    def drop(self, reason: str, count: int = 1) -> None:
        """Count traces that do not arrive."""
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def take(self) -> Trace | None:
        """Answer the oldest trace, None when there is none; only the task and `flush` take."""
        if not self.traces:
            self.bytes = 0
            return None
        trace = self.traces.popleft()
        self.bytes -= trace.size
        return trace


class Held:
    """What the process holds: its line, and how a task is started for it."""

    __slots__ = ("line", "renew", "spawn")

    def __init__(self) -> None:
        self.line = Line()
        self.spawn: Callable[[], object] = bool
        self.renew: Callable[[], object] = self.forget

    def forget(self) -> None:
        """Begin a new line, as a forked child does: what it inherited is its parent's to send."""
        self.line = Line()


HELD = Held()


def leave_line(line: Line) -> None:
    """Leave the parent's line for one of our own, once, however many threads find out together."""
    if line.left.acquire(False):
        HELD.renew()
        return
    pause = allocate_lock()
    pause.acquire()
    # Another thread is at it: a few assignments, so this ends at once.
    for _ in range(1000):
        if HELD.line is not line:
            return
        pause.acquire(True, 0.001)


def follow(memory: memoryview) -> None:
    """Leave a trail of what finishes in this process from now on, in memory that outlives it."""
    from os import environ

    from fanlight.agent.ignored import ignored
    from fanlight.agent.table import told_of
    from fanlight.recording.slots.trail import following
    from fanlight.wire.trail import Name

    wanted = ignored(environ)
    # Now, because no request may be the first to compile an expression.
    wanted[""]
    HELD.line.mark = following(memory, lambda trace: told_of(trace, wanted, Name))


def push(trace: Trace) -> int | None:
    """Take a finished trace; answer how many wait now, None when it was dropped and counted."""
    line = HELD.line
    # Once per trace: at-fork hooks do not run where C code forked.
    if not line.here[0]:
        leave_line(line)
        line = HELD.line
    elif trace.epoch != SWITCH.epoch:
        # Begun before the fork: the parent has the same trace and counts it.
        return None
    # Before it is counted: what has no mark by then was never there.
    if (mark := line.mark) is not None:
        mark(trace)
    # Outlives the process where it has a slot: whoever finds it dead knows what it had not sent.
    # A fast path: to read shared memory costs as much as to write it.
    SWITCH.finished = SWITCH.account[FINISHED] = SWITCH.finished + 1
    traces = line.traces
    waiting = len(traces) + 1
    # A fast path: nothing was recorded below the root, and there is room for many such.
    if trace.records is ALONE and waiting < line.room:
        traces.append(trace)
        if line.idle:
            line.ring()
        return waiting
    return admit(line, trace, waiting)


def admit(line: Line, trace: Trace, waiting: int) -> int | None:
    """Take a trace as the `waiting`th, as `push` does, where there is more to look at."""
    if waiting > TRACES or line.bytes + TRACE_BYTES * (waiting - 1) >= BYTES:
        line.drop(FULL if waiting > TRACES else LARGE)
        return None
    # Long statements have been noted when they came.
    size = trace.size
    if waiting > line.light:
        told = (trace.endpoint, trace.title, trace.category, trace.error, trace.stamp, trace.ident)
        size = weight((told, trace.notes, trace.records), set())
    for record in trace.records or ():
        size += EVENT_BYTES * len(record[0])
    trace.size = size
    line.traces.append(trace)
    line.bytes += size
    if line.idle or not waiting % BATCH:
        line.ring()
    # Once begun it stays so, and of those who find out together one gets the lock.
    elif not line.begun:
        line.begun = True
        if line.fresh.acquire(False):
            HELD.spawn()
    if line.bytes + TRACE_BYTES * BATCH >= BYTES:
        line.room = 0
    elif not line.room and line.begun:
        line.room = min(line.light, TRACES)
    return waiting


def weight(value: Any, known: set[int], least: int = LONG_CHARACTERS) -> int:
    """Answer the bytes that the texts in a value take, and the entries of its dicts.

    Args:
        value: plain, as everything is here once its trace has ended.
        known: identities of the texts so far: a statement that comes again is the same one.
        least: shorter texts do not count: names and statements are mostly shared, annotations are not.
    """
    kind = value.__class__
    if kind is str or kind is bytes:
        if len(value) < least or id(value) in known:
            return 0
        known.add(id(value))
        return value.__sizeof__()  # type: ignore[no-any-return]  # an int
    if kind is dict:
        texts = (*value, *value.values())
        return ENTRY_BYTES * len(value) + sum(map(weight, texts, repeat(known), repeat(0)))
    is_some = kind is tuple or kind is list
    return sum(map(weight, value, repeat(known), repeat(least))) if is_some else 0
