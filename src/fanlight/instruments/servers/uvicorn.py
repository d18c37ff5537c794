"""uvicorn: the application that it serves, whatever framework made it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> None:
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
