"""Rewriting a day that is over: everything merged, traces by group and start, in half the room."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.stores.duckdb.day import create
from fanlight.stores.duckdb.engine import literal, transaction
from fanlight.stores.duckdb.schema import MERGES

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.stores.duckdb.day import Day
    from fanlight.stores.duckdb.engine import Connection

COPIED = ("strings", "kinds", "groups", "carried")


def rewrite(cursor: Connection, day: Day, target: Path, alias: str) -> None:
    """Write the day as it stands now into a new file that is complete, without a log, when this returns.

    The day is read in one snapshot, so it may be added to meanwhile; the caller compares.
    """
    cursor.execute(f"ATTACH {literal(str(target))} AS {alias}")
    try:
        create(cursor, alias, day.number)
        with transaction(cursor):
            fill(cursor, day.alias, alias)
        cursor.execute(f"CHECKPOINT {alias}")
    finally:
        cursor.execute("DROP TABLE IF EXISTS places")
        cursor.execute(f"DETACH {alias}")


def fill(cursor: Connection, old: str, new: str) -> None:
    """Copy the tables of one attached day into another, sorted and merged."""
    ask = cursor.execute
    # Traces get new numbers in their new order; spans and notes follow them.
    ask(
        "CREATE OR REPLACE TEMP TABLE places AS "
        "SELECT number, (row_number() OVER (ORDER BY grp, start, number) - 1)::UINTEGER AS place "
        f"FROM {old}.traces"
    )
    ask(
        f"INSERT INTO {new}.traces SELECT place, t.* EXCLUDE (number) "
        f"FROM {old}.traces t JOIN places USING (number) ORDER BY place"
    )
    for table in ("spans", "notes"):
        ask(
            f"INSERT INTO {new}.{table} SELECT place, r.* EXCLUDE (trace) "
            f"FROM {old}.{table} r JOIN places ON trace = number ORDER BY place, r.rowid"
        )
    for merge in MERGES:
        both = f"(FROM {old}.{merge.table} UNION ALL FROM {old}.{merge.table}_new)"
        ask(f"INSERT INTO {new}.{merge.table} {merge.select(both)}")
    for table in COPIED:
        ask(f"INSERT INTO {new}.{table} FROM {old}.{table} ORDER BY rowid")
    ask(f"INSERT INTO {new}.applied SELECT segment, max(position) FROM {old}.applied GROUP BY segment")
    ask(f"INSERT INTO {new}.ledger SELECT service, sum(n)::UBIGINT FROM {old}.ledger GROUP BY service")
    ask(f"UPDATE {new}.day SET closed = true")
