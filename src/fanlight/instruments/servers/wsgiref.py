"""wsgiref: the standard library's WSGI server, what is built on it, such as Django's; how busy it is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Answer the hooks for the modules of handlers and server.

    Args:
        module: `wsgiref`, which comes before either: one imports the other, and would not be seen to arrive.

    Raises:
        LookupError: it is no package.
    """
    if not hasattr(module, "__path__"):
        raise LookupError("wsgiref is no package")
    return {"wsgiref.handlers": trace, "wsgiref.simple_server": tell_serving}


def trace(module: ModuleType) -> None:
    """Trace what a handler runs, under a server, CGI or anything else.

    Raises:
        LookupError: there is no `BaseHandler.run`.
    """
    handler = getattr(module, "BaseHandler", None)
    run = getattr(handler, "run", None)
    if handler is None or run is None:
        raise LookupError("wsgiref has no BaseHandler.run")

    from fanlight.recording.boundary.sigterm import aside
    from fanlight.recording.wsgi import wsgi

    def run_traced(self: Any, application: Any) -> Any:
        asked = getattr(self, "request_handler", None)
        # Under CGI and the like no server asks.
        if asked is None:
            return run(self, aside(wsgi(application)))
        from fanlight.recording.slots.accepting import told

        return told(getattr(asked, "server", None), run, self, aside(wsgi(application)))

    handler.run = run_traced


def tell_serving(module: ModuleType) -> None:
    """Tell when a server begins to serve, and what it takes on; send what waits before SIGTERM ends it.

    Raises:
        LookupError: there is no `WSGIServer.serve_forever`.
    """
    server = getattr(module, "WSGIServer", None)
    serve = getattr(server, "serve_forever", None)
    if server is None or serve is None:
        raise LookupError("wsgiref has no WSGIServer.serve_forever")

    def serve_told(self: Any, *arguments: Any, **options: Any) -> Any:
        from fanlight.recording.slots.accepting import telling

        return telling(serve, "wsgiref")(self, *arguments, **options)

    from fanlight.recording.boundary.sigterm import again, minding

    server.serve_forever = minding(serve_told)
    if hasattr(server, "service_actions"):
        server.service_actions = again(server.service_actions)
