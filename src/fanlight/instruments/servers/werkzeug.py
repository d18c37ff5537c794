"""Werkzeug's development server, which `flask run` and `app.run()` use too, and how busy it is."""

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

    from fanlight.recording.boundary.application import tracing
    from fanlight.recording.boundary.sigterm import again, aside, minding
    from fanlight.recording.wsgi import wsgi

    # Without threads the application runs in the thread of the loop.
    server.__init__ = tracing(server.__init__, "app", lambda app: aside(wsgi(app)))
    if hasattr(server, "service_actions"):
        server.service_actions = again(server.service_actions)
    handler = getattr(module, "WSGIRequestHandler", None)
    run = getattr(handler, "run_wsgi", None)
    serve = getattr(server, "serve_forever", None)
    if handler is None or run is None or serve is None:
        # Requests are traced all the same.
        return

    def serve_told(self: Any, *arguments: Any, **options: Any) -> Any:
        # Whoever makes a server without letting it serve, as a reloader does, has no need of the rest.
        from fanlight.recording.slots.accepting import telling

        return telling(serve, "werkzeug")(self, *arguments, **options)

    def run_told(self: Any) -> Any:
        from fanlight.recording.slots.accepting import told

        return told(getattr(self, "server", None), run, self)

    server.serve_forever, handler.run_wsgi = minding(serve_told), run_told
