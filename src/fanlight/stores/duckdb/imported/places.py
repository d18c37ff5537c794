"""Where shapes of imported events have what a path leads to: as a property, or in one that is a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.event import types
from fanlight.event.event import CONTROL
from fanlight.query.grouping import WEIGHTED
from fanlight.query.match import SPAN as BELOW
from fanlight.query.records import HOLDERS
from fanlight.query.sql import names_of

if TYPE_CHECKING:
    from fanlight.event.schema import Schema
    from fanlight.query.nodes import Path

    Way = tuple[int, tuple[str, ...]]
    """Place of a map, and the keys below it."""

APART = CONTROL | WEIGHTED | HOLDERS.keys()
"""Kinds of event that are more than their own properties."""
HOLDING = frozenset({types.EVENT, types.UNDEFINED})
"""Types of what may hold events of its own; a list may, too, and its text tells whether it does."""
SIMPLE = frozenset({types.STRING, types.INT, types.DURATION, types.FLOAT, types.BOOL})
EVERYWHERE = frozenset({"kind", "line", "raw", "time"})
FIRST_VALUE = 2
"""Place of the first value in what an event tells, behind its time and its raw text."""
INSIDE = "inside"
"""Instead of a type: what lies in a map tells its own."""
UNSAID = frozenset('"\\*')
"""Characters that mean something to the engine in a path."""


def is_readable(schema: Schema) -> bool:
    """Tell whether events of a schema are their own properties and nothing else."""
    return schema.kind not in APART and not HOLDING.intersection(schema.types)


def has_simple_alone(schema: Schema) -> bool:
    """Tell whether no property of a schema holds others."""
    return SIMPLE.issuperset(schema.types)


def is_below(path: Path) -> bool:
    """Tell whether a term of a path asks nested events alone."""
    return not path.exact and path.text.startswith(BELOW)


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
    return ways_in(schema, path) is not None


def ways_in(schema: Schema, path: Path) -> list[Way] | None:
    """Answer the ways on which a path leads into a map of its own, the first one first.

    None where that is not sure: a path may lead through one of several properties.
    """
    if path.exact or "." not in path.text or place_of(schema, path) is not None:
        return []
    steps = path.text.split(".")
    names = [".".join(steps[:cut]) for cut in range(1, len(steps))]
    cuts = [cut for cut, name in enumerate(names, 1) if name in schema.places]
    if not cuts:
        return []
    place, rest = schema.places[names[cuts[0] - 1]], steps[cuts[0] :]
    if len(cuts) > 1 or len(rest) > 2 or any(not step or UNSAID & set(step) for step in rest):
        return None
    if schema.types[place] != types.MAP:
        # Nothing lies in what is no map.
        return []
    return [(place, (".".join(rest),)), *([(place, tuple(rest))] if len(rest) > 1 else [])]


def at_place(place: int) -> str:
    """Answer where the value of a place stands in what an event tells."""
    return f"$[{place + FIRST_VALUE}]"


def inner_at(slot: int) -> str:
    """Answer what lies in a map, as JSON; a map may have a dotted name as it is, or step by step."""
    ways = [f"m[{2 * slot - 1}]", f"m[{2 * slot}]"]
    there = [f"CASE WHEN json_type({way}) <> 'NULL' THEN {way} END" for way in ways]
    return f"coalesce({', '.join(there)})"
