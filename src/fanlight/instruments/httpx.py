"""httpx: requests that leave by its own transports, synchronous and asynchronous."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.clock import clock
from fanlight.recording.outgoing import record_request
from fanlight.recording.recorder import SWITCH
from fanlight.recording.traceparent import NAME, outgoing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> None:
    """Record from the connection to the response's headers, each redirect and retry by itself.

    A transport that answers out of the process, or by another library, is none of these two. A
    request takes the trace's id along, unless the application has set a `traceparent` itself.

    Args:
        module: `httpx`.

    Raises:
        LookupError: a transport lacks its method.
    """
    sync, asynchronous = getattr(module, "HTTPTransport", None), getattr(module, "AsyncHTTPTransport", None)
    if not hasattr(sync, "handle_request") or not hasattr(asynchronous, "handle_async_request"):
        raise LookupError("httpx has no HTTPTransport.handle_request and handle_async_request")
    assert sync is not None
    assert asynchronous is not None
    handle, handle_async = sync.handle_request, asynchronous.handle_async_request

    @wraps(handle)
    def recorded(self: Any, request: Any) -> Any:
        # A fast path: nothing is traced here and now.
        header = outgoing()
        if not header:
            return handle(self, request)
        start_ns = clock()
        try:
            response = handle(self, carrying(request, header))
        except BaseException as error:
            record_request(request.method, host(request), 0, type(error).__name__, start_ns)
            raise
        record_request(request.method, host(request), response.status_code, "", start_ns)
        return response

    @wraps(handle_async)
    async def recorded_async(self: Any, request: Any) -> Any:
        header = outgoing()
        if not header:
            return await handle_async(self, request)
        start_ns = clock()
        try:
            response = await handle_async(self, carrying(request, header))
        except BaseException as error:
            record_request(request.method, host(request), 0, type(error).__name__, start_ns)
            raise
        record_request(request.method, host(request), response.status_code, "", start_ns)
        return response

    sync.handle_request, asynchronous.handle_async_request = recorded, recorded_async


def carrying(request: Any, header: str) -> Any:
    """Answer the request with a `traceparent`; a twin, since the application may look at its own."""
    try:
        headers = request.headers
        if NAME in headers:
            return request
        twin = request.__class__.__new__(request.__class__)
        twin.__dict__.update(request.__dict__)
        twin.headers = headers.__class__(headers)
        twin.headers[NAME] = header
    except Exception:
        # A request of the application's own class may be made otherwise; it leaves as it is.
        SWITCH.faults += 1
        return request
    return twin


def host(request: Any) -> str:
    """Answer host and port that a request is for; the port is left out where it is the scheme's own."""
    netloc = getattr(getattr(request, "url", None), "netloc", b"")
    return netloc.decode("ascii", "replace") if isinstance(netloc, bytes) else ""
