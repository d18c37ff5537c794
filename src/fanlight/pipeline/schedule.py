"""Who reads the servers when, and who is told: ten looks a second, one snapshot every few seconds.

Everything runs on the collector's own thread, between its sockets: a look costs less than waking
another thread would. Who is told has to take what it is given at once; targets have threads of their own.
"""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING, Protocol

from fanlight.collector.notices import Notices
from fanlight.wire.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fanlight.aggregate.saturation import Saturation, Window
    from fanlight.sources import Source
    from fanlight.wire.readings import Snapshot, Worker

LOOK_S = 0.1
"""Between two looks while there is a server,"""
REST_S = 0.5
"""while no worker told anything new for a while: a look costs most by waking up for it,"""
SEARCH_S = 1.0
"""and while there is none."""
RESTING = round(REST_S / LOOK_S)
"""Looks that one is then instead of."""
LATE_NS = 30_000_000
"""An event loop that is so late accepts nothing."""
NS = 1_000_000_000
REST_NS = 60 * NS
"""That while. What is told is of a look of its own; only the most that a first burst reached may be lost."""
WAIT_NS = 5 * NS
"""For so long nothing is added up while all that is read stays the same, unless somebody is told."""
SELDOM = {"listeners": 5}
"""Sources that are read with every so manieth look, since a read costs as much as all else of it; with
each look while a queue may be growing, and always with the one that is told of, so that what is told is
of one instant."""
APART = 4
"""So many times as seldom while each worker tells that it has room: then nothing waits where it accepts."""


class Subscriber(Protocol):
    """Is told what all servers were at in one instant; returns at once, and is not told of none twice."""

    def __call__(self, snapshots: Sequence[Snapshot], /) -> object:
        """Take the snapshots."""


class Subscription:
    """Someone who is told, with a window of its own.

    Args:
        call: the subscriber.
        window: what it has seen.
        period_s: between two tellings.
        due_s: when the first one is, monotonic.
    """

    __slots__ = ("call", "due_s", "period_s", "told", "window")

    def __init__(self, call: Subscriber, window: Window, period_s: float, due_s: float) -> None:
        self.call = call
        self.window = window
        self.period_s = period_s
        self.due_s = due_s
        self.told = False

    def tell(self, now_s: float, time_ns: int) -> None:
        """Tell what the last look showed, if anything did since the telling before."""
        # Not from now on: the period would grow by what everything takes.
        self.due_s = max(self.due_s + self.period_s, now_s)
        snapshots = self.window.take(time_ns)
        if snapshots or self.told:
            self.told = bool(snapshots)
            self.call(snapshots)


class Read:
    """A source, and what it read last.

    Args:
        name: of the source.
        source: is read.

    Attributes:
        nth: it is read with every so manieth look.
        latest: what it read; None before, and when that failed.
        is_pressed: whether that shows a queue that may be growing.
        tells_room: whether each worker in it tells that it has room for more.
    """

    __slots__ = ("is_pressed", "latest", "name", "nth", "source", "tells_room")

    def __init__(self, name: str, source: Source) -> None:
        self.name = name
        self.source = source
        self.nth = SELDOM.get(name, 1)
        self.latest: Readings | None = None
        self.is_pressed = self.tells_room = False

    def again(self, now_ns: int, whole: bool) -> bool:
        """Read, and answer whether that was the same as before; nothing is left of what fails.

        Args:
            now_ns: monotonic.
            whole: as the source is asked.
        """
        before, self.latest = self.latest, None
        self.latest = found = self.source.read(now_ns, whole=whole)
        if found is before:
            return True
        self.is_pressed = is_pressed(found)
        self.tells_room = bool(found.workers) and all(map(tells_room, found.workers))
        return False


