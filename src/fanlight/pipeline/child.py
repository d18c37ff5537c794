"""What a supervised child does besides its work: report, and end with its parent or its files."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from contextlib import suppress

from fanlight.log import LOG
from fanlight.pipeline.processes import IN_USE, READY
from fanlight.pipeline.renewal import LOOK_EVERY_S, OwnFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PERIOD_S = 0.25
"""Between two looks until this child is ready, or has lived for a while without;"""
YOUNG_S = 10.0
"""that while;"""
SELDOM_S = 2.0
"""and from then on, at the most: to be woken costs more than to look."""
LAST_GRACE_S = 3.0
TELLING_S = 1.0
"""For the log to take why this process ends as it is."""


def report_every_s(leave_after_s: float) -> float:
    """Answer how often to say that a child is in use, to a supervisor that leaves after so long without."""
    return max(PERIOD_S, min(SELDOM_S, leave_after_s / 4))


def die_with_parent(parent: int) -> None:
    """Ask the system to end this process when its parent dies.

    The parent may have died before the request: then nobody would ever tell us, so its number is
    checked afterwards. Systems without the request rely on the watch in `Reporter`.
    """
    os.umask(0o077)
    at_parents_death(signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)


def die_with_nobody() -> None:
    """Take the request back: what adopted this process may come and go."""
    at_parents_death(0)


def at_parents_death(number: int) -> None:
    """Ask the system for a signal when the parent dies; 0 for none."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def end_within(grace_s: float) -> None:
    """End this process after a while as a crash would, if it has not ended by itself.

    What waits for a disk that stands, or for a statement that hears nothing, would keep the store from
    the process that takes its place; whatever was not finished is done once more by that one.
    """

    def end() -> None:
        try:
            time.sleep(grace_s)
            # By another: the log may lie on the disk that stands.
            said = f"did not end within {grace_s:g} s of the word to; it ends as it is"
            _thread.start_new_thread(LOG.error, (said,))
            time.sleep(TELLING_S)
        finally:
            os._exit(1)

    # No Thread: where memory is short it may die before it begins, and its start waits for that for ever.
    # Without room for one the store is closed all the same.
    with suppress(RuntimeError):
        _thread.start_new_thread(end, ())


class Reporter:
    """Tells the supervisor, over a pipe, that this child is ready and that it is in use.

    Args:
        descriptor: the pipe's end for writing.
        parent: the supervisor's process number; when it is gone, so are we within seconds.
        is_ready: whether this child has been of use: acknowledged, applied or answered.
        is_used: whether somebody uses it now, or did since this was asked last.
        every_s: between two reports of that.

    Attributes:
        outdated: whether this child ends because its files on disk have changed.
    """

    def __init__(
        self,
        descriptor: int,
        parent: int,
        is_ready: Callable[[], bool],
        is_used: Callable[[], bool],
        every_s: float = SELDOM_S,
    ) -> None:
        self.descriptor = descriptor
        self.parent = parent
        self.is_ready = is_ready
        self.is_used = is_used
        self.every_s = every_s
        self.files = OwnFiles()
        self.outdated = False
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, name="fanlight-report", daemon=True)

    def start(self) -> None:
        """Begin to report."""
        self.thread.start()

    def stop(self) -> None:
        """Report no more."""
        self.stopped.set()
        self.thread.join()

    def run(self) -> None:
        """Report until stopped, or until there is nobody to report to."""
        ready = was_used = False
        unsaid_s = self.every_s
        lived_s = unseen_s = 0.0
        while not self.stopped.wait(period_s := self.period_s(lived_s, ready=ready)):
            lived_s += period_s
            unseen_s += period_s
            if unseen_s >= LOOK_EVERY_S:
                unseen_s = 0.0
                self.outdated = self.files.are_renewed()
            if self.outdated or os.getppid() != self.parent:
                self.leave()
                return
            unsaid_s += period_s
            said = b""
            if not ready and self.is_ready():
                ready = True
                said += READY
            if unsaid_s >= self.every_s:
                is_used = self.is_used()
                # Once more when it is over: somebody did use it since the last report.
                if is_used or was_used:
                    unsaid_s = 0.0
                    said += IN_USE
                was_used = is_used
            try:
                os.write(self.descriptor, said) if said else None
            except OSError:
                self.leave()
                return

    def period_s(self, lived_s: float, *, ready: bool) -> float:
        """Answer how long to wait for the next look, after so many seconds."""
        return self.every_s if ready or lived_s >= YOUNG_S else PERIOD_S

    def leave(self) -> None:
        """End this process: gracefully if it can, surely in any case."""
        os.kill(os.getpid(), signal.SIGTERM)
        if not self.stopped.wait(LAST_GRACE_S):
            os._exit(1)
