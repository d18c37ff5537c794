"""What a server calls for each request, told in the slot (HOT), where the server tells no more itself."""

from __future__ import annotations

from time import monotonic_ns as clock

from fanlight.recording.lanes import lane_here
from fanlight.recording.recorder import is_open
from fanlight.recording.slots.slot import BEAT_S, HERE, crowded
from fanlight.recording.wsgi import Body
from fanlight.wire.slots import CROWD, CROWD_ENDED, CROWD_REQUESTS, DUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import Any

    from fanlight.recording.slots.slot import Place

BEAT_NS = int(BEAT_S * 1e9)
SHORT_NS = 1_000_000
"""A beat is late from then on: a timer is never exact."""


def counted(call: Callable[..., Any]) -> Callable[..., Any]:
    """Answer what serves one request from beginning to end, such that the slot tells of it.

    Args:
        call: takes one argument or two, such as a WSGI application.
    """

    # A fast path, as `begun` is: on the way of each request. Arguments gathered up and handed on, or a
    # word more to write, would be seen. What is HERE is looked up twice: the call may have forked.
    def serve(one: Any, other: Any = None) -> Any:
        here = HERE
        try:
            place = here.free.pop()
        except IndexError:
            return crowded(call, one) if other is None else crowded(call, one, other)
        here.cells[place.start] = start_ns = clock()
        try:
            return call(one) if other is None else call(one, other)
        finally:
            # A place that is not at home here is that of the parent which forked meanwhile.
            if place.home is here.free:
                cells = here.cells
                cells[place.start] = 0
                place.times = cells[place.ended] = place.times + 1
                place.spent_ns = cells[place.spent] = place.spent_ns + clock() - start_ns
                place.home.append(place)

    return serve


def sending(app: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a traced WSGI application such that the slot tells of its requests until their bodies are sent.

    For a server that reads the body in the same thread and closes it. A body that is complete, or a
    file that the server sends by itself, counts up to the return alone.
    """

    def serve(environ: Any, start_response: Any) -> Any:
        lane = lane_here()
        # An application inside of another, which counts already.
        if lane is not None and is_open(lane.trace):
            return app(environ, start_response)
        try:
            place = HERE.free.pop()
        except IndexError:
            return crowded(app, environ, start_response)
        HERE.cells[place.start] = start_ns = clock()
        try:
            body = app(environ, start_response)
        except BaseException:
            leave(place, start_ns)
            raise
        if isinstance(body, Body):
            return Sent(body, place, start_ns)
        leave(place, start_ns)
        return body

    return serve


def leave(place: Place, start_ns: int) -> None:
    """Tell that a request ended, and give its place back."""
    if place.home is HERE.free:
        cells = HERE.cells
        cells[place.start] = 0
        place.times = cells[place.ended] = place.times + 1
        place.spent_ns = cells[place.spent] = place.spent_ns + clock() - start_ns
        place.home.append(place)


class Sent:
    """A body that is sent after its application returned: the place is left when it is closed.

    Args:
        body: the traced one.
        place: that it has.
        start_ns: when its request began.
    """

    __slots__ = ("body", "place", "start_ns")

    def __init__(self, body: Body, place: Place, start_ns: int) -> None:
        self.body = body
        self.place: Place | None = place
        self.start_ns = start_ns

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
            leave(place, self.start_ns)

    def __del__(self) -> None:
        # A server that drops a body without closing it is done with it all the same.
        self.leave()


async def begun(answer: Awaitable[Any]) -> Any:
    """Await what serves one request; it begins when the event loop first comes to it.

    Args:
        answer: the coroutine, that nobody has awaited.
    """
    here = HERE
    try:
        place = here.free.pop()
    except IndexError:
        return await crowd(answer)
    here.cells[place.start] = start_ns = clock()
    try:
        return await answer
    finally:
        # A place that is not at home here is that of the parent which forked meanwhile.
        if (home := place.home) is here.free:
            cells = here.cells
            cells[place.start] = 0
            place.times = cells[place.ended] = place.times + 1
            place.spent_ns = cells[place.spent] = place.spent_ns + clock() - start_ns
            home.append(place)


async def crowd(answer: Awaitable[Any]) -> Any:
    """Await what serves a request when every place is taken: it is counted, without a time."""
    HERE.cells[CROWD] += 1
    try:
        return await answer
    finally:
        cells = HERE.cells
        cells[CROWD] -= 1
        cells[CROWD_ENDED] += 1
        cells[CROWD_REQUESTS] += 1


def answering(app: Callable[..., Any]) -> Callable[..., Any]:
    """Answer an ASGI application such that the slot tells of its HTTP requests."""

    def answer(scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] != "http":
            return app(scope, receive, send)
        return begun(app(scope, receive, send))

    answer.__wrapped__ = app  # type: ignore[attr-defined]  # what inspect.unwrap looks for
    return answer


def beat(loop: Any, tell: Callable[[], object] = bool) -> None:
    """Let an event loop tell when it means to come by again, which tells others when it does not.

    Args:
        loop: asyncio's, or one that has its methods; it runs.
        tell: called whenever it comes by, for what nothing else tells.
    """

    def tick() -> None:
        tell()
        HERE.cells[DUE] = clock() + BEAT_NS + SHORT_NS
        loop.call_later(BEAT_S, tick)

    if not HERE.beats:
        HERE.beats = True
        tick()