class Schedule:
    """Reads the sources and tells the subscribers when it is time; whoever has it calls `turn`.

    Args:
        sources: by name.
        saturation: adds up what they read.
        delay_s: until the first telling.
        clock: monotonic seconds, of the clock that `time.monotonic_ns` reads.
        wall: ns since 1970.

    Attributes:
        failures: reads that failed and tellings that did, by name.
        looks: how many there were.
        rests: whether it looks seldom, since nobody asks any server for anything.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        saturation: Saturation,
        delay_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self.sources = sources
        # Those that are read often come first: what they show says whether the others are read too.
        self.reads = sorted((Read(*each) for each in sources.items()), key=lambda each: each.nth)
        self.saturation = saturation
        self.clock = clock
        self.wall = wall
        self.begin_s = clock() + delay_s
        self.look_s = clock()
        self.subscriptions: list[Subscription] = []
        self.tell_s = inf
        self.notices = Notices(clock)
        self.failures: dict[str, int] = {}
        self.looks = 0
        self.together = Readings()
        self.added_ns = self.skipped_ns = self.changed_ns = 0
        self.rests = False

    def subscribe(self, call: Subscriber, period_s: float) -> Subscription:
        """Tell somebody from now on, and answer what `cancel` ends."""
        due_s = max(self.begin_s, self.clock())
        made = Subscription(call, self.saturation.window(), period_s, due_s)
        self.subscriptions.append(made)
        self.tell_s = min(self.tell_s, due_s)
        self.look_s = min(self.look_s, due_s)
        return made

    def cancel(self, subscription: Subscription) -> None:
        """Tell somebody no longer."""
        self.subscriptions.remove(subscription)
        self.saturation.forget(subscription.window)
        self.tell_s = min((each.due_s for each in self.subscriptions), default=inf)

    def due(self) -> float:
        """Answer when `turn` has something to do, in the clock's seconds."""
        return self.look_s

    def turn(self) -> None:
        """Look, if it is time to, and tell whom it is time to tell."""
        now_s = self.clock()
        if now_s < self.look_s:
            return
        is_telling = now_s >= self.tell_s - LOOK_S / 2
        self.look(int(now_s * NS), whole=is_telling)
        if is_telling:
            self.tell(now_s)
        self.look_s = max(self.next_look_s(now_s), now_s)

    def next_look_s(self, now_s: float) -> float:
        """Answer when to look again."""
        if not self.saturation.sees_anything:
            return self.look_s + SEARCH_S
        self.rests = (
            now_s * NS - self.changed_ns >= REST_NS
            and any(each.tells_room for each in self.reads)
            and not any(each.is_pressed for each in self.reads)
        )
        return min(self.look_s + REST_S, self.tell_s) if self.rests else self.look_s + LOOK_S

    def tell(self, now_s: float) -> None:
        """Tell whom it is time to tell of the look that has just been."""
        time_ns = self.wall()
        for each in [each for each in self.subscriptions if now_s >= each.due_s - LOOK_S / 2]:
            self.attempt("telling", each.tell, now_s, time_ns)
        self.tell_s = min((each.due_s for each in self.subscriptions), default=inf)

    def look(self, now_ns: int, *, whole: bool) -> None:
        """Read the sources at one instant; one that fails is left out of it.

        Args:
            now_ns: monotonic.
            whole: read those too that are read seldom.
        """
        is_same, is_needed, apart, looks = True, whole, 1, self.looks
        self.looks += 1
        for each in self.reads:
            # Looks that are further apart: what is read seldom is read as often as ever.
            every = max(1, each.nth * apart // RESTING) if self.rests else each.nth * apart
            if is_needed or each.is_pressed or not looks % every or each.latest is None:
                if not self.attempt(each.name, each.again, now_ns, whole):
                    is_same = False
                    # Listeners come and go on a machine, for reasons of their own.
                    self.changed_ns = now_ns if each.nth == 1 else self.changed_ns
                is_needed = is_needed or each.is_pressed
            if each.tells_room:
                apart = APART
        # A fast path: sources answer the same object while nothing changed, and then the sums can wait.
        if is_same and not whole and now_ns - self.added_ns < WAIT_NS:
            self.skipped_ns = now_ns
            return
        if not is_same:
            if self.skipped_ns:
                # First what was so until the look before: all that time is the old readings', not the new.
                self.attempt("sums", self.saturation.look, self.together, self.skipped_ns)
            self.together = together([each.latest for each in self.reads if each.latest is not None])
        self.added_ns, self.skipped_ns = now_ns, 0
        self.attempt("sums", self.saturation.look, self.together, now_ns)

    def attempt(self, name: str, act: Callable[..., object], *given: object) -> object:
        """Do something that must not end the collector; answer what it answers, None when it fails."""
        try:
            told = act(*given)
        except Exception as error:
            self.failures[name] = self.failures.get(name, 0) + 1
            self.notices.trouble(name, f"{name}: servers cannot be read or told of: {error!r}")
            return None
        if name in self.failures:
            self.notices.over(name, f"{name}: servers are read and told of again.")
        return told

    def close(self) -> None:
        """Let go of the sources."""
        for name, source in self.sources.items():
            self.attempt(name, source.close)


def together(found: Sequence[Readings]) -> Readings:
    """Answer what several sources read as one."""
    return Readings(
        tuple(each for one in found for each in one.listeners),
        tuple(each for one in found for each in one.workers),
        tuple(each for one in found for each in one.retired),
    )


def is_pressed(readings: Readings) -> bool:
    """Answer whether something waits in a server's queue, or has nobody left who would take it from there."""
    if any(each.queued and each.pids for each in readings.listeners):
        return True
    eager = {inode for each in readings.workers if not is_full(each) for inode in each.inodes}
    return any(is_full(each) and eager.isdisjoint(each.inodes) for each in readings.workers)


def tells_room(worker: Worker) -> bool:
    """Answer whether a worker says for how much more it has room; a loop without a request has some."""
    return worker.capacity is not None or (worker.overdue_ns is not None and not worker.busy)


def is_full(worker: Worker) -> bool:
    """Answer whether a worker takes nothing more at this moment."""
    return worker.capacity == 0 or worker.stalled or (worker.overdue_ns or 0) > LATE_NS
