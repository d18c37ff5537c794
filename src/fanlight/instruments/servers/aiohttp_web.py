"""aiohttp's server, by itself or in a worker of gunicorn's: requests, named by their route's pattern."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.boundary.served import begun, ended
from fanlight.recording.lanes import lane_here
from fanlight.recording.recorder import SWITCH
from fanlight.recording.reduction import described

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> None:
    """Trace each request from when its headers are there to the end of its response.

    Args:
        module: `aiohttp.web_server`, which has it from where it is made.

    Raises:
        LookupError: there is no `RequestHandler._handle_request`, which runs in a task of its own.
    """
    handler = getattr(module, "RequestHandler", None)
    handle = getattr(handler, "_handle_request", None)
    if handler is None or handle is None:
        raise LookupError("aiohttp has no RequestHandler._handle_request")

    @wraps(handle)
    async def traced(self: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        # What cannot be read as HTTP is answered by a handler of the server's own.
        own = getattr(self, "_request_handler", None)
        is_read = not arguments or own is None or arguments[-1] == own
        trace = begun(request.method, request.headers.get) if is_read else None
        if trace is None:
            return await handle(self, request, *arguments, **options)
        try:
            answered = await handle(self, request, *arguments, **options)
        except BaseException as error:
            # Of one in the midst of a response it makes another, which says only that.
            is_told = trace.error is not None or is_left(self, error)
            ended(trace, 0, None, template(request), None if is_told else error)
            raise
        response = answered[0] if answered.__class__ is tuple else answered
        ended(trace, *told(response), template(request))
        return answered

    handler._handle_request = traced  # noqa: SLF001 no public method runs in the request's task
    answer = getattr(handler, "handle_error", None)
    if answer is not None:
        handler.handle_error = noting(answer)


def noting(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Answer what makes a response of an exception, which the trace is told of first."""

    @wraps(answer)
    def noted(
        self: Any, request: Any, status: int = 500, exc: Any = None, message: Any = None, **more: Any
    ) -> Any:
        lane = lane_here()
        trace = None if exc is None or lane is None else lane.trace
        if trace is not None and not is_left(self, exc):
            trace.error = described(exc)
        made = answer(self, request, status, exc, message, **more)
        if trace is not None and trace.error is None:
            # Nothing of a response had been sent, so that it counts as the one that was made.
            trace.error = described(exc)
        return made

    return noted


def is_left(server: Any, error: BaseException) -> bool:
    """Answer whether an exception says that the client went: a stream of events ends in no other way."""
    if error.__class__ is not ConnectionError and not isinstance(error, ConnectionResetError):
        return False
    transport = getattr(server, "transport", None)
    return transport is None or bool(transport.is_closing())


def told(response: Any) -> tuple[int, str | None]:
    """Answer status and Content-Type of a response, which may be of a class of the application's."""
    try:
        return int(response.status), response.headers.get("Content-Type")
    except Exception:
        SWITCH.faults += 1
        return 0, None


def template(request: Any) -> str:
    """Answer the pattern of the route that took a request, with the prefixes of applications around it."""
    try:
        resource = request.match_info.route.resource
        # A server without an application has no routes, and a request that no route took no resource.
        if resource is None:
            return ""
        pattern = str(resource.canonical)
        return f"{pattern.rstrip('/')}/{{path}}" if "directory" in resource.get_info() else pattern
    except (AttributeError, AssertionError, TypeError):
        return ""
    except Exception:
        # Resources may be of a class of the application's, too.
        SWITCH.faults += 1
        return ""
