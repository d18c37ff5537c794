"""The one clock: integer monotonic nanoseconds for every duration, and where they lie since 1970."""

from time import perf_counter_ns as clock
from time import time_ns as wall_clock

__all__ = ["anchor", "clock", "wall_clock"]

NEAR_NS = 10_000
"""Two looks further apart than this were interrupted."""


def anchor() -> int:
    """Answer what added to `clock()` is the time since 1970, in ns; steps of the wall clock move it."""
    for _ in range(3):
        before_ns = clock()
        now_ns = wall_clock()
        after_ns = clock()
        if after_ns - before_ns < NEAR_NS:
            break
    return now_ns - (before_ns + after_ns) // 2
