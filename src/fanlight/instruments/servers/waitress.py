"""waitress: the WSGI application that it serves, whatever framework made it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def patch(module: ModuleType) -> None:
    """Trace what a waitress server calls, behind its own reading of proxies' headers.

    Args:
        module: `waitress.server`.

    Raises:
        LookupError: there is no `BaseWSGIServer`.
    """
    server = getattr(module, "BaseWSGIServer", None)
    if server is None or "__init__" not in vars(server):
        raise LookupError("waitress has no BaseWSGIServer")

    from fanlight.recording.boundary import tracing
    from fanlight.recording.wsgi import wsgi

    server.__init__ = tracing(server.__init__, "application", wsgi)
