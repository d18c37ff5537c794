"""Names of endpoints where applications stand inside of others: each mount's template, then the route's.

What an address says is never part of them: a prefix counts when the mount that took it is known.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ROUTE = "fanlight.route"
"""Key of an ASGI scope: the route that took the request last."""
MOUNT = "fanlight.mount"
"""Key of an ASGI scope: (templates of the mounts so far, the last mount, what the scope's `route` was)."""
MOUNTS = "fanlight.mounts"
"""Key of a WSGI environ: (SCRIPT_NAME before it, its prefixes, the same of what is around it)."""
UNKNOWN = "<mount>"
"""Stands for a prefix that no mount is known for."""


def route_template(scope: Any) -> str:
    """Answer the template of the route that took a request, "" when none did.

    Args:
        scope: after the application ran.
    """
    prefix, mount, outer = scope.get(MOUNT) or ("", None, None)
    route = scope.get(ROUTE)
    if route is None:
        # Routers of a kind that is not hooked leave their route in the scope.
        route = scope.get("route")
        if mount is not None and route is outer:
            return f"{prefix}/{{path}}"
    path = getattr(route, "path_format", None)
    # FastAPI shares the routes of a router between all places that it is included at.
    own = scope.get("fastapi")
    place = own.get("effective_route_context") if own.__class__ is dict else None
    if place is not None and getattr(place, "original_route", None) is route:
        path = getattr(place, "path_format", path)
    return f"{prefix}{path}" if isinstance(path, str) else ""


def mounted_prefix(environ: Any) -> str:
    """Answer the prefixes of the mounts around a WSGI application, "" when it has none."""
    entry = environ.get(MOUNTS)
    script, prefix = environ.get("SCRIPT_NAME", ""), ""
    while entry is not None:
        before, mounts, entry = entry
        part = script[len(before) :]
        if part:
            prefix = (part if part in mounts else UNKNOWN) + prefix
        script = before
    return prefix
