"""Werkzeug's development server, which `flask run` and `app.run()` use too."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def patch(module: ModuleType) -> None:
    """Trace what the server calls, its debugger and static files included.

    The reloader's first process makes no such server, so nothing is recorded there.

    Args:
        module: `werkzeug.serving`.

    Raises:
        LookupError: there is no `BaseWSGIServer`.
    """
    server = getattr(module, "BaseWSGIServer", None)
    if server is None or "__init__" not in vars(server):
        raise LookupError("werkzeug has no BaseWSGIServer")

    from fanlight.recording.boundary import tracing
    from fanlight.recording.wsgi import wsgi

    server.__init__ = tracing(server.__init__, "app", wsgi)
