"""What waits for the threads of a pool, as gunicorn's are, told in the slot (HOT)."""

from __future__ import annotations

import sys
from queue import SimpleQueue

from fanlight.recording.arrival import does_as
from fanlight.recording.slots.leaving import is_left
from fanlight.recording.slots.slot import HERE
from fanlight.wire.slots import BACKLOG, CONNECTIONS, PLACES, SPAWNED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TOLD = "fanlight_told"
"""Attribute of a request that counts already."""


class Line:
    """What waits for the threads of a pool, told as it is by those who change it, where nobody is free.

    What a free thread takes at once waits for nobody. So who hands a connection over tells only where he
    finds no thread free when he has, and a thread looks whether anything waits when it has its place:
    whichever of the two comes later sees what the other one did.

    Args:
        pool: of threads, as `concurrent.futures` has it; of another one nothing is told.
        threads: of the pool, at the most.

    Attributes:
        counts: whether the worker numbers its connections, and each end of one is told.
        left: numbers of connections in the queue that do not count: nobody waits at their other end.
        is_empty: `True` where nobody waited, and nobody was left, when that was told last; else `None`.
        spare: places that are free at the least while a thread is.
    """

    __slots__ = ("counts", "is_empty", "knows", "left", "pool", "queue", "spare")

    def __init__(self, pool: Any, threads: int) -> None:
        self.pool = pool
        self.queue: Any = getattr(pool, "_work_queue", None)
        self.knows = hasattr(self.queue, "qsize") and hasattr(self.queue, "empty")
        if self.knows:
            HERE.tell(BACKLOG, 0)
        else:
            # Empty for ever.
            self.queue = SimpleQueue()
        crew = getattr(pool, "_threads", None)
        if type(crew) is set:
            pool._threads = Crew(crew)  # noqa: SLF001 a pool tells of its threads in no other way
            HERE.tell(SPAWNED, len(crew))
        most = getattr(pool, "_max_workers", threads)
        self.spare = max(0, PLACES - min(threads, most if isinstance(most, int) else threads))
        self.left: set[int] = set()
        self.is_empty: bool | None = True
        self.counts = True

    def precede(self, worker: Any, connection: Any) -> None:
        """Tell of a connection that is about to be handed over."""
        # One that was never parked is new.
        if getattr(connection, "timeout", None) is None:
            if self.counts:
                HERE.cells[CONNECTIONS] = worker.nr_conns
        elif len(HERE.free) <= self.spare and is_left(getattr(connection, "sock", None)):
            # Nobody is free to see it at once, and it would pass for a request.
            self.left.add(id(connection))

    def follow(self) -> None:
        """Tell what waits behind a connection that was handed over."""
        if len(HERE.free) <= self.spare:
            self.tell()

    def begin(self, connection: Any) -> None:
        """Tell what waits when a thread has taken a connection."""
        self.left.discard(id(connection))
        self.tell()

    def tell(self) -> None:
        """Tell what waits, until nothing has changed behind what was told."""
        queue, left, pool = self.queue, self.left, self.pool
        found = None
        while found != (found := (queue.qsize(), len(left), getattr(pool, "_shutdown", False))):
            size, gone, is_shut = found
            if is_shut:
                gone += self.marks()
            if self.knows:
                # No thread comes between this and the next.
                HERE.cells[BACKLOG] = size - gone if size > gone else 0
            self.is_empty = None if size or gone else True

    def marks(self) -> int:
        """Answer how many marks of its end a pool that is shut down has in its queue.

        One stands there until the last thread is gone, one more for each thread when the interpreter ends.
        """
        pools = sys.modules.get("concurrent.futures.thread")
        is_leaving = getattr(pools, "_shutdown", False)
        return 1 + (len(self.pool._threads) if is_leaving else 0)  # noqa: SLF001 as above

    def has_brought(self, connection: Any, is_kept: Any) -> bool:
        """Answer whether a thread that is done with a connection had read a request of HTTP/1 from it.

        Its parser numbers what it begins to read, and keeps the last that it has read: that of the turn
        before where the client had nothing more to say. Who speaks HTTP/2 keeps none.

        Args:
            connection: that is not kept, as far as it is known.
            is_kept: what its `handle` answered. Where that is not `False`, in versions up to 23, a request is
                marked, since a body that nobody read, and that the client broke off, ends a turn before
                anything is numbered.
        """
        self.left.discard(id(connection))
        try:
            parser = connection.parser
            message = parser.mesg
        except AttributeError:
            return False
        if message is None:
            return False
        try:
            if message.req_number != parser.req_count:
                return False
            if is_kept is not False:
                if TOLD in message.__dict__:
                    return False
                setattr(message, TOLD, True)
        except AttributeError:
            # It has no numbers, or takes no mark.
            return True
        return True


class Crew(set):  # type: ignore[type-arg]  # names of types cost an import
    """The threads of a pool, told when one comes; all stay."""

    def add(self, thread: Any) -> None:
        """Take a thread on, and tell how many there are."""
        super().add(thread)
        HERE.cells[SPAWNED] = len(self)


class Known:
    """A worker with threads as gunicorn's is since version 24."""

    tpool: Any
    handle: Any
    method_queue: Any
    finish_request: Any

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection over."""
        fs = self.tpool.submit(self.handle, conn)
        fs.add_done_callback(lambda fut: self.method_queue.defer(self.finish_request, conn, fut))


def handing_over(enqueue: Callable[..., Any], line: Line) -> Callable[..., Any]:
    """Answer the `enqueue_req` of workers that tell what waits for a thread.

    Args:
        enqueue: their own.
        line: what waits.
    """

    def enqueue_told(self: Any, connection: Any) -> Any:
        line.precede(self, connection)
        result = enqueue(self, connection)
        line.follow()
        return result

    return submitting(line) if does_as(enqueue, Known.enqueue_req) else enqueue_told


def submitting(line: Line) -> Callable[..., Any]:
    """Answer an `enqueue_req` that submits a connection by itself, and tells what `handing_over` does."""
    free, spare = HERE.free, line.spare

    # A fast path: on the way of each request, in the place of gunicorn's own, so that nobody has one call
    # more. A variable of the module costs half of what one of the function around does.
    def submit_and_tell(self: Any, connection: Any) -> None:
        try:
            if connection.timeout is not None:
                _ = free[spare]
            elif line.counts:
                HERE.cells[CONNECTIONS] = self.nr_conns
        except (AttributeError, IndexError):
            line.precede(self, connection)
        self.tpool.submit(self.handle, connection).add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, connection, done)
        )
        try:
            _ = free[spare]
        except IndexError:
            line.tell()

    return submit_and_tell
