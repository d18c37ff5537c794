"""Questions to one day's file, in a snapshot of their own."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fanlight.event.trace import Span, TraceRow
from fanlight.query.answer import UNLIMITED
from fanlight.stores.answers import Node, Release, Repeat, Times, Trace, plain
from fanlight.stores.choose import TOGETHER
from fanlight.stores.duckdb.engine import telling
from fanlight.stores.duckdb.hurry import in_time
from fanlight.stores.duckdb.schema import total
from fanlight.wire.messages import ERROR, NO_PARENT, NOTE_TEXT, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from numpy.typing import NDArray

    from fanlight.query.answer import Limits
    from fanlight.stores.answers import Group, Scope
    from fanlight.stores.duckdb.day import Day
    from fanlight.stores.duckdb.engine import Connection

    Triple = tuple[str, str, str]
    Placed = tuple[str, str, str, str]
    """A group and its environment."""

Known = TypeVar("Known")

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS

REMEMBERED = 5_000
"""Strings, and kinds, that a day's readers keep in memory."""
KEPT = "number, high, low, grp, start, duration, spans, flags, lost, weight, host, pid"
NODE_SUMS = (
    f"{total('n', 'traces', 'total', 'self', 'start', 'repeated', 'repeat_sum')}, max(repeat_max), "
    f"{total('repeat_total')}"
)


