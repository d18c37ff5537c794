"""Statements that are stopped when the time of an answer is up."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from fanlight.query.answer import too_long

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.query.answer import Limits
    from fanlight.stores.duckdb.engine import Connection


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
    timer = threading.Timer(max(limits.until_s - time.monotonic(), 0), cursor.interrupt)
    timer.start()
    try:
        yield
    except duckdb.InterruptException:
        raise too_long() from None
    finally:
        timer.cancel()
