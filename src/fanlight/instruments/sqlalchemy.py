"""SQLAlchemy 2: statements of every engine, asynchronous ones too.

The dialect's own methods are wrapped on the engine's instance: fifteen times cheaper than the
library's events, which cost a dispatch as soon as one listener exists.
"""

from __future__ import annotations

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.recorder import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

NOTIFICATION = "sql.query"
MARK = "fanlight_records"


def patch(module: ModuleType) -> None:
    """Wrap an engine's dialect when it first connects, so engines made before this are seen too.

    Args:
        module: `sqlalchemy.engine.base`.

    Raises:
        LookupError: there is no `Engine.connect`, or this is an older SQLAlchemy.
    """
    engine = getattr(module, "Engine", None)
    connect = getattr(engine, "connect", None)
    if engine is None or connect is None:
        raise LookupError("sqlalchemy has no Engine.connect")
    if hasattr(engine, "execute"):
        raise LookupError("sqlalchemy before 2.0")

    def connect_recorded(self: Any, *args: Any, **options: Any) -> Any:
        dialect = self.dialect
        if MARK not in dialect.__dict__:
            wrap(dialect)
        return connect(self, *args, **options)

    engine.connect = connect_recorded


def wrap(dialect: Any) -> None:
    """Record what goes through a dialect."""
    own = dialect.__dict__
    own[MARK] = True
    bare = dialect.do_execute_no_params
    is_async = bool(getattr(dialect, "is_async", False))
    bare_recorded = recorded(
        lambda cursor, statement, _, context: bare(cursor, statement, context), is_async=is_async
    )
    own["do_execute"] = recorded(dialect.do_execute, is_async=is_async)
    own["do_executemany"] = recorded(dialect.do_executemany, is_async=is_async)
    own["do_execute_no_params"] = lambda cursor, statement, context=None: bare_recorded(
        cursor, statement, None, context
    )
    if getattr(dialect, "driver", "") == "pysqlite":
        own["connect"] = plain_connect(dialect.connect, dialect.dbapi)


def plain_connect(connect: Callable[..., Any], driver: Any) -> Callable[..., Any]:
    """Answer a `connect` whose connections do not record: the dialect above them does.

    A cursor of Python code under every statement would cost as much again.
    """

    def connect_plainly(*args: Any, **options: Any) -> Any:
        if len(args) < 6:
            options.setdefault("factory", driver.Connection)
        return connect(*args, **options)

    return connect_plainly


def recorded(execute: Callable[..., Any], *, is_async: bool) -> Callable[..., Any]:
    """Answer a method that does the same and records it as a leaf, also when it fails."""

    # The library's own arguments, written out: to pack and unpack them costs half as much as all the rest.
    def execute_and_record(cursor: Any, statement: Any, parameters: Any, context: Any = None) -> Any:
        # A fast path: the driver below records it, or nothing is recorded here and now. An asynchronous
        # driver's cursor is wrapped in the library's own.
        if (
            hasattr(cursor, MARK)
            or (is_async and hasattr(getattr(cursor, "_cursor", None), MARK))
            or (lane := current()) is None
        ):
            return execute(cursor, statement, parameters, context)
        start_ns = clock()
        try:
            result = execute(cursor, statement, parameters, context)
        except BaseException as error:
            lane.leaf(NOTIFICATION, (statement, type(error).__name__), start_ns, clock())
            raise
        end_ns = clock()
        lane.leaf(NOTIFICATION, statement, start_ns, end_ns)
        if BUS.subscriptions:
            BUS.report(NOTIFICATION, {"sql": statement}, start_ns, end_ns)
        return result

    return execute_and_record
