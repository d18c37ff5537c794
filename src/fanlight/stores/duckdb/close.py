"""Rewriting a day that is over: everything merged, traces by group and start, in half the room."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.stores.duckdb import files
from fanlight.stores.duckdb.day import Day, create
from fanlight.stores.duckdb.engine import literal, transaction
from fanlight.stores.duckdb.readings import MEASURED_AT_ONCE, measure
from fanlight.stores.duckdb.schema import MERGES
from fanlight.wire.messages import NOTE_TEXT

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.stores.duckdb.engine import Connection
    from fanlight.stores.duckdb.store import DuckStore

COPIED = ("kinds", "groups", "environments", "carried")

GRACE_NS = 600_000_000_000
"""A day is rewritten ten minutes after its end: by then nearly all of its rows have come."""


def rewrite(cursor: Connection, day: Day, target: Path, alias: str, without: str | None = None) -> None:
    """Write the day as it stands now into a new file that is complete, without a log, when this returns.

    The traces of the service `without` are left out; its counts and trees stay.
    The day is read in one snapshot, so it may be added to meanwhile; the caller compares.
    """
    cursor.execute(f"ATTACH {literal(str(target))} AS {alias}")
    try:
        create(cursor, alias, day.number)
        with transaction(cursor):
            fill(cursor, day.alias, alias, without)
        # Behind the transaction: only then the events have their places.
        while measure_more(cursor, alias):
            pass
        cursor.execute(f"CHECKPOINT {alias}")
    finally:
        cursor.execute("DROP TABLE IF EXISTS places")
        cursor.execute(f"DETACH {alias}")


def measure_more(cursor: Connection, alias: str) -> bool:
    """Keep more readings of the new file as numbers; answer whether there may be more of them."""
    with transaction(cursor):
        return measure(cursor, alias) == MEASURED_AT_ONCE


def swap(store: DuckStore, day: Day, scratch: Path, target: Path) -> None:
    """Put a rewritten file in the place of its day."""
    scratch.chmod(0o600)
    scratch.rename(target)
    try:
        files.sync(store.directory)
        closed = Day(store.writer, target, day.number, store.alias())
    except BaseException:
        # The old file goes on as the day: at the next start the newer one would be taken for it.
        files.remove(target)
        raise
    with store.guard:
        store.days[day.number] = closed
    store.retire(day)


def fill(cursor: Connection, old: str, new: str, without: str | None) -> None:
    """Copy the tables of one attached day into another, sorted and merged, `without` a service's traces."""
    ask = cursor.execute
    # Traces get new numbers in their new order; spans and notes follow them.
    ask(
        "CREATE OR REPLACE TEMP TABLE places AS "
        "SELECT number, (row_number() OVER (ORDER BY grp, start, number) - 1)::UINTEGER AS place "
        f"FROM {old}.traces WHERE grp NOT IN (SELECT g.id FROM {old}.groups g "
        f"JOIN {old}.strings s ON g.service = s.id WHERE s.text = ?)",
        [without],
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
    ask(f"INSERT INTO {new}.events FROM {old}.events ORDER BY time, rowid")
    for table in COPIED:
        ask(f"INSERT INTO {new}.{table} FROM {old}.{table} ORDER BY rowid")
    ask(f"INSERT INTO {new}.applied SELECT segment, max(position) FROM {old}.applied GROUP BY segment")
    ask(f"INSERT INTO {new}.ledger SELECT service, sum(n)::UBIGINT FROM {old}.ledger GROUP BY service")
    fill_held(cursor, old, new, without)
    ask(f"INSERT INTO {new}.strings FROM {old}.strings ORDER BY rowid")
    if without is not None:
        ask(f"UPDATE {new}.strings SET text = '' WHERE id NOT IN ({used(new)})")
    ask(f"UPDATE {new}.day SET closed = true")


def fill_held(cursor: Connection, old: str, new: str, without: str | None) -> None:
    """Add up what each service holds; the one that is left out holds nothing, and it is told of how many."""
    cursor.execute(
        f"INSERT INTO {new}.held SELECT service, sum(if(text = $1, 0, bytes))::UBIGINT, "
        f"sum(left_out)::UBIGINT FROM {old}.held JOIN {old}.strings ON service = id GROUP BY service",
        [without],
    )
    if without is not None:
        cursor.execute(
            f"INSERT INTO {new}.held SELECT (SELECT min(id) FROM {old}.strings WHERE text = $1), 0, "
            f"(SELECT count(*) FROM {old}.traces) - (SELECT count(*) FROM {new}.traces)",
            [without],
        )


def used(alias: str) -> str:
    """Answer the query for the texts that something refers to. Ids stay dense, so texts are blanked."""
    kinds = f"SELECT kind FROM {alias}.spans UNION SELECT kind FROM {alias}.nodes"
    columns = {
        "groups": ("service", "endpoint", "segment"),
        "environments": ("environment",),
        "traces": ("host",),
        "notes": ("key",),
        "nodes": ("location",),
        "releases": ("service", "release"),
        "placed": ("environment",),
        "events": ("service", "shape"),
        **dict.fromkeys(("ledger", "carried", "held"), ("service",)),
    }
    found = [f"SELECT {name} FROM {alias}.{table}" for table, names in columns.items() for name in names]
    found.append(f"SELECT value::UINTEGER FROM {alias}.notes WHERE type = {NOTE_TEXT}")
    found += [
        f"SELECT {name} FROM {alias}.kinds WHERE id IN ({kinds})"
        for name in ("category", "title", "description")
    ]
    return " UNION ".join(found)
