"""A moment: nanoseconds since 1970 and the offset that its text was written with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import total_ordering

SECOND_NS = 1_000_000_000
OFFSET_MIN_S, OFFSET_MAX_S = -12 * 3600, 14 * 3600


@total_ordering
class Time:
    """An instant that remembers the wall clock it was written with.

    Args:
        ns: nanoseconds since 1970, UTC.
        offset_s: seconds east of UTC of the text; None when it told none, shown as UTC.
    """

    __slots__ = ("ns", "offset_s")

    def __init__(self, ns: int, offset_s: int | None = None) -> None:
        if offset_s is not None and not OFFSET_MIN_S <= offset_s <= OFFSET_MAX_S:
            raise ValueError(f"offset {offset_s} s is not within -1200 and +1400")
        self.ns = ns
        self.offset_s = offset_s

    @property
    def ms(self) -> int:
        """Milliseconds since 1970, rounded down."""
        return self.ns // 1_000_000

    def wall(self) -> datetime:
        """Answer the moment as its text had it, to the microsecond, with its zone."""
        zone = UTC if self.offset_s is None else timezone(timedelta(seconds=self.offset_s))
        seconds, ns = divmod(self.ns, SECOND_NS)
        # Not fromtimestamp: it fails for moments before 1970 on some systems.
        return (
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=ns // 1000)
        ).astimezone(zone)

    def __str__(self) -> str:
        """RFC 3339 with as many digits as it needs, at least milliseconds."""
        wall = self.wall()
        digits = f"{self.ns % SECOND_NS:09d}"
        while len(digits) > 3 and digits.endswith("000"):
            digits = digits[:-3]
        zone = "Z" if self.offset_s is None else written_offset(self.offset_s)
        return f"{wall.year:04d}{wall:-%m-%dT%H:%M:%S}.{digits}{zone}"

    def __repr__(self) -> str:
        return f"Time({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self.ns == other.ns if isinstance(other, Time) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self.ns < other.ns if isinstance(other, Time) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.ns)


def written_offset(offset_s: int) -> str:
    """Answer `+hh:mm` or `-hh:mm`."""
    sign = "-" if offset_s < 0 else "+"
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    return f"{sign}{hours:02d}:{minutes:02d}"
