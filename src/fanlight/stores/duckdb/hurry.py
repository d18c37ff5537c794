"""Statements that are stopped: the time of their answer is up, or the engine ends."""

from __future__ import annotations

import _thread
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import duckdb

from fanlight.query.answer import too_long

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fanlight.query.answer import Limits
    from fanlight.stores.duckdb.engine import Connection

ENDING_S = 5.0


def end(engine: Connection, reading: Collection[Connection]) -> None:
    """Close an engine, and stop what its readers run.

    From 2.0 on DuckDB refuses to close one of whose connections a call is under way, and waits for a call
    that begins meanwhile: a reader that was stopped may begin its next statement.

    Raises:
        duckdb.Error: it could not be closed in `ENDING_S`.
    """
    until_s = time.monotonic() + ENDING_S
    closed = threading.Event()
    stopper = threading.Thread(target=stop_all, args=(tuple(reading), closed), daemon=True)
    stopper.start()
    try:
        while True:
            try:
                engine.close()
            except duckdb.Error:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.01)
            else:
                return
    finally:
        closed.set()
        stopper.join()


def stop_all(reading: Collection[Connection], closed: threading.Event) -> None:
    """Stop what these connections run, and what they run next, until the engine is closed."""
    while True:
        for cursor in reading:
            with suppress(duckdb.Error):
                cursor.interrupt()
        if closed.wait(0.01):
            return


@contextmanager
def in_time(cursor: Connection, limits: Limits) -> Iterator[None]:
    """Stop what runs on a connection when time is up.

    Raises:
        QueryError: it was, with the code `too-long`.
    """
    limits.check()
    if limits.until_s is None:
        yield
        return
    left_s = max(limits.until_s - time.monotonic(), 0)
    turn, over, late = threading.Lock(), threading.Event(), threading.Event()

    def stop() -> None:
        if over.wait(left_s):
            return
        with turn, suppress(duckdb.Error):
            # Behind the block it would stop what runs next on the connection.
            if not over.is_set():
                late.set()
                cursor.interrupt()

    try:
        # No Thread: where memory is short it may die before it begins, and its start waits for that for ever.
        _thread.start_new_thread(stop, ())
    except RuntimeError as error:
        raise MemoryError(str(error)) from error
    try:
        yield
    except duckdb.InterruptException:
        # Else it was the end of the engine.
        if not late.is_set():
            raise
        raise too_long() from None
    finally:
        with turn:
            over.set()
