"""Times as the formats of a file have them: which shape, and on whose clock where none is told."""

from __future__ import annotations

import time
from functools import lru_cache

from fanlight.event import stamps
from fanlight.event.lazy import lazily
from fanlight.event.light import UTC, date, datetime, timedelta, tzinfo
from fanlight.event.times import SECOND_NS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.event.stamps import Moment

HTTPD = rb"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [-+]\d{4}"
ZONES = {
    "UTC": "Z",
    "GMT": "Z",
    "WET": "Z",
    "WEST": "+01:00",
    "CET": "+01:00",
    "CEST": "+02:00",
    "EET": "+02:00",
    "EEST": "+03:00",
    "MSK": "+03:00",
    "SAST": "+02:00",
    "HKT": "+08:00",
    "SGT": "+08:00",
    "JST": "+09:00",
    "KST": "+09:00",
    "AEST": "+10:00",
    "AEDT": "+11:00",
    "ACST": "+09:30",
    "NZST": "+12:00",
    "NZDT": "+13:00",
    "HST": "-10:00",
    "AKST": "-09:00",
    "AKDT": "-08:00",
    "PST": "-08:00",
    "PDT": "-07:00",
    "MST": "-07:00",
    "MDT": "-06:00",
    "CST": "-06:00",
    "CDT": "-05:00",
    "EST": "-05:00",
    "EDT": "-04:00",
}
"""Zones by the letters that logs write, where these mean nearly always the same; EST to PDT as RFC 822."""
NAMED = rb"(?: (?:" + "|".join(ZONES).encode() + rb")\b)"
ISO = rb"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?Z| ?[-+]\d\d:?\d\d|" + NAMED + rb")?"
SYSLOG = rb"[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d{1,9})?"
WORDED = lazily(
    r"(?:[A-Z][a-z]{2},? )?"
    r"(?:(?P<m1>[A-Z][a-z]{2}) (?P<d1>[ \d]?\d) (?P<c1>\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?P<zone>"
    + NAMED.decode()
    + r")?"
    r" (?P<y1>\d{4})"
    r"|(?P<d2>\d{1,2})[- /](?P<m2>[A-Z][a-z]{2})[- /](?P<y2>\d{4})[ :](?P<c2>\d\d:\d\d:\d\d(?:[.,]\d{1,9})?))"
    r"(?P<offset> [-+]\d{4}|" + NAMED.decode() + r")?"
)
UPPER = b"TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE"
LEVEL = b"(?:%b|%b|err|(?:%b|Note)(?=[\\]):,|>]|\\s\\s))(?![\\w.=-])" % (UPPER, UPPER.lower(), UPPER.title())
"""A level as people's formats write it; with a capital alone, only where it can be no word of a sentence."""
TO_LEVEL = (
    rb"(?:[\s\[(|<,-]|\x1b\[[\d;]*m)*(?:(?:(?![a-z]+ [a-z]+ )[^\s.:\]]{1,60}[\s.:\]]+){1,4}?[\[(<|]?(?=(?:"
    + UPPER
    + rb")(?![\w.=-])))??"
)
"""What may stand between a time and a level: capitals may be some words further on, but in no sentence."""
SHAPES = {b"zone": NAMED, b"level": LEVEL, b"to_level": TO_LEVEL}
"""Parts of patterns by the names that descriptions call them."""
CLOCK = rb"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
EPOCHS = rb"\d{9,19}(?:\.\d{1,9})?"


TOLD_NO_YEAR = ("syslog", "glog", "logcat", "custom")
"""What names of formats hold whose times may tell no year."""


