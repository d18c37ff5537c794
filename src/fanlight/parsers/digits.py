"""Digits: what numbers of at least a size look like in a raw line."""

from __future__ import annotations

from fanlight.event import types
from fanlight.event.units import BYTES, TIME_NS


def number_of(kind: str, unit: str | None, at_least: float) -> bytes | None:
    """Answer a pattern of as many digits, or more; None when any digit may be such a number.

    Args:
        kind: type of the property.
        unit: that its text is written in.
        at_least: ns of a duration, bytes of a size, else the number itself.
    """
    if kind == types.DURATION:
        at_least /= TIME_NS[unit or "ns"]
    elif unit is not None and unit.lower() in BYTES:
        at_least /= BYTES[unit.lower()]
    if at_least < 1:
        return None
    digits = len(str(int(at_least)))
    return rb"0*[1-9]\d{%d,}(?:\.\d+)?" % (digits - 1)
