"""Requests to other services, as the instruments of HTTP clients record them."""

from __future__ import annotations

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.recorder import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NOTIFICATION = "http.request"


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
