"""Names of endpoints where applications stand inside of others: each mount's template, then the route's.

What an address says is never part of them: a prefix counts when the mount that took it is known.
"""

from __future__ import annotations

from fanlight.recording.lanes import lane_here
from fanlight.recording.recorder import SWITCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType
    from typing import Any

    from fanlight.recording.recorder import Trace
else:
    # The module `types` would be one more at every start.
    FunctionType = type(lambda: None)

ROUTE = "fanlight.route"
"""Key of an ASGI scope: the route that took the request last."""
MOUNT = "fanlight.mount"
"""Key of an ASGI scope: (templates of the mounts so far, the last mount, what the scope's `route` was)."""
MOUNTS = "fanlight.mounts"
"""Key of a WSGI environ: (SCRIPT_NAME before it, its prefixes, the same of what is around it)."""
INSIDE = 1
"""Rank of an endpoint that is named before the request is over: what the scope says then goes before."""
ANSWERED_BY = "answered_by"
"""Annotation of a request whose view never ran."""
AGAIN = -1
"""Rank of an endpoint that was named so, and then another route or mount took over."""
COROUTINE = 0x80
"""Flag of the code of an `async def`, as `inspect` has it."""
TEMPLATES_MAX = 10_000
"""Templates of one method whose names are kept; an application may make up ever new ones."""
SERVED_MAX = 4
"""Applications that a process serves and that are kept; where there are as many, nobody looks into them."""
UNKNOWN = "<mount>"
"""Stands for a prefix that no mount is known for."""


class Late:
    """How a framework names a request at its end that was answered before anybody asked for its route.

    Attributes:
        name: names the trace by what it left as `asked`; None until there is such a framework.
        template: answers the template of the route that an ASGI scope would have come to, "" for
            none and for a scope whose routes were asked; None until there is such a framework.
        served: the ASGI applications that a boundary was put around, `SERVED_MAX` at the most.
    """

    __slots__ = ("name", "served", "template")

    def __init__(self) -> None:
        self.name: Callable[[Trace, Any], None] | None = None
        self.template: Callable[[Trace, Any], str] | None = None
        self.served: list[Any] = []


LATE = Late()


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
    if path is None:
        path = told_template(scope, own)
    return f"{prefix}{path}" if isinstance(path, str) else ""


def told_template(scope: Any, own: Any) -> Any:
    """Answer the template that frameworks tell beside a route: Litestar does, and FastAPI of a frontend.

    Args:
        scope: after the application ran.
        own: what FastAPI has left in it.
    """
    rest = own.get("frontend_path") if own.__class__ is dict else None
    if rest.__class__ is not str:
        return scope.get("path_template")
    # It was compared letter by letter: without the rest this is the prefix that the project wrote.
    taken = scope["path"].removeprefix(scope.get("root_path", "")).removesuffix(rest)
    return f"{taken.rstrip('/')}/{{path}}"


class Endpoints:
    """Names of endpoints by method and template; as many as there may be at the most.

    Attributes:
        known: those that came so far; a plain dict is a fast path.
    """

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: dict[str, dict[str, str]] = {}

    def new(self, title: str, template: str) -> str:
        """Answer and keep the name of one that is not known."""
        name = f"{title} {template}"
        names = self.known.setdefault(title, {})
        if len(names) < TEMPLATES_MAX and template.__class__ is str:
            names[template] = name
        return name


ENDPOINTS = Endpoints()


def noting(handle: Any, *, is_known: bool = False) -> Any:
    """Answer the `handle` of a class of routes that lets the first to take a request name the endpoint.

    Further ones are left in the scope. It is known here already, for applications that copied the
    scope on the way. The hook answers the coroutine, so that awaiting it costs no more than before.

    Args:
        handle: the class's own.
        is_known: whether it does nothing but await the route's `app` where the route has no methods, or
            the request's: then the hook answers the coroutine of that, if it is sure to be one.
    """

    def handled(route: Any, scope: Any, receive: Any, send: Any) -> Any:
        lane = lane_here()
        if lane is not None and (trace := lane.trace) is not None:
            try:
                if trace.rank:
                    scope[ROUTE] = route
                    if trace.rank == INSIDE:
                        trace.rank = AGAIN
                # A fast path: no mount around it, and no router that is shared. Nobody will ask the scope.
                elif MOUNT not in scope and "fastapi" not in scope and (path := route.path_format):
                    try:
                        trace.endpoint = ENDPOINTS.known[trace.title][path]
                    except KeyError:
                        trace.endpoint = ENDPOINTS.new(trace.title, path)
                    trace.rank = INSIDE
                else:
                    scope[ROUTE] = route
                    path = route_template(scope)
                    if path:
                        trace.endpoint = f"{trace.title} {path}"
                        trace.rank = INSIDE
            except Exception:
                # The route's class is the application's, whatever its properties do.
                SWITCH.faults += 1
        if (
            is_known
            and (app := route.app).__class__ is FunctionType
            and app.__code__.co_flags & COROUTINE
            and (not (methods := route.methods) or scope["method"] in methods)
        ):
            return app(scope, receive, send)
        return handle(route, scope, receive, send)

    return handled


def note_mount(mount: Any, scope: Any, trace: Trace | None) -> None:
    """Leave in the scope which mount took the request, behind the prefixes of those around it."""
    try:
        before = scope.get(MOUNT)
        path = getattr(mount, "path_format", None)
        own = path.removesuffix("/{path}") if isinstance(path, str) else ""
        scope[MOUNT] = (f"{before[0] if before else ''}{own}", mount, scope.get("route"))
        scope[ROUTE] = None
        if trace is not None:
            if trace.rank == INSIDE:
                trace.rank = AGAIN
            elif trace.asked is None:
                trace.asked = MOUNT
    except Exception:
        # Likewise.
        SWITCH.faults += 1


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
