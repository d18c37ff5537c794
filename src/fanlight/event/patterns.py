"""Date patterns of Java, `yyyy-MM-dd HH:mm:ss,SSS`, as readers and writers of time stamps."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from fanlight.event import stamps
from fanlight.event.times import SECOND_NS, written_offset

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from fanlight.event.stamps import Moment
    from fanlight.event.times import Time

NAMED = {
    "ABSOLUTE": "HH:mm:ss,SSS",
    "COMPACT": "yyyyMMddHHmmssSSS",
    "DATE": "dd MMM yyyy HH:mm:ss,SSS",
    "DEFAULT": "yyyy-MM-dd HH:mm:ss,SSS",
    "ISO8601": "yyyy-MM-dd HH:mm:ss,SSS",
    "ISO8601_BASIC": "yyyyMMdd'T'HHmmss,SSS",
}
"""What log4j calls by a name."""

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
ZONES = ("UTC", "GMT", "Z")
"""Names of zones that mean the same to everybody."""
HOURS = {"H": (0, 23), "k": (1, 24), "h": (1, 12), "K": (0, 11)}
"""Letter of an hour to its range."""


class DatePattern:
    """A date pattern that was translated once.

    Letters: `y` or `u` year, `M` or `L` month, `d` day, `E` day's name, `H` `k` `h` `K` hour, `a` AM or PM,
    `m` minute, `s` second, `S` digits of the fraction, `Z` `X` `x` offset, `z` `V` zone's name. Two digits
    of a year are of 2000 to 2099. `'` quotes, `''` is one.

    Args:
        text: the pattern, or the name that log4j has for one, such as `ISO8601`.

    Raises:
        ValueError: a letter that means nothing here; says which mean something.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts = cut(NAMED.get(text, text))
        seen: list[str] = []
        expression = ""
        for letter, part in self.parts:
            group = GROUPS.get(letter, letter)
            if letter == "":
                expression += re.escape(part)
            elif group == "E":
                expression += "(?i:" + "|".join(day if len(part) > 3 else day[:3] for day in DAYS) + ")"
            elif group in seen:
                raise ValueError(f"date pattern {text!r} has {part!r} where it had one before")
            else:
                seen.append(group)
                expression += f"({digits_of(letter, len(part))})"
        self.expression = re.compile(expression, re.ASCII)
        self.groups = tuple(seen)
        self.hours = next((letter for letter, _ in self.parts if letter in HOURS), "H")
        self.second = seen.index("s") if "s" in seen else None
        self.fraction = seen.index("S") if "S" in seen else None

    def read(self, text: str | bytes, zone: tzinfo | None = None, day: date | None = None) -> Moment:
        """Answer the moment of a text, which the pattern has to fit from its first to its last character.

        Args:
            text: the stamp.
            zone: whose clock it is on when the pattern has no offset.
            day: gives year, month and day where the pattern has none of them.

        Raises:
            ValueError: it does not fit, or there is no such moment.
        """
        found = self.expression.fullmatch(stamps.plain(text))
        if found is None:
            raise stamps.refusal(text, self.text)
        told = list(found.groups())
        second = fraction = 0
        # What changes within a minute is taken out, so that the rest can be remembered.
        if self.second is not None:
            second = int(told[self.second])
            told[self.second] = ""
        if self.fraction is not None:
            fraction = int(told[self.fraction].ljust(9, "0"))
            told[self.fraction] = ""
        try:
            ns, offset_s = minute(self.groups, tuple(told), self.hours, zone, day)
        except ValueError as error:
            raise stamps.refusal(text, self.text, error) from None
        if second > 59:
            raise stamps.refusal(text, self.text, f"there is no second {second}")
        return ns + second * SECOND_NS + fraction, offset_s

    def write(self, moment: Time) -> str:
        """Answer a moment on the clock that it was written with."""
        wall = moment.wall()
        return "".join(
            part if letter == "" else shown(letter, len(part), wall, moment) for letter, part in self.parts
        )


@lru_cache(maxsize=256)
def pattern(text: str) -> DatePattern:
    """Answer a pattern that was translated before, or is now."""
    return DatePattern(text)


GROUPS = {"u": "y", "L": "M", "k": "H", "h": "H", "K": "H", "X": "Z", "x": "Z", "V": "z"}
"""Letter to the one that stands for what it tells."""
KNOWN = "yuMLdEHkhKamsSZXxzV"


def cut(text: str) -> list[tuple[str, str]]:
    """Cut a pattern into (letter, run of it) and ("", text that stands for itself)."""
    parts: list[tuple[str, str]] = []
    place = 0
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            raise ValueError(f"date pattern {text!r} has a quote at {place} that nothing closes")
        quoted, letter = found[1], found[2] or ""
        if letter and letter not in KNOWN:
            raise ValueError(f"date pattern {text!r} has {letter!r} at {place}; known letters: {KNOWN}")
        run = found[0] if quoted is None else quoted.replace("''", "'") or "'"
        parts.append((letter, run))
        place = found.end()
    return parts


