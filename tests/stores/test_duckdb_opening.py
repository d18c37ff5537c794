"""What opening a DuckDB store asks of its days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
from commits import commit
from history import DAY, everything, open_at, requests

from fanlight.stores.duckdb.day import Day

if TYPE_CHECKING:
    from pathlib import Path


def test_opening_asks_a_day_that_is_there_a_few_things_only(directory: Path) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 1)))])
    asked = []

    class Asked:
        def execute(self, *statement: Any) -> Any:
            asked.append(statement)
            return store.writer.execute(*statement)

    day = store.days[DAY]
    store.writer.execute(f"DETACH {day.alias}")
    again = Day(Asked(), day.path, DAY, day.alias)
    # Weeks are kept: twenty statements a day were most of a server's start.
    assert len(asked) <= 6
    assert (again.ledger, again.applied, again.held) == (day.ledger, day.applied, day.held)
    assert day.ledger == {"shop": 1}
    store.close()


def test_a_file_of_an_earlier_fanlight_gets_the_tables_that_it_lacks(directory: Path) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 1)))])
    before = everything(store)
    path = store.days[DAY].path
    store.close()
    with duckdb.connect(str(path)) as file:
        for table in ("environments", "measured"):
            file.execute(f"DROP TABLE {table}")
    store = open_at(directory)
    assert everything(store) == before
    store.apply(1, [(2, commit(requests(1, 1)))])
    assert store.ledger() == {"shop": 2}
    store.close()
