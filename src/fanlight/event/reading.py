"""Texts to values, strictly: a text is a value of its type from its first to its last character."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

from fanlight.event import types
from fanlight.event.times import SECOND_NS, Time
from fanlight.event.units import parse_quantity

RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII
)
ORIGINAL = re.compile(r"(\d\d)/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?", re.ASCII)
"""`MM/dd/yy HH:mm:ss[,SSS]`."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(text: str, kind: str, form: str | None = None) -> Any:
    """Answer the value of a type that a text holds.

    Raises:
        ValueError: it holds none; says what was expected.
    """
    reader = READERS.get(kind)
    if reader is None:
        raise ValueError(f"a text cannot be read as {kind}: {text!r}")
    if form is not None and kind in (types.TIMESTAMP, types.DATE):
        moment = datetime.strptime(text, form)  # noqa: DTZ007 its zone is in the form or it has none
        return moment.date() if kind == types.DATE else time_of(moment)
    return reader(text)


def read_int(text: str) -> int:
    """Answer an int of 64 bits."""
    if re.fullmatch(r"[-+]?[0-9]+", text) is None:
        raise ValueError(f"cannot convert {text!r} to an int")
    value = int(text) if len(text) < 32 else types.INT_MAX + 1
    if not types.INT_MIN <= value <= types.INT_MAX:
        raise ValueError(f"cannot convert {text[:40]!r} to an int of 64 bits")
    return value


def read_float(text: str) -> float:
    """Answer a float; `nan` and `inf` are none that a log means."""
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text) is None:
        raise ValueError(f"cannot convert {text!r} to a float")
    return float(text)


def read_bool(text: str) -> bool:
    """Answer true or false, in any case."""
    if text.lower() not in ("true", "false"):
        raise ValueError(f"cannot convert {text!r} to a bool; expected true or false")
    return text.lower() == "true"


def read_time(text: str) -> Time:
    """Answer the moment of RFC 3339 or `MM/dd/yy HH:mm:ss[,SSS]`; without an offset it is UTC."""
    found = RFC_3339.fullmatch(text)
    if found is not None:
        year, month, day, hour, minute, second, digits, zone = found.groups()
    else:
        found = ORIGINAL.fullmatch(text)
        if found is None:
            raise ValueError(
                f"cannot convert {text!r} to a timestamp; expected 2026-01-31T23:59:59.123+01:00"
                " or MM/dd/yy HH:mm:ss[,SSS]"
            )
        month, day, short, hour, minute, second, digits = found.groups()
        year, zone = "20" + short, None
    moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    offset_s = read_offset(zone) if zone else None
    passed = moment - EPOCH
    ns = (passed.days * 86_400 + passed.seconds - (offset_s or 0)) * SECOND_NS
    return Time(ns + int((digits or "").ljust(9, "0")), offset_s)


def read_offset(text: str) -> int:
    """Answer seconds east of UTC of `Z`, `+hhmm` or `+hh:mm`, within -1200 and +1400."""
    if text in ("Z", "z"):
        return 0
    digits = text[1:].replace(":", "")
    if len(digits) != 4 or not digits.isdigit() or int(digits[2:]) > 59:
        raise ValueError(f"incomplete time offset {text!r}; expected +hhmm")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    offset_s = -seconds if text[0] == "-" else seconds
    if not -12 * 3600 <= offset_s <= 14 * 3600:
        raise ValueError(f"time offset {text!r} is not within -1200 and +1400")
    return offset_s


def time_of(moment: datetime) -> Time:
    """Answer the moment of a datetime; one without a zone is UTC."""
    offset = moment.utcoffset()
    aware = moment if offset is not None else moment.replace(tzinfo=UTC)
    passed = aware - EPOCH
    ns = (passed.days * 86_400 + passed.seconds) * SECOND_NS + passed.microseconds * 1000
    return Time(ns, None if offset is None else round(offset.total_seconds()))


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
    value = json.loads(text)
    if not isinstance(value, kind):
        raise ValueError(f"cannot convert {text!r} to a {'map' if kind is dict else 'list'}")  # noqa: TRY004 of a text
    return value


READERS: dict[str, Any] = {
    types.STRING: str,
    types.INT: read_int,
    types.FLOAT: read_float,
    types.BOOL: read_bool,
    types.TIMESTAMP: read_time,
    types.DATE: date.fromisoformat,
    types.DURATION: read_duration,
    types.BYTES: bytes.fromhex,
    types.MAP: lambda text: read_json(text, dict),
    types.LIST: lambda text: read_json(text, list),
    types.UNDEFINED: str,
}
