"""The engine: DuckDB in memory, fenced from every file outside the store's directory and from the network."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from fanlight.errors import AwayError, HardshipError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Connection = duckdb.DuckDBPyConnection

SPILL_MAX = "8GB"
"""What sorting and grouping may put on the disk; how much room there is there, the disk tells by itself."""
CONFIG: dict[str, Any] = {
    # One thread: a query runs on the thread that asks, so readers never wait for a pool.
    "threads": 1,
    # The engine keeps up to this of what it has read, for good: with it a server stays below 300 MB. Less
    # begins to cost where a day is closed.
    "memory_limit": "128MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
}


def open_engine(directory: Path) -> Connection:
    """Answer an engine that can attach and write files below `directory`, and nothing else.

    The order matters: the directory is allowed while settings still may change, then access is
    taken away, then the settings are locked; day files are attached behind the lock.
    """
    with telling(f"the store's engine does not start for {directory}"):
        engine = duckdb.connect(":memory:", config=CONFIG | {"temp_directory": str(directory / "tmp")})
        # Not in CONFIG: the first spill sets a limit from there anew to the room that it finds on the disk,
        # and what found a full one would stay without any until the next start.
        engine.execute(f"SET max_temp_directory_size = {literal(SPILL_MAX)}")
        engine.execute(f"SET allowed_directories = [{literal(f'{directory}/')}]")
        engine.execute("SET enable_external_access = false")
        engine.execute("SET lock_configuration = true")
    return engine


def literal(text: str) -> str:
    """Answer a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Turn the engine's errors into a StoreError that begins with `what`."""
    try:
        yield
    except (duckdb.InterruptException, duckdb.ConnectionException) as error:
        raise AwayError(f"{what}: the store is being closed or reopened; ask again") from error
    except duckdb.OutOfMemoryException as error:
        raise HardshipError("memory", f"{what}: {error}") from error
    except duckdb.IOException as error:
        code = "room" if "No space left" in str(error) else "disk"
        raise HardshipError(code, f"{what}: {error}") from error
    except duckdb.Error as error:
        raise StoreError(f"{what}: {error}") from error


@contextmanager
def transaction(cursor: Connection) -> Iterator[None]:
    """Commit what the block does, or nothing of it."""
    try:
        # In here: begun, it may still fail, and would stand in the way of every one behind it.
        cursor.execute("BEGIN TRANSACTION")
        yield
        cursor.execute("COMMIT")
    except BaseException:
        rollback(cursor)
        raise


def rollback(cursor: Connection) -> None:
    """End a failed transaction; one that the engine has ended itself is no second failure."""
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        return


def insert(cursor: Connection, table: str, columns: dict[str, Any]) -> None:
    """Append numpy columns to a table: the engine reads their memory, no object per row is made."""
    cursor.register("incoming", columns)
    try:
        cursor.execute(f"INSERT INTO {table} FROM incoming")
    finally:
        cursor.unregister("incoming")
