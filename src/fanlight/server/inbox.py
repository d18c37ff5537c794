"""The inbox: a spool of the server's own, for what is posted by whoever aggregates by himself.

The same writer, ledger and lock as the collector's keep the same promise: what was acknowledged is
on disk, and a report that comes again is known. The applier reads it like the other spool; only its
segments' numbers are others.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fanlight.collector import status
from fanlight.collector.disk import Disk, make_folder
from fanlight.collector.ledger import Ledger
from fanlight.collector.lock import Lock
from fanlight.collector.notices import Notices
from fanlight.collector.spool import SpoolWriter
from fanlight.errors import FanlightError, StoreError, WireError
from fanlight.log import LOG
from fanlight.server.clocks import corrected, difference
from fanlight.server.posted import parse
from fanlight.wire import spool
from fanlight.wire.codec import encode
from fanlight.wire.messages import COMMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.collector.ledger import Client
    from fanlight.server.posted import Posted
    from fanlight.wire.codec import Message

    Json = dict[str, Any]
    Waiting = tuple[Message, bytes]

BASE = 1 << 40
"""Added to the numbers of the inbox's segments, so that none is ever the collector's."""
MAX_BYTES = 1 << 30
SEGMENT_BYTES = 16 << 20
REMEMBERED_NS = 72 * 3_600_000_000_000
"""How long a silent client's last sequence is known; it gives a report up after a day."""
PRESENT_NS = 120_000_000_000
"""How long after its last report a client counts as there: it reports when it has something."""
SERVICES = 200
"""Services that are kept apart, as the collector's own bound."""
LOOK_S = 1.0
"""How often the inbox's size is measured, at the most."""


class RoomError(StoreError):
    """There is no room for it, now; it may be posted again."""


