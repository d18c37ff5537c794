"""Time stamps of logs, one function for each shape: a text to ns since 1970 and the offset it tells.

All of them are fast paths: they cut by position and remember what a minute begins with, since the
lines of a log share their minutes. All are strict: the text is a stamp from its first to its last
character, or a ValueError says what was expected. Texts come as `str` or `bytes`.

A stamp without an offset is on the clock of `zone` and has that zone's offset at that instant; an hour
that comes twice in autumn is the first one. Without a zone it is read as UTC and tells no offset.
"""

from __future__ import annotations

import re
from functools import lru_cache

from fanlight.event.lazy import lazily
from fanlight.event.light import UTC, date, datetime
from fanlight.event.times import NS_MAX, OFFSET_MAX_S, OFFSET_MIN_S, SECOND_NS, whole_minutes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

Moment = tuple[int, int | None]
"""ns since 1970, and seconds east of UTC or None when the text told none."""

MINUTES = 4096
"""Beginnings of minutes that are remembered, per shape."""
DAY_S = 86_400
EPOCH_DAY = date(1970, 1, 1).toordinal()
MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
SECONDS_NS = {f"{second:02d}": second * SECOND_NS for second in range(60)}
MILLIS_NS = {f"{part:03d}": part * 1_000_000 for part in range(1000)}
TAIL = lazily(r"(?:[.,](\d{1,9}))?(?: ?(Z|z|[+-]\d\d(?::?\d\d)?))?", re.ASCII)
"""What follows the seconds of ISO 8601."""
OFFSET = lazily(r"[+-]?\d{4}|[+-]\d\d(?::\d\d)?", re.ASCII)
EPOCH_TEXT = lazily(r"(-?)(\d{1,19})(?:[.,](\d{1,9}))?", re.ASCII)


def plain(text: str | bytes) -> str:
    """Answer a stamp as text; no character beyond ASCII belongs to one."""
    return text.decode("latin-1") if isinstance(text, bytes) else text


def refusal(text: str | bytes, expected: str, why: object = "") -> ValueError:
    """Answer the error of a text that is no such stamp."""
    if isinstance(why, IndexError):
        why = "it is too short"
    elif isinstance(why, KeyError):
        why = f"there is no second {why}"
    reason = f": {why}" if why else ""
    return ValueError(f"cannot read {plain(text)[:60]!r} as a time like {expected}{reason}")


def number(digits: str) -> int:
    """Answer a number of nothing but ASCII digits; `int` alone takes blanks and underscores too."""
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{digits!r} is no number")
    return int(digits)


def month_of(name: str) -> int:
    """Answer the number of a month's English name of three letters."""
    found = MONTHS.get(name.lower())
    if found is None:
        raise ValueError(f"{name!r} is no month; expected Jan, Feb, … Dec")
    return found


def wall_s(day: date, hour: int, minute: int) -> int:
    """Answer seconds since 1970 of a wall clock as if it were UTC's."""
    if hour > 23 or minute > 59:
        raise ValueError(f"there is no {hour:02d}:{minute:02d}")
    return (day.toordinal() - EPOCH_DAY) * DAY_S + hour * 3600 + minute * 60


def placed(seconds: int, zone: tzinfo | None) -> Moment:
    """Answer the moment at which a zone's wall clock shows some seconds since 1970."""
    if zone is None:
        return seconds * SECOND_NS, None
    wall = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=zone)
    offset = wall.utcoffset()
    if offset is None:
        return seconds * SECOND_NS, None
    return (seconds - round(offset.total_seconds())) * SECOND_NS, whole_minutes(offset)


@lru_cache(maxsize=1024)
def offset_of(text: str) -> int:
    """Answer seconds east of UTC of `Z`, `+hhmm`, `+hh:mm` or `+hh`, within -1200 and +1400; `0000` is UTC.

    Raises:
        ValueError: it is none.
    """
    if text in ("Z", "z", "0000"):
        return 0
    if OFFSET.fullmatch(text) is None or text[0] not in "+-":
        raise ValueError(f"incomplete time offset {text!r}; expected +hhmm")
    digits = text[1:].replace(":", "").ljust(4, "0")
    if int(digits[2:]) > 59:
        raise ValueError(f"time offset {text!r} has no such minute")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    offset_s = -seconds if text[0] == "-" else seconds
    if not OFFSET_MIN_S <= offset_s <= OFFSET_MAX_S:
        raise ValueError(f"time offset {text!r} is not within the limits -1200 and +1400")
    return offset_s


