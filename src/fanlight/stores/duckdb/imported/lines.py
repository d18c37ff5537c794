"""Imported events as a relation: which of them the engine decides on, and their properties as its columns."""

# ruff: noqa: S608 - statements hold the schema's own names and integers; texts go in as literals

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.event import types
from fanlight.event.event import CONTROL
from fanlight.event.names import canonical
from fanlight.event.packing import schema_of
from fanlight.query.compile import TIME, WEIGHT, Column
from fanlight.query.grouping import WEIGHTED
from fanlight.query.match import SPAN as BELOW
from fanlight.query.plan import paths, spellings
from fanlight.query.records import HOLDERS
from fanlight.query.sql import TRUE, every, names_of, negated, some
from fanlight.stores.duckdb.imported.terms import LineTerms, both_of
from fanlight.stores.imports import bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fanlight.event.schema import Schema
    from fanlight.query.nodes import Path
    from fanlight.query.query import Query

    Ask = Callable[[str], list[tuple[Any, ...]]]

APART = CONTROL | WEIGHTED | HOLDERS.keys()
"""Kinds of event that are more than their own properties."""
HOLDING = frozenset({types.EVENT, types.LIST, types.UNDEFINED})
"""Types of what may hold events of its own."""
SIMPLE = frozenset({types.STRING, types.INT, types.DURATION, types.FLOAT, types.BOOL})
EVERYWHERE = frozenset({"kind", "line", "raw", "time"})
NOWHERE = "$[9999999]"
"""Where no event has a value."""
FIRST_VALUE = 2
"""Place of the first value in what an event tells, behind its time and its raw text."""
SURROGATE = "contains(told, '\\ud')"
"""What an engine that wants Unicode may refuse to read as JSON."""
ODD = f"({SURROGATE} OR contains(told, '\\u0000') OR coalesce(time < 0, false))"
"""Events whose texts or time the engine does not have as they are."""
KINDS = {types.BOOL: 1, types.INT: 2, types.DURATION: 2, types.FLOAT: 3, types.STRING: 4}


class Variant(NamedTuple):
    """How some shapes have a property.

    Attributes:
        type: of the property.
        unit: of the property.
        shapes: ids.
        where: the condition that an event is of these shapes.
    """

    type: str
    unit: str | None
    shapes: list[int]
    where: str


