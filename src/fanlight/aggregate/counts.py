"""Exact counts and the latency histogram of one group's minute."""

from __future__ import annotations

from fanlight.wire.buckets import bucket


class Count:
    """Sums over every trace of one (service, endpoint, segment, minute) in one record.

    Attributes:
        n, errors: traces, and those of them that failed.
        total, low, high: sum, smallest and largest of their durations, ns.
        buckets: traces per latency bucket of `wire.buckets`.
    """

    __slots__ = ("buckets", "errors", "high", "low", "n", "total")

    def __init__(self) -> None:
        self.n = self.errors = self.total = self.high = 0
        self.low = (1 << 64) - 1
        self.buckets: dict[int, int] = {}

    def add(self, duration_ns: int, error: int) -> None:
        """Count one trace.

        Args:
            duration_ns: of its root span.
            error: 1 when it failed, else 0.
        """
        self.n += 1
        self.errors += error
        self.total += duration_ns
        self.low = min(self.low, duration_ns)
        self.high = max(self.high, duration_ns)
        index = bucket(duration_ns)
        self.buckets[index] = self.buckets.get(index, 0) + 1
