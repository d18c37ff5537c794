"""Requests to other services by `http.client`, hence by urllib, urllib3 and requests too."""

from __future__ import annotations

from fanlight.recording.clock import clock
from fanlight.recording.outgoing import STARTED, record_request, target
from fanlight.recording.recorder import current
from fanlight.recording.traceparent import FIELD, NAME, outgoing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

PENDING = "fanlight_pending"
"""Attribute of a connection: (method, host, start) of the request that is under way."""


def patch(module: ModuleType) -> None:
    """Record from the request line to the response's headers; a failed attempt ends with the close.

    A request takes the trace's id along, unless the application has set a `traceparent` itself.

    Args:
        module: `http.client`.

    Raises:
        LookupError: `HTTPConnection` lacks one of the methods.
    """
    connection = getattr(module, "HTTPConnection", None)
    for name in ("putrequest", "putheader", "endheaders", "getresponse", "close"):
        if not hasattr(connection, name):
            raise LookupError(f"http.client has no HTTPConnection.{name}")
    assert connection is not None
    putrequest, getresponse, close = connection.putrequest, connection.getresponse, connection.close

    def begun(self: Any, method: Any, url: Any, *args: Any, **options: Any) -> Any:
        if current() is not None:
            # Whoever connects before the request has told when that began.
            start_ns = self.__dict__.pop(STARTED, 0) or clock()
            self.__dict__[PENDING] = (method, target(self, url), start_ns)
        return putrequest(self, method, url, *args, **options)

    def answered(self: Any, *args: Any, **options: Any) -> Any:
        # Taken off first: `getresponse` itself closes a connection that is not kept alive.
        pending = self.__dict__.pop(PENDING, None)
        if pending is None:
            return getresponse(self, *args, **options)
        try:
            response = getresponse(self, *args, **options)
        except BaseException as error:
            over(pending, 0, type(error).__name__)
            raise
        over(pending, getattr(response, "status", 0), "")
        return response

    def closed(self: Any) -> Any:
        # No response came: the connection failed, or was given up.
        pending = self.__dict__.pop(PENDING, None)
        if pending is not None:
            over(pending, 0, "no response")
        return close(self)

    connection.putrequest, connection.getresponse, connection.close = begun, answered, closed
    connection.endheaders = carrying(connection.endheaders, connection.putheader)


def over(pending: tuple[Any, str, int], status: int, error: str) -> None:
    """Record a request that was under way on a connection."""
    method, host, start_ns = pending
    record_request(method, host, status, error, start_ns)


def carrying(endheaders: Callable[..., Any], putheader: Callable[..., Any]) -> Callable[..., Any]:
    """Answer what ends a request's header, with a `traceparent` before the end."""

    def ended(self: Any, *args: Any, **options: Any) -> Any:
        header = outgoing()
        if header and is_without(self):
            putheader(self, NAME, header)
        return endheaders(self, *args, **options)

    return ended


def is_without(connection: Any) -> bool:
    """Answer whether a request, whose header is about to be sent, surely has no `traceparent` yet."""
    lines = getattr(connection, "_buffer", None)
    return lines.__class__ is list and not any(line[:12].lower() == FIELD + b":" for line in lines)
