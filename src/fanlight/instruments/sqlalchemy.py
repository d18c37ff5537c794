"""SQLAlchemy: statements of every engine, asynchronous ones too.

The dialect's own methods are wrapped on the engine's instance: fifteen times cheaper than the
library's events, which cost a dispatch as soon as one listener exists.
"""

from __future__ import annotations

import _thread

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.lanes import lane_here, resolved
from fanlight.recording.recorder import SWITCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

NOTIFICATION = "sql.query"
DIALECTS = {"mysql": "sql.query.mysql", "mariadb": "sql.query.mysql", "sqlite": "sql.query.sqlite"}
"""What the leaf is called, by dialect, so that double quotes are read as the server reads them."""
MARK = "fanlight_records"
"""Attribute of what records by itself: a driver's cursor or connection, a dialect that is wrapped."""


def patch(module: ModuleType) -> None:
    """Wrap an engine's dialect when it first connects, so engines made before this are seen too.

    Args:
        module: `sqlalchemy.engine.base`.

    Raises:
        LookupError: there is no `Engine.connect`.
    """
    engine = getattr(module, "Engine", None)
    connect = getattr(engine, "connect", None)
    if engine is None or connect is None:
        raise LookupError("sqlalchemy has no Engine.connect")

    def connect_recorded(self: Any, *args: Any, **options: Any) -> Any:
        dialect = self.dialect
        if MARK not in dialect.__dict__:
            try:
                wrap(dialect)
            except Exception:
                # A dialect of a third party may look like anything; what is wrapped by now is whole.
                SWITCH.faults += 1
        return connect(self, *args, **options)

    engine.connect = connect_recorded


def wrap(dialect: Any) -> None:
    """Record what goes through a dialect."""
    own = dialect.__dict__
    own[MARK] = True
    bare = dialect.do_execute_no_params
    is_async = bool(getattr(dialect, "is_async", False))
    name = DIALECTS.get(str(getattr(dialect, "name", "")), NOTIFICATION)
    bare_recorded = recorded(
        lambda cursor, statement, _, context: bare(cursor, statement, context), name, is_async=is_async
    )
    own["do_execute"] = recorded(dialect.do_execute, name, is_async=is_async)
    own["do_executemany"] = recorded(dialect.do_executemany, name, is_async=is_async)
    own["do_execute_no_params"] = lambda cursor, statement, context=None: bare_recorded(
        cursor, statement, None, context
    )
    context = getattr(dialect, "execution_ctx_cls", None)
    if getattr(dialect, "driver", "") == "pysqlite" and hasattr(context, "create_default_cursor"):
        own["execution_ctx_cls"] = plain_context(context)


def plain_context(context: Any) -> Any:
    """Answer a class of execution contexts whose cursors do not record: the dialect above them does.

    A cursor of Python code under every statement would cost as much again. One that the application
    takes off the connection by itself records like any of the driver's.
    """
    create = context.create_default_cursor

    class Context(context):  # type: ignore[misc]  # the class is known only at run time
        """What executes one statement."""

        def create_default_cursor(self) -> Any:
            # A fast path: a pool's connection, and in it one of ours, which tells how to make a plain cursor.
            try:
                plain = self._dbapi_connection.dbapi_connection.fanlight_plain_cursor
            except AttributeError:
                return create(self)
            return plain()

    Context.__name__, Context.__qualname__ = context.__name__, context.__qualname__
    return Context


def recorded(execute: Callable[..., Any], name: str, *, is_async: bool) -> Callable[..., Any]:
    """Answer a method that does the same and records it as a leaf of this name, also when it fails."""

    # The library's own arguments, written out: to pack and unpack them costs half as much as all the rest.
    def execute_and_record(cursor: Any, statement: Any, parameters: Any, context: Any = None) -> Any:
        # A fast path: nothing is recorded here, or the driver below records it.
        lane = lane_here()
        if lane is None or hasattr(cursor, MARK) or (is_async and is_driver_recording(cursor)):
            return execute(cursor, statement, parameters, context)
        # The checks of `current`, without the call.
        if lane.owner != _thread.get_ident() or len(lane.events) >= lane.limit:
            lane = resolved(lane)
            if lane is None:
                return execute(cursor, statement, parameters, context)
        start_ns = clock()
        try:
            result = execute(cursor, statement, parameters, context)
        except BaseException as error:
            lane.leaf(name, (statement, type(error).__name__), start_ns, clock())
            raise
        end_ns = clock()
        lane.leaf(name, statement, start_ns, end_ns)
        if BUS.subscriptions:
            BUS.report(NOTIFICATION, {"sql": statement}, start_ns, end_ns)
        return result

    return execute_and_record


def is_driver_recording(cursor: Any) -> bool:
    """Answer whether an asynchronous driver records, whose cursor and connection the library's own wraps."""
    return any(hasattr(getattr(cursor, name, None), MARK) for name in ("_cursor", "_connection"))
