"""An event as what JSON can hold, and back, without loss: order, types, units, formats, written offset."""

from __future__ import annotations

import base64
import binascii
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.control import of_kind
from fanlight.event.event import UNTIMED, Event
from fanlight.event.property import Property
from fanlight.event.reading import read
from fanlight.event.times import Time

if TYPE_CHECKING:
    from collections.abc import Callable

DEPTH = 64
"""Events, maps and lists nested deeper are refused: no reader of JSON has a stack for any depth."""


def to_json(event: Event, depth: int = 0) -> dict[str, Any]:
    """Answer an event as dicts, lists, texts and numbers.

    Returns:
        `kind`; `time` of a timed event, null when it is not set; `properties`, a list of `name`, `type`,
        `value`, `unit`, `format`, each as far as there is one; `line` and `raw` of an event that was read.

    Raises:
        ValueError: it is nested too deep.
        TypeError: a map or list holds something that no property can.
    """
    schema, values = event.read()
    told: dict[str, Any] = {"kind": schema.kind}
    if event.is_timed:
        told["time"] = None if event.time is None else written_time(event.time)
        if schema.time_format is not None:
            told["time_format"] = schema.time_format
    told["properties"] = [
        property_out(column, value, deeper(depth))
        for column, value in zip(schema.columns(), values, strict=True)
    ]
    if event.number:
        told["line"] = event.number
    if event.text is not None:
        text = event.text
        told["raw"] = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
    return told


def from_json(told: Any, depth: int = 0) -> Event:
    """Answer the event of what `to_json` made.

    Raises:
        ValueError: it is nothing that `to_json` makes; says what is wrong.
    """
    if not isinstance(told, dict) or not isinstance(told.get("kind"), str):
        raise ValueError(f"an event is an object with a kind, not {str(told)[:60]!r}")  # noqa: TRY004 of a text
    unknown = sorted(told.keys() - {"kind", "time", "time_format", "properties", "line", "raw"})
    if unknown:
        raise ValueError(f"an event has no {unknown[0]!r}; it has kind, time, properties, line and raw")
    listed = told.get("properties", [])
    if not isinstance(listed, list):
        raise ValueError(f"an event's properties are a list, not {str(listed)[:60]!r}")  # noqa: TRY004 of a text
    when = UNTIMED if "time" not in told else time_in(told["time"])
    try:
        event = Event([property_in(each, deeper(depth)) for each in listed], kind=told["kind"], time=when)
    except (OverflowError, TypeError) as error:
        raise ValueError(f"an event cannot be made of this: {error}") from None
    if len(event) != len(listed) + event.is_timed:
        raise ValueError("an event's properties have a name twice")
    if told.get("time_format") is not None:
        event.schema = event.read()[0].timed(expected(told["time_format"], str, "a time's format"))
    event.number = expected(told.get("line", 0), int, "a line")
    event.text = None if told.get("raw") is None else expected(told["raw"], str, "the raw text")
    return of_kind(event)


def deeper(depth: int) -> int:
    """Answer the next depth."""
    if depth >= DEPTH:
        raise ValueError(f"the event is nested more than {DEPTH} deep")
    return depth + 1


def expected(value: Any, kind: type, what: str) -> Any:
    """Answer a value that is of a class."""
    if value.__class__ is not kind:
        raise ValueError(f"{what} cannot be {str(value)[:60]!r}")
    return value


def written_time(time: Time) -> str:
    """Answer a time with its offset; `Z` says that none was written."""
    return str(time)


def time_in(text: Any) -> Time | None:
    """Answer a time as `written_time` wrote it."""
    if text is None:
        return None
    time: Time = read(expected(text, str, "a time"), types.TIMESTAMP)
    return Time(time.ns) if text.endswith("Z") else time


def property_out(column: tuple[str, str, str | None, str | None], value: Any, depth: int) -> dict[str, Any]:
    """Answer a property as JSON."""
    name, kind, unit, form = column
    told: dict[str, Any] = {"name": name, "type": kind}
    if value is not None:
        told["value"] = value_out(kind, value, depth)
    if unit is not None:
        told["unit"] = unit
    if form is not None:
        told["format"] = form
    return told


