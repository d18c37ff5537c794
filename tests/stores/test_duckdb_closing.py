"""A store that is closed while somebody reads it."""

from __future__ import annotations

import _thread
import threading
import time
from typing import TYPE_CHECKING

import duckdb
import pytest
from commits import DAY_NS, commit
from history import DAY, open_at, requests

from fanlight.errors import AwayError
from fanlight.query.answer import Limits
from fanlight.stores.duckdb.hurry import end, in_time
from fanlight.stores.duckdb.mending import restart

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


def test_a_reader_of_a_closed_store_is_told_to_come_again(directory: Path) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 1)))])
    views = store.views(0, 2**64)
    view = next(views)
    store.close()
    with pytest.raises(AwayError, match=r"cannot be read: .* ask again"):
        view.nodes(None, None)
    with pytest.raises(AwayError, match="is closed"):
        store.service("shop", 0, 2**64)


def test_a_day_that_went_while_it_was_read_is_gone_when_the_engine_ended_meanwhile(directory: Path) -> None:
    store = open_at(directory, (DAY + 2) * DAY_NS)
    store.apply(1, [(1, commit(requests(0, 1)))])
    views = store.views(0, 2**64)
    view = next(views)
    store.compact()
    assert view.day.gone
    assert view.day.path.exists()
    with store.writing:
        restart(store)
    views.close()
    assert not view.day.path.exists()
    assert store.service("shop", 0, 2**64) is not None
    store.close()


def test_what_stops_a_statement_never_reaches_the_next_one() -> None:
    stopping, left = threading.Event(), threading.Event()
    late: list[bool] = []

    class Slow:
        def interrupt(self) -> None:
            stopping.set()
            late.append(left.wait(0.2))

    with in_time(Slow(), Limits(None, time.monotonic() + 0.01)):
        assert stopping.wait(30)
    left.set()
    assert late == [False]


def test_a_statement_waits_for_no_thread_that_dies_for_want_of_memory(monkeypatch) -> None:
    waited: list[threading.Thread] = []
    monkeypatch.setattr(threading.Thread, "start", waited.append)
    with in_time(object(), Limits(None, time.monotonic() + 600)):
        pass
    assert waited == []


def test_a_machine_without_room_for_a_thread_lacks_memory(monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    with (
        pytest.raises(MemoryError, match="new thread"),
        in_time(object(), Limits(None, time.monotonic() + 600)),
    ):
        pytest.fail("it ran without anything that stops it")


def test_a_call_that_begins_while_the_engine_closes_is_stopped_too() -> None:
    begun, stopped = threading.Event(), threading.Event()

    class Cursor:
        def interrupt(self) -> None:
            if begun.is_set():
                stopped.set()

    class Engine:
        """Waits in its end for the calls of its connections, as DuckDB does."""

        def close(self) -> None:
            begun.set()
            assert stopped.wait(30)

    end(Engine(), [Cursor()])
    assert stopped.is_set()
