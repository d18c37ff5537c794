"""asyncpg: statements of its connections, prepared statements, cursors and copies, pooled or not."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.calls import over, recorded_async
from fanlight.recording.clock import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

NOTIFICATION = "sql.query"
MARK = "fanlight_records"
"""An instrument above the driver asks a connection for this, so that a statement counts once."""
FETCHING = ("fetch", "fetchrow", "fetchval", "executemany")


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Record what connections execute; a pool's ask these for the method at each call.

    Args:
        module: `asyncpg.connection`.

    Raises:
        LookupError: a connection lacks one of the methods.
    """
    connection = getattr(module, "Connection", None)
    for method in ("execute", *FETCHING):
        if not hasattr(connection, method):
            raise LookupError(f"asyncpg has no Connection.{method}")
    assert connection is not None
    # Older ones fetch no results of many; other copies go through what is no public name.
    record(connection, ("execute", *FETCHING, "fetchmany", "_copy_in", "_copy_out"), argument)
    record(connection, ("copy_records_to_table",), copied)
    if hasattr(connection, "prepare"):
        connection.prepare = failing(connection.prepare)
    setattr(connection, MARK, True)
    return {"asyncpg.prepared_stmt": record_prepared, "asyncpg.cursor": record_cursors}


def record_prepared(module: ModuleType) -> None:
    """Record each run of a prepared statement."""
    prepared = getattr(module, "PreparedStatement", None)
    if not all(hasattr(prepared, method) for method in FETCHING):
        raise LookupError("no PreparedStatement.fetch")
    record(prepared, (*FETCHING, "fetchmany"), held)


def record_cursors(module: ModuleType) -> None:
    """Record a cursor's statement when it is first run; to fetch on is none of its own."""
    cursor = getattr(module, "BaseCursor", None)
    if not hasattr(cursor, "_bind") or not hasattr(cursor, "_bind_exec"):
        raise LookupError("no BaseCursor._bind")
    record(cursor, ("_bind", "_bind_exec"), held)


def record(owner: Any, methods: tuple[str, ...], what: Any) -> None:
    """Record the methods that a class has."""
    for method in methods:
        if hasattr(owner, method):
            setattr(owner, method, recorded_async(getattr(owner, method), NOTIFICATION, "sql", what))


def failing(prepare: Any) -> Any:
    """Answer a method that does the same and is recorded when it fails: else each run will be."""

    @wraps(prepare)
    async def prepare_or_record(self: Any, *args: Any, **options: Any) -> Any:
        start_ns = clock()
        try:
            return await prepare(self, *args, **options)
        except BaseException as error:
            over(NOTIFICATION, "sql", argument(self, args, options), type(error).__name__, start_ns)
            raise

    return prepare_or_record


def argument(_connection: Any, args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Answer the text of a statement, which is the first argument under whatever name."""
    query = args[0] if args else options.get("query", options.get("command"))
    return query if isinstance(query, str) else ""


def copied(_connection: Any, args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Answer a statement that says which table records were copied to."""
    return f"COPY {args[0] if args else options.get('table_name')} FROM STDIN"


def held(owner: Any, _args: Any, _options: Any) -> str:
    """Answer the text of the statement that something was prepared from."""
    query = getattr(owner, "_query", "")
    return query if isinstance(query, str) else ""
