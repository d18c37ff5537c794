"""A request to a framework that brings its own server, with neither WSGI nor ASGI between: one trace."""

from __future__ import annotations

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.exchange import (
    FORMATS,
    IDENT,
    OWN_TITLES,
    STAMPS,
    UNMATCHED,
    note_headers,
    note_method,
)
from fanlight.recording.recorder import ROUTER, SWITCH, begin, finish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.recording.recorder import Trace

CATEGORY = "app.http.request"
FIELDS = tuple((field, field.decode()) for field in (IDENT, *STAMPS))
"""Headers of a request that mean something here, as ASGI spells them and as text."""


def begun(method: str, header: Callable[[str], str | None], *, may_open: bool = True) -> Trace | None:
    """Open the trace of a request; None when there is nothing to trace.

    A websocket's opening is no request, and what stands inside another request belongs to that.

    Args:
        method: as the client wrote it.
        header: answers the value of a request's header, None when it has none.
        may_open: whether a websocket can be opened by who answers; some proxies ask for it at every address.
    """
    if SWITCH.sink is None or (may_open and (header("upgrade") or "").lower() == "websocket"):
        return None
    trace = begin(CATEGORY, method, UNMATCHED)
    if trace is None:
        return None
    if method not in OWN_TITLES:
        note_method(trace, method)
    told = [(field, value.encode("latin-1", "replace")) for field, name in FIELDS if (value := header(name))]
    if told:
        note_headers(trace, told)
    return trace


def ended(trace: Trace, status: int, content_type: str | None, template: str, error: Any = None) -> None:
    """End the trace of a request whose response is there, or that was answered by an exception.

    Args:
        trace: what `begun` answered.
        status: of the response, 0 when there is none.
        content_type: of the response.
        template: of the route that took the request; "" when none did.
        error: the exception that got through to the server.
    """
    trace.status = status
    if content_type:
        trace.segment = FORMATS.known.get(content_type) or FORMATS.new(content_type)
    if template:
        trace.set_endpoint(f"{trace.title} {template}", ROUTER)
    method = trace.notes.get("method", trace.title)
    finish(trace, error)
    if BUS.subscriptions:
        note = {"server": "http", "method": method, "endpoint": trace.endpoint, "status": status}
        BUS.report("request", note, trace.start_ns, clock())
