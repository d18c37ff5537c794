"""What an event loop serves, told in the slot (HOT): each request, and when the loop comes by.

A loop has no threads that could be busy, so no time is added up in its places: what is told of a request
is that it was made, that it began, and that it ended.
"""

from __future__ import annotations

from time import monotonic as clock
from types import MethodType

from fanlight.recording.asgi import DOOR, end, opened, sending
from fanlight.recording.slots.slot import BEAT_S, HERE
from fanlight.wire.slots import CROWD, CROWD_ENDED, DUE, UNTIMED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from fanlight.recording.recorder import Trace

LATE_S = BEAT_S + 0.001
"""A beat is late from then on: a timer is never exact."""
TELLS = "fanlight_tells"
"""Attribute of an application that tells the slot of its requests: itself, as `DOOR` has it."""


async def begun(answer: Awaitable[Any]) -> Any:
    """Await what serves one request; it begins when the event loop first comes to it.

    Args:
        answer: the coroutine, that nobody has awaited.
    """
    free = HERE.free
    try:
        place = free.pop()
    except IndexError:
        return await crowd(answer)
    start = place.start
    start[...] = clock()
    try:
        return await answer
    finally:
        # It may have forked.
        if place.start is start:
            start[...] = 0.0
            place.ended[...] = place.times = place.times + 1.0
            free.append(place)
        else:
            free.insert(0, place)


async def crowd(answer: Awaitable[Any]) -> Any:
    """Await what serves a request when every place is taken: it is counted, without a time."""
    HERE.cells[CROWD] += 1
    try:
        return await answer
    finally:
        cells = HERE.cells
        cells[CROWD] -= 1
        cells[CROWD_ENDED] += 1


def answering(app: Callable[..., Any]) -> Callable[..., Any]:
    """Answer an ASGI application such that the slot tells of its HTTP requests.

    One that tells already, as that of a server which is started again, stays as it is.
    """
    if is_its_own(app, TELLS):
        return app
    told = in_one(app)
    if told is None:

        def answer(scope: Any, receive: Any, send: Any) -> Any:
            answered = app(scope, receive, send)
            return begun(answered) if scope["type"] == "http" else answered

        told = answer
    told.__wrapped__ = app  # type: ignore[attr-defined]  # what inspect.unwrap looks for
    setattr(told, TELLS, (told,))
    return told


def in_one(app: Callable[..., Any]) -> Callable[..., Any] | None:
    """Answer a traced application such that the coroutine that traces it tells of it; None for another one.

    A further coroutine around it would cost as much as all that is told.
    """
    # What others put around either is no longer itself, and stays where it is.
    if is_its_own(app, DOOR):
        _, call, _ = getattr(app, DOOR)
        return telling(call, None)
    kind_call: Any = type(app).__call__
    if not is_its_own(kind_call, DOOR):
        return None
    _, call, stays_outside = getattr(kind_call, DOOR)
    return telling(call.__get__(app), None if stays_outside is None else lambda: stays_outside(app))


def is_its_own(call: Any, mark: str) -> bool:
    """Answer whether a mark is that of a function itself, and not copied from what it is around."""
    return getattr(call, mark, (None,))[0] is call


def telling(app: Callable[..., Any], stays_outside: Callable[[], bool] | None) -> Callable[..., Any]:
    """Answer an application with every HTTP request traced and told.

    Args:
        app: the one that nobody traces.
        stays_outside: as `recording.asgi.tracing` has it, of this application.
    """
    free = HERE.free
    take = free.pop

    # A fast path: what `begun` does, in what `recording.asgi` does.
    async def traced(scope: Any, receive: Any, send: Any) -> None:
        trace = opened(scope, receive, stays_outside is not None and stays_outside())
        if trace is None:
            answer = app(scope, receive, send)
            await (begun(answer) if scope["type"] == "http" else answer)
            return
        try:
            place = take()
        except IndexError:
            await crowd(ending(app, trace, scope, receive, send))
            return
        start = place.start
        # To ask the clock once more would cost more.
        start[...] = trace.start_ns * 1e-9
        try:
            await app(scope, receive, MethodType(sending, (trace, scope, send)))
        except BaseException as error:
            end(trace, scope, error)
            raise
        else:
            if trace.lanes is not None:
                end(trace, scope)
        finally:
            if place.start is start:
                start[...] = 0.0
                place.ended[...] = place.times = place.times + 1.0
                free.append(place)
            else:
                free.insert(0, place)

    return traced


async def ending(app: Callable[..., Any], trace: Trace, scope: Any, receive: Any, send: Any) -> None:
    """Await an application, and end its trace, as `recording.asgi` does."""
    try:
        await app(scope, receive, MethodType(sending, (trace, scope, send)))
    except BaseException as error:
        end(trace, scope, error)
        raise
    if trace.lanes is not None:
        end(trace, scope)


def beat(loop: Any, tell: Callable[[], object] = bool) -> None:
    """Let an event loop tell when it means to come by again, which tells others when it does not.

    Args:
        loop: asyncio's, or one that has its methods; it runs.
        tell: called whenever it comes by, for what nothing else tells.
    """

    def tick() -> None:
        tell()
        HERE.cells[DUE] = due_ns(clock())
        loop.call_later(BEAT_S, tick)

    if not HERE.beats:
        HERE.beats = True
        HERE.cells[UNTIMED] = 1
        tick()


def due_ns(now_s: float) -> int:
    """Answer when a loop that comes by now is late."""
    return int((now_s + LATE_S) * 1e9)
