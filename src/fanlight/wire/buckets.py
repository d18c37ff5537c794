"""The latency grid: base-2 log buckets at scale 5, upper bound inclusive.

Bucket `i` holds durations in `(2**((i-1)/32), 2**(i/32)]` ns, so any value read back at the
bucket's middle is within 1.09 % of the truth at any merge depth. The index is the OpenTelemetry
exponential histogram's plus one. Bucket 0 holds everything up to 1 ns.
"""

from bisect import bisect_left
from itertools import accumulate

SCALE = 32
"""Buckets per doubling."""

# The first 32 upper bounds of one octave; powers of two are exact, so no log() error at the edges.
OCTAVE = [2.0 ** (i / SCALE) for i in range(1, SCALE + 1)]


def bucket(duration_ns: int) -> int:
    """Answer the bucket of a duration; anything up to 1 ns is bucket 0."""
    if duration_ns <= 1:
        return 0
    exponent = (duration_ns - 1).bit_length() - 1
    return exponent * SCALE + bisect_left(OCTAVE, duration_ns / (1 << exponent)) + 1


def upper_bound(index: int) -> float:
    """Answer the largest duration, in ns, that bucket `index` holds."""
    return float(2.0 ** (index / SCALE))


def middle(index: int) -> int:
    """Answer the duration, in ns, that stands for bucket `index`: the harmonic-mean point."""
    if index <= 0:
        return 1
    high = upper_bound(index)
    low = upper_bound(index - 1)
    return round(2 * low * high / (low + high))


def octave(duration_ns: int) -> int:
    """Answer the power of two at or above a duration: the slice that merged trees are kept by."""
    return max(duration_ns - 1, 0).bit_length()


def octave_of(index: int) -> int:
    """Answer the octave of the durations that bucket `index` holds; no bucket lies across two."""
    return -(-index // SCALE)


def percentile(counts: dict[int, int], share: float) -> int:
    """Answer the duration, in ns, below which `share` (0..1) of the counted values lie.

    Args:
        counts: values per bucket; an empty mapping answers 0.
        share: 0.5 for the median, 0.95 for the 95th percentile.
    """
    return percentiles(counts, (share,))[0]


def percentiles(counts: dict[int, int], shares: tuple[float, ...]) -> list[int]:
    """Answer several percentiles at the cost of one, in the order of their shares."""
    if not counts:
        return [0] * len(shares)
    order = sorted(counts)
    sums = list(accumulate(map(counts.__getitem__, order)))
    total = sums[-1]
    if not total:
        return [0] * len(shares)
    return [middle(order[bisect_left(sums, max(1, -(-total * share // 1)))]) for share in shares]
