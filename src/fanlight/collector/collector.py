"""The collector's process: one thread, one selector, every socket non-blocking."""

from __future__ import annotations

import os
import random
import selectors
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import fanlight
from fanlight.aggregate.aggregator import Aggregator
from fanlight.collector import status
from fanlight.collector.commits import Committer
from fanlight.collector.connection import Hall
from fanlight.collector.departed import Departed
from fanlight.collector.disk import Disk, make_folder
from fanlight.collector.doorway import Doorway
from fanlight.collector.ledger import Ledger
from fanlight.collector.lock import Lock
from fanlight.collector.notices import Notices
from fanlight.collector.reception import Reception
from fanlight.collector.spool import SpoolWriter
from fanlight.collector.tally import Tally
from fanlight.errors import ConfigError, FanlightError, SpoolError
from fanlight.wire import spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.collector.options import Options
    from fanlight.collector.outlet import Outlet

UMASK = 0o077
CHECK_S = 1.0
"""How often the socket's path, the lock, the spool's size and the parent are looked at."""
OUTLETS_S = 0.5
"""For delivering what waits for targets at the end, all of them together."""
PATIENCE_S = 0.1
"""What is looked after waits so long for the schedule: to be woken costs as much as to do it."""
SWEEP_S = 0.25
"""How often connections are, while any is on its way to somewhere."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Schedule(Protocol):
    """What a collector does besides receiving: little at a time, and it never raises."""

    def due(self) -> float:
        """Answer when there is something to do, in monotonic seconds."""

    def turn(self) -> None:
        """Do what is due."""

    def close(self) -> None:
        """Let go of everything."""


class Collector:
    """Receives, aggregates, spools, acknowledges.

    Args:
        options: paths and limits.
        clock: monotonic seconds.

    Attributes:
        listening: set once agents can connect.
        outlets: where snapshots go besides the spool.
        schedule: what else is done on this thread, when it is due; None for nothing.
    """

    def __init__(self, options: Options, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options
        self.clock = clock
        self.outlets: list[Outlet] = []
        self.listening = threading.Event()
        self.schedule: Schedule | None = None
        self.stopping = False
        self.started_s = self.checked_s = self.swept_s = clock()
        self.sweep_s, self.calm_until_s = CHECK_S, 0.0
        self.cpu_ns, self.known = time.process_time_ns(), 0
        self.selector = selectors.DefaultSelector()
        self.wake, self.waker = socket.socketpair()
        self.lock = Lock(os.path.join(options.spool, "lock"))
        self.doorway = Doorway(options.socket, options.allowed_uids)
        self.watched: socket.socket | None = None
        self.notices = Notices(clock)
        self.ledger = Ledger(time.time_ns)
        self.tally = Tally(self.ledger, options.spool)
        chance = random.Random().random  # noqa: S311 draws samples, keeps no secret
        aggregator = Aggregator(chance, spans_per_s=options.spans_per_s, traces_per_s=options.traces_per_s)
        self.writer = SpoolWriter(
            options.spool,
            self.ledger.describe,
            time.time_ns,
            segment_bytes=min(options.segment_bytes, options.spool_max_bytes // 8),
            segment_s=options.segment_s,
        )
        self.committer = Committer(options, aggregator, self.ledger, self.writer, self.notices, clock)
        self.departed = Departed(self.ledger, clock, self.committer)
        self.reception = Reception(options, self.selector, clock)
        self.hall = Hall(
            self.committer, self.ledger, fanlight.__version__, self.state, self.reception.welcome
        )

    @property
    def agents(self) -> int:
        """How many agents are connected."""
        return self.reception.agents

    @property
    def acknowledged(self) -> bool:
        """Whether any batch was acknowledged since `run` began."""
        return self.committer.acknowledged > 0

    def state(self) -> bytes:
        """Answer the STATUS document as JSON."""
        uptime_s = round(self.clock() - self.started_s, 3)
        about: dict[str, Any] = {"pid": os.getpid(), "version": fanlight.__version__, "uptime_s": uptime_s}
        about |= {
            "cpu": time.process_time_ns() - self.cpu_ns,
            "taken": sum(self.ledger.accepted.values()) - self.known,
        }
        about["targets"] = [outlet.state() for outlet in self.outlets]
        return status.document(self.ledger, self.committer, self.agents, about)

    def stop(self) -> None:
        """Let `run` return soon; may be called from a signal handler and from any thread."""
        self.stopping = True
        with suppress(OSError):
            self.waker.send(b"x")

    def run(self) -> None:
        """Serve until a signal, `stop` or the parent's end; what is in a group by then is written.

        Raises:
            SpoolError: the spool is another collector's, or cannot be opened.
            ConfigError: the socket cannot be had.
        """
        umask = os.umask(UMASK)
        handlers = []
        if threading.current_thread() is threading.main_thread():
            handlers = [(number, signal.signal(number, lambda *_: self.stop())) for number in SIGNALS]
        try:
            self.begin()
            while not self.stopping:
                ready = self.selector.select(self.timeout())
                for key, events in ready:
                    key.data(events)
                self.turn(heard=bool(ready))
        finally:
            self.end()
            for number, handler in handlers:
                signal.signal(number, handler)
            os.umask(umask)

    def begin(self) -> None:
        """Take the lock, then learn what is on disk, then listen."""
        for end in (self.wake, self.waker):
            end.setblocking(False)
        self.selector.register(self.wake, selectors.EVENT_READ, lambda _: self.wake.recv(64))
        try:
            make_folder(Disk(), self.options.spool)
            owner = os.stat(self.options.spool).st_uid
            if owner != os.geteuid():
                raise SpoolError(f"the spool {self.options.spool} belongs to uid {owner}, so it is not used")
            if not self.lock.take(self.options.lock_wait_s, lambda: self.stopping):
                return
            self.writer.open()
            for path in spool.segments(self.options.spool)[-1:]:
                self.writer.adopt(str(path))
            unread = self.ledger.restore(self.options.spool)
            self.tally.restore()
            self.committer.look()
            self.known = sum(self.ledger.accepted.values())
        except OSError as error:
            raise SpoolError(f"the spool {self.options.spool} cannot be opened: {error}") from error
        for text in unread:
            self.notices.trouble(text, f"set aside: {text}")
        try:
            self.doorway.open()
        except OSError as error:
            raise ConfigError(
                f"cannot listen at {self.options.socket}: {error.strerror}\n"
                "  name another place with --socket PATH or FANLIGHT_SOCKET"
            ) from error
        self.attend(self.doorway.listener)
        self.listening.set()

    @property
    def is_patient(self) -> bool:
        """Whether nobody waits for what is to be looked after next."""
        return self.committer.due() is None and not self.departed.waiting

    def timeout(self) -> float:
        """Answer how long to wait for sockets at the most, in seconds."""
        until_s = self.calm_until_s
        if self.schedule is not None:
            due_s = self.schedule.due()
            if due_s < until_s or (due_s < until_s + PATIENCE_S and self.is_patient):
                until_s = due_s
        return max(0.0, until_s - self.clock())

    def turn(self, *, heard: bool) -> None:
        """Do what is due besides the sockets; `heard` says whether any of them had something."""
        now = self.clock()
        # A fast path: woken for the schedule alone, ten times a second.
        if heard or now >= self.calm_until_s:
            self.look_after(now, heard=heard)
        if self.schedule is not None and now >= self.schedule.due():
            self.schedule.turn()
            if self.committer.group is not None or self.departed.waiting:
                self.calm_until_s = self.next_turn_s()
            elif self.calm_until_s + PATIENCE_S < (next_s := self.schedule.due()):
                # The schedule rests: what would be woken for before it looks again is done now.
                self.look_after(now, ahead_s=next_s - now)

    def next_turn_s(self) -> float:
        """Answer when something is due besides the schedule, should no socket have anything before."""
        due = self.committer.due()
        sweep_s = self.swept_s + (SWEEP_S if self.departed.waiting else self.sweep_s)
        return min(sweep_s, self.checked_s + CHECK_S, sweep_s if due is None else due)

    def look_after(self, now: float, *, heard: bool = False, ahead_s: float = 0.0) -> None:
        """Do what is due of commits, of connections and of what others can pull away.

        Args:
            now: monotonic seconds.
            heard: whether any socket had something.
            ahead_s: what is due so soon is done now.
        """
        due = self.committer.due()
        is_due = due is not None and now >= due
        if is_due:
            self.committer.tick()
        by_s = now + ahead_s
        if heard or is_due or self.departed.waiting or by_s >= self.swept_s + self.sweep_s:
            self.swept_s = now
            self.reception.follow()
            self.reception.sweep()
            self.departed.turn()
            self.sweep_s = CHECK_S if self.reception.is_calm else SWEEP_S
        if by_s >= self.checked_s + CHECK_S:
            self.checked_s = now
            try:
                self.check()
            except OSError as error:
                # No descriptors left, for one; whom we have is served without them.
                self.notices.trouble("check", f"cannot look after spool and socket: {error.strerror}")
            else:
                self.notices.over("check", "spool and socket are looked after again.")
        self.calm_until_s = self.next_turn_s()

    def check(self) -> None:
        """Look after what others can pull away: the socket's path, the lock, the spool, the parent."""
        if self.options.parent_pid and os.getppid() != self.options.parent_pid:
            self.stop()
        self.committer.look()
        self.remember()
        if services := status.waiting(self.ledger, self.committer):
            self.notices.trouble(
                "share",
                f"{', '.join(services)} holds its share of the spool (spool.max_bytes) and waits until the "
                "server has applied some of it; what its queues cannot hold is dropped and counted.",
            )
        else:
            self.notices.over("share", "every service is read again.")
        if not self.lock.is_held():
            with suppress(OSError):
                make_folder(Disk(), self.options.spool)
            if not self.lock.try_take():
                raise SpoolError(f"the spool {self.options.spool} was taken over by another collector")
        if not self.doorway.is_in_place():
            self.attend(None)
            self.doorway.close()
            try:
                self.doorway.open()
            except (FanlightError, OSError) as error:
                self.notices.trouble("socket", f"the socket was pulled away and cannot be put back: {error}")
            else:
                self.notices.over("socket", f"listening at {self.options.socket} again.")
        self.attend(self.doorway.listener)

    def remember(self) -> None:
        """Keep the losses for the next collector, and let go of what tells of them."""
        if self.tally.keep():
            self.departed.settle()

    def attend(self, listener: socket.socket | None) -> None:
        """Let the selector watch this listening socket and no other."""
        if self.watched is not listener:
            if self.watched is not None:
                self.selector.unregister(self.watched)
            self.watched = listener
            if listener is not None:
                self.selector.register(listener, selectors.EVENT_READ, self.admit)

    def admit(self, _events: int) -> None:
        """Let in who waits at the doorway."""
        try:
            while visitor := self.doorway.accept():
                peer, allowed = visitor
                self.reception.admit(peer, self.hall, allowed=allowed)
        except OSError as error:
            # No descriptors left: who waits is looked at again with the next check.
            self.notices.trouble("accept", f"cannot take more connections: {error.strerror}")
            self.attend(None)

    def end(self) -> None:
        """Write and acknowledge what is in a group, then let go of everything."""
        self.departed.turn(at_once=True)
        if self.committer.stuck is None:
            self.committer.close()
        else:
            self.committer.write(self.committer.stuck)
        self.attend(None)
        self.doorway.close()
        until_s = self.clock() + OUTLETS_S
        for outlet in self.outlets:
            outlet.stop(until_s)
        self.reception.close()
        self.writer.seal()
        if self.lock.is_held():
            self.remember()
        # Only now: it takes away what nobody has to count any more.
        if self.schedule is not None:
            self.schedule.close()
        self.lock.release()
        self.selector.close()
        self.wake.close()
        self.waker.close()
