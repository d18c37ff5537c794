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
METHODS = ("do_execute", "do_executemany", "do_execute_no_params")
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
    dialect.__dict__[MARK] = True
    for name in METHODS:
        method = getattr(dialect, name, None)
        if method is not None:
            dialect.__dict__[name] = recorded(method)


def recorded(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a method that does the same and records it as a leaf, also when it fails."""

    def execute_and_record(cursor: Any, statement: Any, *rest: Any, **options: Any) -> Any:
        # A fast path: the driver below records it, or nothing is recorded here and now.
        if hasattr(cursor, MARK) or (lane := current()) is None:
            return execute(cursor, statement, *rest, **options)
        start_ns = clock()
        try:
            result = execute(cursor, statement, *rest, **options)
        except BaseException as error:
            lane.leaf(NOTIFICATION, (statement, type(error).__name__), start_ns, clock())
            raise
        end_ns = clock()
        lane.leaf(NOTIFICATION, statement, start_ns, end_ns)
        if BUS.subscriptions:
            BUS.report(NOTIFICATION, {"sql": statement}, start_ns, end_ns)
        return result

    return execute_and_record
