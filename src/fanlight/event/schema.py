"""Schemas: what all events of one shape share, so that an event itself is little more than its values."""

from __future__ import annotations

from functools import lru_cache

Column = tuple[str, str, str | None, str | None]
"""Name, type, unit and format of one property."""


class Schema:
    """Names, types, units and formats of properties in their order; never changes.

    Two events that were given the same properties in the same order share one.

    Attributes:
        kind: of its events.
        names: unique, without the `time` of a timed event.
        types: one for each name, and so are `units` and `formats`.
        time_format: how to write the time of a timed event.
        places: name to index.
    """

    __slots__ = ("formats", "kind", "names", "places", "time_format", "types", "units")

    def __init__(
        self,
        kind: str,
        names: tuple[str, ...] = (),
        types: tuple[str, ...] = (),
        units: tuple[str | None, ...] = (),
        formats: tuple[str | None, ...] = (),
        time_format: str | None = None,
    ) -> None:
        self.kind = kind
        self.names = names
        self.types = types
        self.units = units or (None,) * len(names)
        self.formats = formats or (None,) * len(names)
        self.time_format = time_format
        if not len(self.types) == len(self.units) == len(self.formats) == len(names):
            raise ValueError(
                f"{len(names)} names, {len(types)} types, {len(self.units)} units and {len(self.formats)}"
                " formats; a schema has as many of each"
            )
        self.places = {name: place for place, name in enumerate(names)}
        if len(self.places) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"property {twice!r} stands twice; an event has one property of a name")

    def columns(self) -> list[Column]:
        """Answer name, type, unit and format of each property."""
        return list(zip(self.names, self.types, self.units, self.formats, strict=True))

    def plus(self, name: str, kind: str, unit: str | None, form: str | None) -> Schema:
        """Answer the schema with one more property at the end."""
        return grown(self, name, kind, unit, form)

    def minus(self, place: int) -> Schema:
        """Answer the schema without one of its properties."""
        columns = self.columns()
        del columns[place]
        return shaped(self.kind, columns, self.time_format)

    def retyped(self, place: int, kind: str, unit: str | None, form: str | None) -> Schema:
        """Answer the schema with another type, unit or format in one place."""
        column = (self.names[place], kind, unit, form)
        columns = self.columns()
        if columns[place] == column:
            return self
        columns[place] = column
        return shaped(self.kind, columns, self.time_format)

    def timed(self, form: str | None) -> Schema:
        """Answer the schema with another format of the time."""
        return self if form == self.time_format else shaped(self.kind, self.columns(), form)


SHARED = 4096
"""Schemas that are remembered: names that data makes up, such as keys of JSON, must not fill the memory."""


def shaped(kind: str, columns: list[Column], time_format: str | None) -> Schema:
    """Answer the one schema of these columns, however an event came to have them."""
    schema = empty(kind, time_format)
    for column in columns:
        schema = grown(schema, *column)
    return schema


@lru_cache(maxsize=SHARED)
def grown(schema: Schema, name: str, kind: str, unit: str | None, form: str | None) -> Schema:
    """Answer a schema with one more property at the end."""
    return Schema(
        schema.kind,
        (*schema.names, name),
        (*schema.types, kind),
        (*schema.units, unit),
        (*schema.formats, form),
        schema.time_format,
    )


def empty(kind: str, time_format: str | None = None) -> Schema:
    """Answer the one schema of a kind's event without properties."""
    return bare(kind, time_format)


@lru_cache(maxsize=256)
def bare(kind: str, time_format: str | None) -> Schema:
    """Answer a schema without properties; the cache tells arguments apart by how they are passed."""
    return Schema(kind, time_format=time_format)
