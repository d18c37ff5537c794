"""Times as people write them in a query: dates, clocks, epochs, and what is relative to now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from fanlight.event.units import parse_quantity

SECOND_NS = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
AMERICAN = re.compile(rf"(?P<month>\d\d)/(?P<day>\d\d)/(?P<year>\d\d|\d{{4}})(?:\s+{CLOCK})?")
ISO = re.compile(
    rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)"
    rf"(?:[T ]{CLOCK}\s*(?P<zone>[Zz]|[+-]\d\d:?\d\d|[+-]\d\d)?)?"
)
TODAY = re.compile(CLOCK)
DIGITS = re.compile(r"(\d{9,19})(?:\.(\d{1,9}))?")
RELATIVE = re.compile(r"(?:now)?\s*(?:([-+])\s*(\d[\w.µ]*))?", re.IGNORECASE)
EXAMPLES = "-15m, now-2h, 12:00, '2026-01-31T12:00:00Z', '01/31/26 12:00:00', 1767268800"

LONGEST = 100
"""Characters of a number; a longer one is a text."""
DAYS = {"today": 0, "yesterday": -1}


def moment(text: str, now_ns: int, zone: tzinfo | None = None) -> int | None:
    """Answer a time in ns since 1970, None when the text is none.

    Args:
        text: see `EXAMPLES`.
        now_ns: what `now` is, ns since 1970.
        zone: of times without one; the machine's when None.
    """
    text = text.strip()
    # Fast path: most values of a query are words.
    if not text or len(text) > LONGEST:
        return None
    is_number = text[0].isdigit()
    if not is_number and text[0] not in "+-nNtTyY":
        return None
    # So is that others are numbers, perhaps with a unit: those too short for ns since 1970 are no times.
    if is_number and len(text) < 9 and ":" not in text and "-" not in text and "/" not in text:
        return None
    try:
        return read(text, now_ns, zone)
    except (OverflowError, ValueError):
        # A date that no calendar here reaches.
        return None


def read(text: str, now_ns: int, zone: tzinfo | None) -> int | None:
    """Answer a time that begins as one in ns since 1970.

    Raises:
        OverflowError, ValueError: beyond the calendar.
    """
    lower = text.lower()
    if lower in DAYS:
        wall = wall_of(now_ns, zone)
        return since_1970(datetime(wall.year, wall.month, wall.day) + timedelta(days=DAYS[lower]), 0, zone)  # noqa: DTZ001 its zone comes next
    relative = RELATIVE.fullmatch(text)
    if relative:
        sign, length = relative.groups()
        long = span(length) if length else 0
        return None if long is None else now_ns + (-long if sign == "-" else long)
    epoch = DIGITS.fullmatch(text)
    if epoch:
        return of_epoch(*epoch.groups())
    return of_calendar(text, now_ns, zone)


def span(text: str) -> int | None:
    """Answer a length of time in ns; None when it has no unit of time."""
    quantity = quantity_of(text)
    return int(quantity[0]) if quantity and quantity[1] == "ns" else None


def quantity_of(text: str) -> tuple[int | float, str | None] | None:
    """Answer a number and its unit, None when the text is none or is beyond every number."""
    if not text or len(text) > LONGEST or (text[0] not in "+-." and not text[0].isdigit()):
        return None
    try:
        return parse_quantity(text)
    except OverflowError:
        return None


def of_epoch(whole: str, fraction: str | None) -> int:
    """Answer ns of an epoch in s, ms, us or ns, which its length tells apart from 1973 on."""
    power = 9 if len(whole) <= 11 else 6 if len(whole) <= 14 else 3 if len(whole) <= 17 else 0
    digits = (fraction or "").ljust(9, "0")[:power]
    return int(f"{whole}{digits.rjust(power, chr(48))}")


def of_calendar(text: str, now_ns: int, zone: tzinfo | None) -> int | None:
    """Answer ns of a date, a clock of today, or both."""
    found = ISO.fullmatch(text) or AMERICAN.fullmatch(text) or TODAY.fullmatch(text)
    if not found:
        return None
    parts = found.groupdict()
    wall = wall_of(now_ns, zone)
    year = int(parts.get("year") or wall.year)
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    instant = datetime(  # noqa: DTZ001 its zone comes next
        year + 2000 if year < 100 else year,
        int(parts.get("month") or wall.month),
        int(parts.get("day") or wall.day),
        hour,
        minute,
        second,
    )
    offset = parts.get("zone")
    fraction_ns = int((parts["fraction"] or "0").ljust(9, "0"))
    if offset is None:
        return since_1970(instant, fraction_ns, zone)
    return since_1970(instant, fraction_ns, UTC) - offset_ns(offset)


def offset_ns(text: str) -> int:
    """Answer ns east of UTC of `Z`, `+01`, `+0100` or `+01:00`."""
    if text in "Zz":
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * SECOND_NS * (-1 if text[0] == "-" else 1)


def since_1970(wall: datetime, fraction_ns: int, zone: tzinfo | None) -> int:
    """Answer ns since 1970 of a wall clock in a zone."""
    aware = wall.replace(tzinfo=zone) if zone else wall.astimezone()
    gone = aware - EPOCH
    return (gone.days * 86_400 + gone.seconds) * SECOND_NS + fraction_ns


def wall_of(ns: int, zone: tzinfo | None) -> datetime:
    """Answer the wall clock of an instant."""
    return (EPOCH + timedelta(seconds=ns // SECOND_NS)).astimezone(zone)
