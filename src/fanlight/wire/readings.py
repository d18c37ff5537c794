"""What is read of a machine's web servers, and what comes of it: a snapshot of one instant.

`None` is unknown and stays away from everything downstream; 0 is a zero that somebody measured.
Moments are monotonic ns (the clock that every process of a machine shares) unless they say
otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Listener(NamedTuple):
    """A listening socket, as the kernel tells of it.

    Attributes:
        inode: tells it from every other socket that is open on the machine.
        family: "tcp4", "tcp6" or "unix".
        address: "127.0.0.1:8000", "[::]:8000", "/run/x.sock" or "@abstract".
        queued: connections that the kernel has completed and nobody accepted.
        limit: of those, as the kernel cut it; it holds one more.
        drops: connections that were refused because the queue was full, since it listens.
        pids: processes known to hold it; none when that is unknown.
        program: what listens there, such as "nginx", for a listener that no worker tells of.
        abandoned: of the queued ones, those that their clients have closed.
    """

    inode: int
    family: str
    address: str
    queued: int
    limit: int
    drops: int | None = None
    pids: tuple[int, ...] = ()
    program: str = ""
    abandoned: int | None = None


class Worker(NamedTuple):
    """A process of a web server that answers requests, as its own slot tells of it.

    Attributes:
        service: that it answers for.
        server: "gunicorn", "uvicorn" and so on.
        kind: of worker, such as "gthread"; "" where the server has one kind.
        slot: its number there, the same as the one's whose place it took.
        pid, master: its own number and that of the process that minds the workers; a server without
            one is its own master.
        generation: when the kernel started the master, so that two masters differ whatever their pids.
        inodes: the listening sockets that it serves.
        booted: whether it is ready for requests.
        total: workers that are configured.
        spawned_threads, max_threads: alive now; allowed.
        requests_count: requests that it began or ended, as the adapter says, since it booted.
        backlog: requests that the server has read and no thread has taken.
        reactor: connections that are parked until they have something to read.
        capacity: threads that are idle or may still be spawned.
        not_begun: tasks of requests that were made and have not run yet.
        busy: requests that are being answered.
        busy_ns: time that was spent so, added up over all slots of the worker: an integral.
        overdue_ns: how late the event loop is.
        oldest_start_ns: when the oldest request in flight began.
        stamp_ns: when the worker last said anything, other than that its loop came by.
        stalled: it has said nothing for too long, though it is alive.
        asked: how many connections each of its listeners was to hold, as the server was told.
        deferring: those of its sockets to which the kernel hands a connection once it has said something.
        tells: whether its requests are told; where not, that none is counted or in flight says nothing.
    """

    service: str
    server: str
    kind: str
    slot: int
    pid: int
    master: int
    generation: int
    inodes: tuple[int, ...] = ()
    booted: bool = True
    total: int | None = None
    spawned_threads: int | None = None
    max_threads: int | None = None
    requests_count: int = 0
    backlog: int | None = None
    reactor: int | None = None
    capacity: int | None = None
    not_begun: int | None = None
    busy: int = 0
    busy_ns: int = 0
    overdue_ns: int | None = None
    oldest_start_ns: int | None = None
    stamp_ns: int = 0
    stalled: bool = False
    asked: int | None = None
    deferring: tuple[int, ...] = ()
    tells: bool = True


class Retired(NamedTuple):
    """What workers that are gone have left behind, per service, server and master; it only grows.

    Attributes:
        slot: that they had, one after the other; None when it is told of all slots together.
        restarts: how many went, by reason: an exit code or a signal's name.
    """

    service: str
    server: str
    master: int
    generation: int
    requests_count: int
    busy_ns: int
    restarts: Mapping[str, int]
    slot: int | None = None


class Readings(NamedTuple):
    """What one source, or all of them, read at one instant."""

    listeners: tuple[Listener, ...] = ()
    workers: tuple[Worker, ...] = ()
    retired: tuple[Retired, ...] = ()


class Snapshot(NamedTuple):
    """What is told of one server, or of one of its workers, at one instant.

    Attributes:
        time_ns: since 1970.
        labels: service, host, server, worker_class, master where there are two, worker (its slot) where it is
            told of one.
        values: in the order in which they are published; what is unknown is not in it.
    """

    time_ns: int
    labels: dict[str, str]
    values: dict[str, int | float]
