"""Schemas: what all events of one shape share, so that an event itself is little more than its values."""

from __future__ import annotations

from functools import cache
from typing import Any


class Schema:
    """Names, types, units and formats of properties in their order; never changes.

    Two events that were given the same properties in the same order share one.

    Attributes:
        names: unique.
        types: one for each name, and so are `units` and `formats`.
        places: name to index.
    """

    __slots__ = ("formats", "grown", "kind", "names", "places", "types", "units")

    def __init__(
        self,
        kind: str,
        names: tuple[str, ...] = (),
        types: tuple[str, ...] = (),
        units: tuple[str | None, ...] = (),
        formats: tuple[str | None, ...] = (),
    ) -> None:
        self.kind = kind
        self.names = names
        self.types = types
        self.units = units or (None,) * len(names)
        self.formats = formats or (None,) * len(names)
        self.places = {name: place for place, name in enumerate(names)}
        if len(self.places) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"property {twice!r} stands twice; an event has one property of a name")
        self.grown: dict[Any, Schema] = {}

    def plus(self, name: str, kind: str, unit: str | None, form: str | None) -> Schema:
        """Answer the schema with one more property at the end."""
        key = (name, kind, unit, form)
        found = self.grown.get(key)
        if found is None:
            found = Schema(
                self.kind,
                (*self.names, name),
                (*self.types, kind),
                (*self.units, unit),
                (*self.formats, form),
            )
            # Names that data makes up, such as keys of JSON, must not fill the memory.
            if len(self.grown) < GROWN_MAX:
                self.grown[key] = found
        return found

    def minus(self, place: int) -> Schema:
        """Answer the schema without one of its properties."""
        key = place
        found = self.grown.get(key)
        if found is None:

            def cut(part: tuple[Any, ...]) -> tuple[Any, ...]:
                return part[:place] + part[place + 1 :]

            found = Schema(self.kind, cut(self.names), cut(self.types), cut(self.units), cut(self.formats))
            if len(self.grown) < GROWN_MAX:
                self.grown[key] = found
        return found

    def retyped(self, place: int, kind: str, unit: str | None, form: str | None) -> Schema:
        """Answer the schema with another type, unit or format in one place."""
        key = (place, kind, unit, form)
        found = self.grown.get(key)
        if found is None:

            def put(part: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
                return (*part[:place], value, *part[place + 1 :])

            found = Schema(
                self.kind,
                self.names,
                put(self.types, kind),
                put(self.units, unit),
                put(self.formats, form),
            )
            if len(self.grown) < GROWN_MAX:
                self.grown[key] = found
        return found


GROWN_MAX = 256
"""Neighbouring schemas that one remembers."""


@cache
def empty(kind: str) -> Schema:
    """Answer the one schema of a kind's event without properties."""
    return Schema(kind)