def value_out(kind: str, value: Any, depth: int) -> Any:
    """Answer a value of a known type as JSON."""
    if kind == types.EVENT:
        return to_json(value, depth)
    if kind in MIXED:
        return inner_out(value, depth)
    return OUT[kind](value) if kind in OUT else value


MIXED = (types.MAP, types.LIST, types.UNDEFINED)
OUT: dict[str, Callable[[Any], Any]] = {
    types.FLOAT: lambda value: float(value) if math.isfinite(value) else repr(float(value)),
    types.TIMESTAMP: written_time,
    types.DATE: lambda value: value.isoformat(),
    types.BYTES: lambda value: base64.b64encode(value).decode("ascii"),
}
"""How a value of a type is told where JSON does not have it."""


def property_in(told: Any, depth: int) -> Property:
    """Answer the property of its JSON."""
    if not isinstance(told, dict) or told.get("type") not in types.TYPES:
        raise ValueError(f"a property is an object with name and type, not {str(told)[:60]!r}")
    unknown = sorted(told.keys() - {"name", "type", "value", "unit", "format"})
    if unknown:
        raise ValueError(f"a property has no {unknown[0]!r}; it has name, type, value, unit and format")
    kind, value = told["type"], told.get("value")
    known = None if value is None else value_in(kind, value, depth)
    parts = [
        None if told.get(key) is None else expected(told[key], str, f"a {key}") for key in ("unit", "format")
    ]
    return Property(expected(told.get("name"), str, "a name"), known, kind, *parts)


def value_in(kind: str, value: Any, depth: int) -> Any:
    """Answer the value of a known type of its JSON."""
    if kind == types.EVENT:
        return from_json(value, depth)
    if kind in MIXED:
        return inner_in(value, depth)
    return IN[kind](value) if kind in IN else value


def float_in(value: Any) -> float:
    """Answer a float, which is a text when it is no number."""
    if value.__class__ not in (int, float, str):
        raise ValueError(f"a float cannot be {str(value)[:60]!r}")
    return float(read(value, types.FLOAT)) if value.__class__ is str else float(value)


def bytes_in(text: Any) -> bytes:
    """Answer the bytes of base 64."""
    try:
        return base64.b64decode(expected(text, str, "bytes").encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError(f"bytes are in base 64, not {text[:60]!r}") from None


IN: dict[str, Callable[[Any], Any]] = {
    types.FLOAT: float_in,
    types.TIMESTAMP: time_in,
    types.DATE: lambda value: read(expected(value, str, "a date"), types.DATE),
    types.BYTES: bytes_in,
}
"""How a value of a type is read that `OUT` told."""


def inner_out(value: Any, depth: int) -> Any:
    """Answer a value inside of a map or list, whose type nothing tells but itself.

    What JSON has is itself. Anything else is an object with one key that begins with `$`, and so is a map
    that has such a key of its own.
    """
    if value is None or value.__class__ in (str, int, bool):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, list | tuple):
        return [inner_out(each, deeper(depth)) for each in value]
    if isinstance(value, dict):
        told = {key: inner_out(each, deeper(depth)) for key, each in value.items()}
        return {"$map": told} if any(key.startswith("$") for key in told) else told
    if isinstance(value, timedelta):
        return {"$duration": value // timedelta(microseconds=1) * 1000}
    kind = types.type_of(value)
    return {f"${kind}": value_out(kind, value, deeper(depth))}


def inner_in(value: Any, depth: int) -> Any:
    """Answer the value of what `inner_out` made."""
    if isinstance(value, list):
        return [inner_in(each, deeper(depth)) for each in value]
    if not isinstance(value, dict):
        return value
    tag = next(iter(value), "") if len(value) == 1 else ""
    if not tag.startswith("$"):
        return {key: inner_in(each, deeper(depth)) for key, each in value.items()}
    inside = value[tag]
    if tag == "$map":
        return {key: inner_in(each, deeper(depth)) for key, each in expected(inside, dict, "a map").items()}
    if tag == "$duration":
        return timedelta(microseconds=expected(inside, int, "a duration") // 1000)
    if tag[1:] not in types.TYPES:
        raise ValueError(f"{tag!r} marks no type; known types: {', '.join(types.TYPES)}")
    return value_in(tag[1:], inside, deeper(depth))
