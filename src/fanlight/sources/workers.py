"""A worker as its slot tells of it, and as its connections do where it cannot."""

from __future__ import annotations

from fanlight.wire.seen import worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.sources.held import File
    from fanlight.wire import slots as layout
    from fanlight.wire.readings import Worker

LATE_NS = 30_000_000
"""An event loop that is so late is blocked: what it took on waits in its sockets."""


def known(file: File, read: layout.Read, total: int | None, now_ns: int) -> Worker:
    """Answer what a worker tells: the same object as before while it does nothing."""
    # A fast path: most workers do nothing most of the time.
    if file.idle is not None and file.idle[0] == total and file.idle[1] == file.stalled:
        return file.idle[2]
    made = worker(file, read, total, now_ns)
    if not read.busy and not made.overdue_ns:
        file.idle = total, file.stalled, made
    return made


def waits(worker: Worker, hides: bool) -> bool:
    """Answer whether requests may wait at a worker that it cannot tell of itself."""
    if worker.overdue_ns is not None and worker.overdue_ns > LATE_NS:
        return True
    return hides and worker.capacity == 0


def complete(worker: Worker, hides: bool, told: dict[int, tuple[int, int]] | None) -> Worker:
    """Answer a worker with what its connections tell of requests that wait where it cannot count them.

    Args:
        worker: as it tells of itself.
        hides: whether some wait beyond its own count even while it works.
        told: by pid, connections with something unread and those that are to be answered; None unknown.
    """
    is_asked = waits(worker, hides)
    if is_asked and told is None:
        return worker
    unread, pending = (told or {}).get(worker.pid, (0, 0)) if is_asked else (0, 0)
    if not hides:
        return (
            worker._replace(not_begun=worker.not_begun + unread) if worker.not_begun is not None else worker
        )
    waiting = max(0, pending - worker.busy)
    # Threads have a queue before them; a loop has tasks.
    return (
        worker._replace(not_begun=waiting) if worker.max_threads is None else worker._replace(backlog=waiting)
    )
