"""What is done about a day file that the engine does not open: nothing good is ever thrown away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import duckdb

from fanlight.errors import StoreError
from fanlight.log import LOG as LOGBOOK
from fanlight.stores.duckdb import files
from fanlight.stores.duckdb.day import Day
from fanlight.stores.duckdb.hurry import end

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from fanlight.stores.duckdb.engine import Connection
    from fanlight.stores.duckdb.store import DuckStore

PASSING = (
    "No space left",
    "Could not write",
    "Could not set lock",
    "File too large",
    "Read-only file system",
    "Permission denied",
    "Out of Memory",
    "Too many open files",
    "Unique file handle conflict",
    "with version number",
)
"""Words of errors that say nothing about the file's content: the same file may open later."""
DAMAGE = ("not a valid DuckDB database", "Could not read enough bytes", "orrupt")
"""Words of input/output errors that speak of the content all the same."""
LOG = "replaying WAL"

PATIENCE_S = 10.0
"""How long a restart of the engine waits for readers."""


def mend(path: Path, error: duckdb.Error) -> tuple[bool, int]:
    """Answer whether to try once more, and how many files were set aside.

    A power failure leaves zeros behind the log's last whole entry: they are cut off, which loses
    nothing. A log that is damaged otherwise is set aside, and the day stands as it was when the log
    was last folded into it. Anything else sets the whole day aside.

    Raises:
        StoreError: the file may be good.
    """
    text = str(error)
    passing = any(words in text for words in PASSING)
    unread = isinstance(error, duckdb.IOException) and not any(words in text for words in (*DAMAGE, LOG))
    if passing or unread or not path.exists():
        raise StoreError(f"the day file {path} cannot be opened: {text}") from error
    log = files.log_of(path)
    if LOG in text and log.exists():
        if cut_zeros(log):
            return True, 0
        aside = log.rename(files.spare(log))
        LOGBOOK.error(
            f"{log} cannot be read and is kept as {aside.name}; what was last written is missing: {text}"
        )
        return True, 1
    aside = files.set_aside(path)
    LOGBOOK.error(f"{path} cannot be read and is kept as {aside.name}; the day begins anew: {text}")
    return False, 1


def cut_zeros(path: Path) -> bool:
    """Cut off the zeros that a file ends with; answer whether there were any to speak of."""
    with path.open("r+b") as file:
        size = end = file.seek(0, 2)
        while end:
            begin = max(end - (1 << 16), 0)
            file.seek(begin)
            block = file.read(end - begin).rstrip(b"\0")
            end = begin + len(block)
            if block:
                break
        # Entries may end with a few zeros of their own; a lost page has hundreds.
        if size - end < 64:
            return False
        file.truncate(end)
    return True


def attached(cursor: Connection, path: Path, number: int, alias: Callable[[], str]) -> tuple[Day | None, int]:
    """Answer the day in a file, and how many files were set aside because they are unreadable.

    Args:
        cursor: of the writer.
        path: made when it is missing.
        number: days since 1970.
        alias: answers a name that no day had before.

    Raises:
        StoreError: the file may be good, but cannot be opened here and now.
    """
    bad = 0
    while True:
        try:
            if path.exists():
                with path.open("r+b"):
                    files.remove_unborn(path)
            return Day(cursor, path, number, alias()), bad
        except OSError as error:
            raise StoreError(f"the day file {path} cannot be opened: {error.strerror}") from error
        except duckdb.Error as error:
            again, spoiled = mend(path, error)
            bad += spoiled
            if not again:
                return None, bad


def await_readers(days: Collection[Day], directory: Path) -> None:
    """Wait until nobody reads some days any more: two engines must not have the same file.

    Raises:
        StoreError: somebody still does.
    """
    deadline = time.monotonic() + PATIENCE_S
    while any(day.users for day in days):
        if time.monotonic() > deadline:
            raise StoreError(f"{directory} is not reopened while it is being read; trying again")
        time.sleep(0.01)


def restart(store: DuckStore) -> None:
    """Start the engine anew: a full disk can end it."""
    with store.guard:
        store.leaving += store.days.values()
        engine, store.engine, store.days = store.engine, None, {}
    if engine is not None:
        end(engine, store.reading)
    await_readers(store.leaving, store.directory)
    store.leaving = []
    store.start()
