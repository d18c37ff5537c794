"""Counts of one group, or one step of it, as they add up over days."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Tally:
    """A running sum of count rows and their histograms."""

    def __init__(self, slots: int) -> None:
        self.n = self.errors = self.sum_ns = self.max_ns = 0
        self.min_ns = 2**64
        self.buckets: dict[int, int] = {}
        self.slots = [0] * slots

    def add(self, n: int, errors: int, sum_ns: int, min_ns: int, max_ns: int) -> None:
        """Merge one count row."""
        self.n += n
        self.errors += errors
        self.sum_ns += sum_ns
        self.min_ns = min(self.min_ns, min_ns)
        self.max_ns = max(self.max_ns, max_ns)

    def put(self, bucket: int, n: int) -> None:
        """Merge one bucket."""
        self.buckets[bucket] = self.buckets.get(bucket, 0) + n

    def put_all(self, cells: Iterable[tuple[int, int]]) -> None:
        """Merge a histogram whose buckets are all different."""
        if not self.buckets:
            # Fast path: most groups come from one day.
            self.buckets = dict(cells)
            return
        for bucket, n in cells:
            self.put(bucket, n)
