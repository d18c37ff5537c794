"""Other machines' clocks: what a posted record says about time, as the server's own clock has it."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.wire.codec import Message

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS

TOLERANCE_NS = MINUTE_NS
"""Clocks that differ by less are left alone: that much says nothing, for the way takes time too."""
MAX_AGE_NS = 72 * HOUR_NS
MAX_AHEAD_NS = HOUR_NS
"""What claims to be from outside of this around now is from when it arrived: neither a wrong clock
nor a forger may open days of the store. A report may be a day late, and what is in it two days older."""

TIMES = (
    ("trace_start", 1),
    ("count_minute", MINUTE_NS),
    ("node_hour", HOUR_NS),
    ("release_minute", MINUTE_NS),
    ("event_time", 1),
)
"""Columns that tell a time since 1970, and their unit in ns."""


def difference(now_ns: int, told_ns: int | None) -> int:
    """Answer what to add to a sender's times, in ns: 0 unless its clock is off for certain."""
    if told_ns is None or abs(now_ns - told_ns) < TOLERANCE_NS:
        return 0
    return now_ns - told_ns


def corrected(commit: Message, now_ns: int, shift_ns: int) -> Message | None:
    """Answer a record whose times are within reach of now, None when that needs no change.

    Args:
        commit: checked; not changed.
        now_ns: the server's wall clock.
        shift_ns: as `difference` answered.
    """
    changed: Message = {}
    for name, unit_ns in TIMES:
        column = commit[name]
        fresh = array(column.typecode, map(mover(now_ns, shift_ns, unit_ns), column))
        if fresh != column:
            changed[name] = fresh
    return {**commit, **changed} if changed else None


def mover(now_ns: int, shift_ns: int, unit_ns: int) -> Callable[[int], int]:
    """Answer what moves a time in some unit."""
    shift = round(shift_ns / unit_ns)
    low, high, now = ((now_ns + ns) // unit_ns for ns in (-MAX_AGE_NS, MAX_AHEAD_NS, 0))

    def moved(time: int) -> int:
        return time + shift if low <= time + shift <= high else now

    return moved
