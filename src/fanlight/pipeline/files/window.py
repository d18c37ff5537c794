"""Time windows: which bytes of a sorted file may hold events of a time, by binary search.

Servers log at completion, so lines are late: a file counts as sorted when no sampled line is earlier
than one before it by more than the slack, and the bytes answered reach the slack further on both sides.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fanlight.event.times import SECOND_NS

if TYPE_CHECKING:
    from datetime import tzinfo

    from fanlight.parsers import Format
    from fanlight.pipeline.files.source import Source

SLACK_NS = 60 * 1_000_000_000
"""How much later than its neighbours a line may have been written."""
SAMPLES = 64
PIECE = 16 * 1024
PIECE_MAX = 1 << 20
"""Bytes looked at for a line that tells a time."""
CLOSE = 64 * 1024
"""Bytes between two places that are not worth dividing further."""


class Window(NamedTuple):
    """Bytes of a file: events of the time asked for are from `begin` to `end`."""

    begin: int
    end: int
    sure_begin: int
    """From here to `sure_end` every event is of the time."""
    sure_end: int


class Times:
    """The times of a file at places, each the time of the first line that tells one behind the place."""

    def __init__(self, source: Source, format: Format) -> None:  # noqa: A002 the thing's own word
        self.source = source
        self.format = format
        self.size = source.size or 0
        self.looked = 0
        """Bytes read."""

    def at(self, place: int) -> tuple[int, int] | None:
        """Answer the time, and where the line begins; None when no line behind the place tells one."""
        size = PIECE
        while True:
            piece = self.source.read_at(place, size)
            self.looked += len(piece)
            start = 0 if place == 0 else piece.find(b"\n") + 1
            if place and not start and len(piece) == size:
                start = len(piece)
            while start < len(piece):
                edge = piece.find(b"\n", start)
                # The piece's last line may be cut; at the file's end it is whole.
                if edge < 0 and len(piece) == size:
                    break
                line = piece[start : edge if edge >= 0 else len(piece)].rstrip(b"\r")
                moment = self.format.moment(line.removeprefix(b"\xef\xbb\xbf"))
                if moment is not None:
                    return moment, place + start
                if edge < 0:
                    break
                start = edge + 1
            if len(piece) < size or size >= PIECE_MAX:
                return None
            size *= 8

    def samples(self) -> list[tuple[int, int, int]] | None:
        """Answer (time, line's begin, place) across the file; None when they are not in order."""
        found: list[tuple[int, int, int]] = []
        latest = None
        count = min(SAMPLES, self.size // CLOSE + 1)
        for number in range(count):
            place = self.size * number // count
            moment = self.at(place)
            if moment is None:
                continue
            if latest is not None and moment[0] < latest - SLACK_NS:
                return None
            latest = moment[0] if latest is None else max(latest, moment[0])
            found.append((*moment, place))
        return found or None

    def first_from(self, low: int, high: int, ns: int, *, after: bool) -> int:
        """Answer a line's begin between two places: from there on all times are at least `ns`.

        Args:
            low: a place before which all times are less.
            high: one behind which all are not.
            ns: the time.
            after: times equal to it count as less.
        """
        while high - low > CLOSE:
            middle = (low + high) // 2
            moment = self.at(middle)
            if moment is None or moment[1] >= high or (moment[0] > ns if after else moment[0] >= ns):
                high = middle
            else:
                low = middle
        return low


NEAR_S = 4 * 3600
"""Seconds around a time in which a clock that is set back matters to it."""


def repeated_ns(zone: tzinfo | None, ns: int | None) -> int:
    """Answer how far a zone's clock is set back around a time: so much later lines may seem earlier."""
    if zone is None or ns is None:
        return 0
    try:
        near = datetime.fromtimestamp(ns // SECOND_NS, UTC).replace(tzinfo=None)
        wall = near + offset_at(zone, near)
        shift = timedelta(seconds=NEAR_S)
        back = offset_at(zone, wall - shift) - offset_at(zone, wall + shift)
    except (ValueError, OverflowError, OSError):
        return 0
    return max(round(back.total_seconds()), 0) * SECOND_NS


def offset_at(zone: tzinfo, wall: datetime) -> timedelta:
    """Answer how far east of UTC a zone is when its clocks show a time."""
    return wall.replace(tzinfo=zone).utcoffset() or timedelta()


def window_of(
    source: Source,
    format: Format,  # noqa: A002 the thing's own word
    bounds: tuple[int | None, int | None],
    zone: tzinfo | None = None,
) -> Window | None:
    """Answer which bytes may hold events of a time; None when all of them have to be read.

    Args:
        source: can be sought.
        format: tells times.
        bounds: first and last ns, None where there is none.
        zone: whose clock times without an offset are on.
    """
    if not source.size or bounds == (None, None):
        return None
    times = Times(source, format)
    samples = times.samples()
    if samples is None:
        return None
    low_ns, high_ns = bounds
    slack_ns = SLACK_NS + max(repeated_ns(zone, each) for each in bounds)
    keys = [moment for moment, _, _ in samples]
    places = [place for _, _, place in samples]
    highest = keys[0]
    for at, key in enumerate(keys):
        highest = max(highest, key)
        keys[at] = highest

    def place(ns: int, *, after: bool) -> int:
        at = (bisect_right if after else bisect_left)(keys, ns)
        low = places[at - 1] if at else 0
        high = places[at] if at < len(places) else times.size
        return times.first_from(low, high, ns, after=after)

    def line_from(offset: int) -> int:
        found = times.at(offset) if offset else (0, 0)
        return times.size if found is None else found[1]

    begin = 0 if low_ns is None else line_from(place(low_ns - slack_ns, after=False))
    sure_begin = (
        0 if low_ns is None else line_from(min(place(low_ns + slack_ns, after=True) + CLOSE, times.size))
    )
    end = times.size
    sure_end = times.size
    if high_ns is not None:
        end = line_from(min(place(high_ns + slack_ns, after=True) + CLOSE, times.size))
        sure_end = max(line_from(place(high_ns - slack_ns, after=False)), 0)
    sure_begin = min(max(sure_begin, begin), end)
    return Window(begin, end, sure_begin, max(sure_begin, min(sure_end, end)))
