"""hypercorn: the ASGI or WSGI application that it serves, whatever framework made it, and how busy it is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace the application in each of hypercorn's two wrappers, one for ASGI and one for WSGI.

    Args:
        module: `hypercorn.app_wrappers`.

    Raises:
        LookupError: one of the wrappers is not there, or is made in another way.
    """
    wrappers = [getattr(module, name, None) for name in ("ASGIWrapper", "WSGIWrapper")]
    if not all("__init__" in vars(wrapper) for wrapper in wrappers if wrapper) or None in wrappers:
        raise LookupError("hypercorn has no ASGIWrapper and WSGIWrapper")

    from fanlight.recording.asgi import asgi
    from fanlight.recording.boundary import tracing
    from fanlight.recording.wsgi import wsgi

    def told_asgi(app: Any) -> Any:
        from fanlight.recording.slots.serving import answering

        return answering(asgi(app))

    def told_wsgi(app: Any) -> Any:
        from fanlight.recording.slots.serving import counted

        return counted(wsgi(app))

    module.ASGIWrapper.__init__ = tracing(module.ASGIWrapper.__init__, "app", told_asgi)
    module.WSGIWrapper.__init__ = tracing(module.WSGIWrapper.__init__, "app", told_wsgi)
    return {"hypercorn.asyncio.run": tell}


def tell(module: ModuleType) -> None:
    """Let a worker tell how busy it is from when its loop runs.

    Raises:
        LookupError: there is no `worker_serve`.
    """
    serve: Any = getattr(module, "worker_serve", None)
    if serve is None:
        raise LookupError("hypercorn.asyncio.run has no worker_serve")

    async def serve_and_tell(app: Any, config: Any, *arguments: Any, **options: Any) -> Any:
        from asyncio import get_running_loop

        from fanlight.recording.slots.serving import beat
        from fanlight.recording.slots.slot import HERE, parent
        from fanlight.wire import slots as layout

        loop = get_running_loop()
        HERE.claim("hypercorn", type(loop).__module__.partition(".")[0], parent())
        workers = getattr(config, "workers", None)
        if isinstance(workers, int):
            HERE.tell(layout.TOTAL, max(1, workers))
        sockets = options.get("sockets")
        for kind in ("secure_sockets", "insecure_sockets"):
            HERE.serve(getattr(sockets, kind, ()))
        # A request goes through several hands before the application begins, none of which tells.
        HERE.tell(layout.HIDES, 1)
        HERE.tell(layout.STATE, layout.BOOTED)
        beat(loop)
        return await serve(app, config, *arguments, **options)

    module.worker_serve = serve_and_tell  # type: ignore[attr-defined]
