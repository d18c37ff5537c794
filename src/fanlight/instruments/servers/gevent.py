"""gevent's WSGI server, by itself or in a worker of gunicorn's: what it serves, not how busy it is."""

from __future__ import annotations

from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> None:
    """Trace what a server of gevent's calls; what gunicorn traces already counts once.

    The application of the server stays as it is: handlers of websockets ask it for what it knows of them.
    What they answer by themselves is no request.

    Args:
        module: `gevent.pywsgi`.

    Raises:
        LookupError: there is no `WSGIHandler.run_application`.
    """
    handler = getattr(module, "WSGIHandler", None)
    run = getattr(handler, "run_application", None)
    if handler is None or run is None:
        raise LookupError("gevent.pywsgi has no WSGIHandler.run_application")

    from fanlight.recording.wsgi import wsgi

    @wraps(run)
    def run_traced(self: Any) -> Any:
        # It was set for this request alone.
        self.application = wsgi(self.application)
        return run(self)

    handler.run_application = run_traced
