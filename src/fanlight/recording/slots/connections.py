"""Threads that take connections on, as gunicorn's do, told in the slot (HOT).

A connection has a place while a thread is with it, which is busy from then on, whatever comes. It may bring
one request, none or, by HTTP/2, many.
"""

from __future__ import annotations

from time import monotonic as clock

from fanlight.recording.slots.leaving import is_left
from fanlight.recording.slots.slot import HERE, Place, crowded
from fanlight.wire.slots import CONNECTIONS, CROWD_ENDED, PLACES, SPAWNED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

UNKNOWN = ()
"""Threads of a pool that does not tell them."""


def thread_told(handle: Callable[..., Any], left: set[Any]) -> Callable[..., Any]:
    """Answer the `handle` of workers with threads; who is `left` counts as handed over only now."""
    here, free, none = HERE, HERE.free, Place()
    take = free.pop

    # A fast path, as `request_told` is: on the way of each request.
    def handle_told(self: Any, connection: Any) -> Any:
        if left and connection in left:
            left.discard(connection)
            here.handed[...] = here.queued = here.queued + 1.0
        try:
            connection.fanlight_place = place = take()
        except IndexError:
            connection.fanlight_place = none
            return crowded(handle, self, connection)
        place.answered = False
        start = place.start
        start[...] = start_s = clock()
        try:
            return handle(self, connection)
        finally:
            if place.start is start:
                start[...] = 0.0
                # What brought no request was never handed over.
                if place.answered:
                    place.ended[...] = place.times = place.times + 1.0
                else:
                    here.handed[...] = here.queued = here.queued - 1.0
                place.spent[...] = place.spent_s = place.spent_s + (clock() - start_s)
                free.append(place)
            else:
                free.insert(0, place)

    return handle_told


def request_told(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Answer the `handle_request` of workers with threads; `thread_told` tells of it."""

    def handle_told(self: Any, request: Any, connection: Any) -> Any:
        try:  # noqa: SIM105  a fast path
            connection.fanlight_place.answered = True
        except AttributeError:
            # Somebody's own worker calls it for a connection that `handle` was not called with.
            pass
        return handle(self, request, connection)

    return handle_told


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


def handing_over(enqueue: Callable[..., Any], threads: int, left: set[Any]) -> Callable[..., Any]:
    """Answer the `enqueue_req` of workers that tell what waits for a thread, and who is there.

    Args:
        enqueue: their own.
        threads: of the pool, at the most.
        left: is given the connections that do not count, for nobody waits at their other end.
    """
    here, free = HERE, HERE.free
    spare = PLACES - threads
    crew, spawned = UNKNOWN, 0

    # A fast path: on the way of each request.
    def enqueue_told(self: Any, connection: Any) -> Any:
        nonlocal crew, spawned
        # Where nobody is free to see it at once, one whose client has closed it would pass for a request.
        if connection.timeout is not None and len(free) <= spare and is_left(connection.sock):
            left.add(connection)
        else:
            # One that was never parked is new.
            if connection.timeout is None:
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
