"""Events of imported files: a database of their own beside the days, with a retention of its own."""

# ruff: noqa: S608 - statements hold the schema's own names and integers; texts go in as literals

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from fanlight.event.packing import Packed, names_of, unpack
from fanlight.query.answer import UNLIMITED
from fanlight.query.asof import KIND
from fanlight.query.match import SPAN as BELOW
from fanlight.query.nodes import Among, And, Exists, Field
from fanlight.query.plan import prefilter, spellings
from fanlight.query.sql import FALSE, TRUE, every
from fanlight.stores.choose import DAY_NS
from fanlight.stores.duckdb.engine import literal, rollback, telling, transaction
from fanlight.stores.duckdb.hurry import in_time
from fanlight.stores.duckdb.imported.asker import Asker
from fanlight.stores.duckdb.imported.lines import Lines
from fanlight.stores.duckdb.imported.reduced import reduced
from fanlight.stores.duckdb.imported.terms import held, showing
from fanlight.stores.imports import Imported, bounded, continued, may_have

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fanlight.event.event import Event
    from fanlight.query.answer import Facts, Limits
    from fanlight.query.nodes import Node
    from fanlight.query.query import Query
    from fanlight.stores.duckdb.engine import Connection
    from fanlight.stores.duckdb.store import DuckStore
    from fanlight.stores.imports import Piece

FILE = "imports.db"
TABLES = {
    "files": (
        "id UINTEGER, name VARCHAR, format VARCHAR, inode VARCHAR, head VARCHAR, head_bytes UBIGINT, "
        "tail VARCHAR, position UBIGINT, lines UBIGINT, events UBIGINT, imported UBIGINT"
    ),
    "shapes": "id UINTEGER, told VARCHAR",
    # `day` is the one of the import, by which events go; rows are in the order in which they came.
    "events": (
        "file UINTEGER, line UBIGINT, time BIGINT, shape UINTEGER, raw VARCHAR, told VARCHAR, day UINTEGER"
    ),
}
EVENTS = "SELECT *, rowid AS place FROM imports.events"
AT_ONCE, MOST_AT_ONCE = 500, 8_000
"""Events that are read together: few first, for who wants but a few; at the most."""
LOOKED_AT = 10_000
"""Events that are looked at one by one before the engine is asked which of them are worth it."""
EVERYWHERE = frozenset({"kind", "line", "raw", "time"})
"""Names of what an event has beside its properties."""