class Inbox:
    """Takes posted reports, each exactly once; called from any thread.

    Args:
        directory: of the segments; made when the first report comes.
        clock: wall-clock ns since 1970.
        tell: is given a line when something goes wrong and when it is well again.

    Attributes:
        max_bytes: from here on nothing is taken until the store has applied some. A report that is
            larger by itself is taken when nothing else waits: no time would make room for it.
        ledger: whose reports are on disk, and what clients lost themselves.
        owes: whether the applier could not be told how far to read.
    """

    def __init__(
        self,
        directory: str,
        clock: Callable[[], int] = time.time_ns,
        tell: Callable[[str], object] = LOG.warning,
    ) -> None:
        self.directory = directory
        self.clock = clock
        self.max_bytes = MAX_BYTES
        self.notices = Notices(time.monotonic, tell)
        self.ledger = Ledger(clock, REMEMBERED_NS)
        self.lock = Lock(os.path.join(directory, "lock"))
        self.writer = SpoolWriter(directory, self.ledger.describe, clock, segment_bytes=SEGMENT_BYTES)
        self.writer.base = BASE
        self.turn = threading.Lock()
        self.opened = self.owes = False
        self.stuck: Waiting | None = None
        self.looked_s = 0.0

    def start(self) -> None:
        """Take up what a predecessor left, if there is anything; what fails now is tried by `take`."""
        if os.path.isdir(self.directory):
            try:
                with self.turn:
                    self.open()
            except (FanlightError, OSError) as error:
                self.notices.trouble("open", f"the inbox cannot be opened yet: {error}")

    def stop(self) -> None:
        """Let go of the inbox; a record that could not be written was not acknowledged."""
        with self.turn:
            self.writer.seal()
            self.lock.release()
            self.opened = False

    def open(self) -> None:
        """Take the lock, then learn what is on disk.

        Raises:
            RoomError: a predecessor still holds the lock.
            OSError: the directory cannot be used.
        """
        if self.opened:
            return
        make_folder(Disk(), self.directory)
        if os.stat(self.directory).st_uid != os.geteuid():
            raise PermissionError(f"the inbox {self.directory} belongs to somebody else")
        if not self.lock.try_take():
            raise RoomError("another server has the inbox")
        self.writer.open()
        for path in spool.segments(self.directory)[-1:]:
            self.writer.adopt(str(path))
        for text in self.ledger.restore(self.directory):
            self.notices.trouble(text, f"set aside: {text}")
        self.owes = not self.writer.settle(self.ledger.totals())
        self.notices.over("open", "the inbox is open.")
        self.opened = True

    def take(self, data: bytes, told_ns: int | None = None) -> int:
        """Keep a report; answer the sequence up to which its client's are on disk.

        Args:
            data: a REPORT.
            told_ns: the sender's wall clock as it sent this; None when it did not tell.

        Raises:
            WireError: it is no report, or one that contradicts itself.
            RoomError: there is no room now.
            OSError: it cannot be written now.
        """
        posted = parse(data)
        with self.turn:
            self.open()
            self.flush()
            client = self.greet(posted, told_ns)
            if posted.sequence > client.sequence:
                self.check_room(len(data))
                shift_ns = difference(self.clock(), told_ns)
                for commit, body in posted.commits:
                    moved = corrected(commit, self.clock(), shift_ns)
                    self.stuck = (commit, body) if moved is None else (moved, encode(COMMIT, moved))
                    self.flush()
            return client.sequence

    def greet(self, posted: Posted, told_ns: int | None) -> Client:
        """Answer the entry of a report's client, with what it says of itself."""
        service = posted.hello["service"]
        if service not in self.ledger.accepted and len(self.ledger.accepted) >= SERVICES:
            raise WireError(f"{SERVICES} services report here already; this is one more")
        client = self.ledger.client(posted.hello["client"])
        off_s = round(difference(self.clock(), told_ns) / 1e9)
        client.hello = {**posted.hello, "clock_off_s": off_s}
        self.ledger.report(client, service, posted.dropped_reason, posted.dropped_count)
        return client

    def flush(self) -> None:
        """Make the record durable that waits to be; until it is, no other is begun."""
        if self.stuck is None:
            return
        commit, body = self.stuck
        try:
            self.writer.append(body)
        except OSError as error:
            self.notices.trouble("write", f"cannot write the inbox {self.directory}: {error}")
            raise
        self.stuck = None
        self.notices.over("write", f"the inbox {self.directory} can be written again.")
        self.ledger.commit(commit, spool.RECORD.size + len(body))
        self.owes = not self.writer.settle(self.ledger.totals())

    @property
    def waits(self) -> bool:
        """Whether something failed that `look` can make good."""
        return self.owes or self.stuck is not None

    def look(self) -> None:
        """Make good what failed, the record that waits or how far it may be read: nobody may come by to."""
        if not self.waits:
            return
        with self.turn, suppress(OSError):
            if self.opened:
                self.flush()
                self.owes = not self.writer.settle(self.ledger.totals())

    def check_room(self, more: int) -> None:
        """Raise when the inbox would pass its bound."""
        now = time.monotonic()
        if now - self.looked_s > LOOK_S:
            self.looked_s = now
            self.writer.measure()
        if self.writer.used + more <= self.max_bytes:
            self.notices.over("full", "the inbox has room again.")
            return
        # A segment must end before it can be applied to its end and go.
        self.writer.turn()
        self.writer.measure()
        if self.writer.used + more > self.max_bytes and not self.writer.is_empty:
            text = f"the inbox has reached its bound of {self.max_bytes} bytes (spool.max_bytes)"
            self.notices.trouble("full", f"{text}; who reports keeps it for now.")
            raise RoomError(text)

    def state(self) -> Json:
        """Answer the clients, and what they lost, in the words of the collector's own status."""
        since = self.clock() - PRESENT_NS
        with self.turn:
            known = list(self.ledger.clients.items())
            lost = {name: dict(each) for name, each in self.ledger.lost.items()}
        present = [(name, c) for name, c in known if c.hello and c.seen_ns >= since][: status.CLIENTS]
        return {
            "clients": [
                {**status.describe(name, c), "clock_off_s": c.hello["clock_off_s"]} for name, c in present
            ],
            "ignored": {name: each[status.IGNORED] for name, each in lost.items() if status.IGNORED in each},
            "lost_before_accept": {
                name: {why: n for why, n in each.items() if why != status.IGNORED}
                for name, each in lost.items()
            },
            "bytes": self.writer.used,
            "max_bytes": self.max_bytes,
        }
