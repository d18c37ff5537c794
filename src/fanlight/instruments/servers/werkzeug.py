"""Werkzeug's development server, which `flask run` and `app.run()` use too."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


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
    initialise = server.__init__

    from fanlight.recording.wsgi import wsgi

    def initialise_traced(self: Any, *args: Any, **options: Any) -> None:
        initialise(self, *args, **options)
        app = getattr(self, "app", None)
        if app is not None:
            self.app = wsgi(app)

    server.__init__ = initialise_traced
