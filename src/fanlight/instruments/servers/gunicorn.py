"""gunicorn: what its workers call, whatever framework made it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Answer the hooks for the modules of gunicorn's own workers.

    A worker of somebody else's that hands the application to a server of its own, as those of uvicorn
    do, is left to that server's instrument.

    Args:
        module: `gunicorn.workers`, which comes before any worker: the modules import each other, and
            one that is half-way there would not be seen to arrive.

    Raises:
        LookupError: there is no list of workers.
    """
    if not hasattr(module, "SUPPORTED_WORKERS"):
        raise LookupError("gunicorn.workers has no SUPPORTED_WORKERS")
    return {"gunicorn.workers.base": trace_wsgi, "gunicorn.workers.gasgi": trace_asgi}


def trace_wsgi(module: ModuleType) -> None:
    """Trace what the WSGI workers call."""
    worker = getattr(module, "Worker", None)
    load = getattr(worker, "load_wsgi", None)
    if worker is None or load is None:
        raise LookupError("no Worker.load_wsgi")

    def load_wsgi(self: Any, *args: Any, **options: Any) -> Any:
        result = load(self, *args, **options)
        app = getattr(self, "wsgi", None)
        # Only workers that handle connections themselves call `self.wsgi` the WSGI way.
        if app is not None and hasattr(self, "handle") and hasattr(self, "handle_request"):
            from fanlight.recording.wsgi import wsgi

            self.wsgi = wsgi(app)
        return result

    worker.load_wsgi = load_wsgi


def trace_asgi(module: ModuleType) -> None:
    """Trace what the ASGI worker calls."""
    worker = getattr(module, "ASGIWorker", None)
    load = getattr(worker, "load_wsgi", None)
    if worker is None or load is None:
        raise LookupError("no ASGIWorker.load_wsgi")

    def load_asgi(self: Any, *args: Any, **options: Any) -> Any:
        result = load(self, *args, **options)
        app = getattr(self, "asgi", None)
        if app is not None:
            from fanlight.recording.asgi import asgi

            self.asgi = asgi(app)
        return result

    worker.load_wsgi = load_asgi