class Imports:
    """What is kept of imported files. One thread writes, under the store's lock.

    Args:
        store: whose engine and directory.
    """

    def __init__(self, store: DuckStore) -> None:
        self.store = store
        self.engine: Connection | None = None
        self.suspect = False

    @property
    def is_there(self) -> bool:
        """Whether anything was ever imported."""
        return (self.store.directory / FILE).exists()

    def attach(self) -> None:
        """Let the engine that there is now know the file; made when it is missing."""
        with self.store.guard:
            engine = self.store.opened()
            if engine is self.engine and not self.suspect:
                return
            cursor = engine.cursor()
            path = self.store.directory / FILE
            # A full disk makes the engine give a file up until it is opened anew.
            cursor.execute("DETACH DATABASE IF EXISTS imports")
            cursor.execute(f"ATTACH {literal(str(path))} AS imports")
            path.chmod(0o600)
            for table, columns in TABLES.items():
                cursor.execute(f"CREATE TABLE IF NOT EXISTS imports.{table} ({columns})")
            cursor.close()
            self.engine, self.suspect = engine, False

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Yield a connection for one transaction; after one that failed the file is opened anew."""
        self.store.alive()
        cursor = self.cursor()
        try:
            with transaction(cursor):
                yield cursor
        except duckdb.Error:
            self.suspect = self.store.suspect = True
            raise
        finally:
            cursor.close()

    def cursor(self) -> Connection:
        """Answer a connection that can read what is kept."""
        self.attach()
        with self.store.guard:
            cursor = self.store.opened().cursor()
            self.store.reading.add(cursor)
        return cursor

    def files(self) -> list[Imported]:
        """Answer every file that something is kept of."""
        if not self.is_there:
            return []
        with telling(f"what is imported into {self.store.directory} cannot be read"):
            cursor = self.cursor()
            rows = cursor.execute("FROM imports.files ORDER BY id").fetchall()
            cursor.close()
        return [Imported(*row) for row in rows]

    def keep(self, piece: Piece, now_ns: int) -> Imported:
        """Keep a piece of a file and how far that goes, in one transaction.

        Raises:
            ElsewhereError: the piece does not continue what is kept.
        """
        told = f"{piece.file.name} cannot be imported into {self.store.directory}"
        with self.store.writing, telling(told), self.changing() as cursor:
            return self.add(cursor, piece, now_ns)

    def add(self, cursor: Connection, piece: Piece, now_ns: int) -> Imported:
        """Add a piece inside of a transaction."""
        known = [Imported(*row) for row in cursor.execute("FROM imports.files").fetchall()]
        mine = [
            each
            for each in known
            if each.id == piece.file.id or (not piece.file.id and each.is_same(piece.file))
        ]
        continued(mine[0] if mine else None, piece)
        before = mine[0] if mine else piece.file._replace(id=max((each.id for each in known), default=0) + 1)
        after = before.grown(piece, now_ns)
        shapes = self.shapes(cursor, piece)
        if piece.events:
            append(cursor, after.id, piece.events, shapes, now_ns // DAY_NS)
        cursor.execute("DELETE FROM imports.files WHERE id = ?", [after.id])
        cursor.execute(f"INSERT INTO imports.files VALUES ({', '.join('?' * len(after))})", list(after))
        return after

    def shapes(self, cursor: Connection, piece: Piece) -> dict[str, int]:
        """Answer the ids of a piece's shapes; new ones are written."""
        known = dict(cursor.execute("SELECT told, id FROM imports.shapes").fetchall())
        for shape in dict.fromkeys(row.shape for row in piece.events):
            if shape not in known:
                known[shape] = len(known)
                cursor.execute("INSERT INTO imports.shapes VALUES (?, ?)", [known[shape], shape])
        return known

    def condition(self, cursor: Connection, query: Query) -> str:
        """Answer where an event may be selected: by its time, properties, and what its texts must hold."""
        low, high = bounded(query)
        known = prefilter(query.node, query.setting)
        needed = showing(known.conjuncts if known else ())
        shaped = [
            f"shape IN (SELECT id FROM imports.shapes WHERE told IN ({', '.join(map(literal, some))}))"
            if some
            else FALSE
            for some in self.fitting(cursor, query.node)
        ]
        return every([f"(time IS NULL OR time BETWEEN {low} AND {high})", *shaped, *map(held, needed)])

    def fitting(self, cursor: Connection, node: Node | None) -> Iterator[list[str]]:
        """Yield, for each thing that every selected event must have, the shapes that have it.

        Nothing is yielded where all of them do.
        """
        parts = node.parts if isinstance(node, And) else (node,)
        wanted = [
            spellings([part.path])
            for part in parts
            if isinstance(part, Field | Among | Exists) and not part.path.text.startswith(("#", BELOW))
        ]
        wanted = [names for names in wanted if not names & EVERYWHERE]
        if not wanted:
            return
        shapes = [told for (told,) in cursor.execute("SELECT told FROM imports.shapes").fetchall()]
        for names in wanted:
            fitting = [told for told in shapes if names & names_of(told)[0] or names_of(told)[1]]
            if len(fitting) < len(shapes):
                yield fitting

    def may_select(self, query: Query, limits: Limits = UNLIMITED) -> bool:
        """Tell whether an imported event may be selected."""
        if not self.is_there:
            return False
        with telling(f"what is imported into {self.store.directory} cannot be read"):
            cursor = self.cursor()
            source = f"FROM imports.events WHERE {self.condition(cursor, query)}"
            try:
                with in_time(cursor, limits):
                    found = cursor.execute(f"SELECT 1 {source} LIMIT 1").fetchall()
            finally:
                cursor.close()
        return bool(found)

    @contextmanager
    def snapshot(self, limits: Limits = UNLIMITED) -> Iterator[Asker]:
        """Yield what asks the engine, all of it of one moment."""
        cursor = self.cursor()
        try:
            with telling(f"what is imported into {self.store.directory} cannot be read"):
                cursor.execute("BEGIN TRANSACTION")
                yield Asker(cursor, limits)
        finally:
            # Nothing was written: how it ends makes no difference, and a failed one can end no other way.
            rollback(cursor)
            cursor.close()

    def nominated(
        self, query: Query, limits: Limits = UNLIMITED, reducing: Facts | None = None
    ) -> Iterator[Event]:
        """Yield the events that may be selected: those without a time first, then by time.

        Args:
            query: nominates.
            limits: of the answer.
            reducing: given where the query's stages are run over all events that are yielded and selected:
                those of which the stages leave nothing need not be. They are entered there.
        """
        if not self.is_there:
            return
        with self.snapshot(limits) as asker:
            condition = self.condition(asker.cursor, query)
            few = None if reducing is None else reduced(query, asker, reducing)
            if few is not None:
                source, left = few
                yield from ordered(asker, every([condition, left]), source)
                return
            yield from ordered(asker, condition, narrowing=lambda: narrowed(query, asker))

    def few(self, query: Query, asker: Asker) -> str:
        """Answer the condition of the events that may be selected, if a rare text leaves few; else true.

        With that no further statement looks for the text again.
        """
        known = prefilter(query.node, query.setting)
        if not showing(known.conjuncts if known else ()):
            return TRUE
        condition = self.condition(asker.cursor, query)
        places = asker.ask(f"SELECT rowid FROM imports.events WHERE {condition} LIMIT {AT_ONCE + 1}")
        if len(places) > AT_ONCE:
            return TRUE
        return f"rowid IN ({', '.join(str(place) for (place,) in places)})" if places else FALSE

    def undecided(self, query: Query, lines: Lines, asker: Asker) -> Iterator[Event]:
        """Yield the events that may be selected and that the engine does not decide on, by time."""
        known = self.condition(asker.cursor, query) if lines.nominated == TRUE else TRUE
        condition = every([known, lines.rest()])
        return ordered(asker, condition, lines.source())

    def readings(self, low_ns: int | None, high_ns: int | None, names: frozenset[str]) -> Iterator[Event]:
        """Yield the readings between two moments that have one of some names, or may have."""
        bounds = [f"time >= {low_ns}"] if low_ns is not None else []
        bounds += [f"time <= {high_ns}"] if high_ns is not None else []
        begin = literal(f'["{KIND}",')
        if not self.is_there:
            return
        with self.snapshot() as asker:
            known = asker.ask(f"FROM imports.shapes WHERE starts_with(told, {begin})")
            fitting = [str(number) for number, told in known if may_have(told, names)]
            shaped = f"shape IN ({', '.join(fitting)})" if fitting else FALSE
            yield from ordered(asker, every([shaped, "time IS NOT NULL", *bounds]))

    def expire(self, before_day: int) -> int:
        """Drop what was imported before a day since 1970; answer how many events.

        A file stays known, so that importing it again brings nothing back.
        """
        if not self.is_there:
            return 0
        with self.store.writing, telling(f"imports of {self.store.directory} cannot be dropped"):
            with self.changing() as cursor:
                where = f"FROM imports.events WHERE day < {before_day}"
                ((count,),) = cursor.execute(f"SELECT count(*) {where}").fetchall()
                if count:
                    cursor.execute(f"DELETE {where}")
            if count:
                cursor = self.cursor()
                cursor.execute("CHECKPOINT imports")
                cursor.close()
        return int(count)


