"""Properties of what users and formats write: a name, perhaps a type, a text, a factor and a unit."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from fanlight.event import stamps, types
from fanlight.event.property import Property
from fanlight.event.times import Time
from fanlight.event.units import BYTES, TIME_NS, UNITS

NUMBERS = (types.INT, types.FLOAT, types.DURATION)


def create(
    name: str,
    type: str | None = None,  # noqa: A002 the field's own word
    value: Any = None,
    factor: float | None = None,
    unit: str | None = None,
) -> Property:
    """Answer a property.

    Args:
        name: any text.
        type: without one it is the value's own; that of a text is a timestamp when it is one of ISO 8601
            or `MM/dd/yy HH:mm:ss`, a float when a `.` is in it and it is a number, an int when 64 bits
            hold it, else a string.
        value: of the type, or a text of one; None makes a property without a value.
        factor: that numbers are multiplied by; ints and durations drop what is left of a whole.
        unit: of a number. A duration in another unit than ns is turned into ns.

    Raises:
        ValueError: the value is not of the type; a factor or unit stands with what is no number.
    """
    if unit is not None and not is_unit(unit):
        from fanlight.registry import suggestion

        raise ValueError(f"unknown unit {unit!r} of property {name!r}{suggestion(unit, list(UNITS))}")
    if type == types.DURATION and unit is not None and value is not None:
        return Property(name, int(counted(name, value, unit) * times(factor)), types.DURATION)
    if value is None:
        made = Property(name, None, type)
    elif isinstance(value, str) and type != types.STRING:
        made = guessed(name, value) if type is None else Property(name, type=type).from_string(value)
    elif type == types.FLOAT and value.__class__ is int:
        made = Property(name, float(value))
    else:
        made = Property(name, value, type)
    if factor is None and unit is None:
        return made
    if made.type not in NUMBERS:
        what = f"the unit {unit!r}" if factor is None else f"the factor {factor!r}"
        raise ValueError(f"property {name!r} cannot have {what}: it is {made.type}, which is no number")
    value = made.value
    if value is not None and factor is not None:
        value = value * factor if made.type == types.FLOAT else int(value * times(factor))
    return Property(name, value, made.type, None if made.type == types.DURATION else unit)


def is_unit(unit: str) -> bool:
    """Answer whether there is such a unit; of memory in any case."""
    return unit in UNITS or unit.lower() in BYTES


def times(factor: float | None) -> Fraction:
    """Answer a factor as it was written: 0.1 is a tenth, which no double is."""
    return Fraction(1) if factor is None else Fraction(str(factor))


def counted(name: str, value: Any, unit: str) -> Fraction:
    """Answer ns of a bare number of a unit of time."""
    if unit not in TIME_NS:
        raise ValueError(f"property {name!r}: a duration cannot be in {unit}; known: {', '.join(TIME_NS)}")
    if isinstance(value, str):
        Property(name, type=types.FLOAT).from_string(value)
    elif value.__class__ not in (int, float):
        raise ValueError(f"cannot create the duration property {name!r} with {value!r}")
    return Fraction(str(value)) * TIME_NS[unit]


def guessed(name: str, text: str) -> Property:
    """Answer a property of the type that a text looks like."""
    for kind in (types.FLOAT,) if "." in text else (types.INT,):
        try:
            return Property(name, type=kind).from_string(text)
        except ValueError:
            pass
    if len(text) >= SHORTEST_STAMP and text[:2].isdigit():
        try:
            return Property(name, Time(*(stamps.original if text[2] == "/" else stamps.iso)(text)))
        except ValueError:
            pass
    return Property(name, text)


SHORTEST_STAMP = len("MM/dd/yy HH:mm:ss")
