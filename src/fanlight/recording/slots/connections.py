"""Threads that take connections on, as gunicorn's do, told in the slot (HOT).

A connection has a place while a thread is with it, which is busy from then on, whatever comes. It may bring
one request, none or, by HTTP/2, many.
"""

from __future__ import annotations

from _queue import SimpleQueue
from time import monotonic as clock

from fanlight.recording.slots.leaving import is_left
from fanlight.recording.slots.slot import HERE, crowded
from fanlight.wire.slots import BACKLOG, CONNECTIONS, CROWD_ENDED, PLACES, SPAWNED

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

    __slots__ = ("counts", "is_empty", "knows", "left", "queue", "spare")

    def __init__(self, pool: Any, threads: int) -> None:
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
        queue, left = self.queue, self.left
        found = None
        while found != (found := (queue.qsize(), len(left))):
            size, gone = found
            if self.knows:
                # No thread comes between this and the next.
                HERE.cells[BACKLOG] = size - gone if size > gone else 0
            self.is_empty = None if size or gone else True

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


def thread_told(handle: Callable[..., Any], line: Line) -> Callable[..., Any]:
    """Answer the `handle` of workers with threads, which take connections from a line."""
    free, queue = HERE.free, line.queue

    # A fast path: on the way of each request.
    def handle_told(self: Any, connection: Any) -> Any:
        try:
            place = free.pop()
        except IndexError:
            line.begin(connection)
            return crowded(handle, self, connection)
        start = place.start
        start[...] = start_s = clock()
        is_kept = None
        try:
            if queue.empty() is not line.is_empty:
                line.begin(connection)
            is_kept = handle(self, connection)
            return is_kept
        finally:
            if place.start is start:
                start[...] = 0.0
                # One that is kept has brought a request.
                if is_kept is True or line.has_brought(connection, is_kept):
                    place.ended[...] = place.times = place.times + 1.0
                place.spent[...] = place.spent_s = place.spent_s + (clock() - start_s)
                free.append(place)
            else:
                free.insert(0, place)

    return handle_told


def stream_told(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Answer the `handle_http2_request` of workers with threads: a connection has many, and lasts."""

    def handle_told(self: Any, request: Any, connection: Any, streams: Any) -> Any:
        cells = HERE.cells
        try:
            return handle(self, request, connection, streams)
        finally:
            if cells is HERE.cells:
                cells[CROWD_ENDED] += 1

    return handle_told


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

    return submitting(line) if only_submits(enqueue) else enqueue_told


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


def only_submits(enqueue: Any) -> bool:
    """Answer whether an `enqueue_req` does what that of gunicorn 24 and later does, and nothing else."""
    code = getattr(enqueue, "__code__", None)
    if code is None or code.co_names != ("tpool", "submit", "handle", "add_done_callback"):
        return False
    does = [each.co_names for each in code.co_consts if hasattr(each, "co_names")]
    return does == [("method_queue", "defer", "finish_request")]


def closing(close: Callable[..., Any], worker: Any) -> Callable[..., Any]:
    """Answer the `close` of the connections of a worker, which no longer counts one that it closes."""
    here = HERE

    def close_told(self: Any, graceful: Any = False) -> Any:
        here.cells[CONNECTIONS] = worker.nr_conns
        return close(self, graceful) if graceful else close(self)

    return close_told


def accepting(accept: Callable[..., Any]) -> Callable[..., Any]:
    """Answer the `accept` of workers that hand a new connection over when it says its first word."""
    here = HERE

    def accept_told(self: Any, *listener: Any) -> Any:
        try:
            return accept(self, *listener)
        finally:
            here.cells[CONNECTIONS] = self.nr_conns

    return accept_told
