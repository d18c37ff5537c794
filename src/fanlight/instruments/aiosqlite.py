"""aiosqlite: statements as the task waits for them, not as its thread runs them."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.calls import recorded_async
from fanlight.recording.lanes import lane_here, set_lane

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

NOTIFICATION = "sql.query"
DIALECT = "sql.query.sqlite"
"""What the leaf is called, so that double quotes are read as SQLite reads them."""
MARK = "fanlight_records"
"""An instrument above the driver asks a connection for this, so that a statement counts once."""
EXECUTING = frozenset({"execute", "executemany", "executescript", "_execute_fetchall", "_execute_insert"})


def patch(module: ModuleType) -> None:
    """Record what a connection hands to its thread to execute; the thread itself belongs to no trace.

    Args:
        module: `aiosqlite.core`.

    Raises:
        LookupError: there is no `Connection._execute` or `_connect`.
    """
    connection = getattr(module, "Connection", None)
    execute, connect = getattr(connection, "_execute", None), getattr(connection, "_connect", None)
    if connection is None or execute is None or connect is None:
        raise LookupError("aiosqlite has no Connection._execute and _connect")

    @wraps(connect)
    async def connect_apart(self: Any) -> Any:
        connector = getattr(self, "_connector", None)
        if connector is not None and lane_here() is not None:

            def connect_in_thread() -> Any:
                # A thread that a request started would record its statements once more, for good.
                set_lane(None)
                return connector()

            self._connector = connect_in_thread
        return await connect(self)

    connection._connect = connect_apart  # noqa: SLF001 awaited or entered, a connection goes through it
    connection._execute = recorded_async(execute, NOTIFICATION, "sql", statement, DIALECT)  # noqa: SLF001 the one door
    setattr(connection, MARK, True)


def statement(_connection: Any, args: tuple[Any, ...], _options: Any) -> str | None:
    """Answer the text of a statement, None for other work of the thread's."""
    if len(args) < 2 or getattr(args[0], "__name__", "") not in EXECUTING:
        return None
    return args[1] if isinstance(args[1], str) else ""
