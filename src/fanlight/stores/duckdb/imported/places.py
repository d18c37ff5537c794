"""Where shapes of imported events have what a path leads to: as a property, or in one that is a map."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from fanlight.event import types
from fanlight.event.event import CONTROL
from fanlight.query.grouping import WEIGHTED
from fanlight.query.match import SPAN as BELOW
from fanlight.query.match import index_of
from fanlight.query.records import HOLDERS
from fanlight.query.sql import names_of

if TYPE_CHECKING:
    from fanlight.event.schema import Schema
    from fanlight.query.nodes import Path

APART = CONTROL | WEIGHTED | HOLDERS.keys()
"""Kinds of event that are more than their own properties."""
HOLDING = frozenset({types.EVENT, types.UNDEFINED})
"""Types of what may hold events of its own; a list may, too, and its text tells whether it does."""
NESTED = frozenset({types.MAP, types.LIST})
SIMPLE = frozenset({types.STRING, types.INT, types.DURATION, types.FLOAT, types.BOOL})
EVERYWHERE = frozenset({"kind", "line", "raw", "time"})
FIRST_VALUE = 2
"""Place of the first value in what an event tells, behind its time and its raw text."""
INSIDE = "inside"
"""Instead of a type: what lies in a map tells its own."""
UNSAID = frozenset('"\\*')
"""Characters that mean something to the engine in a path."""
STEPS_MAX = 6
"""Steps below a property that are followed; with each there are more ways to write them."""


class Place(NamedTuple):
    """Where events of a shape have what a path leads to.

    Attributes:
        type: of the value: a property's, or `INSIDE`.
        unit: of the property.
        ways: where it may stand in what an event tells, as the engine writes it; the first value counts.
        doubts: where there may be nothing, or the predicate has to find the value.
    """

    type: str
    unit: str | None
    ways: tuple[str, ...]
    doubts: tuple[str, ...] = ()


class Variant(NamedTuple):
    """How some shapes have a property.

    Attributes:
        type: of the property.
        unit: of the property.
        shapes: ids.
    """

    type: str
    unit: str | None
    shapes: list[int]

    @property
    def where(self) -> str:
        """The condition that an event is of these shapes."""
        return f"shape IN ({', '.join(map(str, self.shapes))})"

    @property
    def is_json(self) -> bool:
        """Whether the value is told as JSON, for a text alone would not say what it is."""
        return self.type not in SIMPLE


def is_readable(schema: Schema) -> bool:
    """Tell whether events of a schema are their own properties and nothing else."""
    return schema.kind not in APART and not HOLDING.intersection(schema.types)


def is_below(path: Path) -> bool:
    """Tell whether a term of a path asks nested events alone."""
    return not path.exact and path.text.startswith(BELOW)


def place_of(schema: Schema, path: Path, *, is_timed: bool) -> int | None:
    """Answer which property of a schema a path names by itself."""
    index = index_of(path)
    if index is not None:
        place = index - is_timed
        return place if 0 <= place < len(schema.names) else None
    found = (schema.places.get(name) for name in names_of(path))
    return next((place for place in found if place is not None), None)


def find(schema: Schema, path: Path, *, is_timed: bool) -> tuple[Place | None, bool]:
    """Answer where a schema has what a path leads to, None for nowhere; and whether that is sure."""
    place = place_of(schema, path, is_timed=is_timed)
    if place is not None:
        return Place(schema.types[place], schema.units[place], (at_place(place),)), True
    if path.exact or "." not in path.text or index_of(path) is not None:
        return None, True
    steps = path.text.split(".")
    cuts = [cut for cut in range(1, len(steps)) if ".".join(steps[:cut]) in schema.places]
    if not cuts:
        return None, True
    first, rest = schema.places[".".join(steps[: cuts[0]])], steps[cuts[0] :]
    # A path may lead through one of several properties.
    if len(cuts) > 1 or len(rest) > STEPS_MAX or any(not step or UNSAID & set(step) for step in rest):
        return None, False
    if schema.types[first] != types.MAP:
        # Nothing lies in what is no map.
        return None, True
    begin = at_place(first)
    ways, doubts = ways_through(rest)
    return Place(INSIDE, None, tuple(begin + way for way in ways), tuple(begin + way for way in doubts)), True


def ways_through(steps: list[str]) -> tuple[list[str], list[str]]:
    """Answer the keys that lead through maps, and those of which none may be there.

    The longest name that a map has counts, whether or not it leads on. The last one may have dots in it;
    where one before it has, there are too many ways.
    """
    ways, doubts = [], []
    for begin, end in combinations(range(len(steps) + 1), 2):
        way = "".join(f'."{step}"' for step in [*steps[:begin], ".".join(steps[begin:end])])
        if end == len(steps):
            ways.append(way)
        elif end - begin > 1:
            doubts.append(way)
    return ways, doubts


def at_place(place: int) -> str:
    """Answer where the value of a place stands in what an event tells."""
    return f"$[{place + FIRST_VALUE}]"
