"""One ASGI request as one trace (HOT): ends with the last body message, or when the app is done.

`receive` is not wrapped, a message sent is no span, lifespan and websocket pass through. The route
is read from the scope that the router filled in, as a template, never as a path.
"""

from __future__ import annotations

import _thread

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock, wall_clock
from fanlight.recording.exchange import (
    FIELDS,
    FORMATS,
    OWN_TITLES,
    REACH,
    UNMATCHED,
    note_headers,
    note_method,
    note_receive,
)
from fanlight.recording.lanes import BLOCK, COLLECTING, Lane, collecting, lane_here, set_lane
from fanlight.recording.recorder import ROUTER, SWITCH, Trace, close, finish, is_open
from fanlight.recording.routes import ANSWERED_BY, INSIDE, LATE, MOUNT, ROUTE, SERVED_MAX, route_template

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import MethodType
    from typing import Any

    Call = Callable[..., Awaitable[None]]
    App = Callable[[Any, Any, Any], Awaitable[None]]
else:
    # The module `types` would be one more at every start.
    MethodType = type(FORMATS.new)

CATEGORY = "app.asgi.request"
CONTENT_TYPE = (b"content-type", b"Content-Type")
"""As ASGI spells it, and as Django does."""
DOOR = "fanlight_door"
"""Attribute of what traces: itself, what it calls, and `stays_outside`. A copy on what others put around it
is not itself."""
INSIDE_LANE = "fanlight.lane"
"""Key of a scope: the lane that is to be set by whoever comes to what the project runs."""


def asgi(app: App) -> App:
    """Answer the ASGI application with every HTTP request traced.

    Wrapping twice, or wrapping what a server or a framework hook already traces, counts a request
    once. The endpoint is the route's template where the router leaves it in the scope, else
    `<unmatched>` until `fanlight.endpoint(name)` names it.
    """
    # A fast path: one layer less where the application's own class does it all.
    if hasattr(type(app).__call__, DOOR):
        return app
    if len(LATE.served) < SERVED_MAX:
        LATE.served.append(app)

    # A fast path: here and in `tracing` the one layer does it all, since a coroutine costs as much
    # as a span.
    async def traced(scope: Any, receive: Any, send: Any) -> None:
        trace = opened(scope, receive)
        if trace is None:
            await app(scope, receive, send)
            return
        try:
            await app(scope, receive, MethodType(sending, (trace, scope, send)))
        except BaseException as error:
            end(trace, scope, error)
            raise
        if trace.lanes is not None:
            end(trace, scope)

    traced.__wrapped__ = app  # type: ignore[attr-defined]  # what inspect.unwrap looks for
    setattr(traced, DOOR, (traced, app, None))
    return traced


def tracing(call: Call, stays_outside: Callable[[Any], bool] | None = None) -> Call:
    """Answer the `__call__` of a framework's applications with every HTTP request traced.

    Args:
        call: the framework's own.
        stays_outside: whether an application runs nothing of its project's before it sets the lane
            that it then finds in the scope as `INSIDE_LANE`; None where no application does. Its
            tasks and threads outside record nothing, and cost as much as without a trace.
    """

    async def traced(self: Any, scope: Any, receive: Any, send: Any) -> None:
        trace = opened(scope, receive, stays_outside is not None and stays_outside(self))
        if trace is None:
            await call(self, scope, receive, send)
            return
        try:
            await call(self, scope, receive, MethodType(sending, (trace, scope, send)))
        except BaseException as error:
            end(trace, scope, error)
            raise
        if trace.lanes is not None:
            end(trace, scope)

    setattr(traced, DOOR, (traced, call, stays_outside))
    return traced


def opened(scope: Any, receive: Any, is_outside: bool = False) -> Trace | None:  # noqa: C901  a fast path
    """Answer the trace of a request that begins here; None when there is nothing to trace.

    Whoever asks awaits the application with a method of `sending` as its `send`, and then calls `end`.

    Args:
        scope: the request's.
        receive: the server's.
        is_outside: leaves the lane in the scope, as `INSIDE_LANE`, instead of on the context.
    """
    if scope["type"] != "http" or SWITCH.sink is None or (COLLECTING.thread and collecting()):
        return None
    if (outer := lane_here()) is not None and is_around(outer.trace):
        return None
    try:
        method, headers = scope["method"], scope["headers"]
    except KeyError:
        method, headers = scope.get("method", ""), scope.get("headers")
    # A fast path: what `begin` does, without the call.
    trace = Trace()
    trace.category = CATEGORY
    trace.title = method
    trace.endpoint = UNMATCHED
    trace.epoch = SWITCH.epoch
    trace.notes = {}
    trace.rank = 0
    trace.start_ns = clock()
    trace.wall_ns = wall_clock()
    lane = Lane()
    lane.trace = trace
    lane.owner = _thread.get_ident()
    lane.events = []
    lane.seen = {}
    lane.loose = False
    lane.limit = BLOCK
    trace.lanes = [lane]
    if SWITCH.sample < 1.0 and SWITCH.draw() >= SWITCH.sample:
        trace.sampled = False
        lane.limit = 0
    # A fast path: this server's sockets tell nothing.
    if REACH.asgi is not None:
        note_receive(trace, receive)
    # A fast path: nearly every request is titled with its own method.
    if method not in OWN_TITLES:
        note_method(trace, method)
    try:
        # As WSGI's: anything else might be used up by a look. Most requests bring none.
        if headers.__class__ is list or headers.__class__ is tuple:
            for field, _ in headers:
                if field in FIELDS:
                    note_headers(trace, headers)
                    break
    except (TypeError, ValueError, LookupError):
        # The application will judge malformed headers; they are none of ours.
        SWITCH.faults += 1
    if is_outside:
        scope[INSIDE_LANE] = lane
    else:
        set_lane(lane)
    return trace


