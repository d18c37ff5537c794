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

    from fanlight.recording.asgi import tracing

    application.__call__ = tracing(call)
    return {"starlette.responses": record_files, "starlette.routing": name_routes}


def name_routes(module: ModuleType) -> None:
    """Leave in the scope which mounts and which route took a request; older routers tell neither."""
    route, mount = getattr(module, "Route", None), getattr(module, "Mount", None)
    for each in (route, mount):
        if each is None or "handle" not in vars(each):
            raise LookupError("no Route.handle and Mount.handle")
    assert route is not None
    assert mount is not None
    handle, handle_mount = route.handle, mount.handle

    from fanlight.recording.lanes import lane_here
    from fanlight.recording.routes import note_mount, noting

    # As `noting` does, it answers the coroutine.
    def mounted(self: Any, scope: Any, receive: Any, send: Any) -> Any:
        lane = lane_here()
        if lane is not None:
            note_mount(self, scope, lane.trace)
        return handle_mount(self, scope, receive, send)

    route.handle, mount.handle = noting(handle), mounted


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
        told = [value[:10] for name, value in self.raw_headers if name == b"content-disposition"]
        is_attachment = told == [b"attachment"]
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
