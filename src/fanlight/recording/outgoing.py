"""Requests to other services, as the instruments of HTTP clients record them."""

from __future__ import annotations

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.recorder import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NOTIFICATION = "http.request"
STARTED = "fanlight_started"
"""Attribute of a connection of `http.client`: `clock()` when it began to connect for a request."""
DEFAULT_PORTS = (80, 443)


def record_request(method: Any, host: str, status: int, error: str, start_ns: int) -> None:
    """Record a request that has just been answered, or has just failed.

    Args:
        method: as the client sends it.
        host: host and perhaps port; nothing else of the address.
        status: of the response, 0 when none came.
        error: class name of the exception, "" without one.
        start_ns: `clock()` before it.
    """
    # Asked anew: the trace may have ended while an asynchronous call was waiting.
    lane = current()
    if lane is None:
        return
    end_ns = clock()
    lane.leaf(NOTIFICATION, (method, host, status, error), start_ns, end_ns)
    if BUS.subscriptions:
        note = {"method": method, "host": host, "status": status, "error": error}
        BUS.report(NOTIFICATION, note, start_ns, end_ns)


def target(connection: Any, url: Any) -> str:
    """Answer host and port that a request is for, behind a proxy or a tunnel too; never a path."""
    tunnel = getattr(connection, "_tunnel_host", None)
    if tunnel:
        return str(tunnel)
    if isinstance(url, str) and "://" in url[:9]:
        return url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]
    # A connection of the application's own class may lack either.
    host, port = getattr(connection, "host", ""), getattr(connection, "port", None)
    return f"{host}" if port is None or port in DEFAULT_PORTS else f"{host}:{port}"