def is_around(trace: Trace | None) -> bool:
    """Answer whether a trace is open here, whose request this one is a part of."""
    # A server may begin the next request of a connection within the last `send` of the one before.
    return trace is not None and not trace.whole and is_open(trace)


def sending(request: tuple[Trace, Any, Callable[[Any], Any]], message: Any) -> Any:
    """Take note of status, format and end, and answer what the server's `send` answers to the message.

    A fast path: the `send` of a request is this as a method of what it needs. Where it is called, the
    interpreter knows a method's function, which is ever the same, but none that is made for each request.

    Args:
        request: its trace, its scope, which the router fills in, and the server's `send`.
        message: of the application.
    """
    trace, scope, pass_on = request
    kind = message["type"]
    if kind == "http.response.start":
        try:
            status = message["status"]
            trace.status = status if status.__class__ is int else int(status)
            headers = message.get("headers")
            if headers.__class__ is list or headers.__class__ is tuple:
                for field, value in headers:
                    if field in CONTENT_TYPE:
                        try:
                            trace.segment = FORMATS.known[value]
                        except KeyError:
                            trace.segment = FORMATS.new(value)
                        break
        except (TypeError, ValueError, AttributeError, KeyError):
            # The server will judge a malformed message; it is none of ours.
            SWITCH.faults += 1
    elif kind == "http.response.body" and not message.get("more_body"):
        # After a 5xx the exception is yet to come: frameworks raise it again behind the response.
        if trace.status >= 500:
            trace.whole = True
            return pass_on(message)
        rank = trace.rank
        # A fast path: named for good, and nobody listens. The context is the request's own.
        if (rank == INSIDE or (rank >= ROUTER and MOUNT not in scope)) and not BUS.subscriptions:
            close(trace)
        else:
            end(trace, scope)
    return pass_on(message)


def end(trace: Trace, scope: Any, error: BaseException | None = None) -> None:
    """Name the endpoint and end the trace; a second call does nothing."""
    if trace.lanes is None:
        return
    # The only route that took the request has named it when it did.
    if trace.rank != INSIDE:
        try:
            # A fast path: Django's router, with no mount around it.
            if trace.rank != ROUTER or MOUNT in scope:
                name(trace, scope)
        except Exception:
            # The scope is the application's, and may hold anything by now; the response goes on.
            SWITCH.faults += 1
    if not BUS.subscriptions:
        finish(trace, error)
        return
    method = trace.notes.get("method", trace.title)
    finish(trace, error)
    note = {"server": "asgi", "method": method, "endpoint": trace.endpoint, "status": trace.status}
    BUS.report("request", note, trace.start_ns, clock())


def name(trace: Trace, scope: Any) -> None:
    """Name the endpoint by what routers and mounts left in the scope."""
    request = trace.asked
    if request is not None:
        trace.asked = None
        # Nobody has asked for its route; where nothing answered, either, it is nobody's.
        if request is not False and request is not MOUNT and trace.status and LATE.name is not None:
            LATE.name(trace, request)
    if trace.rank < ROUTER:
        template = route_template(scope)
        # No route took it: perhaps nobody has asked for one.
        if LATE.template is not None and trace.status and scope.get(ROUTE) is None:
            late = LATE.template(trace, scope)
            if late:
                template = late
                # A mount that only a copy of the scope knows of has answered, or what it holds.
                if request is not MOUNT or MOUNT in scope:
                    trace.annotate(ANSWERED_BY, "middleware")
        if template:
            trace.set_endpoint(f"{trace.title} {template}", ROUTER)
    elif trace.rank == ROUTER and (mount := scope.get(MOUNT)) is not None:
        # What stands inside has named it already, and knows nothing of the mounts around it.
        method, _, template = trace.endpoint.partition(" ")
        trace.set_endpoint(f"{method} {mount[0]}{template}", ROUTER)
