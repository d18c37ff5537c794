"""Starlette and FastAPI applications, under any server."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType
    from typing import Any

    from fanlight.recording.recorder import Trace


FILE = "file.send"
INNER = ("app", "other_asgi_app", "__wrapped__")
"""Attributes in which middleware, and whatever else is put around an application, has it."""
LAYERS = 32
"""Of middleware that are looked through; some might stand around themselves."""


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace every request of every application, made before or after this.

    Args:
        module: `starlette.applications`.

    Raises:
        LookupError: there is no `Starlette.__call__`.
    """
    application = getattr(module, "Starlette", None)
    if application is None or "__call__" not in vars(application):
        raise LookupError("starlette has no Starlette.__call__")
    call = application.__call__

    application.__call__ = traced_in_place(call)

    def name_all(routing: ModuleType) -> None:
        name_routes(routing)
        name_late(routing, application)

    return {"starlette.responses": record_files, "starlette.routing": name_all}


class Known:
    """An application as Starlette's has been in every version so far."""

    middleware_stack: Any
    build_middleware_stack: Any

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: D102  a constant more
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.middleware_stack(scope, receive, send)


def traced_in_place(call: Any) -> Any:
    """Answer Starlette's `__call__` traced; where its steps are known, they are done here, a coroutine less.

    Args:
        call: Starlette's own.
    """
    from types import MethodType

    from fanlight.recording.arrival import does_as
    from fanlight.recording.asgi import DOOR, end, opened, sending, tracing

    if not does_as(call, Known.__call__):
        return tracing(call)

    # A fast path: what `tracing` does, around what Starlette does.
    async def traced(self: Any, scope: Any, receive: Any, send: Any) -> None:
        trace = opened(scope, receive)
        if trace is None:
            await call(self, scope, receive, send)
            return
        try:
            scope["app"] = self
            if self.middleware_stack is None:
                self.middleware_stack = self.build_middleware_stack()
            await self.middleware_stack(scope, receive, MethodType(sending, (trace, scope, send)))
        except BaseException as error:
            end(trace, scope, error)
            raise
        if trace.lanes is not None:
            end(trace, scope)

    setattr(traced, DOOR, (traced, call, None))
    return traced


class KnownRoute:
    """A route as Starlette's has been in every version so far."""

    methods: Any
    app: Any

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: D102  a constant more
        if self.methods and scope["method"] not in self.methods:
            headers = {"Allow": ", ".join(self.methods)}
            if "app" in scope:
                raise HTTPException(status_code=405, headers=headers)  # type: ignore[name-defined]  # noqa: F821  never run
            else:  # noqa: RET506  its steps
                response = PlainTextResponse("Method Not Allowed", status_code=405, headers=headers)  # type: ignore[name-defined]  # noqa: F821  never run
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def name_routes(module: ModuleType) -> None:
    """Leave in the scope which mounts and which route took a request; older routers tell neither."""
    route, mount = getattr(module, "Route", None), getattr(module, "Mount", None)
    for each in (route, mount):
        if each is None or "handle" not in vars(each):
            raise LookupError("no Route.handle and Mount.handle")
    assert route is not None
    assert mount is not None
    handle, handle_mount = route.handle, mount.handle

    from fanlight.recording.arrival import does_as
    from fanlight.recording.lanes import lane_here
    from fanlight.recording.routes import note_mount, noting

    # As `noting` does, it answers the coroutine.
    def mounted(self: Any, scope: Any, receive: Any, send: Any) -> Any:
        lane = lane_here()
        if lane is not None:
            note_mount(self, scope, lane.trace)
        return handle_mount(self, scope, receive, send)

    is_known = does_as(handle, KnownRoute.handle)
    route.handle, mount.handle = noting(handle, is_known=is_known), mounted


