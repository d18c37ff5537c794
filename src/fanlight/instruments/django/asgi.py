"""Django under ASGI (HOT): a request is traced as a whole and recorded where the project's code runs."""

from __future__ import annotations

from types import MethodType

from fanlight.recording.arrival import does_as
from fanlight.recording.asgi import DOOR, INSIDE_LANE, end, opened, sending, tracing
from fanlight.recording.lanes import lane_here, set_lane
from fanlight.recording.routes import INSIDE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def hook(module: ModuleType, handler: Any, same_face: Callable[[Any, Any], Any]) -> None:
    """Trace every request of a class of ASGI handlers.

    Around its response Django starts tasks and threads of its own. Where neither the handler nor a
    listener is the project's, nothing can be recorded there, so the lane is put on the context at
    the response only, and all of that costs what it costs without a trace.

    Args:
        module: `django.core.handlers.asgi`.
        handler: its class.
        same_face: gives a hook the name of what it calls.
    """
    call, base = handler.__call__, handler.__base__
    respond = getattr(base, "get_response_async", None)
    signal = getattr(getattr(module, "signals", None), "request_started", None)
    if respond is None or not hasattr(handler, "handle") or not hasattr(signal, "receivers"):
        handler.__call__ = same_face(tracing(call), call)
        return

    def respond_inside(self: Any, request: Any) -> Any:
        try:
            lane = request.scope.pop(INSIDE_LANE, None)
            if lane is not None:
                # A fast path: asked at each step into a thread, where the class's own would be looked up.
                lane.parent = None
                lane.brancher = 0
                set_lane(lane)
                # Taken back when its route is asked for.
                lane.trace.asked = request
            elif (lane := lane_here()) is not None and (trace := lane.trace) and trace.rank < INSIDE:
                trace.asked = request
        except (AttributeError, TypeError):
            # A request of the project's own making, or a trace that is over.
            pass
        return respond(self, request)

    base.get_response_async = same_face(respond_inside, respond)
    handler.__call__ = same_face(
        traced_in_place(module, call, looking(handler, respond_inside, signal)), call
    )


class Known:
    """A handler as Django's has been in every version that is supported."""

    handle: Any

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            raise ValueError("HTTP and nothing else is served here, not %s." % scope["type"])  # noqa: UP031  its steps
        async with ThreadSensitiveContext():  # type: ignore[name-defined]  # noqa: F821  it is never run
            await self.handle(scope, receive, send)


def traced_in_place(module: Any, call: Any, is_outside: Callable[[Any], bool]) -> Any:
    """Answer Django's `__call__` traced; where its steps are known, they are done here, a coroutine less.

    All that the request waits for passes through each of them.

    Args:
        module: `django.core.handlers.asgi`.
        call: the handler's own.
        is_outside: as `tracing` has it.
    """
    # The names in it are those of its module.
    if not does_as(call, Known.__call__) or call.__globals__ is not module.__dict__:
        return tracing(call, is_outside)

    # A fast path: what `tracing` does, around what Django does.
    async def traced(self: Any, scope: Any, receive: Any, send: Any) -> None:
        trace = opened(scope, receive, is_outside(self))
        if trace is None:
            await call(self, scope, receive, send)
            return
        try:
            async with module.ThreadSensitiveContext():
                await self.handle(scope, receive, MethodType(sending, (trace, scope, send)))
        except BaseException as error:
            end(trace, scope, error)
            raise
        if trace.lanes is not None:
            end(trace, scope)

    setattr(traced, DOOR, (traced, call, is_outside))
    return traced


def looking(handler: Any, respond: Any, signal: Any) -> Callable[[Any], bool]:
    """Answer what tells of a handler whether all that surrounds the response to a request is Django's own.

    Whoever replaced a part may run anything there.

    Args:
        handler: Django's class.
        respond: how it makes the response, hooked.
        signal: tells that a request has started.
    """
    handle = handler.handle
    known: Any = None
    answer = False

    # A fast path, as are cells in place of attributes.
    def is_outside(asked: Any) -> bool:
        nonlocal answer, known
        kind = asked.__class__
        if kind is not handler or kind.handle is not handle or kind.get_response_async is not respond:
            return False
        # The same ones are compared in C, without a look into them.
        if (receivers := signal.receivers) != known:
            answer = all(is_djangos(receiver[1]) for receiver in receivers)
            known = list(receivers)
        return answer

    return is_outside


def is_djangos(receiver: Any) -> bool:
    """Answer whether a receiver, or what it refers to, is a function of Django's."""
    if not hasattr(receiver, "__module__"):
        receiver = receiver()
    return str(getattr(receiver, "__module__", "")).startswith("django.")
