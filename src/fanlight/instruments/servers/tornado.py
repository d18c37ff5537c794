"""Tornado: requests to its handlers, named by their rule's pattern, and the WSGI applications it contains."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.boundary.served import begun, ended
from fanlight.recording.lanes import lane_here
from fanlight.recording.patterns import TEMPLATES
from fanlight.recording.recorder import SWITCH
from fanlight.recording.reduction import described

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

    from fanlight.recording.recorder import Trace

RULE = "fanlight_rule"
"""Attribute of a request: the expression that matched its path last."""
TRACE = "fanlight_trace"
"""Attribute of a handler: the trace of its request."""


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace each request from when a handler begins it, its `prepare` included, to when that finishes it.

    Args:
        module: `tornado.web`.

    Raises:
        LookupError: there is no `RequestHandler._execute`, which runs in a task of its own.
    """
    handler = getattr(module, "RequestHandler", None)
    execute = getattr(handler, "_execute", None)
    if handler is None or execute is None:
        raise LookupError("tornado has no RequestHandler._execute")

    # It hands the request on and is done at once: whoever answers it is who traces it.
    hands_on = getattr(module, "FallbackHandler", ())

    @wraps(execute)
    async def traced(self: Any, *arguments: Any, **options: Any) -> Any:
        request = self.request
        trace = None
        if not isinstance(self, hands_on):
            may_open = hasattr(type(self), "get_websocket_protocol")
            trace = begun(request.method, request.headers.get, may_open=may_open)
        if trace is None:
            return await execute(self, *arguments, **options)
        vars(self)[TRACE] = trace
        try:
            result = await execute(self, *arguments, **options)
        except BaseException as error:
            end(trace, self, error)
            raise
        end(trace, self)
        return result

    handler._execute = traced  # noqa: SLF001 no public method is around all that a handler does
    finish = getattr(handler, "finish", None)
    if finish is not None:
        handler.finish = ending(finish)
    answer = getattr(handler, "_handle_request_exception", None)
    if answer is not None:
        ways = tuple(filter(None, (getattr(module, name, None) for name in ("HTTPError", "Finish"))))
        handler._handle_request_exception = noting(answer, ways)  # noqa: SLF001 what is logged may be overridden
    return {"tornado.routing": note_rules, "tornado.wsgi": trace_wsgi}


def ending(finish: Callable[..., Any]) -> Callable[..., Any]:
    """Answer the `finish` of handlers that ends the trace too: nobody waits for what they do afterwards."""

    @wraps(finish)
    def finished(self: Any, *arguments: Any, **options: Any) -> Any:
        sent = finish(self, *arguments, **options)
        trace = vars(self).pop(TRACE, None)
        if trace is not None:
            end(trace, self)
        return sent

    return finished


def noting(answer: Callable[..., Any], ways: tuple[type, ...]) -> Callable[..., Any]:
    """Answer what makes a response of an exception, which the trace is told of first.

    Args:
        answer: of an instance and an exception.
        ways: exceptions that are a way to answer; others may have a status, too, of whom they asked.
    """

    @wraps(answer)
    def noted(self: Any, e: Any) -> Any:
        lane = lane_here()
        if not isinstance(e, ways) and lane is not None and lane.trace is not None:
            lane.trace.error = described(e)
        return answer(self, e)

    return noted


def end(trace: Trace, handler: Any, error: BaseException | None = None) -> None:
    """End the trace of what a handler has answered; a second call does nothing."""
    if trace.lanes is None:
        return
    status, content_type = 0, None
    try:
        status = int(handler.get_status())
        content_type = handler._headers.get("Content-Type")  # noqa: SLF001 a handler tells it to nobody
    except Exception:
        # The handler's class is the application's.
        SWITCH.faults += 1
    pattern = getattr(handler.request, RULE, "")
    ended(trace, status, content_type, TEMPLATES[pattern] if pattern else "", error)


def note_rules(module: ModuleType) -> None:
    """Leave the expression that matched a request's path on the request: a handler is not told of it.

    Raises:
        LookupError: there is no `PathMatches.match`.
    """
    matcher = getattr(module, "PathMatches", None)
    match = getattr(matcher, "match", None)
    if matcher is None or match is None:
        raise LookupError("no PathMatches.match")

    @wraps(match)
    def matched(self: Any, request: Any) -> Any:
        found = match(self, request)
        if found is not None:
            try:
                setattr(request, RULE, self.regex.pattern)
            except AttributeError:
                # Routers are asked with requests of a program's own making, too.
                SWITCH.faults += 1
        return found

    matcher.match = matched


def trace_wsgi(module: ModuleType) -> None:
    """Trace a WSGI application that is contained, also by gunicorn's worker.

    Raises:
        LookupError: there is no `WSGIContainer`, or it is made in another way.
    """
    container = getattr(module, "WSGIContainer", None)
    if container is None or "__init__" not in vars(container):
        raise LookupError("no WSGIContainer")

    from fanlight.recording.boundary.application import tracing
    from fanlight.recording.wsgi import wsgi

    container.__init__ = tracing(container.__init__, "wsgi_application", wsgi)