def find_offset(text: str) -> tuple[int, int] | None:
    """Find the offset of RFC 822 in a text: where it begins, and seconds east of UTC.

    The later of the first `+` and the first `-` begins one when it is at the beginning or behind a
    blank: `Jan-01 2016 12:01:01` has none.

    Raises:
        ValueError: four digits have to follow, within -1200 and +1400.
    """
    place = max(text.find("+"), text.find("-"))
    if place < 0 or (place > 0 and text[place - 1] != " "):
        return None
    fragment = text[place : place + 5]
    if len(fragment) < 5 or not (fragment[1:].isascii() and fragment[1:].isdigit()):
        raise ValueError(f"incomplete RFC 822 time offset {fragment!r}; expected +hhmm")
    return place, offset_of(fragment)


@lru_cache(maxsize=MINUTES)
def access_minute(head: str, offset: str) -> Moment:
    """Answer the beginning of the minute `10/Oct/2000:13:55:` at ` -0700`."""
    if head[2] + head[6] + head[11] + head[14] + head[17] + offset[0] != "//::: ":
        raise ValueError("something else stands between the numbers")
    day = date(number(head[7:11]), month_of(head[3:6]), number(head[:2]))
    offset_s = offset_of(offset[1:])
    return (wall_s(day, number(head[12:14]), number(head[15:17])) - offset_s) * SECOND_NS, offset_s


def access(text: str | bytes) -> Moment:
    """Read the stamp of web servers' access logs: `10/Oct/2000:13:55:36 -0700`."""
    stamp = text.decode("latin-1") if isinstance(text, bytes) else text
    try:
        ns, offset_s = access_minute(stamp[:18], stamp[20:])
        return ns + SECONDS_NS[stamp[18:20]], offset_s
    except (IndexError, KeyError, ValueError) as error:
        raise refusal(text, "dd/Mon/yyyy:HH:mm:ss +hhmm", error) from None


@lru_cache(maxsize=MINUTES)
def iso_minute(head: str, zone: tzinfo | None) -> Moment:
    """Answer the beginning of the minute `2026-01-31T23:59:` on the clock of a zone."""
    if head[4] + head[7] + head[13] + head[16] != "--::" or head[10] not in "Tt ":
        raise ValueError("something else stands between the numbers")
    day = date(number(head[:4]), number(head[5:7]), number(head[8:10]))
    return placed(wall_s(day, number(head[11:13]), number(head[14:16])), zone)


def iso(text: str | bytes, zone: tzinfo | None = None) -> Moment:
    """Read ISO 8601 as logs have it: `2026-01-31T23:59:59.123456789+01:00`.

    `T` or a blank, `.` or `,` before up to 9 digits or none, and `Z`, `+hh:mm`, `+hhmm`, `+hh` or none,
    also behind a blank. What log4j writes by default is of this shape.
    """
    stamp = text.decode("latin-1") if isinstance(text, bytes) else text
    try:
        second = SECONDS_NS[stamp[17:19]]
        tail = stamp[19:]
        # The shapes that nearly all logs have: no fraction, milliseconds, milliseconds and an offset.
        if not tail:
            ns, offset_s = iso_minute(stamp[:17], zone)
            return ns + second, offset_s
        part = MILLIS_NS.get(tail[1:4]) if tail[0] in ",." else None
        if part is not None:
            if len(tail) == 4:
                ns, offset_s = iso_minute(stamp[:17], zone)
                return ns + second + part, offset_s
            if tail[4] in "Z+-":
                offset_s = offset_of(tail[4:])
                return iso_minute(stamp[:17], None)[0] - offset_s * SECOND_NS + second + part, offset_s
        digits, offset = behind(tail)
        ns, offset_s = iso_minute(stamp[:17], zone if offset is None else None)
        if offset is not None:
            offset_s = offset_of(offset)
            ns -= offset_s * SECOND_NS
        return ns + second + (int(digits.ljust(9, "0")) if digits else 0), offset_s
    except (IndexError, KeyError, ValueError) as error:
        raise refusal(text, "2026-01-31T23:59:59.123+01:00", error) from None


@lru_cache(maxsize=MINUTES)
def syslog_minute(head: str, year: int, zone: tzinfo | None) -> Moment:
    """Answer the beginning of the minute `Jan  2 03:04:` of a year."""
    if head[3] + head[6] + head[9] + head[12] != "  ::":
        raise ValueError("something else stands between the numbers")
    day = date(year, month_of(head[:3]), number(head[4:6].lstrip(" ")))
    return placed(wall_s(day, number(head[7:9]), number(head[10:12])), zone)


