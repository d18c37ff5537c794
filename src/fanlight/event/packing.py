"""Log events as a store keeps them: what many share apart from what each has, and back without loss."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.event import types
from fanlight.event.coding import time_in, value_in, value_out, written_time
from fanlight.event.event import UNTIMED, Event
from fanlight.event.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fanlight.event.schema import Column


PLAIN = frozenset({types.STRING, types.INT, types.BOOL, types.DURATION})
encoded = json.JSONEncoder(separators=(",", ":")).encode


class Packed(NamedTuple):
    """One event, packed.

    Attributes:
        time_ns: when, since 1970; None when it does not say.
        line: number of its first line, 0 when it has none.
        shape: JSON of what it shares with others: kind, format of its time, whether it is timed, columns.
        raw: text that it was read from, None when there is none, or none that is Unicode.
        values: JSON of its time, of its raw text where that is no Unicode, and of its values.
    """

    time_ns: int | None
    line: int
    shape: str
    raw: str | None
    values: str


def pack(event: Event, kind: str | None = None) -> Packed:
    """Answer an event, packed.

    Args:
        event: any.
        kind: that it is kept as; None for its own.

    Raises:
        ValueError: it is nested too deep.
        TypeError: a map or list holds something that no property can.
    """
    schema, values = event.read()
    time = event.time if event.is_timed else None
    text = event.text
    raw = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
    held = None if raw is None or is_unicode(raw) else raw
    shape, is_plain = kept_as(schema, kind or schema.kind, event.is_timed)
    told = [None if time is None else written_time(time), held]
    # Most events hold nothing that JSON has not.
    told += values if is_plain else each_out(schema, values)
    return Packed(
        None if time is None else time.ns,
        event.number,
        shape,
        raw if held is None else None,
        encoded(told),
    )


def each_out(schema: Schema, values: Sequence[Any]) -> Iterator[Any]:
    """Yield values as JSON has them."""
    for type_, value in zip(schema.types, values, strict=True):
        yield None if value is None else value_out(type_, value, 1)


def unpack(packed: Packed) -> Event:
    """Answer the event that was packed."""
    schema, is_timed = schema_of(packed.shape)
    told = json.loads(packed.values)
    values = [
        None if value is None else value_in(kind, value, 1)
        for kind, value in zip(schema.types, told[2:], strict=True)
    ]
    event = Event.of(schema, values, time_in(told[0]) if is_timed else UNTIMED)
    event.number = packed.line
    event.text = told[1] if packed.raw is None else packed.raw
    return event


def is_unicode(text: str) -> bool:
    """Tell whether a text has no bytes in it that were none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=1024)
def shape_of(kind: str, time_format: str | None, is_timed: bool, columns: tuple[Column, ...]) -> str:
    """Answer what events of one schema share."""
    return encoded([kind, time_format, is_timed, columns])


@lru_cache(maxsize=1024)
def kept_as(schema: Schema, kind: str, is_timed: bool) -> tuple[str, bool]:
    """Answer the shape of a schema's events, and whether their values are what JSON has."""
    shape = shape_of(kind, schema.time_format, is_timed, tuple(schema.columns()))
    return shape, PLAIN.issuperset(schema.types)


@lru_cache(maxsize=1024)
def schema_of(shape: str) -> tuple[Schema, bool]:
    """Answer the schema of a shape, and whether its events are timed."""
    kind, time_format, is_timed, columns = json.loads(shape)
    parts: list[Any] = [tuple(part) for part in zip(*columns, strict=True)] or [(), (), (), ()]
    names, types, units, formats = parts
    return Schema(kind, names, types, units, formats, time_format), is_timed


def names_of(shape: str) -> tuple[frozenset[str], bool]:
    """Answer the names of a shape's properties, and whether there may be more in events below them."""
    schema, _ = schema_of(shape)
    return frozenset(schema.names), bool({types.EVENT, types.LIST} & set(schema.types))
