"""cheroot: the WSGI application that it serves (CherryPy's too), whatever framework made it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


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
    initialise = server.__init__

    from fanlight.recording.wsgi import wsgi

    def initialise_traced(self: Any, *args: Any, **options: Any) -> None:
        initialise(self, *args, **options)
        app = getattr(self, "wsgi_app", None)
        if app is not None:
            self.wsgi_app = wsgi(app)

    server.__init__ = initialise_traced
