"""wsgiref: the standard library's WSGI server, and what is built on it, such as Django's own."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> None:
    """Trace what a handler runs, under a server, CGI or anything else.

    Args:
        module: `wsgiref.handlers`.

    Raises:
        LookupError: there is no `BaseHandler.run`.
    """
    handler = getattr(module, "BaseHandler", None)
    run = getattr(handler, "run", None)
    if handler is None or run is None:
        raise LookupError("wsgiref has no BaseHandler.run")

    from fanlight.recording.wsgi import wsgi

    def run_traced(self: Any, application: Any) -> Any:
        return run(self, wsgi(application))

    handler.run = run_traced
