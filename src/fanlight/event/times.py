"""A moment: nanoseconds since 1970 and the offset that its text was written with.

What reads the texts of logs is in `stamps`, what reads and writes date patterns in `patterns`.
"""

from __future__ import annotations

import time
from functools import lru_cache, total_ordering

from fanlight.event.light import UTC, datetime, timedelta, timezone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import tzinfo
    from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_NS = 1_000_000_000
OFFSET_MIN_S, OFFSET_MAX_S = -12 * 3600, 14 * 3600
NS_MIN, NS_MAX = -(1 << 63), (1 << 63) - 1
"""From September 1677 to April 2262."""


@total_ordering
class Time:
    """An instant that remembers the wall clock it was written with.

    Args:
        ns: nanoseconds since 1970, UTC, in 64 bits.
        offset_s: seconds east of UTC of the text, whole minutes; None when it told none, shown as UTC.

    Raises:
        ValueError: out of range.
    """

    __slots__ = ("ns", "offset_s")

    def __init__(self, ns: int, offset_s: int | None = None) -> None:
        if ns.__class__ is not int or not NS_MIN <= ns <= NS_MAX:
            raise ValueError(f"a time is an int of 64 bits, ns since 1970, not {ns!r}")
        if offset_s is not None and (not OFFSET_MIN_S <= offset_s <= OFFSET_MAX_S or offset_s % 60):
            raise ValueError(f"offset {offset_s} s is not a whole minute within -1200 and +1400")
        self.ns = ns
        self.offset_s = offset_s

    @classmethod
    def now(cls, zone: tzinfo | None = None) -> Time:
        """Answer the present moment with the offset that a zone has at it, the machine's by default."""
        ns = time.time_ns()
        if zone is None:
            return cls(ns, time.localtime(ns // SECOND_NS).tm_gmtoff // 60 * 60)
        offset = datetime.fromtimestamp(ns // SECOND_NS, zone).utcoffset()
        return cls(ns, None if offset is None else whole_minutes(offset))

    @property
    def ms(self) -> int:
        """Milliseconds since 1970, rounded down."""
        return self.ns // 1_000_000

    def adjusted(self, offset_s: int) -> Time:
        """Answer the moment at which another offset has the wall clock that this one was written with."""
        return Time(self.ns + ((self.offset_s or 0) - offset_s) * SECOND_NS, offset_s)

    def wall(self) -> datetime:
        """Answer the moment as its text had it, to the microsecond, with its zone."""
        zone = UTC if self.offset_s is None else timezone(timedelta(seconds=self.offset_s))
        seconds, ns = divmod(self.ns, SECOND_NS)
        # Not fromtimestamp: it fails for moments before 1970 on some systems.
        return (EPOCH + timedelta(seconds=seconds, microseconds=ns // 1000)).astimezone(zone)

    def __str__(self) -> str:
        """RFC 3339 with as many digits as it needs, at least milliseconds."""
        seconds, ns = divmod(self.ns, SECOND_NS)
        digits = f"{ns:09d}"
        while len(digits) > 3 and digits.endswith("000"):
            digits = digits[:-3]
        second, zone = written_second(seconds, self.offset_s)
        return f"{second}.{digits}{zone}"

    def __repr__(self) -> str:
        return f"Time({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self.ns == other.ns if isinstance(other, Time) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self.ns < other.ns if isinstance(other, Time) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.ns)


def time_of(moment: datetime) -> Time:
    """Answer the moment of a datetime; one without a zone is UTC, with no offset told."""
    offset = moment.utcoffset()
    aware = moment if offset is not None else moment.replace(tzinfo=UTC)
    passed = aware - EPOCH
    ns = (passed.days * 86_400 + passed.seconds) * SECOND_NS + passed.microseconds * 1000
    return Time(ns, None if offset is None else whole_minutes(offset))


def moment_of(told: Any) -> Time:
    """Answer the moment of a `Time`, ns since 1970, these with an offset as a tuple, or a `datetime`.

    Raises:
        TypeError: it is none of them.
        ValueError: it is out of range.
    """
    if isinstance(told, Time):
        return told
    if isinstance(told, datetime):
        return time_of(told)
    if isinstance(told, int) and not isinstance(told, bool):
        return Time(int(told))
    if isinstance(told, tuple) and len(told) == 2:
        return Time(*told)
    raise TypeError(f"a time is UNTIMED, None, a Time, ns since 1970 or a datetime, not {told!r}")


def whole_minutes(offset: timedelta) -> int:
    """Answer seconds of an offset without what `+hh:mm` cannot say; before 1900 some zones had seconds."""
    return int(offset.total_seconds() / 60) * 60


@lru_cache(maxsize=256)
def written_second(seconds: int, offset_s: int | None) -> tuple[str, str]:
    """Answer a second as its clock had it, and its zone; lines of a log share them."""
    wall = Time(seconds * SECOND_NS, offset_s).wall()
    zone = "Z" if offset_s is None else written_offset(offset_s)
    return f"{wall.year:04d}{wall:-%m-%dT%H:%M:%S}", zone


def written_offset(offset_s: int) -> str:
    """Answer `+hh:mm` or `-hh:mm`."""
    sign = "-" if offset_s < 0 else "+"
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    return f"{sign}{hours:02d}:{minutes:02d}"
