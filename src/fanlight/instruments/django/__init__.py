"""Django: requests named by the route that took them, statements, templates, cache operations and files."""

from __future__ import annotations

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.lanes import lane_here, set_lane
from fanlight.recording.recorder import ROUTER, current
from fanlight.recording.views import below, roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

SQL = "sql.query"
DIALECTS = {"mysql": "sql.query.mysql", "sqlite": "sql.query.sqlite"}
"""What a statement's leaf is called, by vendor: double quotes are read as the server reads them."""
RENDER = "view.render"
CACHE = "cache.operation"
FILE = "file.send"
OPERATIONS = (
    *("add", "clear", "delete", "delete_many", "get", "get_many", "has_key", "incr", "set", "set_many"),
    "touch",
)
BUSY = "fanlight_busy"
"""Attribute of a cache in whose operation we are: what it asks itself meanwhile is part of that."""
MARK = "fanlight_records"
"""Attribute of a driver's cursor that records its statements itself."""


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Answer the hooks for the modules that do the work; projects import few of them, and late.

    Args:
        module: `django`.

    Raises:
        LookupError: this is no Django.
    """
    if not hasattr(module, "setup"):
        raise LookupError("django has no setup")
    return {
        "django.core.cache": record_caches,
        "django.core.handlers.asgi": trace_asgi,
        "django.core.handlers.base": name_endpoints,
        "django.core.handlers.wsgi": trace_wsgi,
        "django.core.signals": note_errors,
        "django.db.backends.sqlite3.operations": leave_out_quoting,
        "django.db.backends.utils": record_statements,
        "django.http.response": record_files,
        "django.template.base": record_templates,
    }


def trace_wsgi(module: ModuleType) -> None:
    """Trace every request of every WSGI application, made before or after this."""
    handler = found(module, "WSGIHandler", "__call__")
    call = handler.__call__

    from fanlight.instruments.django.naming import name_answered
    from fanlight.recording.wsgi import respond

    def traced(self: Any, environ: Any, start_response: Any) -> Any:
        return respond(answered.__get__(self), environ, start_response)

    def answered(self: Any, environ: Any, start_response: Any) -> Any:
        response = call(self, environ, start_response)
        lane = lane_here()
        if lane is not None and (trace := lane.trace) is not None:
            # All of it is there: nothing but the project's cleaning up is left for its close.
            trace.whole = getattr(response, "streaming", True) is False
            # A fast path: nearly every request came to its route.
            if trace.rank < ROUTER:
                name_answered(trace, response)
        return response

    handler.__call__ = same_face(traced, call)


def trace_asgi(module: ModuleType) -> None:
    """Trace every request of every ASGI application, made before or after this."""
    from fanlight.instruments.django.asgi import hook

    hook(module, found(module, "ASGIHandler", "__call__"), same_face)


def name_endpoints(module: ModuleType) -> None:
    """Name a request's endpoint once the route is known, before middleware and view hear of it."""
    from fanlight.instruments.django.naming import hook

    hook(found(module, "BaseHandler", "resolve_request"), same_face)


def note_errors(module: ModuleType) -> None:
    """Note the exception that Django makes an error page of; its signal tells of no other."""
    signal = getattr(module, "got_request_exception", None)
    if signal is None:
        raise LookupError("no got_request_exception")

    import sys

    from fanlight.recording.reduction import described

    def noted(**_: Any) -> None:
        lane = lane_here()
        error = sys.exc_info()[1]
        if error is not None and lane is not None and lane.trace is not None:
            lane.trace.error = described(error)

    signal.connect(noted, weak=False)


def record_statements(module: ModuleType) -> None:
    """Record what the wrapper around every backend's cursor executes, unless the driver does."""
    wrapper = found(module, "CursorWrapper", "execute", "executemany", "callproc")
    wrapper.execute = recorded(wrapper.execute)
    wrapper.executemany = recorded(wrapper.executemany)
    wrapper.callproc = recorded(wrapper.callproc, "CALL ")


def leave_out_quoting(module: ModuleType) -> None:
    """Record nothing of what Django asks SQLite under DEBUG to show each statement with its values."""
    operations = found(module, "DatabaseOperations", "last_executed_query")
    show = operations.last_executed_query

    def shown(self: Any, *args: Any, **options: Any) -> Any:
        here = lane_here()
        set_lane(None)
        try:
            return show(self, *args, **options)
        finally:
            set_lane(here)

    operations.last_executed_query = same_face(shown, show)


def recorded(execute: Any, verb: str = "") -> Any:
    """Answer a method that does the same and records it as a leaf, also when it fails."""

    def execute_and_record(self: Any, sql: Any, *rest: Any, **options: Any) -> Any:
        # A fast path: nothing is recorded here and now, or the driver below records it.
        if (lane := current()) is None or hasattr(self.cursor, MARK):
            return execute(self, sql, *rest, **options)
        start_ns = clock()
        try:
            result = execute(self, sql, *rest, **options)
        except BaseException as error:
            lane.leaf(name_of(self), (verb + statement(sql, self), type(error).__name__), start_ns, clock())
            raise
        end_ns = clock()
        text = sql if sql.__class__ is str and not verb else verb + statement(sql, self)
        lane.leaf(name_of(self), text, start_ns, end_ns)
        if BUS.subscriptions:
            BUS.report(SQL, {"sql": text}, start_ns, end_ns)
        return result

    return same_face(execute_and_record, execute)


def name_of(cursor: Any) -> str:
    """Answer what the leaf of a cursor's statement is called."""
    vendor = getattr(getattr(cursor, "db", None), "vendor", None)
    return DIALECTS.get(vendor, SQL) if vendor.__class__ is str else SQL


