"""Counts of one group, or one step of it, as they add up over days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Tally:
    """A running sum of count rows and their histograms.

    Attributes:
        buckets: requests per bucket, as far as they were `put`.
        cells: more of the same as columns, (bucket, n) per day, no bucket twice in one.
        slots: requests per slot of the range.
    """

    def __init__(self, slots: int) -> None:
        self.n = self.errors = self.sum_ns = self.max_ns = 0
        self.min_ns = 2**64
        self.buckets: dict[int, int] = {}
        self.cells: list[tuple[NDArray[Any], NDArray[Any]]] = []
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

    def histogram(self) -> dict[int, int]:
        """Answer the requests per bucket of `cells`."""
        if len(self.cells) == 1:
            # Fast path: most groups come from one day.
            bucket, n = self.cells[0]
        elif self.cells:
            sums = np.zeros(1 + max(int(bucket.max()) for bucket, _ in self.cells), np.uint64)
            for bucket, n in self.cells:
                sums[bucket] += n
            bucket = np.flatnonzero(sums)
            n = sums[bucket]
        else:
            return {}
        return dict(zip(bucket.tolist(), n.tolist(), strict=True))
