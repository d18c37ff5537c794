"""gunicorn: its workers' WSGI application, whatever framework made it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> None:
    """Trace what gunicorn's WSGI workers call; workers for ASGI load their application elsewhere.

    Args:
        module: `gunicorn.workers.base`.

    Raises:
        LookupError: there is no `Worker.load_wsgi`.
    """
    worker = getattr(module, "Worker", None)
    load = getattr(worker, "load_wsgi", None)
    if worker is None or load is None:
        raise LookupError("gunicorn has no Worker.load_wsgi")

    def load_wsgi(self: Any, *args: Any, **options: Any) -> Any:
        result = load(self, *args, **options)
        app = getattr(self, "wsgi", None)
        # Only workers that handle connections themselves call `self.wsgi` the WSGI way.
        if app is not None and hasattr(self, "handle") and hasattr(self, "handle_request"):
            from fanlight.recording.wsgi import wsgi

            self.wsgi = wsgi(app)
        return result

    worker.load_wsgi = load_wsgi
