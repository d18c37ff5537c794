"""Threads that take connections on, as gunicorn's do, told in the slot (HOT).

A connection has a place while a thread is with it, which is busy from then on, whatever comes. It may bring
one request, none or, by HTTP/2, many.
"""

from __future__ import annotations

from time import monotonic as clock

from fanlight.recording.slots.leaving import is_left
from fanlight.recording.slots.slot import HERE, crowded
from fanlight.wire.slots import CONNECTIONS, CROWD_ENDED, PLACES, SPAWNED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

UNKNOWN = ()
"""Threads of a pool that does not tell them."""
TOLD = "fanlight_told"
"""Attribute of a request that counts already."""


def thread_told(handle: Callable[..., Any], left: set[Any]) -> Callable[..., Any]:
    """Answer the `handle` of workers with threads; who is `left` counts as handed over only now."""
    here, free = HERE, HERE.free
    take = free.pop

    # A fast path: on the way of each request.
    def handle_told(self: Any, connection: Any) -> Any:
        if left and connection in left:
            left.discard(connection)
            here.handed[...] = here.queued = here.queued + 1.0
        try:
            place = take()
        except IndexError:
            return crowded(handle, self, connection)
        is_kept = None
        start = place.start
        start[...] = start_s = clock()
        try:
            is_kept = handle(self, connection)
            return is_kept
        finally:
            if place.start is start:
                start[...] = 0.0
                # What brought no request was never handed over. One that is kept was answered.
                if is_kept is True or has_read(connection):
                    place.ended[...] = place.times = place.times + 1.0
                else:
                    here.handed[...] = here.queued = here.queued - 1.0
                place.spent[...] = place.spent_s = place.spent_s + (clock() - start_s)
                free.append(place)
            else:
                free.insert(0, place)

    return handle_told


def has_read(connection: Any) -> bool:
    """Answer whether a thread that is done with a connection had read a request of HTTP/1 from it.

    Its parser numbers what it begins to read, and keeps the last that it has read: that of the turn before
    where the client had nothing more to say. That one is marked, since a body that nobody read, and that
    the client broke off, ends a turn before anything is numbered. Who speaks HTTP/2 keeps none.
    """
    parser: Any = getattr(connection, "parser", None)
    message = getattr(parser, "mesg", None)
    try:
        if message is None or message.req_number != parser.req_count or TOLD in message.__dict__:
            return False
        setattr(message, TOLD, True)
    except AttributeError:
        # It has no numbers, or takes no mark.
        return True
    return True


def stream_told(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Answer the `handle_http2_request` of workers with threads: a connection has many, and lasts."""

    def handle_told(self: Any, request: Any, connection: Any, streams: Any) -> Any:
        here, handed = HERE, HERE.handed
        try:
            return handle(self, request, connection, streams)
        finally:
            # As if it had been handed over and done by itself, in this order.
            if handed is here.handed:
                handed[...] = here.queued = here.queued + 1.0
                here.cells[CROWD_ENDED] += 1

    return handle_told


def handing_over(
    enqueue: Callable[..., Any], threads: int, left: set[Any], *, counts: bool = True
) -> Callable[..., Any]:
    """Answer the `enqueue_req` of workers that tell what waits for a thread, and who is there.

    Args:
        enqueue: their own.
        threads: of the pool, at the most.
        left: is given the connections that do not count, for nobody waits at their other end.
        counts: whether the worker numbers its connections, and each end of one is told.
    """
    here, free = HERE, HERE.free
    spare = PLACES - threads
    crew, spawned = UNKNOWN, 0

    # A fast path: on the way of each request.
    def enqueue_told(self: Any, connection: Any) -> Any:
        nonlocal crew, spawned
        try:
            # One that was never parked is new.
            is_new = connection.timeout is None
        except AttributeError:
            is_new = True
        # Where nobody is free to see it at once, one whose client has closed it would pass for a request.
        if not is_new and len(free) <= spare and is_left(getattr(connection, "sock", None)):
            left.add(connection)
        else:
            if is_new and counts:
                here.cells[CONNECTIONS] = self.nr_conns
            # Before it can begin: what waits is what was handed over less what began.
            here.handed[...] = here.queued = here.queued + 1.0
        result = enqueue(self, connection)
        # A pool's threads come one by one, and stay; their set is the same one all the time.
        if spawned != threads and (len(crew) != spawned or not spawned):
            crew = getattr(self.tpool, "_threads", UNKNOWN)
            spawned = len(crew)
            here.cells[SPAWNED] = spawned or -1
        return result

    return enqueue_told


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
