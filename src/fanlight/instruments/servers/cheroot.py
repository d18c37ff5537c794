"""cheroot: the WSGI application that it serves (CherryPy's too), whatever framework made it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def patch(module: ModuleType) -> None:
    """Trace what a cheroot server calls.

    Args:
        module: `cheroot.wsgi`.

    Raises:
        LookupError: there is no `Server`, or it is made in another way.
    """
    server = getattr(module, "Server", None)
    if server is None or "__init__" not in vars(server):
        raise LookupError("cheroot.wsgi has no Server")

    from fanlight.recording.boundary import tracing
    from fanlight.recording.wsgi import wsgi

    server.__init__ = tracing(server.__init__, "wsgi_app", wsgi)
