"""One target of the embedded strategy, in a thread of its own: whatever it does stays in there."""

from __future__ import annotations

from fanlight.agent.unpatched import allocate_lock, start_new_thread
from fanlight.recording.clock import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from fanlight.wire.readings import Snapshot

ROOM = 60
"""Instants that may wait; then the oldest one goes, for a newer one says more."""
TRIES = 3
"""Failures in a row after which it is left alone for a while."""
PAUSE_NS, PAUSE_MAX_NS = 2_000_000_000, 60_000_000_000
"""First and longest while; each is twice the one before."""
TELL_NS = 60_000_000_000
"""A trouble is told of once in this time."""


class Outgoing:
    """Delivers what it is given as far as its target lets it; never raises, never makes anybody wait.

    Args:
        name: of the target, for people.
        deliver: takes the snapshots of one instant; may raise anything and hang for ever.
        complain: told of a trouble.

    Attributes:
        delivered, errors, dropped: instants that it took, deliveries that failed, instants nobody took.
    """

    __slots__ = (
        *("again_ns", "bell", "complain", "deliver", "delivered", "dropped", "ended", "errors"),
        *("failures", "name", "started", "told_ns", "waiting"),
    )

    def __init__(
        self,
        name: str,
        deliver: Callable[[Sequence[Snapshot]], object],
        complain: Callable[[str], object],
    ) -> None:
        self.name = name
        self.deliver = deliver
        self.complain = complain
        self.bell: Any = allocate_lock()
        self.bell.acquire()
        self.waiting: list[Sequence[Snapshot]] = []
        self.delivered = self.errors = self.dropped = self.failures = 0
        self.again_ns = self.told_ns = 0
        self.started = self.ended = False

    def take(self, snapshots: Sequence[Snapshot]) -> None:
        """Deliver the snapshots of one instant as soon as may be."""
        if clock() < self.again_ns:
            self.dropped += 1
            return
        if len(self.waiting) >= ROOM:
            self.waiting.pop(0)
            self.dropped += 1
        self.waiting.append(snapshots)
        if not self.started:
            self.started = True
            start_new_thread(self.run, ())
        self.ring()

    def ring(self) -> None:
        """Let the thread look; a bell that rings already is enough."""
        if self.bell.locked():
            self.bell.release()

    def run(self) -> None:
        """Deliver until it is over; the thread's body."""
        while not self.ended:
            self.bell.acquire()
            while self.waiting and not self.ended:
                self.attempt(self.waiting.pop(0))

    def attempt(self, snapshots: Sequence[Snapshot]) -> None:
        """Deliver once; after some failures in a row leave the target alone for a while."""
        try:
            self.deliver(snapshots)
        except BaseException as error:
            # Somebody else's code may raise what ends programs, too.
            self.errors += 1
            self.failures += 1
            self.dropped += 1
            if self.failures >= TRIES:
                self.again_ns = clock() + min(PAUSE_NS << min(self.failures - TRIES, 10), PAUSE_MAX_NS)
            if not self.told_ns or clock() - self.told_ns > TELL_NS:
                self.told_ns = clock()
                self.complain(f"target {self.name}: {type(error).__name__}: {error}"[:300])
            return
        self.delivered += 1
        self.failures = 0

    def end(self) -> None:
        """Let the thread leave."""
        self.ended = True
        self.ring()
