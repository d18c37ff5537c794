"""Selected traces of several days as one relation, and their properties as its columns."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.times import Time
from fanlight.event.trace import FLAGS, LENGTHS, PREFIX, SHAPES, TRACE
from fanlight.query.compile import TIME, WEIGHT, Column
from fanlight.query.match import SPAN as BELOW
from fanlight.query.sql import FALSE, TRUE, condition, names_of
from fanlight.stores.duckdb.noted import STRUCTURAL, preferred
from fanlight.stores.duckdb.terms import GROUP_PARTS, INTEGERS, DayTerms
from fanlight.stores.readings import ASKED
from fanlight.wire.messages import NOTE_BOOL, NOTE_FLOAT, NOTE_INT, NOTE_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fanlight.query.nodes import Path
    from fanlight.query.query import Query
    from fanlight.stores.duckdb.reads import View

ORDER = (TIME, "high", "low", "day", "number")
"""Oldest first, as everywhere; a trace's place in its file decides between what is alike."""
WEIGHED = "CASE WHEN weight > 0 AND NOT isnan(weight) THEN weight ELSE 1 END"
SIGNED = (
    "CASE WHEN v >= 9223372036854775808 THEN (v::HUGEINT - 18446744073709551616)::BIGINT ELSE v::BIGINT END"
)
LAST_SPAN = 2**32 - 1
TEXTS_MAX = 20_000
"""Different texts of a column of codes; a relation with more of them is not made."""


