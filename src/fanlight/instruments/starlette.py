"""Starlette and FastAPI applications, under any server."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> None:
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
