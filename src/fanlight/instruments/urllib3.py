"""urllib3, hence requests: the time to connect, and the attempts that never got to a request."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.clock import clock
from fanlight.recording.outgoing import STARTED, record_request, target
from fanlight.recording.recorder import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> None:
    """Let each attempt begin with its connection; `http.client` below records it, and no second time.

    Args:
        module: `urllib3.connectionpool`.

    Raises:
        LookupError: there is no `HTTPConnectionPool._make_request`, which every attempt goes through.
    """
    pool = getattr(module, "HTTPConnectionPool", None)
    request = getattr(pool, "_make_request", None)
    if pool is None or request is None:
        raise LookupError("urllib3 has no HTTPConnectionPool._make_request")

    @wraps(request)
    def attempted(self: Any, conn: Any, method: Any, url: Any, *args: Any, **options: Any) -> Any:
        # A fast path: nothing is recorded here and now.
        if current() is None or not hasattr(conn, "__dict__"):
            return request(self, conn, method, url, *args, **options)
        start_ns = conn.__dict__[STARTED] = clock()
        try:
            response = request(self, conn, method, url, *args, **options)
        except BaseException as error:
            # A TLS connection is made before the request, which `http.client` then heard nothing of.
            if conn.__dict__.pop(STARTED, 0):
                record_request(method, target(conn, url), 0, type(error).__name__, start_ns)
            raise
        # A connection of another kind, such as HTTP/2, does not go through `http.client`.
        if conn.__dict__.pop(STARTED, 0):
            record_request(method, target(conn, url), response.status, "", start_ns)
        return response

    pool._make_request = attempted  # noqa: SLF001 as above