def name_late(module: ModuleType, application: Any) -> None:
    """Name what a middleware answered by the route that its application, unasked so far, has for it.

    Args:
        module: `starlette.routing`.
        application: Starlette's class.
    """
    kinds = getattr(module, "Match", None)
    if not hasattr(kinds, "FULL") or not hasattr(kinds, "PARTIAL") or not hasattr(application, "routes"):
        return

    from fanlight.recording.lanes import lane_here, set_lane
    from fanlight.recording.routes import LATE, MOUNT, SERVED_MAX

    def known(trace: Trace, scope: Any) -> tuple[str, Any]:
        """Answer the prefix of the mounts so far, and the routes that nobody has asked."""
        mount = scope.get(MOUNT)
        if mount is not None:
            # What a mount took does not tell that its routes were asked, but says 404 when in vain.
            is_asked = trace.status == 404 or scope.get("route") is not mount[2]
            return mount[0], () if is_asked else held(mount[1])
        app = scope.get("app")
        if app is None and len(LATE.served) < SERVED_MAX:
            # It never came to one, or with a copy: what the process serves has it, unless that is several.
            inside = {id(each): each for each in map(unwrapped, LATE.served)}
            app = inside.popitem()[1] if len(inside) == 1 else None
        return "", app.routes if isinstance(app, application) and "router" not in scope else ()

    def template(trace: Trace, scope: Any) -> str:
        # Whatever the project's converters and middleware do is not part of the request, and may fail in
        # any way.
        here = lane_here()
        set_lane(None)
        try:
            around, routes = known(trace, scope)
            found = would_take(routes, scope, kinds) if routes else ""
        except Exception:
            return ""
        finally:
            set_lane(here)
        return found and around + found

    LATE.template = template


def unwrapped(app: Any) -> Any:
    """Answer what stands inside of middleware: what one is put around it keeps, mostly as its `app`."""
    for _ in range(LAYERS):
        inner = None
        # Starlette's own classes tell their routes, and FastAPI knows itself as something else, too.
        for name in () if hasattr(app, "routes") else INNER:
            inner = getattr(app, name, None) if inner is None else inner
        if inner is None:
            break
        app = inner
    return app


def held(mount: Any) -> Any:
    """Answer the routes of the application that a mount or a host holds, () for one without any."""
    return getattr(mount, "routes", ()) or getattr(unwrapped(getattr(mount, "app", None)), "routes", ())


def would_take(routes: Any, scope: Any, kinds: Any) -> str:
    """Answer the template of what takes a scope, as a router would have found it; "" when nothing does.

    Raises:
        Exception: what the project's own routes and converters raise.
    """
    scope = dict(scope)
    taken: Any = None
    within = {}
    for route in unfolded(routes):
        match, inside = route.matches(scope)
        if match is kinds.FULL:
            taken, within = route, inside
            break
        # A route of another method takes it when no other does.
        if match is kinds.PARTIAL and taken is None:
            taken, within = route, inside
    path = getattr(taken, "path_format", "")
    # A mount or a host, with what stands inside.
    if not hasattr(taken, "routes"):
        return str(path)
    found = would_take(held(taken), {**scope, **within}, kinds)
    return path.removesuffix("/{path}") + found if found else str(path)


def unfolded(routes: Any) -> Iterator[Any]:
    """Answer each route; FastAPI keeps those of an included router folded, with their prefixes apart."""
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            yield route
        else:
            for each in contexts():
                yield getattr(each, "starlette_route", None) or each


def record_files(module: ModuleType) -> None:
    """Record a file that is the response, from its headers to its last byte."""
    response = getattr(module, "FileResponse", None)
    if response is None or "__call__" not in vars(response):
        raise LookupError("no FileResponse.__call__")
    send_file = response.__call__

    from fanlight.recording.bus import BUS
    from fanlight.recording.clock import clock
    from fanlight.recording.recorder import current

    async def recorded(self: Any, scope: Any, receive: Any, send: Any) -> None:
        lane = current()
        if lane is None:
            await send_file(self, scope, receive, send)
            return
        kind = getattr(self, "media_type", None)
        told = [value[:10] for name, value in self.raw_headers if name == b"content-disposition"]
        is_attachment = told == [b"attachment"]
        handle, start_ns = lane.start(FILE, (kind, is_attachment)), clock()
        try:
            await send_file(self, scope, receive, send)
        finally:
            # The last byte ends the trace, and closes what is open in it.
            if lane.trace is not None:
                lane.stop(handle)
            if BUS.subscriptions:
                BUS.report(FILE, {"type": kind, "attachment": is_attachment}, start_ns, clock())

    response.__call__ = recorded
