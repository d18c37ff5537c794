"""One target behind a bounded queue, in a thread of its own: whatever it does stays in there."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from fanlight.collector.notices import Notices
from fanlight.log import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fanlight.wire.readings import Snapshot

ROOM = 60
"""Instants that may wait; then the oldest one goes, for a newer one says more."""
TRIES = 3
"""Failures in a row after which it is left alone for a while."""
PAUSE_S = 2.0
PAUSE_MAX_S = 60.0
"""First and longest while; each is twice the one before."""
ERROR_CHARACTERS = 200


class Outlet:
    """Delivers what it is given as far as its target lets it; never raises, never makes anybody wait.

    Args:
        name: of the target, for people.
        deliver: takes the snapshots of one instant; may raise anything and hang for ever.
        close: lets go of what the target holds.
        timeout_s: how long one delivery may take before it counts as an error.
        clock: monotonic seconds.
        notices: where a trouble is told, at most once a minute.

    Attributes:
        delivered: instants that the target took.
        errors: deliveries that failed, or took too long.
        dropped: instants that nobody took.
    """

    def __init__(
        self,
        name: str,
        deliver: Callable[[Sequence[Snapshot]], object],
        close: Callable[[], object] = lambda: None,
        timeout_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        notices: Notices | None = None,
    ) -> None:
        self.name = name
        self.deliver = deliver
        self.let_go = close
        self.timeout_s = timeout_s
        self.clock = clock
        self.notices = notices or Notices(clock)
        self.changed = threading.Condition()
        self.waiting: deque[Sequence[Snapshot]] = deque()
        self.thread: threading.Thread | None = None
        self.stopping = False
        self.delivered = self.errors = self.dropped = self.failures = 0
        self.error = ""
        self.again_s = 0.0
        self.begun_s: float | None = None
        """When the delivery began that is going on."""
        self.is_late = False

    def take(self, snapshots: Sequence[Snapshot]) -> None:
        """Deliver the snapshots of one instant as soon as may be; no snapshots are news too."""
        with self.changed:
            self.watch()
            if self.stopping or self.is_late or self.clock() < self.again_s:
                self.dropped += 1
                return
            if len(self.waiting) >= ROOM:
                self.waiting.popleft()
                self.dropped += 1
            self.waiting.append(snapshots)
            if self.thread is None:
                self.thread = threading.Thread(target=self.run, name=f"fanlight-{self.name}", daemon=True)
                self.thread.start()
            self.changed.notify_all()

    def watch(self) -> None:
        """Note a delivery that takes too long; what waits behind it is old by the time it is over."""
        if self.begun_s is None or self.is_late or self.clock() - self.begun_s <= self.timeout_s:
            return
        self.is_late = True
        self.dropped += len(self.waiting)
        self.waiting.clear()
        self.fail(f"has not taken a delivery for {self.timeout_s:g} s")

    def run(self) -> None:
        """Deliver until stopped."""
        while True:
            with self.changed:
                while not self.waiting:
                    if self.stopping:
                        return
                    self.changed.wait()
                snapshots = self.waiting.popleft()
                self.begun_s = self.clock()
            trouble = self.attempt(snapshots)
            with self.changed:
                self.begun_s, was_late, self.is_late = None, self.is_late, False
                if trouble:
                    self.dropped += 1
                    if not was_late:
                        self.fail(trouble)
                elif was_late:
                    # It came through in the end, and has been told of as an error.
                    self.delivered += 1
                else:
                    self.succeed()
                self.changed.notify_all()

    def attempt(self, snapshots: Sequence[Snapshot]) -> str:
        """Answer what went wrong with a delivery, "" when nothing did."""
        try:
            self.deliver(snapshots)
        except BaseException as error:
            # Somebody else's code may raise what ends programs, too.
            return f"{type(error).__name__}: {plain(error)}" if str(error) else type(error).__name__
        return ""

    def fail(self, trouble: str) -> None:
        """Count an error; after some in a row leave the target alone for a while."""
        self.errors += 1
        self.failures += 1
        self.error = trouble[:ERROR_CHARACTERS]
        if self.failures >= TRIES:
            pause_s = min(PAUSE_S * 2.0 ** min(self.failures - TRIES, 10), PAUSE_MAX_S)
            self.again_s = self.clock() + pause_s
            self.dropped += len(self.waiting)
            self.waiting.clear()
        self.notices.trouble(self.name, f"target {self.name}: {self.error}")

    def succeed(self) -> None:
        """Count a delivery."""
        self.delivered += 1
        self.failures = 0
        self.again_s = 0.0
        self.error = ""
        self.notices.over(self.name, f"target {self.name} takes what it is given again")

    def state(self) -> dict[str, Any]:
        """Answer how it does, for the status."""
        with self.changed:
            self.watch()
            resting = self.clock() < self.again_s
            how = "hanging" if self.is_late else "resting" if resting else "failing" if self.error else "ok"
            return {
                "target": self.name,
                "state": how,
                "delivered": self.delivered,
                "errors": self.errors,
                "dropped": self.dropped,
                "waiting": len(self.waiting),
                "error": self.error or None,
            }

    def stop(self, until_s: float) -> None:
        """Deliver what waits, as far as there is time, and let go of the target.

        Args:
            until_s: on the clock; a delivery that hangs then is left behind.
        """
        with self.changed:
            self.stopping = True
            self.changed.notify_all()
        if self.thread is not None:
            self.thread.join(max(0.0, until_s - self.clock()))
        try:
            self.let_go()
        except Exception as error:
            self.notices.trouble("close", f"target {self.name} cannot be closed: {plain(error)}")
