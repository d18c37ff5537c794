"""waitress: the WSGI application that it serves, whatever framework made it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


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
    initialise = server.__init__

    from fanlight.recording.wsgi import wsgi

    def initialise_traced(self: Any, *args: Any, **options: Any) -> None:
        initialise(self, *args, **options)
        app = getattr(self, "application", None)
        if app is not None:
            self.application = wsgi(app)

    server.__init__ = initialise_traced
