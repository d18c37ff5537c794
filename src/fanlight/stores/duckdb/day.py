"""One day's file: attaching it, adding commits to it exactly once, merging what came in small deltas."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from fanlight.errors import StoreError
from fanlight.stores.duckdb.engine import literal, transaction
from fanlight.stores.duckdb.load import Names, Part, load
from fanlight.stores.duckdb.readings import MEASURE_AT, MEASURED_AT_ONCE, measure
from fanlight.stores.duckdb.schema import LATER, MERGES, TABLES, VERSION
from fanlight.stores.quota import Held

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.stores.duckdb.engine import Connection
    from fanlight.stores.duckdb.schema import Merge
    from fanlight.stores.quota import Quota

EPOCH = date(1970, 1, 1).toordinal()
ACCOUNT = """
SELECT 'ledger', service, 0, sum(n)::UBIGINT, 0::UBIGINT FROM {alias}.ledger GROUP BY service
UNION ALL SELECT 'carried', service, day, n, 0 FROM {alias}.carried
UNION ALL SELECT 'held', service, 0, sum(bytes)::UBIGINT, sum(left_out)::UBIGINT
FROM {alias}.held GROUP BY service
"""
"""What a day holds of each service, in one statement; services by the ids of their names."""


class Carried(NamedTuple):
    """The account of an expired day: traces kept per service."""

    day: int
    service: str
    n: int


class Day:
    """One attached day file. One thread writes it; readers pin it by `users` while they ask.

    Args:
        cursor: a connection of the engine, used by the attaching thread alone.
        path: the file; made with its tables when it is missing.
        number: days since 1970.
        alias: the name to attach it under, never used before in this engine.
    """

    def __init__(self, cursor: Connection, path: Path, number: int, alias: str) -> None:
        self.path = path
        self.number = number
        self.alias = alias
        self.users = 0
        self.gone = False
        self.limits = {merge.table: merge.limit for merge in MERGES}
        self.names: Names | None = None
        self.groups: dict[int, tuple[str, str, str, str]] = {}
        """The groups that readers have looked up with their environments, by id; replaced, never changed."""
        self.texts: dict[int, str] = {}
        self.kinds: dict[int, tuple[str, str, str]] = {}
        """Some of the strings and kinds that readers have looked up."""
        try:
            # In here: it may be done and still fail, for want of memory.
            cursor.execute(f"ATTACH {literal(str(path))} AS {alias}")
            self.closed = self.prepare(cursor)
            self.remember(cursor)
        except BaseException:
            # An engine that cannot read the file may fail to let it go as well.
            with suppress(duckdb.Error):
                cursor.execute(f"DETACH DATABASE IF EXISTS {alias}")
            raise

    def prepare(self, cursor: Connection) -> bool:
        """Make the tables of a new file, or check those of an old one; answer whether it is closed."""
        try:
            ((version, number, closed),) = cursor.execute(f"SELECT * FROM {self.alias}.day").fetchall()
        except duckdb.CatalogException:
            # The tables of a file are made in one transaction: there is none.
            create(cursor, self.alias, self.number)
            self.path.chmod(0o600)
            return False
        if version != VERSION:
            raise StoreError(
                f"{self.path} has schema version {version}, this Fanlight reads {VERSION}; "
                "run the version that wrote it, or move the file away"
            )
        if number != self.number:
            raise StoreError(f"{self.path} holds {iso(number)}, not the day of its name; rename it back")
        later = ", ".join(f"{self.alias}.{table}" for table in LATER)
        try:
            # One statement for all, and only bound: a store has many days, and each is asked at every start.
            cursor.execute(f"SELECT 1 FROM {later} LIMIT 0")
        except duckdb.CatalogException:
            for table in LATER:
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {self.alias}.{table} ({TABLES[table]})")
        return bool(closed)

    def remember(self, cursor: Connection) -> None:
        """Read what every day is asked: positions and the account. What writing needs is read by `ready`."""
        self.names = None
        self.applied: dict[int, int] = dict(
            cursor.execute(
                f"SELECT segment, max(position) FROM {self.alias}.applied GROUP BY segment"
            ).fetchall()
        )
        rows = cursor.execute(ACCOUNT.format(alias=self.alias)).fetchall()
        # Not joined: few of a day's strings are names of services.
        ids = ", ".join({str(row[1]) for row in rows}) or "NULL"
        texts = dict(
            cursor.execute(f"SELECT id, text FROM {self.alias}.strings WHERE id IN ({ids})").fetchall()
        )
        self.ledger: dict[str, int] = {}
        self.carried: list[Carried] = []
        self.held: dict[str, Held] = {}
        for what, service, day, n, left_out in rows:
            text = texts.get(service)
            if text is None:
                continue
            if what == "ledger":
                self.ledger[text] = self.ledger.get(text, 0) + n
            elif what == "carried":
                self.carried.append(Carried(day, text, n))
            else:
                before = self.held.get(text, Held(0, 0))
                self.held[text] = Held(before.bytes + n, before.left_out + left_out)

    def ready(self, cursor: Connection) -> Names:
        """Answer the names that the day knows; before the first writing, read them and the counters."""
        if self.names is None:
            alias = self.alias
            self.next_trace: int = one(cursor, f"SELECT coalesce(max(number) + 1, 0) FROM {alias}.traces")
            self.fresh = {
                merge.table: one(cursor, f"SELECT count(*) FROM {alias}.{merge.table}_new")
                for merge in MERGES
            }
            measured = f"SELECT coalesce(max(event) + 1, 0)::BIGINT FROM {alias}.measured"
            self.unmeasured = one(cursor, f"SELECT count(*) - ({measured}) FROM {alias}.events")
            self.names = Names(cursor, alias)
        return self.names

    def announce(self, cursor: Connection, segment: int) -> None:
        """Note that the segment has rows for this day, before another day gets its share of them.

        Without it a crash between two days' transactions would leave the segment's position in
        the first file alone, and the second would never be given what it misses.
        """
        if segment not in self.applied:
            cursor.execute(f"INSERT INTO {self.alias}.applied VALUES (?, 0)", [segment])
            self.applied[segment] = 0

    def apply(self, cursor: Connection, segment: int, position: int, parts: list[Part], quota: Quota) -> None:
        """Add the parts, as far as the quota goes, and the segment's new position in one transaction."""
        names = self.ready(cursor)
        try:
            with transaction(cursor):
                given = load(cursor, self.alias, parts, names, self.next_trace, quota)
                cursor.execute(f"INSERT INTO {self.alias}.applied VALUES (?, ?)", [segment, position])
        except BaseException:
            names.forget()
            raise
        names.keep()
        self.applied[segment] = position
        self.held = quota.held
        self.next_trace += given["traces"]
        for part in parts:
            for service, n in part.ledger:
                self.ledger[service] = self.ledger.get(service, 0) + n
        for table in self.fresh:
            self.fresh[table] += given[f"{table}_new"]
        self.unmeasured += given["events"]

    def merge_due(self, cursor: Connection) -> None:
        """Merge the tables whose new rows have reached their limit."""
        if self.names is None:
            # Nothing was written: all of it was here already.
            return
        for merge in MERGES:
            if self.fresh[merge.table] >= self.limits[merge.table]:
                self.merge(cursor, merge)
        if self.unmeasured >= MEASURE_AT:
            with transaction(cursor):
                looked_at = measure(cursor, self.alias)
            self.unmeasured = self.unmeasured - looked_at if looked_at == MEASURED_AT_ONCE else 0

    def merge(self, cursor: Connection, merge: Merge) -> None:
        """Move the new rows of periods that are over to the merged table; add up the others in place.

        Costs once for every new row as long as merging halves them; where it does not, the limit
        rises, so that the cost per row stays the same.
        """
        new = f"{self.alias}.{merge.table}_new"
        with transaction(cursor):
            newest = one(cursor, f"SELECT max({merge.period}) FROM {new}")
            over = merge.select(f"(FROM {new} WHERE {merge.period} < {newest})")
            rest = merge.select(f"(FROM {new} WHERE {merge.period} >= {newest})")
            cursor.execute(f"CREATE OR REPLACE TEMP TABLE rest AS {rest}")
            cursor.execute(f"INSERT INTO {self.alias}.{merge.table} {over}")
            cursor.execute(f"DROP TABLE {new}")
            cursor.execute(f"CREATE TABLE {new} ({TABLES[f'{merge.table}_new']})")
            cursor.execute(f"INSERT INTO {new} FROM rest")
            left = one(cursor, "SELECT count(*) FROM rest")
            cursor.execute("DROP TABLE rest")
        self.fresh[merge.table] = left
        self.limits[merge.table] = max(merge.limit, 2 * left)

    def carry(self, cursor: Connection, gone: Day) -> None:
        """Take over the account and positions of a day about to be dropped; harmless when done before.

        A segment unknown to this day has no rows for it up to the other day's position, else it
        would have been announced here; so that position holds here as well.
        """
        if any(row.day == gone.number for row in self.carried):
            return
        names = self.ready(cursor)
        rows = gone.carried + [Carried(gone.number, service, n) for service, n in gone.ledger.items()]
        rows.append(Carried(gone.number, "", 0))
        positions = {segment: at for segment, at in gone.applied.items() if segment not in self.applied}
        ids = names.strings.lookup(row.service for row in rows)
        try:
            with transaction(cursor):
                names.write(cursor, self.alias)
                for row, service in zip(rows, ids, strict=True):
                    cursor.execute(
                        f"INSERT INTO {self.alias}.carried VALUES (?, ?, ?)", [row.day, service, row.n]
                    )
                for entry in positions.items():
                    cursor.execute(f"INSERT INTO {self.alias}.applied VALUES (?, ?)", entry)
        except BaseException:
            names.forget()
            raise
        names.keep()
        self.carried += rows
        self.applied |= positions


def create(cursor: Connection, alias: str, number: int) -> None:
    """Make a day's tables in an empty file."""
    with transaction(cursor):
        for table, columns in TABLES.items():
            cursor.execute(f"CREATE TABLE {alias}.{table} ({columns})")
        cursor.execute(f"INSERT INTO {alias}.day VALUES (?, ?, false)", [VERSION, number])


def one(cursor: Connection, query: str) -> int:
    """Answer a query's only value."""
    row = cursor.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def iso(number: int) -> str:
    """Answer a day's ISO date; file names carry it."""
    return date.fromordinal(EPOCH + number).isoformat()
