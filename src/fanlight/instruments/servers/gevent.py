"""gevent's WSGI server, by itself or in a worker of gunicorn's: what it serves, not how busy it is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def patch(module: ModuleType) -> None:
    """Trace what a server of gevent's calls; what gunicorn traces already counts once.

    Args:
        module: `gevent.pywsgi`.

    Raises:
        LookupError: there is no `WSGIServer`, or it is made in another way.
    """
    server = getattr(module, "WSGIServer", None)
    if server is None or "__init__" not in vars(server):
        raise LookupError("gevent.pywsgi has no WSGIServer")

    from fanlight.recording.boundary.application import tracing
    from fanlight.recording.wsgi import wsgi

    server.__init__ = tracing(server.__init__, "application", wsgi)