def statement(sql: Any, cursor: Any) -> str:
    """Answer a statement's text; psycopg takes compositions too, whose text the connection knows."""
    if isinstance(sql, str):
        return str.__str__(sql)
    if isinstance(sql, bytes):
        return sql.decode("utf-8", "replace")
    try:
        return str(sql.as_string(cursor.db.connection))
    except Exception:
        # A driver's own class, or no statement at all: what the database makes of it is not ours to say.
        return ""


def record_templates(module: ModuleType) -> None:
    """Record every template with those it includes inside; what it extends is part of it."""
    template = found(module, "Template", "render")
    render = template.render

    def recorded_render(self: Any, *args: Any, **options: Any) -> Any:
        lane = current()
        if lane is None:
            return render(self, *args, **options)
        name = self.name
        # A template of no loader has none, and a project's own loader may give it anything.
        if name.__class__ is not str:
            name = str.__str__(name) if isinstance(name, str) else None
        if name and name[0] == "/":
            name = placed(name, self)
        start_ns = clock() if BUS.subscriptions else 0
        handle = lane.start(RENDER, name)
        try:
            return render(self, *args, **options)
        finally:
            lane.stop(handle)
            if BUS.subscriptions:
                BUS.report(RENDER, {"template": name}, start_ns, clock())

    template.render = same_face(recorded_render, render)


def placed(name: str, template: Any) -> str:
    """Answer a template's path below the directories that its engine searches, else as it is."""
    try:
        return below(name, [root for loader in template.engine.template_loaders for root in roots(loader)])
    except Exception:
        # A project's own engine or loader may look like anything, and rendering does not need us.
        return name


def record_caches(module: ModuleType) -> None:
    """Record the operations of every cache, by its class when the first one of it is made."""
    handler = found(module, "CacheHandler", "create_connection")
    base = found(module, "BaseCache", *OPERATIONS)
    create = handler.create_connection

    def created(self: Any, *args: Any, **options: Any) -> Any:
        cache = create(self, *args, **options)
        record_class(type(cache))
        return cache

    handler.create_connection = same_face(created, create)
    # A cache that was made before this is of a class that is there already.
    classes = base.__subclasses__()
    for each in classes:
        classes.extend(each.__subclasses__())
        record_class(each)


def record_class(cache: Any) -> None:
    """Record the operations of a class of caches; a second call does nothing."""
    for name in OPERATIONS:
        method = getattr(cache, name, None)
        # Inherited from a class that records, or done before.
        if method is not None and not hasattr(method, MARK):
            hook = same_face(recorded_operation(name, method), method)
            setattr(hook, MARK, True)
            setattr(cache, name, hook)


def recorded_operation(operation: str, method: Any) -> Any:
    """Answer a method that does the same and records it as a leaf, without key and value."""
    is_read = operation == "get"

    def operate_and_record(self: Any, *args: Any, **options: Any) -> Any:
        lane = current()
        if lane is None or BUSY in self.__dict__:
            return method(self, *args, **options)
        start_ns = clock()
        payload: Any = operation
        self.__dict__[BUSY] = True
        try:
            result = method(self, *args, **options)
            if is_read:
                # A miss answers the default, the second argument. Any other than None, or an object
                # that stands for nothing else, may have been found as well.
                default = args[1] if len(args) > 1 else options.get("default")
                if result is not default:
                    payload = "get hit"
                elif default is None or default.__class__ is object:
                    payload = "get miss"
            # A project's own cache may answer anything.
            elif operation == "get_many" and isinstance(result, dict) and hasattr((*args, 0)[0], "__len__"):
                payload = (operation, len(result), len(args[0]) - len(result))
            return result
        finally:
            self.__dict__.pop(BUSY, None)
            end_ns = clock()
            lane.leaf(CACHE, payload, start_ns, end_ns)
            if BUS.subscriptions:
                BUS.report(CACHE, {"operation": operation, **outcome(payload)}, start_ns, end_ns)

    return operate_and_record


def outcome(payload: Any) -> dict[str, Any]:
    """Answer what listeners are told of an operation's outcome."""
    if isinstance(payload, tuple):
        return {"hits": payload[1], "misses": payload[2]}
    _, blank, found = payload.partition(" ")
    return {"hit": found == "hit"} if blank else {}


def record_files(module: ModuleType) -> None:
    """Record that a file is the response, when its headers are made of it."""
    response = found(module, "FileResponse", "set_headers")
    set_headers = response.set_headers

    def recorded_headers(self: Any, *args: Any, **options: Any) -> Any:
        lane = current()
        if lane is None:
            return set_headers(self, *args, **options)
        start_ns = clock()
        result = set_headers(self, *args, **options)
        end_ns = clock()
        payload = (self.headers.get("Content-Type"), bool(getattr(self, "as_attachment", False)))
        lane.leaf(FILE, payload, start_ns, end_ns)
        if BUS.subscriptions:
            BUS.report(FILE, {"type": payload[0], "attachment": payload[1]}, start_ns, end_ns)
        return result

    response.set_headers = same_face(recorded_headers, set_headers)


def same_face(hook: Any, method: Any) -> Any:
    """Answer a hook under the name of the method that it calls."""
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(hook, attribute, getattr(method, attribute, None))
    hook.__wrapped__ = method
    return hook


def found(module: ModuleType, name: str, *methods: str) -> Any:
    """Answer a class of a module.

    Raises:
        LookupError: it is not there, or lacks one of the methods.
    """
    owner = getattr(module, name, None)
    # Not hasattr: every class has a `__call__`, its type's.
    lineage = owner.__mro__ if isinstance(owner, type) else ()
    for method in methods:
        if not any(method in vars(each) for each in lineage):
            raise LookupError(f"no {name}.{method}")
    return owner
