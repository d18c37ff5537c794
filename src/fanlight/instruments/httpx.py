"""httpx: requests that leave by its own transports, synchronous and asynchronous."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.clock import clock
from fanlight.recording.outgoing import record_request
from fanlight.recording.recorder import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> None:
    """Record from the connection to the response's headers, each redirect and retry by itself.

    A transport that answers out of the process, or by another library, is none of these two.

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
        # A fast path: nothing is recorded here and now.
        if current() is None:
            return handle(self, request)
        start_ns = clock()
        try:
            response = handle(self, request)
        except BaseException as error:
            record_request(request.method, host(request), 0, type(error).__name__, start_ns)
            raise
        record_request(request.method, host(request), response.status_code, "", start_ns)
        return response

    @wraps(handle_async)
    async def recorded_async(self: Any, request: Any) -> Any:
        if current() is None:
            return await handle_async(self, request)
        start_ns = clock()
        try:
            response = await handle_async(self, request)
        except BaseException as error:
            record_request(request.method, host(request), 0, type(error).__name__, start_ns)
            raise
        record_request(request.method, host(request), response.status_code, "", start_ns)
        return response

    sync.handle_request, asynchronous.handle_async_request = recorded, recorded_async


def host(request: Any) -> str:
    """Answer host and port that a request is for; the port is left out where it is the scheme's own."""
    netloc: bytes = request.url.netloc
    return netloc.decode("ascii", "replace")
