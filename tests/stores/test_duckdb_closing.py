"""A store that is closed while somebody reads it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import duckdb
import pytest
from commits import commit
from history import DAY, open_at, requests

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("of", ["a day", "imports"])
def test_closing_stops_what_a_reader_runs(directory: Path, of: str) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 1)))])
    running = threading.Event()
    stopped: list[str] = []

    def ask(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.create_function("begun", lambda number: running.set() or number, ["BIGINT"], "BIGINT")
        try:
            cursor.execute("SELECT begun(max(b.range)) FROM range(9) a, range(2) b").fetchall()
            cursor.execute("SELECT sum(a.range * b.range) FROM range(9000000000) a, range(99) b").fetchall()
        except duckdb.Error as error:
            stopped.append(type(error).__name__)

    def read() -> None:
        if of == "imports":
            ask(store.imports.cursor())
            return
        with store.pinned(DAY) as held:
            assert held
            ask(held[1])

    reader = threading.Thread(target=read)
    reader.start()
    assert running.wait(30)
    store.close()
    reader.join(30)
    assert len(stopped) == 1
    open_at(directory).close()
