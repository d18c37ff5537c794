"""Werkzeug's DispatcherMiddleware: applications beside each other keep their prefixes in the names."""

from __future__ import annotations

from fanlight.recording.lanes import lane_here
from fanlight.recording.routes import MOUNTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> None:
    """Leave in the environ which prefixes there are: the one that was taken is in SCRIPT_NAME then.

    Args:
        module: `werkzeug.middleware.dispatcher`.

    Raises:
        LookupError: there is no `DispatcherMiddleware.__call__`.
    """
    dispatcher = getattr(module, "DispatcherMiddleware", None)
    if dispatcher is None or "__call__" not in vars(dispatcher):
        raise LookupError("werkzeug has no DispatcherMiddleware.__call__")
    call = dispatcher.__call__

    def dispatched(self: Any, environ: Any, start_response: Any) -> Any:
        if lane_here() is not None:
            mounts = getattr(self, "mounts", ())
            environ[MOUNTS] = (environ.get("SCRIPT_NAME", ""), mounts, environ.get(MOUNTS))
        return call(self, environ, start_response)

    dispatcher.__call__ = dispatched
