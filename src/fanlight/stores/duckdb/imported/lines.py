"""Imported events as a relation: which of them the engine decides on, and their properties as its columns."""

# ruff: noqa: S608 - statements hold the schema's own names and integers; texts go in as literals

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.packing import schema_of
from fanlight.query.compile import TIME, WEIGHT, Column
from fanlight.query.match import index_of
from fanlight.query.plan import looks_everywhere, paths
from fanlight.query.sql import TRUE, every, names_of, negated, some
from fanlight.stores.duckdb.imported.places import (
    EVERYWHERE,
    INSIDE,
    NESTED,
    SIMPLE,
    Place,
    Variant,
    at_place,
    find,
    is_below,
    is_readable,
)
from fanlight.stores.duckdb.imported.terms import LineTerms, both_of, read
from fanlight.stores.imports import bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fanlight.event.schema import Schema
    from fanlight.query.nodes import Path
    from fanlight.query.query import Query
    from fanlight.stores.duckdb.imported.asker import Asker

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


class Lines:
    """What the engine decides on imported events.

    Args:
        asker: asks the engine.
        query: whose terms and bounds select.
        looked_up: paths of its stages.
        nominated: condition on the engine's own table that every selected event meets.

    Attributes:
        shapes: of the events that the engine can read, by id.
        is_useful: whether there are any.
        may: condition on such an event that every selected one meets.
        must: condition that only selected ones meet.
    """

    def __init__(self, asker: Asker, query: Query, looked_up: Iterable[Path], nominated: str = TRUE) -> None:
        self.asker = asker
        self.nominated = nominated
        in_stages = list(looked_up)
        self.paths = {str(path): path for path in [*paths(query.node), *in_stages]}
        self.added = frozenset(map(str, in_stages))
        self.slots = {name: place for place, name in enumerate(self.paths, 1)}
        self.widths: dict[str, tuple[int, int]] = {}
        self.shapes: dict[int, Schema] = {}
        self.timed: set[int] = set()
        self.places: dict[int, dict[str, Place | None]] = {}
        """Where a shape has what a path leads to."""
        shapes = [
            (number, *schema_of(told)) for told, number in asker.ask("SELECT told, id FROM imports.shapes")
        ]
        self.listed = frozenset(
            str(path) for path in in_stages if are_lists(path, [(each, timed) for _, each, timed in shapes])
        )
        """Paths of stages that lead to lists alone, which are put together by their JSON."""
        for number, schema, is_timed in shapes:
            self.learn(number, schema, is_timed)
        self.is_useful = bool(self.shapes)
        low, high = bounded(query)
        self.has_words = looks_everywhere(query.node)
        self.most_texts = max([len(text_places(each)) for each in self.shapes.values()], default=0)
        self.has_nested = any(map(nested_places, self.shapes.values()))
        self.bounds = f"(time IS NULL OR time BETWEEN {low} AND {high})"
        self.may = self.must = TRUE
        if self.is_useful and query.node is not None:
            self.may, self.must = both_of(query.node, LineTerms(self, query.setting))

    def learn(self, number: int, schema: Schema, is_timed: bool) -> None:
        """Keep a shape whose events the engine can read, with where it has everything that is looked up."""
        if not is_readable(schema):
            return
        found = {}
        for name, path in self.paths.items():
            place, is_sure = (None, True) if is_below(path) else find(schema, path, is_timed=is_timed)
            # Terms look below, where a readable event has nothing; stages do not, and want one plain value.
            is_known = name in self.listed or (not is_below(path) and is_plain(path, place))
            if name in self.added and not is_known:
                return
            if not is_sure:
                return
            found[name] = place
        self.shapes[number], self.places[number] = schema, found
        if is_timed:
            self.timed.add(number)

    def among(self) -> str:
        """Answer the condition that an event is of a shape that the engine can read."""
        return f"shape IN ({', '.join(map(str, self.shapes))})"

    def source(self) -> str:
        """Answer the statement of all events, with lists of the values that are looked up.

        `p` has plain properties as texts, `m` what is told as JSON, `v` what keywords see, `w` what they
        see in maps and lists, and more.
        """
        listed = [
            column("p", "json_extract_string", self.layouts(self.plain)),
            column("m", "json_extract", self.layouts(self.inner)),
        ]
        if self.has_words:
            worded = self.layouts(lambda number: text_places(self.shapes[number]))
            listed += [column("v", "json_extract_string", worded), self.nested()]
        return f"SELECT *, rowid AS place{''.join(listed)} FROM imports.events WHERE {self.nominated}"

    def layouts(self, told: Callable[[int], list[str]]) -> dict[tuple[str, ...], list[int]]:
        """Answer the shapes that have values at the same places."""
        found: dict[tuple[str, ...], list[int]] = {}
        for number in self.shapes:
            found.setdefault(tuple(told(number)), []).append(number)
        return found

    def plain(self, number: int) -> list[str]:
        """Answer where a shape has the plain properties, in the order of the slots."""
        places = self.places[number].values()
        return [each.ways[0] if each is not None and each.type in SIMPLE else NOWHERE for each in places]

    def inner(self, number: int) -> list[str]:
        """Answer where a shape has what is told as JSON, and where it must not have it."""
        found = []
        for name, place in self.places[number].items():
            ways, doubts = self.width(name)
            is_json = place is not None and place.type not in SIMPLE
            for most, told in ((ways, place.ways), (doubts, place.doubts)) if is_json and place else ():
                found += [*told, *[NOWHERE] * (most - len(told))]
            found += [] if is_json else [NOWHERE] * (ways + doubts)
        return found

    def width(self, name: str) -> tuple[int, int]:
        """Answer how many ways there are to what is told as JSON, and how many doubts, at the most."""
        if name not in self.widths:
            held = [each for told in self.places.values() if (each := told[name]) and each.type not in SIMPLE]
            self.widths[name] = (
                max((len(each.ways) for each in held), default=0),
                max((len(each.doubts) for each in held), default=0),
            )
        return self.widths[name]

    def nested(self) -> str:
        """Answer the column of what keywords may see in maps and lists."""
        cases = []
        for told, numbers in self.layouts(lambda number: nested_places(self.shapes[number])).items():
            lists = [f"json_extract_string(told, '{each}.**')" for each in told]
            if lists:
                joined = lists[0]
                for each in lists[1:]:
                    joined = f"list_concat({joined}, {each})"
                cases.append(f"WHEN shape IN ({', '.join(map(str, numbers))}) THEN {joined}")
        return f", CASE WHEN {SURROGATE} THEN NULL {' '.join(cases)} END AS w" if cases else ""

    def decided(self) -> str:
        """Answer the condition that the engine decides on an event, be it selected or not."""
        odd = [ODD, *self.odd_shapes()]
        return every([self.among(), *map(negated, odd)])

    def odd_shapes(self) -> Iterator[str]:
        """Yield the conditions by which an event of some shapes is odd."""
        if any(types.LIST in schema.types for schema in self.shapes.values()):
            yield EVENT
        inside = [name for name in self.paths if any(each.type == INSIDE for each in self.variants(name))]
        if inside or self.listed:
            yield MARKED
        for name in inside:
            first, ways, doubts = self.at(name)
            for at in range(first + ways, first + ways + doubts):
                yield f"coalesce(json_type(m[{at}]) <> 'NULL', false)"
        for name in self.added.intersection(inside):
            found = self.held_at(name)
            is_long = f"json_type({found}) = 'DOUBLE' AND NOT regexp_matches({found}::VARCHAR, '[.eE]')"
            yield f"coalesce(json_type({found}) IN ('OBJECT', 'ARRAY', 'HUGEINT') OR {is_long}, false)"

    def at(self, name: str) -> tuple[int, int, int]:
        """Answer where in `m` the ways to a path begin, how many there are, and how many doubts follow."""
        first = 1
        for each in self.paths:
            ways, doubts = self.width(each)
            if each == name:
                return first, ways, doubts
            first += ways + doubts
        raise KeyError(name)

    def held_at(self, name: str) -> str:
        """Answer the value of a path as JSON: what the first way leads to on which there is something."""
        first, ways, _ = self.at(name)
        found = [f"m[{at}]" for at in range(first, first + ways)]
        there = [f"CASE WHEN json_type({way}) <> 'NULL' THEN {way} END" for way in found]
        return f"coalesce({', '.join(there)})"

    def sql(self) -> str:
        """Answer the statement of the events that are selected for sure, with what their stages look up."""
        expressions = [
            f"{expression} AS {name}"
            for path, slot in self.slots.items()
            if path in self.added
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
        """Answer how the shapes have what a path leads to."""
        found: dict[tuple[str, str | None], list[int]] = {}
        for number, places in self.places.items():
            place = places[name]
            if place is not None:
                found.setdefault((place.type, place.unit), []).append(number)
        return [Variant(kind, unit, numbers) for (kind, unit), numbers in found.items()]

    def expressions(self, slot: int, name: str) -> dict[str, str]:
        """Answer the columns of a property: its sort, and its value as each sort has it."""
        if name in self.listed:
            where = some([each.where for each in self.variants(name)])
            return {f"s{slot}": f"CASE WHEN {where} THEN ({self.held_at(name)})::VARCHAR END"}
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
            found_at = self.held_at(name)
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
    if {each.type for each in variants} == {types.LIST}:
        return Column((text,), lambda told: read(told, types.LIST), (text,), None, None, shape)
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


def column(name: str, function: str, layouts: dict[tuple[str, ...], list[int]]) -> str:
    """Answer a column with a list of values, by where the shapes have them; "" where there are none."""
    cases = [
        f"WHEN shape IN ({', '.join(map(str, numbers))}) THEN {function}(told, {list(layout)})"
        for layout, numbers in layouts.items()
        if set(layout) - {NOWHERE}
    ]
    # The engine tries conditions in any order: that an event is not odd has to be said here as well.
    return f", CASE WHEN {SURROGATE} THEN NULL {' '.join(cases)} END AS {name}" if cases else ""


def is_plain(path: Path, place: Place | None) -> bool:
    """Tell whether a path leads to one value that the engine can read, or to nothing."""
    if index_of(path) is not None:
        return False
    if place is None:
        name = names_of(path)[-1]
        return name in ("kind", "time") or name not in EVERYWHERE
    return place.type in SIMPLE or place.type == INSIDE


def are_lists(path: Path, shapes: list[tuple[Schema, bool]]) -> bool:
    """Tell whether a path leads to lists, and nowhere to anything else: a text may look as a list does."""
    if is_below(path) or index_of(path) is not None or names_of(path)[-1] in EVERYWHERE:
        return False
    found = (find(schema, path, is_timed=timed)[0] for schema, timed in shapes if is_readable(schema))
    return {each.type for each in found if each is not None} == {types.LIST}


def text_places(schema: Schema) -> list[str]:
    """Answer where the values stand that keywords and patterns look at."""
    return [at_place(at) for at, kind in enumerate(schema.types) if kind in WORDED]


def nested_places(schema: Schema) -> list[str]:
    """Answer where the values stand in which keywords and patterns look for more."""
    return [at_place(at) for at, kind in enumerate(schema.types) if kind in NESTED]
