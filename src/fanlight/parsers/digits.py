"""Digits: what numbers of at least a size look like in a raw line, and which number a text is."""

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
    return rb"0*" + digits_from(at_least) + rb"(?:\.\d+)?"


def digits_from(at_least: float) -> bytes:
    """Answer a pattern of the digits of whole numbers of at least so much, as far as two digits tell."""
    text = str(int(at_least))
    more = len(text) - 1
    first, second = int(text[0]), int(text[1:2] or 0)
    if (first, second) == (1, 0):
        return rb"[1-9]\d{%d,}" % more
    some = [rb"[1-9]\d{%d,}" % (more + 1)]
    if second:
        some.append(rb"%d[%d-9]" % (first, second) + rb"\d" * (more - 1))
    if first + bool(second) <= 9:
        some.append(rb"[%d-9]" % (first + bool(second)) + rb"\d" * more)
    return rb"(?:" + b"|".join(some) + rb")"


def whole_number(empty: tuple[bytes, ...], factor: int, text: bytes | None) -> int | None:
    """Answer an integer."""
    return None if text is None or text in empty else held(int(text) * factor)


def held(value: int) -> int:
    """Answer a whole number that a property may hold.

    Raises:
        ValueError: it is beyond 64 bits.
    """
    if not -types.INT_MAX <= value <= types.INT_MAX:
        raise ValueError(f"{str(value)[:40]} is no int of 64 bits")
    return value


def real_number(empty: tuple[bytes, ...], text: bytes | None) -> float | None:
    """Answer a float."""
    return None if text is None or text in empty else float(text)


def duration(empty: tuple[bytes, ...], factor: int, text: bytes | None) -> int | None:
    """Answer nanoseconds."""
    if text is None or text in empty:
        return None
    if text.isdigit():
        return held(int(text) * factor)
    return rounded(float(text) * factor)


def rounded(value: float) -> int:
    """Answer the nearest whole number that a property may hold.

    Raises:
        ValueError: it is beyond 64 bits, or none at all.
    """
    # Not even a number can be made of what is infinite.
    return held(round(value) if abs(value) < types.INT_MAX else types.INT_MAX + 1)
