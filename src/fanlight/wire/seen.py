"""A worker as its slot tells of it, for whoever reads it: the collector, or the process itself."""

from __future__ import annotations

from fanlight.wire import slots as layout
from fanlight.wire.readings import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Seen(Protocol):
        """What is remembered of a process between two reads.

        Attributes:
            slot: its number at its server.
            pid: of the process.
            spent_ns: the busy time told last, below which the next one is not.
            stamp_ns: when its bytes were what they are for the first time.
            stalled: whether it was stopped.
        """

        slot: int
        pid: int
        spent_ns: int
        stamp_ns: int
        stalled: bool


def worker(process: Seen, read: layout.Read, total: int | None, now_ns: int) -> Worker:
    """Answer what a worker tells, with the total that its master tells if it does."""
    head = read.head
    service, server, kind = read.texts
    process.spent_ns = max(process.spent_ns, read.spent_ns(now_ns))
    due_ns = head[layout.DUE]
    return Worker(
        service,
        server,
        kind,
        process.slot,
        process.pid,
        *read.master,
        inodes=tuple(head[word] for word in layout.INODES if head[word]),
        booted=head[layout.STATE] == layout.BOOTED,
        total=read.known(layout.TOTAL) if total is None else total,
        spawned_threads=read.known(layout.SPAWNED),
        max_threads=read.known(layout.MAX_THREADS),
        requests_count=read.requests,
        backlog=read.backlog,
        reactor=read.reactor,
        capacity=read.capacity,
        not_begun=read.not_begun,
        busy=read.busy,
        busy_ns=process.spent_ns,
        overdue_ns=max(0, now_ns - due_ns) if due_ns > 0 else None,
        oldest_start_ns=read.oldest_start_ns,
        stamp_ns=process.stamp_ns,
        stalled=process.stalled,
        asked=head[layout.ASKED] or None,
        deferring=tuple(
            head[word] for bit, word in enumerate(layout.INODES) if head[layout.DEFERS] >> bit & 1
        ),
        tells=not head[layout.MUTE],
    )
