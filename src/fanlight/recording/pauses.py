"""Garbage collector pauses: intervals in one ring, taken out of every span that they interrupted."""

from __future__ import annotations

import gc
from _bisect import bisect_left
from _thread import get_ident
from collections import deque
from itertools import repeat

from fanlight.recording.clock import clock
from fanlight.recording.lanes import COLLECTING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

RING = 4_096
"""Pauses remembered; a trace that outlives more of them subtracts the ones still there."""


class Pauses:
    """The process's last garbage collections. Each stops every request in flight.

    Attributes:
        ring: (start, end) in `clock()` ns, oldest first.
        since: start of the last collection, 0 before it.
        told: what the collector calls with the phase and what is about it.
    """

    __slots__ = ("ring", "since", "told")

    def __init__(self) -> None:
        self.ring: deque[tuple[int, int]] = deque(maxlen=RING)
        self.since = 0
        self.told = noting(self)

    def watch(self) -> None:
        """Have the collector tell when it begins and ends; a second call does nothing."""
        if self.told not in gc.callbacks:
            self.ring.clear()
            gc.callbacks.append(self.told)

    def ignore(self) -> None:
        """Have the collector tell no more."""
        if self.told in gc.callbacks:
            gc.callbacks.remove(self.told)
        COLLECTING.thread = self.since = 0

    def seen(self) -> Seen:
        """Answer the pauses up to now."""
        # The copy is one step that no other thread can come between.
        pauses = list(self.ring)
        # Of a collection that ran when watching began only the end is known.
        return Seen(pauses[1:] if pauses and not pauses[0][0] else pauses)


def noting(pauses: Pauses) -> Callable[[str, dict[str, Any]], object]:
    """Answer what notes either end of a collection, called with the phase, in C from beginning to end.

    A signal that comes while the collector runs is handled where Python code runs next. In a function of
    ours that it calls, what the handler raises would end there: an exit, Ctrl-C, a task's time limit.
    """
    # The system's own identity: under gevent all that runs meanwhile runs in the collector's thread.
    begun = zip(
        map(COLLECTING.__setattr__, repeat("thread"), iter(get_ident, None)),
        map(pauses.__setattr__, repeat("since"), iter(clock, None)),
        strict=False,
    )
    both = zip(map(pauses.__getattribute__, repeat("since")), iter(clock, None), strict=False)
    ended = zip(
        map(COLLECTING.__setattr__, repeat("thread"), repeat(0)),
        map(pauses.ring.append, both),
        strict=False,
    )
    # A bound method of something built in: what it is bound to goes before what it is called with.
    bound: Any = type(pauses.watch)
    # A phase is an attribute, and to ask for it takes the next step.
    phases = {"start": property(bound(next, begun)), "stop": property(bound(next, ended))}
    told: Callable[[str, dict[str, Any]], object] = bound(getattr, type("Phases", (), phases)())
    return told


class Seen:
    """Pauses at one moment, for the many traces of a batch.

    Args:
        pauses: (start, end) ns, oldest first, without overlaps.
    """

    __slots__ = ("pauses",)

    def __init__(self, pauses: list[tuple[int, int]]) -> None:
        self.pauses = pauses

    def between(self, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
        """Answer the pauses of an interval, clipped to it, oldest first."""
        pauses = self.pauses
        # A fast path: most traces began after the last one.
        if not pauses or pauses[-1][1] <= start_ns:
            return []
        first = bisect_left(pauses, (start_ns,))
        if first and pauses[first - 1][1] > start_ns:
            first -= 1
        last = bisect_left(pauses, (end_ns,))
        return [(max(start, start_ns), min(end, end_ns)) for start, end in pauses[first:last]]


class Squeezed:
    """The time line of a trace without its pauses.

    Args:
        pauses: (start, end) ns, oldest first, without overlaps.
    """

    __slots__ = ("before", "starts", "total_ns", "widths")

    def __init__(self, pauses: list[tuple[int, int]]) -> None:
        self.starts = [start for start, _ in pauses]
        self.widths = [end - start for start, end in pauses]
        self.before: list[int] = []
        self.total_ns = 0
        for width in self.widths:
            self.before.append(self.total_ns)
            self.total_ns += width

    def __call__(self, moment_ns: int) -> int:
        """Answer a moment less the paused time before it."""
        place = bisect_left(self.starts, moment_ns) - 1
        if place < 0:
            return moment_ns
        return moment_ns - self.before[place] - min(moment_ns - self.starts[place], self.widths[place])