def syslog(text: str | bytes, year: int, zone: tzinfo | None = None) -> Moment:
    """Read the stamp of RFC 3164, which tells no year: `Jan  2 03:04:05`, `Jan 02 03:04:05.123456`."""
    stamp = plain(text)
    try:
        ns, offset_s = syslog_minute(stamp[:13], year, zone)
        return ns + SECONDS_NS[stamp[13:15]] + fraction_ns(stamp[15:]), offset_s
    except (IndexError, KeyError, ValueError) as error:
        raise refusal(text, f"Mon d HH:mm:ss in {year}", error) from None


@lru_cache(maxsize=MINUTES)
def original_minute(head: str, zone: tzinfo | None) -> Moment:
    """Answer the beginning of the minute `01/31/26 23:59:`."""
    if head[2] + head[5] + head[8] + head[11] + head[14] != "// ::":
        raise ValueError("something else stands between the numbers")
    day = date(2000 + number(head[6:8]), number(head[:2]), number(head[3:5]))
    return placed(wall_s(day, number(head[9:11]), number(head[12:14])), zone)


def behind(tail: str) -> tuple[str | None, str | None]:
    """Answer the digits of the fraction and the offset of what follows the seconds."""
    found = TAIL.fullmatch(tail)
    if found is None:
        raise ValueError(f"{tail!r} follows the seconds")
    return found[1], found[2]


def original(text: str | bytes, zone: tzinfo | None = None) -> Moment:
    """Read `MM/dd/yy HH:mm:ss[,SSS][ +hhmm]` of the years from 2000 to 2099."""
    stamp = plain(text)
    try:
        digits, offset = behind(stamp[17:])
        ns, offset_s = original_minute(stamp[:15], zone if offset is None else None)
        if offset is not None:
            offset_s = offset_of(offset)
            ns -= offset_s * SECOND_NS
        return ns + SECONDS_NS[stamp[15:17]] + (int(digits.ljust(9, "0")) if digits else 0), offset_s
    except (IndexError, KeyError, ValueError) as error:
        raise refusal(text, "MM/dd/yy HH:mm:ss,SSS", error) from None


@lru_cache(maxsize=MINUTES)
def clock_minute(head: str, day: date, zone: tzinfo | None) -> Moment:
    """Answer the beginning of the minute `23:59:` of a day."""
    if head[2] + head[5] != "::":
        raise ValueError("something else stands between the numbers")
    return placed(wall_s(day, number(head[:2]), number(head[3:5])), zone)


def clock(text: str | bytes, day: date, zone: tzinfo | None = None) -> Moment:
    """Read a time of a day that is known otherwise: `23:59:59,123`."""
    stamp = plain(text)
    try:
        ns, offset_s = clock_minute(stamp[:6], day, zone)
        return ns + SECONDS_NS[stamp[6:8]] + fraction_ns(stamp[8:]), offset_s
    except (IndexError, KeyError, ValueError) as error:
        raise refusal(text, "HH:mm:ss,SSS", error) from None


def fraction_ns(tail: str) -> int:
    """Answer ns of `.` or `,` and up to 9 digits, or of nothing."""
    if not tail:
        return 0
    if tail[0] not in ".," or len(tail) > 10:
        raise ValueError(f"{tail!r} follows the seconds")
    number(tail[1:])
    return int(tail[1:].ljust(9, "0"))


def epoch(text: str | bytes) -> Moment:
    """Read seconds, milliseconds, microseconds or nanoseconds since 1970, whichever the magnitude says.

    Below 10^11 it counts seconds (until the year 5138), below 10^14 ms, below 10^17 µs, else ns.
    """
    found = EPOCH_TEXT.fullmatch(plain(text))
    if found is None:
        raise refusal(text, "1767225599 or 1767225599123")
    sign, digits, part = found.groups()
    whole = int(digits)
    step = next((step for bound, step in STEPS if whole < bound), 1)
    ns = whole * step + (int((part or "0").ljust(9, "0")) * step // SECOND_NS)
    if ns > NS_MAX:
        raise refusal(text, "1767225599 or 1767225599123", "it is beyond 64 bits of ns, April 2262")
    return (-ns if sign else ns), None


STEPS = ((10**11, SECOND_NS), (10**14, 1_000_000), (10**17, 1_000))
"""Below which number a unit of how many ns is meant."""

SHAPES: dict[str, Callable[..., Moment]] = {
    "access": access,
    "clock": clock,
    "epoch": epoch,
    "iso": iso,
    "original": original,
    "syslog": syslog,
}
"""By the name that a format's description calls them; `clock` needs a day, `syslog` a year."""