class Machine(tzinfo):
    """The clock on this machine's wall, summer and winter."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        """Answer how far east of UTC it is; of an hour that comes twice, the first."""
        parts = (1970, 1, 1, 0, 0, 0) if when is None else when.timetuple()[:6]
        return timedelta(seconds=time.localtime(time.mktime((*parts, 0, 0, -1))).tm_gmtoff)

    def dst(self, when: datetime | None) -> timedelta | None:  # noqa: ARG002 the class asks so
        """Answer None: it is in the offset."""
        return None

    def tzname(self, when: datetime | None) -> str:  # noqa: ARG002 the class asks so
        """Answer what it is called."""
        return "local"


MACHINE = Machine()


class Stamps:
    """Reads the times of one format.

    Args:
        zone: name of the zone that is meant where no offset is written; None is this machine's.
        written_ns: when the file was last written. A time that tells no year, or no day, is the latest one
            before that; so a file of more than a year, or a day, is read as if it were of its last, unless
            whoever reads it reads its years apart.
            None is the present moment, whenever a time is read.

    Raises:
        ConfigError: there is no such zone.
    """

    def __init__(self, zone: str | None = None, written_ns: int | None = None) -> None:
        self.written_ns = written_ns
        self.offsets: dict[tuple[str, bytes], str] = {}
        self.zone: tzinfo = MACHINE
        self.is_told = False
        """Whether the file tells the zone."""
        if zone is not None:
            from zoneinfo import ZoneInfo

            from fanlight.errors import ConfigError

            try:
                self.zone = ZoneInfo(zone)
            except (KeyError, ValueError, OSError):
                raise ConfigError(
                    f"unknown time zone {zone!r}; a name such as Europe/Berlin or UTC is expected"
                ) from None

    def on(self, offset: str) -> Stamps:
        """Answer one that reads times on the clock of an offset that the file tells, such as `-0800`.

        Raises:
            ValueError: it is none.
        """
        from datetime import timezone

        found = Stamps(None, self.written_ns)
        found.zone = timezone(timedelta(seconds=stamps.offset_of(offset)))
        found.is_told = True
        return found

    def iso(self, text: bytes) -> Moment:
        """Read ISO 8601, also with slashes, and with the name of a zone behind it, such as UTC or CET."""
        if text[4:5] == b"/":
            text = text[:10].replace(b"/", b"-") + text[10:]
        if text[-2:].isalpha():
            clock, _, name = text.rpartition(b" ")
            text = clock + self.offset_of(name.decode("ascii", "replace"), clock).encode()
        return stamps.iso(text, self.zone)

    def offset_of(self, name: str, clock: bytes) -> str:
        """Answer the offset that a zone's letters mean; what they mean in the zone of the file goes first.

        Args:
            name: such as CST.
            clock: what stands before it.

        Raises:
            ValueError: no zone is called so.
        """
        asked = name, clock[:16]
        found = self.offsets.get(asked)
        if found is None:
            ns, offset_s = stamps.iso(clock, self.zone)
            if name == self.name_at(ns // SECOND_NS):
                minutes = (offset_s or 0) // 60
                found = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
            elif name in ZONES:
                found = ZONES[name]
            else:
                raise ValueError(f"no zone is called {name!r}")
            if len(self.offsets) >= stamps.MINUTES:
                self.offsets.clear()
            self.offsets[asked] = found
        return found

    def name_at(self, seconds: int) -> str | None:
        """Answer what the zone of the file is called at a moment: CET, or CEST in summer."""
        if self.zone is MACHINE:
            return time.localtime(seconds).tm_zone
        return datetime.fromtimestamp(seconds, UTC).astimezone(self.zone).tzname()

    def original(self, text: bytes) -> Moment:
        """Read `MM/dd/yy HH:mm:ss[,SSS]`."""
        return stamps.original(text, self.zone)

    def worded(self, text: bytes) -> Moment:
        """Read a time with the month's name and a year: as C writes it, or RFC 822, or `31-Jan-2026 …`."""
        found = WORDED.fullmatch(text.decode("ascii", "replace"))
        if found is None:
            raise ValueError("no time with the name of a month")
        month, day, clock, year = found["m1"], found["d1"], found["c1"], found["y1"]
        if month is None:
            month, day, clock, year = found["m2"], found["d2"], found["c2"], found["y2"]
        offset = found["zone"] or (found["offset"] or "")
        offset = offset if offset[1:].isalpha() else offset.strip()
        number = stamps.MONTHS.get(month.lower())
        if number is None:
            raise ValueError(f"no month is called {month!r}")
        return self.iso(f"{year}-{number:02d}-{day.strip():0>2}T{clock}{offset}".encode())

    def syslog(self, text: bytes) -> Moment:
        """Read `Jan  2 03:04:05`, which tells no year."""
        return self.before_written(lambda day: stamps.syslog(text, day.year, self.zone), YEAR)

    def clock(self, text: bytes) -> Moment:
        """Read `23:59:59,123`, which tells no day."""
        return self.before_written(lambda day: stamps.clock(text, day, self.zone), DAY)

    def formed(self, form: str) -> Callable[[bytes], Moment]:
        """Answer the reader of a date pattern of Java, such as `dd MMM yyyy HH:mm:ss,SSS`.

        Raises:
            ValueError: the pattern means nothing; says why.
        """
        from fanlight.event.patterns import pattern

        found = pattern(form)
        if {"y", "M", "d"} <= set(found.groups):
            return lambda text: found.read(text, self.zone)
        step = YEAR if "d" in found.groups else DAY
        return lambda text: self.before_written(lambda day: found.read(text, self.zone, day), step)

    def before_written(self, read: Callable[[date], Moment], step: int) -> Moment:
        """Answer the latest moment before the file was last written that a reader finds on a day.

        Args:
            read: reads the text as one of a day, of which it may take no more than the year.
            step: `DAY` or `YEAR`: what the text leaves open.
        """
        latest = (time.time_ns() if self.written_ns is None else self.written_ns) + LATE_NS[step]
        day = on_wall(latest // SECOND_NS, self.zone)
        error: ValueError | None = None
        # A 29th of February may be up to eight years back.
        for back in range(9 if step == YEAR else 2):
            try:
                found = read(date(day.year - back, 1, 1) if step == YEAR else day - timedelta(days=back))
            except ValueError as refused:
                error = refused
                continue
            if found[0] <= latest:
                return found
        raise error or ValueError("no such time")

    def any(self, text: bytes) -> Moment:
        """Read ISO 8601, an access log's time, `MM/dd/yy HH:mm:ss`, a clock's or a number since 1970.

        Raises:
            ValueError: none of them.
        """
        if text[4:5] in (b"-", b"/"):
            return self.iso(text)
        if text[3:4] == b" ":
            return self.worded(text) if text[4:5].isalpha() else self.syslog(text)
        if text[2:3] == b"/":
            if text[6:7] != b"/":
                return self.original(text)
            return self.worded(text) if text[11:12] == b" " else stamps.access(text)
        if text[2:3] in (b" ", b"-") or text[1:2] == b" " or text[3:4] == b",":
            return self.worded(text)
        return self.clock(text) if text[2:3] == b":" else stamps.epoch(text)

    def tai64n(self, text: bytes) -> Moment:
        """Read `@` and 24 hexadecimal digits, as multilog writes them."""
        if len(text) != 25 or text[:1] != b"@":
            raise ValueError("a time of TAI64N is @ and 24 digits")
        seconds, ns = int(text[1:17], 16) - TAI64_S, int(text[17:], 16)
        if ns >= SECOND_NS or not 0 <= seconds < 1 << 33:
            raise ValueError("no such time of TAI64N")
        return seconds * SECOND_NS + ns, None


YEAR, DAY = 365, 1
TAI64_S = (1 << 62) + 10
"""What TAI64 counted when 1970 began. Programs add ten seconds and none for the leap seconds since."""
LATE_NS = {YEAR: 86_400 * SECOND_NS, DAY: 60 * SECOND_NS}
"""How much later than the file a time may be: clocks and zones differ."""


@lru_cache(maxsize=64)
def on_wall(seconds: int, zone: tzinfo) -> date:
    """Answer the day that a zone's calendar shows."""
    if zone is MACHINE:
        return date(*time.localtime(seconds)[:3])
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).date()


def shaped(pattern: str) -> bytes:
    """Answer a description's pattern, with what it names: `(?&zone)`, `(?&level)` and `(?&to_level)`."""
    found = pattern.encode()
    for name, shape in SHAPES.items():
        found = found.replace(b"(?&%b)" % name, shape)
    return found


def reading(found: Stamps, kind: str) -> Callable[[bytes], Moment]:
    """Answer the reader of a kind of time: access, iso, original, epoch, syslog, clock, tai64n or any.

    A kind with `HH` or `mm` in it is a date pattern of Java.

    Raises:
        ConfigError: there is no such kind.
    """
    from fanlight.registry import known_or_error

    readers: dict[str, Callable[[bytes], Moment]] = {
        "access": stamps.access,
        "iso": found.iso,
        "original": found.original,
        "epoch": stamps.epoch,
        "syslog": found.syslog,
        "clock": found.clock,
        "tai64n": found.tai64n,
        "any": found.any,
    }
    if "HH" in kind or "mm" in kind:
        return found.formed(kind)
    return readers[known_or_error(kind, list(readers), "kind of time")]
