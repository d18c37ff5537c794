"""Imported events as a relation: which of them the engine decides on, and their properties as its columns."""

# ruff: noqa: S608 - statements hold the schema's own names and integers; texts go in as literals

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.event import types
from fanlight.event.packing import schema_of
from fanlight.query.compile import TIME, WEIGHT, Column
from fanlight.query.plan import paths, patterns
from fanlight.query.sql import TRUE, every, names_of, negated, some
from fanlight.stores.duckdb.imported.places import (
    EVERYWHERE,
    INSIDE,
    at_place,
    has_simple_alone,
    inner_at,
    is_below,
    is_known,
    is_readable,
    place_of,
    ways_in,
)
from fanlight.stores.duckdb.imported.terms import LineTerms, both_of
from fanlight.stores.imports import bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fanlight.event.schema import Schema
    from fanlight.query.nodes import Path
    from fanlight.query.query import Query

    Ask = Callable[[str], list[tuple[Any, ...]]]

ORDER = ("began", "file", "line", "number")
"""Columns in whose order the events are."""
NOWHERE = "$[9999999]"
"""Where no event has a value."""
SURROGATE = "contains(told, '\\ud')"
"""What an engine that wants Unicode may refuse to read as JSON."""
ODD = f"({SURROGATE} OR contains(told, '\\u0000') OR coalesce(time < 0, false))"
"""Events whose texts or time the engine does not have as they are."""
EVENT = """contains(told, '"$event"')"""
"""A list that may hold an event."""
MARKED = """contains(told, '{"$')"""
"""Maps whose values are not what JSON has."""
WORDED = frozenset({types.STRING, types.INT, types.DURATION})
"""Types of which keywords and patterns see the values."""
SORTS = {"BOOLEAN": 1, "BIGINT": 2, "UBIGINT": 2, "DOUBLE": 3, "VARCHAR": 4}
"""Sorts of value by what the engine calls them in JSON."""
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
        nominated: condition on the engine's own table that every selected event meets.

    Attributes:
        shapes: of the events that the engine can read, by id.
        is_useful: whether there are any.
        may: condition on such an event that every selected one meets.
        must: condition that only selected ones meet.
    """

    def __init__(self, ask: Ask, query: Query, looked_up: Iterable[Path], nominated: str = TRUE) -> None:
        self.ask = ask
        self.nominated = nominated
        in_stages = list(looked_up)
        self.paths = {str(path): path for path in [*paths(query.node), *in_stages]}
        self.added = frozenset(map(str, in_stages))
        self.slots = {name: place for place, name in enumerate(self.paths, 1)}
        self.shapes: dict[int, Schema] = {}
        for told, number in ask("SELECT told, id FROM imports.shapes"):
            schema, _ = schema_of(told)
            if is_readable(schema) and all(self.knows(schema, name) for name in self.paths):
                self.shapes[number] = schema
        self.is_useful = bool(self.shapes)
        low, high = bounded(query)
        # Patterns are tried on each value; of what holds others the predicate finds the values.
        self.texts = [
            number
            for number, schema in self.shapes.items()
            if patterns(query.node) and has_simple_alone(schema)
        ]
        self.most_texts = max([len(text_places(self.shapes[number])) for number in self.texts], default=0)
        self.bounds = f"(time IS NULL OR time BETWEEN {low} AND {high})"
        self.may = self.must = TRUE
        if self.is_useful and query.node is not None:
            self.may, self.must = both_of(query.node, LineTerms(self, query.setting))

    def knows(self, schema: Schema, name: str) -> bool:
        """Tell whether it is known of a schema what a path of the query leads to."""
        path = self.paths[name]
        # Terms look below, where a readable event has nothing; stages do not.
        return name not in self.added if is_below(path) else is_known(schema, path)

    def among(self) -> str:
        """Answer the condition that an event is of a shape that the engine can read."""
        return f"shape IN ({', '.join(map(str, self.shapes))})"

    def source(self) -> str:
        """Answer the statement of all events, with a list `p` of the values that are looked up."""
        values = self.listed("p", {number: self.values(schema) for number, schema in self.shapes.items()})
        inner = {number: self.inner(schema) for number, schema in self.shapes.items()}
        within = self.listed("m", {number: told for number, told in inner.items() if set(told) != {NOWHERE}})
        texts = self.listed("v", {number: text_places(self.shapes[number]) for number in self.texts})
        return f"SELECT *, rowid AS place{values}{within}{texts} FROM imports.events WHERE {self.nominated}"

    def values(self, schema: Schema) -> list[str]:
        """Answer where a schema has what the paths lead to as its own."""
        places = [place_of(schema, path) for path in self.paths.values()]
        return [NOWHERE if at is None else at_place(at) for at in places]

    def inner(self, schema: Schema) -> list[str]:
        """Answer where a schema has what the paths lead to in maps, two places for each."""
        found = []
        for path in self.paths.values():
            ways = ways_in(schema, path) or []
            told = [at_place(at) + "".join(f'."{step}"' for step in steps) for at, steps in ways]
            found += [*told, NOWHERE, NOWHERE][:2]
        return found

    def listed(self, name: str, layouts: dict[int, list[str]]) -> str:
        """Answer a column with a list of values, by where the shapes have them; "" where there are none."""
        by_layout: dict[tuple[str, ...], list[int]] = {}
        for number, told in layouts.items():
            by_layout.setdefault(tuple(told), []).append(number)
        # What lies in maps is told with its sort.
        extract = "json_extract" if name == "m" else "json_extract_string"
        cases = [
            f"WHEN shape IN ({', '.join(map(str, numbers))}) THEN {extract}(told, {list(layout)})"
            for layout, numbers in by_layout.items()
            if layout
        ]
        # The engine tries conditions in any order: that an event is not odd has to be said here as well.
        return f", CASE WHEN {SURROGATE} THEN NULL {' '.join(cases)} END AS {name}" if cases else ""

    def decided(self) -> str:
        """Answer the condition that the engine decides on an event, be it selected or not."""
        odd = [ODD, *self.odd_shapes()]
        return every([self.among(), *map(negated, odd)])

    def odd_shapes(self) -> Iterator[str]:
        """Yield the conditions by which an event of some shapes is odd."""
        if any(types.LIST in schema.types for schema in self.shapes.values()):
            yield EVENT
        inside = [name for name in self.paths if any(each.type == INSIDE for each in self.variants(name))]
        if inside:
            yield MARKED
        for name in self.added.intersection(inside):
            found = inner_at(self.slots[name])
            is_long = f"json_type({found}) = 'DOUBLE' AND NOT regexp_matches({found}::VARCHAR, '[.eE]')"
            yield f"coalesce(json_type({found}) IN ('OBJECT', 'ARRAY', 'HUGEINT') OR {is_long}, false)"

    def sql(self) -> str:
        """Answer the statement of the events that are selected for sure, with what their stages look up."""
        expressions = [
            f"{expression} AS {name}"
            for path, slot in self.slots.items()
            for name, expression in self.expressions(slot, path).items()
        ]
        own = [f"time::UBIGINT AS {TIME}", f"1::BIGINT AS {WEIGHT}", "place AS number"]
        chosen = ", ".join([*own, "coalesce(time, -1) AS began", "file", "line", *expressions])
        where = every([self.bounds, self.decided(), self.must])
        return f"SELECT {chosen} FROM ({self.source()}) WHERE {where}"

    def possible(self) -> str:
        """Answer the condition, on `source`, of the events that may be selected."""
        return some([negated(self.decided()), self.may])

    def rest(self) -> str:
        """Answer the condition, on `source`, of the events that have to be looked at one by one."""
        unsure = [] if self.may == self.must else [every([self.may, negated(self.must)])]
        return some([negated(self.decided()), *unsure])

    def without(self, path: Path) -> list[str]:
        """Answer the ids of the shapes that have no property of a path."""
        found = self.variants(str(path))
        having = {number for each in found for number in each.shapes}
        return [str(number) for number in self.shapes if number not in having]

    def variants(self, name: str) -> list[Variant]:
        """Answer how the shapes have a property that they have by itself."""
        found: dict[tuple[str, str | None], list[int]] = {}
        for number, schema in self.shapes.items():
            place = None if is_below(self.paths[name]) else place_of(schema, self.paths[name])
            if place is not None:
                found.setdefault((schema.types[place], schema.units[place]), []).append(number)
            elif ways_in(schema, self.paths[name]):
                found.setdefault((INSIDE, None), []).append(number)
        return [
            Variant(kind, unit, numbers, f"shape IN ({', '.join(map(str, numbers))})")
            for (kind, unit), numbers in found.items()
        ]

    def expressions(self, slot: int, name: str) -> dict[str, str]:
        """Answer the columns of a property: its sort, and its value as each sort has it."""
        by_sort: dict[int, list[str]] = {}
        inside = []
        for each in self.variants(name):
            if each.type == INSIDE:
                inside.append(each.where)
            else:
                by_sort.setdefault(KINDS[each.type], []).append(each.where)
        value = f"p[{slot}]"
        there = {sort: f"{value} IS NOT NULL AND {some(shapes)}" for sort, shapes in by_sort.items()}
        said: dict[str, list[tuple[str | None, str]]] = {
            "k": [(there[sort], str(sort)) for sort in by_sort],
            "i": [(there.get(2), f"{value}::BIGINT"), (there.get(1), f"({value} = 'true')::BIGINT")],
            "f": [(there.get(3), f"{value}::DOUBLE")],
            "s": [(there.get(4), value)],
        }
        if inside:
            found_at = inner_at(slot)
            sorts = " ".join(f"WHEN '{told}' THEN {number}" for told, number in SORTS.items())
            sort = f"CASE json_type({found_at}) {sorts} END"
            alike = {number: f"{some(inside)} AND {sort} = {number}" for number in KINDS.values()}
            text = f"json_extract_string({found_at}, '$')"
            said["k"].append((some(inside), sort))
            said["i"] += [(alike[2], f"{text}::BIGINT"), (alike[1], f"({text} = 'true')::BIGINT")]
            said["f"].append((alike[3], f"{text}::DOUBLE"))
            said["s"].append((alike[4], text))
        null = {"k": "INTEGER", "i": "BIGINT", "f": "DOUBLE", "s": "VARCHAR"}
        found = {}
        for part, ways in said.items():
            cases = [f"WHEN {where} THEN {expression}" for where, expression in ways if where]
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
    sorts = {KINDS.get(each.type, 0) for each in variants}
    is_length = any(each.type == types.DURATION for each in variants)
    unit = variants[0].unit if variants else None
    shape = (types.DURATION if is_length else None, unit)
    if sorts == {2}:
        return Column((number,), int, (number,), number, None, shape)
    if sorts == {4}:
        return Column((text,), str, (text,), None, None, shape)

    def value(sort: int, number: int | None, fraction: float | None, text: str | None) -> Any:
        return bool(number) if sort == 1 else {2: number, 3: fraction, 4: text}[sort]

    # Of equal numbers with a fraction the whole ones behind them may differ.
    ranks = (
        f"CASE WHEN {sort} = 4 THEN 1 ELSE 0 END",
        f"coalesce({number}::DOUBLE, {fraction}, 0)",
        f"coalesce({number}::HUGEINT, CASE WHEN abs({fraction}) < 1e30 THEN {fraction}::HUGEINT END, 0)",
        f"coalesce({text}, '')",
    )
    measured = f"CASE WHEN {sort} = 2 THEN {number} END"
    return Column((sort, number, fraction, text), value, ranks, measured, fraction, shape)


def text_places(schema: Schema) -> list[str]:
    """Answer where the values stand that keywords and patterns look at."""
    return [at_place(at) for at, kind in enumerate(schema.types) if kind in WORDED]
