"""Starlette and FastAPI applications, under any server."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


FILE = "file.send"


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace every request of every application, made before or after this.

    Args:
        module: `starlette.applications`.

    Raises:
        LookupError: there is no `Starlette.__call__`.
    """
    application = getattr(module, "Starlette", None)
    if application is None or "__call__" not in vars(application):
        raise LookupError("starlette has no Starlette.__call__")
    call = application.__call__

    from fanlight.recording.asgi import respond

    async def traced(self: Any, scope: Any, receive: Any, send: Any) -> None:
        await respond(call.__get__(self), scope, receive, send)

    application.__call__ = traced
    return {"starlette.responses": record_files}


def record_files(module: ModuleType) -> None:
    """Record a file that is the response, from its headers to its last byte."""
    response = getattr(module, "FileResponse", None)
    if response is None or "__call__" not in vars(response):
        raise LookupError("no FileResponse.__call__")
    send_file = response.__call__

    from fanlight.recording.bus import BUS
    from fanlight.recording.clock import clock
    from fanlight.recording.recorder import current

    async def recorded(self: Any, scope: Any, receive: Any, send: Any) -> None:
        lane = current()
        if lane is None:
            await send_file(self, scope, receive, send)
            return
        kind = getattr(self, "media_type", None)
        is_attachment = str(self.headers.get("content-disposition", "")).startswith("attachment")
        handle, start_ns = lane.start(FILE, (kind, is_attachment)), clock()
        try:
            await send_file(self, scope, receive, send)
        finally:
            # The last byte ends the trace, and closes what is open in it.
            if lane.trace is not None:
                lane.stop(handle)
            if BUS.subscriptions:
                BUS.report(FILE, {"type": kind, "attachment": is_attachment}, start_ns, clock())

    response.__call__ = recorded
