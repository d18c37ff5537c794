"""Years that a file's times do not tell: which of its bytes are of which, from its end backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fanlight import parsers
from fanlight.event.times import SECOND_NS
from fanlight.parsers.stamps import LATE_NS, YEAR
from fanlight.pipeline.files.window import Times

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.parsers import Format
    from fanlight.pipeline.files.source import Source

SAMPLES = 64
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
        source: can be sought, or is left alone.
        found: its format.
        again: answers the format of a file that was written last at some ns.
    """
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