def digits_of(letter: str, count: int) -> str:
    """Answer the expression of what a run of a letter stands for."""
    group = GROUPS.get(letter, letter)
    if group == "M" and count > 2:
        return "(?i:" + "|".join(month if count > 3 else month[:3] for month in MONTHS) + ")"
    if group == "y":
        return r"\d\d" if count == 2 else r"\d{4}"
    if group == "S":
        return rf"\d{{{min(count, 9)}}}"
    if letter in WRITTEN:
        return WRITTEN[letter]
    return r"\d{1,2}" if count == 1 else rf"\d{{{count}}}"


WRITTEN = {
    "X": r"Z|[+-]\d\d(?::?\d\d)?",
    **dict.fromkeys("Zx", r"[+-]\d\d(?::?\d\d)?"),
    **dict.fromkeys("zV", "|".join(ZONES)),
    "a": "(?i:[AP]M)",
}
"""Letter to the expression of what it stands for, however often it is repeated."""


@lru_cache(maxsize=stamps.MINUTES)
def minute(
    groups: tuple[str, ...], values: tuple[str, ...], hours: str, zone: tzinfo | None, day: date | None
) -> Moment:
    """Answer the beginning of the minute that the parts of a stamp tell; a fast path, lines share minutes."""
    told = dict(zip(groups, values, strict=True))
    if day is None and not {"y", "M", "d"} <= told.keys():
        lacking = ", ".join(
            name for key, name in (("y", "year"), ("M", "month"), ("d", "day")) if key not in told
        )
        raise ValueError(f"it tells no {lacking}; a day has to be given")
    year, month = told.get("y"), told.get("M")
    whole = date(
        (int(year) + (2000 if len(year) == 2 else 0)) if year else day.year,  # type: ignore[union-attr]
        (int(month) if month.isdigit() else stamps.month_of(month[:3])) if month else day.month,  # type: ignore[union-attr]
        int(told["d"]) if "d" in told else day.day,  # type: ignore[union-attr]
    )
    hour = hour_of(int(told.get("H") or 0), hours, told.get("a"))
    seconds = stamps.wall_s(whole, hour, int(told.get("m") or 0))
    if told.get("z"):
        return seconds * SECOND_NS, 0
    if told.get("Z"):
        offset_s = stamps.offset_of(told["Z"])
        return (seconds - offset_s) * SECOND_NS, offset_s
    return stamps.placed(seconds, zone)


def hour_of(hour: int, letter: str, half: str | None) -> int:
    """Answer the hour from 0 to 23."""
    least, most = HOURS[letter]
    if not least <= hour <= most:
        raise ValueError(f"{letter!r} is an hour from {least} to {most}, not {hour}")
    if letter == "k":
        return hour % 24
    if letter in "hK":
        return hour % 12 + (12 if half is not None and half.upper() == "PM" else 0)
    return hour


def shown(letter: str, count: int, wall: datetime, moment: Time) -> str:
    """Answer what a run of a letter says of a moment."""
    group = GROUPS.get(letter, letter)
    if group == "M" and count > 2:
        return MONTHS[wall.month - 1][: None if count > 3 else 3]
    if group in SHOWN:
        return SHOWN[group](count, wall, moment)
    if group == "Z":
        return offset_shown(letter, count, moment.offset_s or 0)
    return f"{hour_shown(letter, wall):0{count}d}"


SHOWN: dict[str, Callable[[int, datetime, Time], str]] = {
    "y": lambda count, wall, _: f"{wall.year % 100:02d}" if count == 2 else f"{wall.year:04d}",
    "E": lambda count, wall, _: DAYS[wall.weekday()][: None if count > 3 else 3],
    "a": lambda _, wall, __: "AM" if wall.hour < 12 else "PM",
    "S": lambda count, _, moment: f"{moment.ns % SECOND_NS:09d}"[:count].ljust(count, "0"),
    # A name would have to be made up; what was written with an offset keeps it.
    "z": lambda _, __, moment: written_offset(moment.offset_s) if moment.offset_s else "UTC",
}
"""What letters say that are no plain numbers: of how often, the wall clock and the moment."""


def offset_shown(letter: str, count: int, offset_s: int) -> str:
    """Answer an offset as `Z`, `X` or `x` writes it."""
    if letter == "X" and not offset_s:
        return "Z"
    offset = written_offset(offset_s)
    if letter == "Z" or count == 2:
        return offset.replace(":", "")
    # One letter writes hours alone where that says all.
    return offset.removesuffix(":00").replace(":", "") if count == 1 else offset


def hour_shown(letter: str, wall: datetime) -> int:
    """Answer a number of a wall clock by its letter."""
    if letter in HOURS:
        least, most = HOURS[letter]
        return wall.hour if letter == "H" else (wall.hour - least) % (most - least + 1) + least
    return {"M": wall.month, "L": wall.month, "d": wall.day, "m": wall.minute, "s": wall.second}[letter]
