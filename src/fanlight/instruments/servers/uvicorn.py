"""uvicorn: the application that it serves, whatever framework made it."""

from __future__ import annotations

from fanlight.recording.recorder import SWITCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace what uvicorn calls once it has loaded it; then it speaks ASGI 3 in any case.

    A WSGI application stands behind uvicorn's own bridge by then. What it does in the bridge's thread
    is part of the same request, and a framework in it counts no second one.

    Args:
        module: `uvicorn.config`.

    Raises:
        LookupError: there is no `Config.load`.
    """
    config = getattr(module, "Config", None)
    load = getattr(config, "load", None)
    if config is None or load is None:
        raise LookupError("uvicorn has no Config.load")

    def load_and_trace(self: Any) -> None:
        load(self)
        app = getattr(self, "loaded_app", None)
        if app is not None:
            from fanlight.recording.asgi import asgi

            self.loaded_app = asgi(app)

    config.load = load_and_trace
    return {"uvicorn.server": send_before_the_end}


def send_before_the_end(module: ModuleType) -> None:
    """Send what waits when uvicorn has closed its last connection on SIGTERM.

    It raises the signal once more afterwards, for whoever handled it before. Mostly nobody did, and
    the process ends without its exit handlers, the agent's among them.

    Args:
        module: `uvicorn.server`.

    Raises:
        LookupError: there is no `Server.shutdown`.
    """
    server = getattr(module, "Server", None)
    shutdown = getattr(server, "shutdown", None)
    if server is None or shutdown is None:
        raise LookupError("uvicorn has no Server.shutdown")

    async def shutdown_and_flush(self: Any, *arguments: Any, **more: Any) -> Any:
        from signal import SIGTERM

        try:
            return await shutdown(self, *arguments, **more)
        finally:
            # Ctrl-C becomes an exception, after which exit handlers run; before 0.29 all did.
            if SIGTERM in getattr(self, "_captured_signals", ()) and SWITCH.flush is not None:
                SWITCH.flush()

    server.shutdown = shutdown_and_flush
