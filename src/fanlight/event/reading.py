"""Texts to values, strictly: a text is a value of its type from its first to its last character."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

from fanlight.event import stamps, types
from fanlight.event.patterns import pattern
from fanlight.event.times import Time, time_of
from fanlight.event.units import parse_quantity


def read(text: str, kind: str, form: str | None = None) -> Any:
    """Answer the value of a type that a text holds.

    Raises:
        ValueError: it holds none; says what was expected.
    """
    reader = READERS.get(kind)
    if reader is None:
        raise ValueError(f"a text cannot be read as {kind}: {text!r}")
    if form is not None and kind in (types.TIMESTAMP, types.DATE):
        return formed(text, form, kind)
    return reader(text)


def read_int(text: str) -> int:
    """Answer an int of 64 bits."""
    if re.fullmatch(r"[-+]?[0-9]+", text) is None:
        raise ValueError(f"cannot convert {text[:60]!r} to an int")
    value = int(text) if len(text) < 32 else types.INT_MAX + 1
    if not types.INT_MIN <= value <= types.INT_MAX:
        raise ValueError(f"cannot convert {text[:40]!r} to an int of 64 bits")
    return value


def read_float(text: str) -> float:
    """Answer a float, also what `repr` writes of those that are no number: `nan`, `inf`, `-inf`."""
    if text in ("nan", "inf", "-inf"):
        return float(text)
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text) is None:
        raise ValueError(f"cannot convert {text[:60]!r} to a float")
    return float(text)


def read_bool(text: str) -> bool:
    """Answer true or false, in any case."""
    if text.lower() not in ("true", "false"):
        raise ValueError(f"cannot convert {text!r} to a bool; expected true or false")
    return text.lower() == "true"


def read_time(text: str) -> Time:
    """Answer the moment of RFC 3339, `MM/dd/yy HH:mm:ss[,SSS]` or an epoch; without an offset it is UTC."""
    try:
        shape = stamps.original if text[2:3] == "/" else stamps.iso if text[4:5] == "-" else stamps.epoch
        return Time(*shape(text))
    except ValueError as error:
        raise ValueError(
            f"cannot convert {text[:60]!r} to a timestamp; expected 2026-01-31T23:59:59.123+01:00,"
            f" MM/dd/yy HH:mm:ss[,SSS] or a count since 1970 ({error})"
        ) from None


def read_date(text: str) -> date:
    """Answer a day, `2026-01-31`."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        raise ValueError(f"cannot convert {text[:60]!r} to a date; expected 2026-01-31")
    return date.fromisoformat(text)


def read_bytes(text: str) -> bytes:
    """Answer bytes of hexadecimal digits."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError(
            f"cannot convert {text[:60]!r} to bytes; expected pairs of hexadecimal digits"
        ) from None


def formed(text: str, form: str, kind: str) -> Any:
    """Answer the time or date that a text of a format holds."""
    if "%" in form:
        moment = datetime.strptime(text, form)  # noqa: DTZ007 its zone is in the form or it has none
        return moment.date() if kind == types.DATE else time_of(moment)
    read_at = Time(*pattern(form).read(text))
    return read_at.wall().date() if kind == types.DATE else read_at


def written_time(value: Time | date, form: str) -> str:
    """Answer a time or a date in a format, on the clock that it was written with."""
    if "%" in form:
        return (value.wall() if isinstance(value, Time) else value).strftime(form)
    if isinstance(value, Time):
        return pattern(form).write(value)
    return pattern(form).write(time_of(datetime(value.year, value.month, value.day, tzinfo=UTC)))


def read_duration(text: str) -> int:
    """Answer nanoseconds; a unit has to stand there."""
    quantity = parse_quantity(text)
    if quantity is None or quantity[1] != "ns":
        raise ValueError(
            f"cannot convert {text!r} to a duration; expected a number with ns, us, ms, s, m, h or d"
        )
    return round(quantity[0])


def read_json(text: str, kind: type) -> Any:
    """Answer a map or a list."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"cannot convert {text[:60]!r} to a {kind.__name__}; expected JSON: {error}"
        ) from None
    if not isinstance(value, kind):
        raise ValueError(f"cannot convert {text!r} to a {'map' if kind is dict else 'list'}")  # noqa: TRY004 of a text
    return value


READERS: dict[str, Any] = {
    types.STRING: str,
    types.INT: read_int,
    types.FLOAT: read_float,
    types.BOOL: read_bool,
    types.TIMESTAMP: read_time,
    types.DATE: read_date,
    types.DURATION: read_duration,
    types.BYTES: read_bytes,
    types.MAP: lambda text: read_json(text, dict),
    types.LIST: lambda text: read_json(text, list),
    types.UNDEFINED: str,
}
