"""Statements on imported events, all of one moment, within the time of an answer."""

# ruff: noqa: S608 - statements hold the schema's own names, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fanlight.query.sql import FALSE
from fanlight.stores.duckdb.hurry import in_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.query.answer import Limits
    from fanlight.stores.duckdb.engine import Connection

    Rows = list[tuple[Any, ...]]

AT_ONCE = 20_000
"""Rows of a long answer that are in memory together."""
LISTED = 2_000
"""Numbers that a statement lists; more are handed to the engine as a table."""


class Asker:
    """Asks on one connection.

    Args:
        cursor: inside of a transaction that ends with whoever uses this.
        limits: of the answer.
    """

    def __init__(self, cursor: Connection, limits: Limits) -> None:
        self.cursor = cursor
        self.limits = limits
        self.tables = 0

    def ask(self, statement: str) -> Rows:
        """Answer a statement's rows."""
        with in_time(self.cursor, self.limits):
            return self.cursor.execute(statement).fetchall()

    def batches(self, statement: str) -> Iterator[Rows]:
        """Yield a statement's rows, many at once; nothing else is asked meanwhile."""
        with in_time(self.cursor, self.limits):
            self.cursor.execute(statement)
            while rows := self.cursor.fetchmany(AT_ONCE):
                yield rows
                self.limits.check()

    def among(self, column: str, numbers: list[int]) -> str:
        """Answer the condition that a column holds one of some whole numbers."""
        if len(numbers) <= LISTED:
            return f"{column} IN ({', '.join(map(str, numbers))})" if numbers else FALSE
        self.tables += 1
        name = f"numbers_{self.tables}"
        self.cursor.register(name, {"number": np.array(numbers, np.int64)})
        return f"{column} IN (SELECT number FROM {name})"
