"""granian: the WSGI or ASGI application that it serves, whatever framework made it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

WRAPPER = "_callback_wrapper"
"""granian's function between its core and an application; there is one for each interface."""


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace ASGI applications; answer the hook for WSGI's. RSGI, granian's own, is not recorded.

    Args:
        module: `granian.asgi`.

    Raises:
        LookupError: there is nothing between core and application.
    """
    from fanlight.recording.asgi import asgi

    trace(module, asgi)
    return {"granian.wsgi": trace_wsgi}


def trace_wsgi(module: ModuleType) -> None:
    """Trace WSGI applications."""
    from fanlight.recording.wsgi import wsgi

    trace(module, wsgi)


def trace(module: ModuleType, traced: Callable[[Any], Any]) -> None:
    """Let the core call the traced application, also where the function was imported before."""
    wrap = getattr(module, WRAPPER, None)
    if wrap is None:
        raise LookupError(f"{module.__name__} has no {WRAPPER}")

    def wrap_traced(callback: Any, *args: Any, **options: Any) -> Any:
        return wrap(traced(callback), *args, **options)

    setattr(module, WRAPPER, wrap_traced)
    # Whoever loads the agent from the application does so when the servers have the name already.
    for name in [name for name in sys.modules if name.startswith("granian.server")]:
        server = vars(sys.modules[name])
        for alias in [alias for alias, value in server.items() if value is wrap]:
            server[alias] = wrap_traced
