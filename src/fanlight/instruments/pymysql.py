"""PyMySQL: statements of its cursors, before parameters are put into them."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.calls import recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

NOTIFICATION = "sql.query"
DIALECT = "sql.query.mysql"
"""What the leaf is called, so that double quotes are read as the server reads them."""
MARK = "fanlight_records"
"""An instrument above the driver asks a cursor for this, so that a statement counts once."""
BUSY = "fanlight_busy"
"""Attribute of a cursor within `executemany`, which executes statements of its own making."""


def patch(module: ModuleType) -> None:
    """Record what cursors of every kind execute and call.

    Args:
        module: `pymysql.cursors`.

    Raises:
        LookupError: `Cursor` lacks one of the methods.
    """
    cursor = getattr(module, "Cursor", None)
    for method in ("execute", "executemany", "callproc"):
        if not hasattr(cursor, method):
            raise LookupError(f"pymysql has no Cursor.{method}")
    assert cursor is not None
    cursor.execute = recorded(cursor.execute, NOTIFICATION, "sql", single, DIALECT)
    cursor.executemany = recorded(busy(cursor.executemany), NOTIFICATION, "sql", statement, DIALECT)
    cursor.callproc = recorded(cursor.callproc, NOTIFICATION, "sql", procedure, DIALECT)
    setattr(cursor, MARK, True)


def busy(executemany: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a method that does the same, and in which `execute` is not recorded by itself."""

    @wraps(executemany)
    def execute_all(self: Any, *args: Any, **options: Any) -> Any:
        self.__dict__[BUSY] = True
        try:
            return executemany(self, *args, **options)
        finally:
            self.__dict__.pop(BUSY, None)

    return execute_all


def single(cursor: Any, args: tuple[Any, ...], options: dict[str, Any]) -> str | None:
    """Answer the text of a statement, None for one that is part of many."""
    return None if BUSY in cursor.__dict__ else statement(cursor, args, options)


def statement(_cursor: Any, args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Answer the text of a statement, with placeholders."""
    query = args[0] if args else options.get("query")
    if isinstance(query, bytes | bytearray):
        return query.decode("utf-8", "replace")
    return query if isinstance(query, str) else ""


def procedure(_cursor: Any, args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Answer a statement that does what the call of a procedure does."""
    name = args[0] if args else options.get("procname")
    return f"CALL {name}()" if isinstance(name, str) else ""