class Relation:
    """What a query's terms select of some days, when the tables alone can decide that.

    Args:
        views: of the days, oldest first, on one connection.
        query: whose terms select.
        beyond: names that more than the tables may have.

    Attributes:
        is_exact: whether the tables decide; without it there is no relation.
        said: what they decide on, for each day.
    """

    def __init__(self, views: list[View], query: Query, beyond: frozenset[str] = frozenset()) -> None:
        self.views = views
        self.query = query
        self.beyond = beyond
        self.terms = [DayTerms(view, query.setting, beyond) for view in views]
        self.is_exact = True
        self.said: list[str] = []
        for terms in self.terms:
            node = query.node
            said = TRUE if node is None else condition(node, terms, sure=False)
            self.is_exact = self.is_exact and (node is None or said == condition(node, terms, sure=True))
            self.said.append(said)
        self.selected: dict[str, list[str]] = {}
        """Expressions of a column, and where they come from, by day."""
        self.joins: dict[str, list[str]] = {}

    def columns(self, paths: Iterable[Path]) -> dict[str, Column]:
        """Answer the columns of the properties that the tables have as such, by path as written."""
        found = {str(path): self.column(path) for path in paths}
        return {name: column for name, column in found.items() if column is not None}

    def column(self, path: Path) -> Column | None:
        """Answer the column of a property; None when only the events themselves tell it."""
        names = names_of(path)
        if self.beyond.intersection(names) or ASKED in names:
            return None
        if any(name.startswith(("#", BELOW)) for name in names) and not path.exact:
            return None
        if names[0] in TRACE.names or names[0] == "time":
            return self.own(names[0])
        if names[-1] in TRACE.names or names[-1] == "time":
            # By another spelling an annotation is meant, where there is one.
            return None if self.is_noted(names[0]) else self.own(names[-1])
        if any(name in STRUCTURAL or name.startswith(PREFIX) for name in names):
            return None
        return None if self.is_noted(SHAPES) else self.annotation(names)

    def is_noted(self, name: str) -> bool:
        """Tell whether some day may have an annotation of a name."""
        return any(terms.keys((name,)) for terms in self.terms)

    def own(self, name: str) -> Column | None:
        """Answer the column of what every trace has."""
        known = {
            "trace": Column(("high", "low"), lambda high, low: f"{high:016x}{low:016x}", ("high", "low")),
            "time": Column((TIME,), Time, (TIME,)),
        }
        if name in known:
            return known[name]
        if name in GROUP_PARTS:
            return self.group_part(name)
        if name == "host":
            return self.host()
        if name == "weight":
            self.selected["weight_of"] = ["weight"] * len(self.views)
            return Column(("weight_of",), float, ("weight_of",), fraction="weight_of")
        column = f"is_{name}" if name in FLAGS else f"n_{INTEGERS[name]}"
        if name in FLAGS:
            self.selected[column] = [f"(flags & {FLAGS[name]}) <> 0"] * len(self.views)
            return Column((column,), bool, (column,))
        self.selected[column] = [INTEGERS[name]] * len(self.views)
        shape = (types.DURATION, None) if name == "duration" else (types.INT, None)
        return Column((column,), int, (column,), whole_number=column, shape=shape)

    def group_part(self, name: str) -> Column:
        """Answer the column of service, endpoint or segment: numbers in the order of the texts."""
        place = GROUP_PARTS[name]
        return self.coded(
            name,
            "grp",
            [{number: group[place] for number, group in terms.groups.items()} for terms in self.terms],
        )

    def host(self) -> Column | None:
        """Answer the column of the host."""
        texts = []
        for view in self.views:
            source = f"SELECT DISTINCT host FROM {view.alias}.traces LIMIT {TEXTS_MAX + 1}"
            ids = [number for (number,) in view.ask(source)]
            if len(ids) > TEXTS_MAX:
                return None
            texts.append(view.texts(ids))
        return self.coded("host", "host", texts)

    def coded(self, name: str, column: str, texts: list[dict[int, str]]) -> Column:
        """Answer a column of texts as numbers that have the texts' order, over all days."""
        known = sorted({text for day in texts for text in day.values()})
        places = {text: place for place, text in enumerate(known)}
        self.selected[f"{name}_code"] = [f"{name}_codes.code"] * len(self.views)
        joins = []
        for day in texts:
            pairs = ", ".join(f"({number}, {places[text]})" for number, text in day.items()) or "(NULL, NULL)"
            joins.append(f"LEFT JOIN (VALUES {pairs}) {name}_codes(id, code) ON {column} = {name}_codes.id")
        self.joins[name] = joins
        return Column((f"{name}_code",), known.__getitem__, (f"{name}_code",))

    def annotation(self, names: tuple[str, ...]) -> Column:
        """Answer the column of an annotation: the trace's own, else that of its first span with one."""
        number = len(self.joins)
        given = [f"{part}{number}" for part in "tifs"]
        kind, whole_number, fraction, text = given
        said: list[list[str]] = [[], [], [], []]
        joins = []
        for view, terms in zip(self.views, self.terms, strict=True):
            keys = terms.keys(names)
            rank = f"({LAST_SPAN} - span)::HUGEINT * 2 + {preferred(terms, names)}"
            last = f"({rank}) * 1099511627776 + rowid"
            source = (
                f"SELECT trace, arg_max(type, {last}) AS t, arg_max(value, {last}) AS v "
                f"FROM {view.alias}.notes WHERE {f'key IN ({keys})' if keys else FALSE} GROUP BY trace"
            )
            texts = f"LEFT JOIN {view.alias}.strings ON t = {NOTE_TEXT} AND v = strings.id"
            joins.append(
                "LEFT JOIN (SELECT trace, t, "
                f"CASE WHEN t = {NOTE_INT} THEN {SIGNED} WHEN t = {NOTE_BOOL} THEN v::BIGINT END AS i, "
                f"CASE WHEN t = {NOTE_FLOAT} THEN v::BIT::DOUBLE END AS f, text AS s "
                f"FROM ({source}) {texts}) noted{number} ON noted{number}.trace = traces.number"
            )
            for place, part in enumerate("tifs"):
                said[place].append(f"noted{number}.{part}")
        self.joins[f"noted{number}"] = joins
        self.selected |= dict(zip(given, said, strict=True))
        is_whole = f"abs({fraction}) < 1e38 AND {fraction} = trunc({fraction})"
        # Numbers and flags stand before texts; 503.0 is 503, and beyond 2**53 integers alone tell apart.
        ranks = (
            f"CASE WHEN {kind} = {NOTE_TEXT} THEN 2 ELSE 1 END",
            f"coalesce({fraction}, {whole_number}::DOUBLE)",
            f"CASE WHEN {is_whole} THEN {fraction}::HUGEINT ELSE {whole_number}::HUGEINT END",
            text,
        )
        measured = f"CASE WHEN {kind} = {NOTE_INT} THEN {whole_number} END"
        shape = (types.DURATION if LENGTHS.intersection(names) else None, None)
        return Column(tuple(given), plain, ranks, measured, fraction, shape=shape)

    def sql(self) -> str:
        """Answer the statement of all days' rows, with the columns that were asked for."""
        days = []
        for place, (view, said) in enumerate(zip(self.views, self.said, strict=True)):
            columns = [f"{parts[place]} AS {name}" for name, parts in self.selected.items()]
            chosen = ", ".join(
                [f"{place} AS day, number, {TIME}, high, low, {WEIGHED} AS {WEIGHT}", *columns]
            )
            joined = " ".join(joins[place] for joins in self.joins.values())
            bounds = f"start >= {view.from_ns} AND start < {view.to_ns}"
            days.append(f"SELECT {chosen} FROM {view.alias}.traces {joined} WHERE {bounds} AND {said}")
        return " UNION ALL ".join(days)


def plain(kind: int, whole_number: int | None, fraction: float | None, text: str | None) -> Any:
    """Answer an annotation's value from its columns."""
    if kind == NOTE_BOOL:
        return bool(whole_number)
    return {NOTE_INT: whole_number, NOTE_FLOAT: fraction, NOTE_TEXT: text}[kind]
