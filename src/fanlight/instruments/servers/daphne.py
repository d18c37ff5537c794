"""Daphne: the ASGI application that it serves, also as Channels' `runserver`; not how busy it is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def patch(module: ModuleType) -> None:
    """Trace what a Daphne server calls.

    Args:
        module: `daphne.server`.

    Raises:
        LookupError: there is no `Server`, or it is made in another way.
    """
    server = getattr(module, "Server", None)
    if server is None or "__init__" not in vars(server):
        raise LookupError("daphne.server has no Server")

    from fanlight.recording.asgi import asgi
    from fanlight.recording.boundary.application import tracing

    server.__init__ = tracing(server.__init__, "application", asgi)