class Lines:
    """What the engine decides on imported events.

    Args:
        ask: asks the engine.
        query: whose terms and bounds select.
        looked_up: paths of its stages.

    Attributes:
        shapes: of the events that the engine can read, by id.
        is_useful: whether there are any.
        may: condition on such an event that every selected one meets.
        must: condition that only selected ones meet.
    """

    def __init__(self, ask: Ask, query: Query, looked_up: Iterable[Path]) -> None:
        self.ask = ask
        self.paths = {str(path): path for path in [*paths(query.node), *looked_up]}
        self.slots = {name: place for place, name in enumerate(self.paths, 1)}
        self.shapes: dict[int, Schema] = {}
        for told, number in ask("SELECT told, id FROM imports.shapes"):
            schema, _ = schema_of(told)
            if is_readable(schema) and all(is_known(schema, path) for path in self.paths.values()):
                self.shapes[number] = schema
        self.is_useful = bool(self.shapes)
        low, high = bounded(query)
        self.bounds = f"(time IS NULL OR time BETWEEN {low} AND {high})"
        self.may = self.must = TRUE
        if self.is_useful and query.node is not None:
            self.may, self.must = both_of(query.node, LineTerms(self, query.setting))

    def among(self) -> str:
        """Answer the condition that an event is of a shape that the engine can read."""
        return f"shape IN ({', '.join(map(str, self.shapes))})"

    def source(self) -> str:
        """Answer the statement of all events, with a list `p` of the values that are looked up."""
        layouts: dict[tuple[str, ...], list[int]] = {}
        for number, schema in self.shapes.items():
            places = [place_of(schema, path) for path in self.paths.values()]
            told = tuple(NOWHERE if at is None else f"$[{at + FIRST_VALUE}]" for at in places)
            layouts.setdefault(told, []).append(number)
        cases = [
            f"WHEN shape IN ({', '.join(map(str, numbers))}) THEN json_extract_string(told, {list(layout)})"
            for layout, numbers in layouts.items()
            if layout
        ]
        # The engine tries conditions in any order: that an event is not odd has to be said here as well.
        values = f", CASE WHEN {SURROGATE} THEN NULL {' '.join(cases)} END AS p" if cases else ""
        return f"SELECT *, rowid AS place{values} FROM imports.events"

    def decided(self) -> str:
        """Answer the condition that the engine decides on an event, be it selected or not."""
        return every([self.among(), negated(ODD)])

    def sql(self) -> str:
        """Answer the statement of the events that are selected for sure, with what their stages look up."""
        expressions = [
            f"{expression} AS {name}"
            for path, slot in self.slots.items()
            for name, expression in self.expressions(slot, path).items()
        ]
        chosen = ", ".join([f"time::UBIGINT AS {TIME}", f"1::BIGINT AS {WEIGHT}", *expressions])
        where = every([self.bounds, self.decided(), self.must])
        return f"SELECT {chosen} FROM ({self.source()}) WHERE {where}"

    def rest(self) -> str:
        """Answer the condition, on `source`, of the events that have to be looked at one by one."""
        unsure = [] if self.may == self.must else [every([self.may, negated(self.must)])]
        return some([negated(self.decided()), *unsure])

    def without(self, path: Path) -> list[str]:
        """Answer the ids of the shapes that have no property of a path."""
        return [str(number) for number, schema in self.shapes.items() if place_of(schema, path) is None]

    def variants(self, name: str) -> list[Variant]:
        """Answer how the shapes have a property that they have by itself."""
        found: dict[tuple[str, str | None], list[int]] = {}
        for number, schema in self.shapes.items():
            place = place_of(schema, self.paths[name])
            if place is not None:
                found.setdefault((schema.types[place], schema.units[place]), []).append(number)
        return [
            Variant(kind, unit, numbers, f"shape IN ({', '.join(map(str, numbers))})")
            for (kind, unit), numbers in found.items()
        ]

    def expressions(self, slot: int, name: str) -> dict[str, str]:
        """Answer the columns of a property: its sort, and its value as each sort has it."""
        by_sort: dict[int, list[str]] = {}
        for each in self.variants(name):
            by_sort.setdefault(KINDS[each.type], []).append(each.where)
        value = f"p[{slot}]"
        said = {
            "k": {sort: str(sort) for sort in by_sort},
            "i": {2: f"{value}::BIGINT", 1: f"({value} = 'true')::BIGINT"},
            "f": {3: f"{value}::DOUBLE"},
            "s": {4: value},
        }
        null = {"k": "INTEGER", "i": "BIGINT", "f": "DOUBLE", "s": "VARCHAR"}
        found = {}
        for part, ways in said.items():
            cases = [
                f"WHEN {value} IS NOT NULL AND {some(by_sort[sort])} THEN {expression}"
                for sort, expression in ways.items()
                if sort in by_sort
            ]
            found[f"{part}{slot}"] = f"CASE {' '.join(cases)} END" if cases else f"NULL::{null[part]}"
        return found

    def columns(self, looked_up: Iterable[Path]) -> dict[str, Column] | None:
        """Answer the columns of what a stage looks up; None where they are not all alike, or none there."""
        found = {}
        for path in looked_up:
            if names_of(path)[-1] in EVERYWHERE and self.without(path):
                return None
            variants = self.variants(str(path))
            measures = {(each.type == types.DURATION, each.unit) for each in variants}
            if len(measures) > 1:
                return None
            found[str(path)] = column_of(self.slots[str(path)], variants)
        return found


def column_of(slot: int, variants: list[Variant]) -> Column:
    """Answer the column of a slot."""
    sort, number, fraction, text = (f"{part}{slot}" for part in "kifs")
    sorts = {KINDS[each.type] for each in variants}
    is_length = any(each.type == types.DURATION for each in variants)
    unit = variants[0].unit if variants else None
    shape = (types.DURATION if is_length else None, unit)
    if sorts == {2}:
        return Column((number,), int, (number,), number, None, shape)
    if sorts == {4}:
        return Column((text,), str, (text,), None, None, shape)

    def value(sort: int, number: int | None, fraction: float | None, text: str | None) -> Any:
        return bool(number) if sort == 1 else {2: number, 3: fraction, 4: text}[sort]

    measured = f"CASE WHEN {sort} = 2 THEN {number} END"
    return Column((sort, number, fraction, text), value, (sort,), measured, fraction, shape)


def is_readable(schema: Schema) -> bool:
    """Tell whether events of a schema are their own properties and nothing else."""
    return schema.kind not in APART and not HOLDING.intersection(schema.types)


def place_of(schema: Schema, path: Path) -> int | None:
    """Answer where a schema has what a path names, by itself."""
    found = (schema.places.get(name) for name in names_of(path))
    return next((place for place in found if place is not None), None)


def is_known(schema: Schema, path: Path) -> bool:
    """Tell whether it is known of a schema what stands at a path: one value that the engine can read."""
    if not path.exact and path.text.startswith(("#", BELOW)):
        return False
    place = place_of(schema, path)
    if place is not None:
        return schema.types[place] in SIMPLE
    name = names_of(path)[-1]
    if name in EVERYWHERE:
        return name in ("kind", "time")
    # A dotted path may lead through a map.
    through = spellings([path])
    return not (through | {canonical(each) for each in through}) & (EVERYWHERE | schema.places.keys())
