"""hypercorn: the ASGI or WSGI application that it serves, whatever framework made it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def patch(module: ModuleType) -> None:
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

    module.ASGIWrapper.__init__ = tracing(module.ASGIWrapper.__init__, "app", asgi)
    module.WSGIWrapper.__init__ = tracing(module.WSGIWrapper.__init__, "app", wsgi)
