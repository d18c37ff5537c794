"""Pyramid: requests under any server, named by their route's pattern, or by context and view."""

from __future__ import annotations

from fanlight.recording.recorder import ROUTER

FILE = "file.send"
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace every request of every application, made before or after this.

    Args:
        module: `pyramid.router`.

    Raises:
        LookupError: there is no `Router.__call__`.
    """
    router = getattr(module, "Router", None)
    if router is None or "__call__" not in vars(router):
        raise LookupError("pyramid has no Router.__call__")
    call = router.__call__

    from fanlight.recording.wsgi import respond

    def traced(self: Any, environ: Any, start_response: Any) -> Any:
        return respond(call.__get__(self), environ, start_response)

    router.__call__ = traced
    # A plain function of that module: without it an application by traversal has no names.
    if hasattr(module, "_call_view"):
        name_views(module)
    return {
        "pyramid.urldispatch": name_routes,
        "pyramid.tweens": note_errors,
        "pyramid.response": record_files,
    }


class Readable(dict[str, str]):
    """Patterns of routes to how an endpoint shows them: `/orders/{number}` for `orders/{number:[0-9]+}`."""

    def __missing__(self, pattern: str) -> str:
        import re

        # What Pyramid takes for one marker: braces in its expression come in pairs, one level deep.
        text = re.sub(r"\{([^{}:]+):[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", r"{\1}", pattern)
        self[pattern] = text = f"/{text.removeprefix('/')}"
        return text


def unnamed() -> Any:
    """Answer the trace that is open here, None when a router has named it already.

    The first router names it: an application called from within another's request does not.
    """
    from fanlight.recording.lanes import lane_here

    lane = lane_here()
    trace = lane.trace if lane is not None else None
    return trace if trace is not None and trace.rank < ROUTER else None


def name_routes(module: ModuleType) -> None:
    """Name a request by the pattern of its route as soon as that is known."""
    mapper = getattr(module, "RoutesMapper", None)
    if mapper is None or "__call__" not in vars(mapper):
        raise LookupError("no RoutesMapper.__call__")
    match = mapper.__call__
    readable = Readable()

    from fanlight.recording.recorder import SWITCH
    from fanlight.recording.routes import mounted_prefix

    def named(self: Any, request: Any) -> Any:
        info = match(self, request)
        trace = unnamed()
        if trace is None:
            return info
        try:
            pattern = getattr(info.get("route"), "pattern", None)
            if isinstance(pattern, str):
                prefix = mounted_prefix(request.environ)
                trace.set_endpoint(f"{trace.title} {prefix}{readable[pattern]}", ROUTER)
        except Exception:
            # Mapper, route and request may be of the application's own classes.
            SWITCH.faults += 1
        return info

    mapper.__call__ = named


def name_views(module: ModuleType) -> None:
    """Name a request that no route took by the class of its context and the name of its view.

    Both come from the application: a view's name is part of the address, but only one that a view is
    registered for is taken.
    """
    find = module._call_view  # noqa: SLF001 what the router finds views by

    def found(registry: Any, request: Any, context: Any, *rest: Any, **options: Any) -> Any:
        trace = unnamed()
        if trace is None:
            return find(registry, request, context, *rest, **options)
        is_taken = True
        try:
            response = find(registry, request, context, *rest, **options)
            is_taken = response is not None
        except Exception as error:
            # No view was for such a request, which is as good as none.
            is_taken = type(error).__name__ != "PredicateMismatch"
            raise
        finally:
            if is_taken:
                name = rest[1] if len(rest) > 1 else options.get("view_name", "")
                view = f"/{name}" if isinstance(name, str) and name else ""
                trace.set_endpoint(f"{trace.title} <{type(context).__name__}>{view}", ROUTER)
        return response

    module._call_view = found  # type: ignore[attr-defined]  # noqa: SLF001 as above


def note_errors(module: ModuleType) -> None:
    """Note the exception that an exception view makes a page of; a response that is raised is none."""
    handle = getattr(module, "_error_handler", None)
    if handle is None:
        raise LookupError("no _error_handler")

    from fanlight.recording.lanes import lane_here
    from fanlight.recording.reduction import described

    def noted(request: Any, error: Any) -> Any:
        lane = lane_here()
        if lane is not None and lane.trace is not None and not hasattr(error, "status_int"):
            lane.trace.error = described(error)
        return handle(request, error)

    module._error_handler = noted  # type: ignore[attr-defined]  # noqa: SLF001 what the tween calls


def record_files(module: ModuleType) -> None:
    """Record that a file is the response, when the response is made of it; static views do so, too.

    Whether it is an attachment is said later, if at all.
    """
    kind = getattr(module, "FileResponse", None)
    if kind is None or "__init__" not in vars(kind):
        raise LookupError("no FileResponse")
    initialise = kind.__init__

    from functools import wraps

    from fanlight.recording.bus import BUS
    from fanlight.recording.clock import clock
    from fanlight.recording.recorder import current

    @wraps(initialise)
    def recorded(self: Any, *args: Any, **options: Any) -> None:
        lane = current()
        if lane is None:
            initialise(self, *args, **options)
            return
        start_ns = clock()
        initialise(self, *args, **options)
        end_ns = clock()
        given = getattr(self, "content_type", None)
        lane.leaf(FILE, (given, None), start_ns, end_ns)
        if BUS.subscriptions:
            BUS.report(FILE, {"type": given, "attachment": None}, start_ns, end_ns)

    kind.__init__ = recorded