class View:
    """One day as a reader sees it.

    Args:
        cursor: a connection of the reader's own, inside a transaction.
        day: held in place by the caller.
        from_ns, to_ns: the range asked for, half open, ns since 1970.
        environment: whose groups alone are answered; None for all.
    """

    def __init__(
        self, cursor: Connection, day: Day, from_ns: int, to_ns: int, environment: str | None = None
    ) -> None:
        self.cursor = cursor
        self.day = day
        self.alias = day.alias
        self.from_ns = from_ns
        self.to_ns = to_ns
        self.environment = environment
        self.minutes = f"minute >= {from_ns // MINUTE_NS} AND minute < {-(-to_ns // MINUTE_NS)}"
        self.limits = UNLIMITED
        self.hours = f"hour >= {from_ns // HOUR_NS} AND hour < {-(-to_ns // HOUR_NS)}"

    def within(self, limits: Limits) -> View:
        """Answer the view itself, its statements stopped when time is up."""
        self.limits = limits
        return self

    def ask(self, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Answer a query's rows."""
        # Here: what reads days in a loop fails outside of what yields them.
        with telling(f"{self.day.path} cannot be read"), in_time(self.cursor, self.limits):
            return self.cursor.execute(query, parameters).fetchall()

    def both(self, table: str, where: str) -> str:
        """Answer a merged table together with its new rows."""
        return (
            f"(FROM {self.alias}.{table} WHERE {where} UNION ALL FROM {self.alias}.{table}_new WHERE {where})"
        )

    def texts(self, ids: Iterable[int]) -> dict[int, str]:
        """Answer the strings of some ids."""
        query = f"SELECT id, text FROM {self.alias}.strings WHERE "
        return remembered(self.day.texts, ids, lambda missing: dict(self.ask(query + among("id", missing))))

    def kinds(self, ids: Iterable[int]) -> dict[int, Triple]:
        """Answer category, title and description of some kinds."""
        return remembered(self.day.kinds, ids, self.look_up_kinds)

    def look_up_kinds(self, ids: Iterable[int]) -> dict[int, Triple]:
        """Answer some kinds from the file."""
        return self.triples(f"FROM {self.alias}.kinds WHERE {among('id', ids)}")

    def triples(self, query: str) -> dict[int, Triple]:
        """Answer a table of three strings, by id."""
        rows = self.ask(query)
        texts = self.texts({part for row in rows for part in row[1:]})
        return {row[0]: (texts[row[1]], texts[row[2]], texts[row[3]]) for row in rows}

    def group(self, number: int) -> Group:
        """Answer a group's names."""
        return self.placed(number)[:3]

    def placed(self, number: int) -> Placed:
        """Answer a group's names and its environment."""
        known = self.day.groups
        return known[number] if number in known else self.learn_groups()[number]

    def groups(self, scope: Scope) -> list[int] | None:
        """Answer the groups that lie in `scope`; None, which asks for no filter, when all do."""
        if not scope and self.environment is None:
            return None
        here, known = self.environment, self.learn_groups()
        found = [
            number
            for number, group in known.items()
            if group[: len(scope)] == scope and here in (None, group[3])
        ]
        # Fast path: a day of one service in one environment needs no filter either.
        return None if len(found) == len(known) else found

    def all_groups(self) -> dict[int, Placed]:
        """Answer every group's names and its environment."""
        return self.learn_groups()

    def learn_groups(self) -> dict[int, Placed]:
        """Answer the groups, those looked up that this day's readers have not met; what was read stays right.

        All that this view may see are among them, whatever other readers keep at the same time.
        """
        known = self.day.groups
        rows = self.ask(
            f"SELECT g.*, environment FROM {self.alias}.groups g LEFT JOIN {self.alias}.environments "
            f"ON grp = id WHERE id >= {len(known)}"
        )
        texts = self.texts({part for row in rows for part in row[1:] if part is not None})
        found = known | {
            row[0]: (texts[row[1]], texts[row[2]], texts[row[3]], texts.get(row[4], "")) for row in rows
        }
        self.day.groups = found
        return found

    def has_counts(self) -> bool:
        """Tell whether anything was asked in the range."""
        return bool(self.ask(f"SELECT 1 FROM {self.both('counts', self.minutes)} LIMIT 1"))

    def counted(self) -> list[int]:
        """Answer the groups that were asked in the range."""
        source = self.both("counts", self.minutes)
        return [number for (number,) in self.ask(f"SELECT DISTINCT grp FROM {source}")]

    def columns(self, query: str) -> list[NDArray[Any]]:
        """Answer a query's columns; a fast path, of thousands of rows none becomes a tuple."""
        with telling(f"{self.day.path} cannot be read"), in_time(self.cursor, self.limits):
            return list(self.cursor.execute(query).fetchnumpy().values())

    def steps(self, groups: Collection[int] | None, step_s: int) -> tuple[list[Any], list[Any]]:
        """Answer (step, n, errors, sum, max) and (step, bucket, n); a step counts since 1970."""
        step = f"(minute::BIGINT * 60 // {step_s})::BIGINT AS step"
        where = f"{self.minutes} AND {groups_in(groups)}"
        points = self.ask(
            f"SELECT {step}, {total('n', 'errors', 'total')}, max(most) "
            f"FROM {self.both('counts', where)} GROUP BY step"
        )
        buckets = self.ask(
            f"SELECT {step}, bucket, {total('n')} FROM {self.both('latency', where)} GROUP BY step, bucket"
        )
        return points, buckets

    def nodes(self, groups: Collection[int] | None, octaves: Collection[int] | None) -> list[Node]:
        """Answer a merged tree; a path may come several times, by location, the last one seen comes last."""
        where = f"{self.hours} AND {groups_in(groups)}"
        if octaves is not None:
            where += f" AND {among('octave', octaves)}"
        rows = self.ask(
            f"SELECT path, min(parent), min(kind), location, max(hour), {NODE_SUMS} "
            f"FROM {self.both('nodes', where)} GROUP BY path, location"
        )
        kinds = self.kinds({row[2] for row in rows})
        places = self.texts({row[3] for row in rows})
        rows.sort(key=lambda row: (row[4], places[row[3]]))
        return [
            Node._make((path, parent, *kinds[kind], *numbers, places[location]))
            for path, parent, kind, location, _, *numbers in rows
        ]

    def paces(self, groups: Collection[int] | None) -> list[tuple[int, int, int, int]]:
        """Answer octave, path, traces and ns of every path in every octave."""
        rows = self.ask(
            f"SELECT octave, path, {total('traces', 'total')} "
            f"FROM {self.both('nodes', f'{self.hours} AND {groups_in(groups)}')} GROUP BY octave, path"
        )
        return [(octave, path, traces, total_ns) for octave, path, traces, total_ns in rows]

    def times(self, groups: Collection[int] | None) -> list[Times]:
        """Answer own times per octave and category, roots apart."""
        names = f"JOIN {self.alias}.kinds k ON kind = k.id JOIN {self.alias}.strings s ON k.category = s.id"
        rows = self.ask(
            f"SELECT octave, s.text, parent = 0, {total('traces', 'total', 'self')} "
            f"FROM {self.both('nodes', f'{self.hours} AND {groups_in(groups)}')} {names} GROUP BY ALL"
        )
        return [Times._make(row) for row in rows]

    def releases(self, service: str) -> list[Release]:
        """Answer the releases of a service; one may come several times."""
        names = f"JOIN {self.alias}.strings s ON service = s.id JOIN {self.alias}.strings t ON release = t.id"
        source, chosen, told = self.both("releases", self.minutes), "s.text = ?", [service]
        if self.environment:
            source, told = self.both("placed", self.minutes), [service, self.environment]
            names += f" JOIN {self.alias}.strings e ON environment = e.id"
            chosen += " AND e.text = ?"
        elif self.environment is not None:
            # What no environment accounts for ran nowhere that is known.
            keys, placed = "service, release, minute", self.both("placed", self.minutes)
            signed = f"SELECT {keys}, n::HUGEINT AS n FROM {source} "
            signed += f"UNION ALL SELECT {keys}, -(n::HUGEINT) FROM {placed}"
            source = f"(SELECT {keys}, sum(n) AS n FROM ({signed}) GROUP BY {keys} HAVING sum(n) > 0)"
        rows = self.ask(
            f"SELECT t.text, min(minute)::UBIGINT, max(minute)::UBIGINT, {total('n')} "
            f"FROM {source} {names} WHERE {chosen} GROUP BY release, t.text",
            told,
        )
        return [Release(text, first * MINUTE_NS, last * MINUTE_NS, n) for text, first, last, n in rows]

    def repeats(self, groups: Collection[int] | None) -> tuple[dict[Group, int], list[Repeat]]:
        """Answer the traces of each group's trees, and the paths that repeated, as `nodes` does."""
        where = f"{self.hours} AND {groups_in(groups)}"
        roots = self.both("nodes", f"{where} AND parent = 0")
        traces: dict[Group, int] = {}
        for number, n in self.ask(f"SELECT grp, {total('traces')} FROM {roots} GROUP BY grp"):
            traces[self.group(number)] = traces.get(self.group(number), 0) + n
        rows = self.ask(
            f"SELECT grp, path, min(kind), location, {total('repeated', 'repeat_sum')}, max(repeat_max), "
            f"{total('repeat_total')}, max(hour) FROM {self.both('nodes', f'{where} AND repeated > 0')} "
            "GROUP BY grp, path, location"
        )
        kinds = self.kinds({row[2] for row in rows})
        places = self.texts({row[3] for row in rows})
        rows.sort(key=lambda row: (row[-1], places[row[3]]))
        return traces, [
            Repeat(*self.group(number), path, *kinds[kind], places[location], 0, *numbers)
            for number, path, kind, location, *numbers, _ in rows
        ]

    def candidates(
        self, groups: Collection[int] | None, octaves: Collection[int] | None, typical_ns: int, limit: int
    ) -> list[TraceRow]:
        """Answer the first `limit` traces of each of the sorts of `choose`."""
        where = f"start >= {self.from_ns} AND start < {self.to_ns} AND {groups_in(groups)}"
        if octaves is not None:
            # Octave o holds durations in (2 ** (o - 1), 2 ** o]; octave 0 those up to 1 ns.
            ends = [(2**o // 2 if o else -1, 2**o) for o in octaves if 0 <= o <= 64]
            ranges = [f"duration > {low} AND duration <= {high}" for low, high in ends]
            where += f" AND ({' OR '.join(ranges) or 'false'})"
        whole = f"(flags & {WHOLE}) = 0"
        new = f"{whole}, start DESC, high, low"
        sorts = (
            f"{whole}, duration DESC, high, low, start",
            f"(flags & {ERROR}) = 0, {new}",
            new,
            f"{whole}, abs(duration::HUGEINT - {typical_ns}), high, low, start",
        )
        columns = "number, high, low, start, duration, flags"
        found = f"WITH found AS MATERIALIZED (SELECT {columns} FROM {self.alias}.traces WHERE {where})"
        picks = " UNION ".join(f"(SELECT number FROM found ORDER BY {sort} LIMIT {limit})" for sort in sorts)
        rows = self.ask(f"{found} {picks}")
        return self.rows(among("number", (row[0] for row in rows)))

    def rows(self, where: str) -> list[TraceRow]:
        """Answer the kept traces that meet a condition."""
        return list(self.numbered(where).values())

    def numbered(self, where: str) -> dict[int, TraceRow]:
        """Answer the kept traces that meet a condition, by their numbers."""
        rows = self.ask(f"SELECT {KEPT} FROM {self.alias}.traces WHERE {where}")
        hosts = self.texts({row[10] for row in rows})
        found = {}
        for number, high, low, grp, *rest, host, pid in rows:
            *group, where = self.placed(grp)
            found[number] = TraceRow._make((f"{high:016x}{low:016x}", *group, *rest, hosts[host], pid, where))
        return found

    def trace(self, high: int, low: int) -> list[Trace]:
        """Answer the traces of an id, whole ones first, then the newest, at most `TOGETHER`."""
        # Low first: the scan of one random column settles nearly every row group.
        where = f"low = {low} AND high = {high}"
        found = self.ask(
            f"SELECT number, flags FROM {self.alias}.traces WHERE {where} "
            f"ORDER BY (flags & {WHOLE}) = 0, start DESC LIMIT {TOGETHER}"
        )
        return [
            Trace(self.rows(f"number = {number}")[0], self.spans(number) if flags & WHOLE else ())
            for number, flags in found
        ]

    def spans(self, number: int) -> tuple[Span, ...]:
        """Answer a whole trace's spans with their annotations, in pre-order."""
        return self.spans_of([number]).get(number, ())

    def spans_of(self, numbers: Collection[int]) -> dict[int, tuple[Span, ...]]:
        """Answer the spans of some whole traces, by the trace's number, in pre-order."""
        own = f"WHERE {among('trace', numbers)} ORDER BY rowid"
        rows = self.ask(f"SELECT trace, kind, parent, start, duration FROM {self.alias}.spans {own}")
        noted = self.ask(f"SELECT trace, span, key, type, value FROM {self.alias}.notes {own}")
        kinds = self.kinds({row[1] for row in rows})
        used = {row[2] for row in noted} | {row[4] for row in noted if row[3] == NOTE_TEXT}
        texts = self.texts(used)
        notes: dict[tuple[int, int], list[tuple[str, int | float | str | bool]]] = {}
        for trace, span, key, kind, value in noted:
            notes.setdefault((trace, span), []).append((texts[key], plain(kind, value, texts)))
        spans: dict[int, list[Span]] = {}
        for trace, kind, parent, start, duration in rows:
            above = None if parent == NO_PARENT else parent
            known = spans.setdefault(trace, [])
            own_notes = tuple(notes.get((trace, len(known)), ()))
            known.append(Span(*kinds[kind], above, start, duration, own_notes))
        return {trace: tuple(known) for trace, known in spans.items()}


def remembered(
    known: dict[int, Known], ids: Iterable[int], look_up: Callable[[list[int]], dict[int, Known]]
) -> dict[int, Known]:
    """Answer what stands under some ids, from memory where it is; a file's tables only ever grow.

    Several readers share the memory: each answers from a copy of its own.
    """
    found = {number: known.get(number) for number in ids}
    missing = [number for number, value in found.items() if value is None]
    if missing:
        new = look_up(missing)
        if len(known) + len(new) > REMEMBERED:
            known.clear()
        known.update(new)
        found.update(new)
    return {number: value for number, value in found.items() if value is not None}


def groups_in(groups: Collection[int] | None) -> str:
    """Answer the condition that a row is one of these groups'; None stands for all."""
    return "true" if groups is None else among("grp", groups)


def among(column: str, numbers: Iterable[int]) -> str:
    """Answer the condition that a column holds one of some integers."""
    listed = ", ".join(str(int(number)) for number in numbers)
    return f"{column} IN ({listed})" if listed else "false"
