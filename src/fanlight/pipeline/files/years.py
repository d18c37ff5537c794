"""Years that a file's times do not tell: which of its bytes are of which, from its end backwards."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from fanlight import parsers
from fanlight.event.times import SECOND_NS
from fanlight.parsers.stamps import LATE_NS, YEAR
from fanlight.pipeline.files.source import open_source
from fanlight.pipeline.files.window import Times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fanlight.parsers import Format
    from fanlight.pipeline.files.source import Source

SAMPLES = 64
PIECE = 64 * 1024
"""Bytes of an unpacked file of which `LOOKS` lines are looked at, unless a month or more is between them."""
LOOKS = 11
MONTH_NS = 30 * 86_400 * SECOND_NS
CHECKED = 64
"""Lines by which it is told whether times have a year."""
PARTS_MAX = 50
"""Years of a file; one that seems to have more is in no order."""
HALF_NS = 180 * 86_400 * SECOND_NS
"""A line that is so much earlier than one before it is of another year; a lesser step back is a late line."""
YEAR_NS = 366 * 86_400 * SECOND_NS


class Part(NamedTuple):
    """Bytes of a file that are read with a format of their own."""

    begin: int
    end: int
    format: Format


def parts(source: Source, found: Format, again: Callable[[int], Format]) -> list[Part]:
    """Answer the parts of a file, each of a year at the most; nothing where one format will do.

    A time without a year is the latest one before the file was written. Where that makes lines go back
    by most of a year, those before are of the year before, and so on.

    Args:
        source: of a file; of what can only be read on nothing is known, and it is left alone.
        found: its format.
        again: answers the format of a file that was written last at some ns.
    """
    if source.under is not None:
        return unpacked_parts(source.name, found, again)
    if not source.size:
        return []
    times = Times(source, found)
    first = times.at(0)
    if first is None or not tells_no_year(source, first, again):
        return []
    out: list[Part] = []
    end, format_ = source.size, found
    while len(out) < PARTS_MAX:
        times = Times(source, format_)
        times.size = end
        begin = last_step(times)
        out.append(Part(begin, end, format_))
        if begin == 0:
            return out[::-1] if len(out) > 1 else []
        line = times.at(begin - 1)
        if line is None:
            break
        # What stands before is earlier than this line, with no day to spare.
        end, format_ = begin, again(line[0] - LATE_NS[YEAR] - 1)
    return []


def unpacked_parts(path: str, found: Format, again: Callable[[int], Format]) -> list[Part]:
    """Answer the parts of a compressed file, which is read once for it where its times tell no year."""
    source = open_source(path)
    written_ns = source.written_ns
    try:
        steps, size = steps_of(source, found, again)
    finally:
        source.close()
    if written_ns is None or not 0 < len(steps) < PARTS_MAX:
        return []
    edges = [0, *steps, size]
    # Each part ends on the same day of its year as the file does.
    formats = [again(years_before(written_ns, back)) for back in range(len(steps), 0, -1)]
    return list(map(Part, edges, edges[1:], [*formats, found]))


def years_before(ns: int, years: int) -> int:
    """Answer the same day and time of another year, ns since 1970."""
    when = datetime.fromtimestamp(ns // SECOND_NS, UTC)
    day = 28 if (when.month, when.day) == (2, 29) else when.day
    return int(when.replace(year=when.year - years, day=day).timestamp()) * SECOND_NS + ns % SECOND_NS


def steps_of(source: Source, found: Format, again: Callable[[int], Format]) -> tuple[list[int], int]:
    """Answer where the lines of a stream begin that are most of a year earlier than before, and its size.

    Args:
        source: at its begin.
        found: the format of its lines.
        again: as for `parts`.
    """
    steps: list[int] = []
    before: int | None = None
    at, rest = 0, b""
    buffer = bytearray(PIECE)
    while True:
        with memoryview(buffer) as room:
            count = source.readinto(room)
        if not count and not rest:
            return steps, at
        piece, _, left = (rest + bytes(buffer[:count])).rpartition(b"\n") if count else (rest, b"", b"")
        lines = piece.split(b"\n")
        last = next(told(found, reversed(lines)), before)
        some = list(told(found, lines[:: len(lines) // LOOKS + 1]))
        if before is None and some:
            older = again(some[0] - YEAR_NS)
            if all(older.moment(line) in (None, found.moment(line)) for line in lines[:CHECKED]):
                return [], 0
        looked = [ns for ns in (before, *some, last) if ns is not None]
        if any(abs(later - earlier) > MONTH_NS for earlier, later in pairwise(looked)):
            steps += steps_in(lines, at, found, before)
        before = last
        at += len(piece) + (count > 0)
        rest = left
        if not count:
            return steps, at


def steps_in(lines: list[bytes], at: int, found: Format, before: int | None) -> Iterator[int]:
    """Yield where the lines begin that are most of a year earlier than the one before them.

    Args:
        lines: one behind the other.
        at: where the first one begins.
        found: their format.
        before: the time before them.
    """
    is_late = False
    for line in lines:
        for ns in told(found, (line,)):
            was_late = is_late
            is_late = before is not None and ns > before + HALF_NS and not was_late
            if not is_late:
                if before is not None and ns < before - HALF_NS:
                    yield at
                before = ns
        at += len(line) + 1


class Turn:
    """Whether the times of a stream, which tell no year, went back by most of one.

    Its lines before were then read as if they were of the year after theirs; they are gone by now.

    Args:
        found: the format of its lines.
    """

    def __init__(self, found: Format) -> None:
        self.format = found
        self.before: int | None = None
        self.is_seen = False

    def look(self, text: bytes) -> None:
        """Look at some lines of the next bytes."""
        lines = text.split(b"\n")
        for ns in told(self.format, (*lines[:: len(lines) // LOOKS + 1], lines[-1])):
            self.is_seen |= self.before is not None and ns < self.before - HALF_NS
            self.before = ns


def told(found: Format, lines: Iterable[bytes]) -> Iterator[int]:
    """Yield the times of lines, but for a 29th of February: it is of the last year that had one."""
    for line in lines:
        ns = found.moment(line)
        if ns is not None and b"Feb 29" not in line:
            yield ns


def tells_no_year(source: Source, first: tuple[int, int], again: Callable[[int], Format]) -> bool:
    """Tell whether the first time of a file is another one when the file is older."""
    older = Times(source, again(first[0] - YEAR_NS)).at(0)
    return older is not None and older[0] != first[0]


def last_step(times: Times) -> int:
    """Answer where the last line begins that is most of a year earlier than one before it, 0 for none."""
    step: tuple[tuple[int, int], int] | None = None
    before: tuple[int, int] | None = None
    for number in range(SAMPLES):
        at = times.at(times.size * number // SAMPLES)
        if at is None or at[1] >= times.size:
            continue
        if before is not None and at[0] < before[0] - HALF_NS:
            step = before, at[1]
        before = at
    return 0 if step is None else first_earlier(times, *step)


def first_earlier(times: Times, before: tuple[int, int], line: int) -> int:
    """Answer where the first line begins, behind one and up to another, that is most of a year earlier."""
    # What is looked up at a place is the line that begins behind it.
    low, high = max(before[1] - 1, 0), line - 1
    while high - low > 1:
        middle = (low + high) // 2
        at = times.at(middle)
        if at is None or at[0] < before[0] - HALF_NS:
            high = middle
        else:
            low = middle
    at = times.at(high)
    return line if at is None else at[1]


def again_of(name: str, zone: str | None) -> Callable[[int], Format]:
    """Answer what makes the format of a name for a file that was written last at some ns."""
    return lambda written_ns: parsers.named(name, zone, written_ns)
