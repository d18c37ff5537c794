"""Which kept traces stand for a group: some slow, some failed, some new, some typical."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.wire.buckets import octave_of, percentile
from fanlight.wire.messages import ERROR, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from fanlight.stores.answers import TraceRow


def choose(rows: Iterable[TraceRow], typical_ns: int, limit: int) -> list[TraceRow]:
    """Answer up to `limit` rows, whole ones first, then by falling duration.

    Each of the four sorts gives its first quarter of the limit; what they share leaves room that
    the slowest fill. So the choice from all rows equals the choice from every sort's own first
    `limit`, which is what a store with an engine fetches.
    """
    rows = list(rows)
    sorts: tuple[Callable[[TraceRow], tuple[object, ...]], ...] = (
        slowest,
        lambda row: (not row.flags & ERROR, *newest(row)),
        newest,
        lambda row: (not row.flags & WHOLE, abs(row.duration_ns - typical_ns), row.id, row.start_ns),
    )
    quarter = -(-limit // len(sorts))
    ordered = [sorted(rows, key=key) for key in sorts]
    picked = dict.fromkeys(row for one in ordered for row in one[:quarter])
    for row in ordered[0][:limit]:
        picked.setdefault(row)
    return sorted(list(picked)[:limit], key=slowest)


def slowest(row: TraceRow) -> tuple[object, ...]:
    """Order by wholeness, then falling duration."""
    return not row.flags & WHOLE, -row.duration_ns, row.id, row.start_ns


def newest(row: TraceRow) -> tuple[object, ...]:
    """Order by wholeness, then newest first."""
    return not row.flags & WHOLE, -row.start_ns, row.id


def typical(buckets: dict[int, int], octaves: Collection[int] | None) -> int:
    """Answer the median duration, in ns, of a histogram, looking only at some octaves if given."""
    if octaves is not None:
        buckets = {bucket: n for bucket, n in buckets.items() if octave_of(bucket) in octaves}
    return percentile(buckets, 0.5)