def narrowed(query: Query, asker: Asker) -> tuple[str, str] | None:
    """Answer a statement of events and the condition of those that the engine does not rule out."""
    lines = Lines(asker, query, ())
    return (lines.source(), lines.possible()) if lines.is_useful and query.node is not None else None


def ordered(
    asker: Asker,
    condition: str,
    source: str = EVENTS,
    narrowing: Callable[[], tuple[str, str] | None] | None = None,
) -> Iterator[Event]:
    """Yield the events that meet a condition: those without a time first, then by time.

    Only their places are sorted, and who wants the first of them has not read them all.

    Args:
        asker: asks the engine.
        condition: on the events.
        source: statement of the events.
        narrowing: answers another statement and a further condition, which cost more than to look at
            the first events one by one, and less than to look at all.
    """

    def chosen(source: str, condition: str) -> Any:
        told = f"SELECT place FROM ({source}) WHERE {condition} ORDER BY time NULLS FIRST, file, line, place"
        with in_time(asker.cursor, asker.limits):
            return asker.cursor.execute(told).fetchnumpy()["place"]

    shapes: dict[int, str] = dict(asker.ask("SELECT id, told FROM imports.shapes"))
    places = chosen(source, condition)
    first, size = 0, AT_ONCE
    while first < len(places):
        if narrowing is not None and first > LOOKED_AT and len(places) - first > LOOKED_AT:
            further, narrowing = narrowing(), None
            if further is not None:
                left = chosen(further[0], every([condition, further[1]]))
                places, first = left[~np.isin(left, places[:first])], 0
                continue
        batch = places[first : first + size].tolist()
        rows = asker.ask(
            "SELECT rowid, time, line, shape, raw, told FROM imports.events "
            f"WHERE rowid IN ({', '.join(map(str, batch))})"
        )
        found = {place: row for place, *row in rows}
        for place in batch:
            time, line, shape, raw, told = found[place]
            yield unpack(Packed(time, line, shapes[shape], raw, told))
        first += size
        size = min(size * 4, MOST_AT_ONCE)


def append(cursor: Connection, file: int, rows: Sequence[Packed], shapes: dict[str, int], day: int) -> None:
    """Append events; the engine reads numpy's memory."""
    incoming = {
        "line": np.array([row.line for row in rows], np.uint64),
        "is_timed": np.array([row.time_ns is not None for row in rows]),
        "time": np.array([row.time_ns or 0 for row in rows], np.int64),
        "shape": np.array([shapes[row.shape] for row in rows], np.uint32),
        "has_raw": np.array([row.raw is not None for row in rows]),
        "raw": np.array([row.raw or "" for row in rows], object),
        "told": np.array([row.values for row in rows], object),
    }
    cursor.register("incoming", incoming)
    try:
        cursor.execute(
            f"INSERT INTO imports.events SELECT {file}, line, CASE WHEN is_timed THEN time END, shape, "
            f"CASE WHEN has_raw THEN raw END, told, {day} FROM incoming"
        )
    finally:
        cursor.unregister("incoming")
