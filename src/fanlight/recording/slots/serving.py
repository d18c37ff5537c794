"""What a server calls for each request, told in the slot (HOT), where the server tells no more itself."""

from __future__ import annotations

from time import monotonic as clock

from fanlight.recording.lanes import lane_here
from fanlight.recording.recorder import is_open
from fanlight.recording.slots.slot import HERE, crowded
from fanlight.recording.wsgi import Body, respond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from fanlight.recording.slots.slot import Place


def counted(call: Callable[..., Any]) -> Callable[..., Any]:
    """Answer what serves one request from beginning to end, such that the slot tells of it.

    Args:
        call: takes one argument; a second one that may be left out would cost each request two questions.
    """
    free = HERE.free
    take = free.pop

    # A fast path, as `begun` is: on the way of each request. Arguments gathered up and handed on, a look-up
    # or a word more to write, would be seen.
    def serve(one: Any) -> Any:
        try:
            place = take()
        except IndexError:
            return crowded(call, one)
        start = place.start
        start[...] = start_s = clock()
        try:
            return call(one)
        finally:
            # The call may have forked.
            if place.start is start:
                start[...] = 0.0
                place.ended[...] = place.times = place.times + 1.0
                place.spent[...] = place.spent_s = place.spent_s + (clock() - start_s)
                free.append(place)
            else:
                free.insert(0, place)

    return serve


def answered(app: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a WSGI application with every request traced, and told in the slot until it returns.

    For a server that tells no more itself, nor reads the body in the thread that calls.
    """
    free = HERE.free
    take = free.pop

    # A fast path: what `counted` does, in what `recording.wsgi` does.
    def serve(environ: Any, start_response: Any) -> Any:
        try:
            place = take()
        except IndexError:
            return crowded(respond, app, environ, start_response)
        start = place.start
        start[...] = start_s = clock()
        try:
            return respond(app, environ, start_response)
        finally:
            if place.start is start:
                start[...] = 0.0
                place.ended[...] = place.times = place.times + 1.0
                place.spent[...] = place.spent_s = place.spent_s + (clock() - start_s)
                free.append(place)
            else:
                free.insert(0, place)

    serve.__wrapped__ = app  # type: ignore[attr-defined]  # what inspect.unwrap looks for
    return serve


def sending(app: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a WSGI application with every request traced, and told in the slot until its body is sent.

    For a server that reads the body in the same thread and closes it. A body that is complete, or a
    file that the server sends by itself, counts up to the return alone.
    """

    def serve(environ: Any, start_response: Any) -> Any:
        lane = lane_here()
        # An application inside of another, which counts already.
        if lane is not None and is_open(lane.trace):
            return respond(app, environ, start_response)
        try:
            place = HERE.free.pop()
        except IndexError:
            return crowded(respond, app, environ, start_response)
        start = place.start
        start[...] = start_s = clock()
        try:
            body = respond(app, environ, start_response)
        except BaseException:
            leave(place, start, start_s)
            raise
        if isinstance(body, Body):
            return Sent(body, place, start, start_s)
        leave(place, start, start_s)
        return body

    return serve


def leave(place: Place, start: Any, start_s: float) -> None:
    """Tell that a request ended, if its place has the word that it began with, and give the place back."""
    if place.start is start:
        start[...] = 0.0
        place.ended[...] = place.times = place.times + 1.0
        place.spent[...] = place.spent_s = place.spent_s + (clock() - start_s)
        HERE.free.append(place)
    else:
        HERE.free.insert(0, place)


class Sent:
    """A body that is sent after its application returned: the place is left when it is closed.

    Args:
        body: the traced one.
        place: that it has.
        start: word of the place when its request began.
        start_s: when its request began.
    """

    __slots__ = ("body", "place", "start", "start_s")

    def __init__(self, body: Body, place: Place, start: Any, start_s: float) -> None:
        self.body = body
        self.place: Place | None = place
        self.start = start
        self.start_s = start_s

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.body)

    def close(self) -> None:
        """Close the body, then leave the place; a second call leaves nothing."""
        try:
            self.body.close()
        finally:
            self.leave()

    def leave(self) -> None:
        """Leave the place, once."""
        place, self.place = self.place, None
        if place is not None:
            leave(place, self.start, self.start_s)

    def __del__(self) -> None:
        # A server that drops a body without closing it is done with it all the same.
        self.leave()
