"""Threads that take connections on, as gunicorn's do, told in the slot (HOT).

A connection has a place while a thread is with it, which is busy from then on, whatever comes. It may bring
one request, none or, by HTTP/2, many.
"""

from __future__ import annotations

from time import monotonic as clock

from fanlight.recording.slots.slot import HERE, crowded
from fanlight.wire.slots import CONNECTIONS, CROWD_ENDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.recording.slots.line import Line


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
