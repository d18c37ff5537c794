"""Which kept traces stand for a group: some slow, some failed, some new, some typical."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.wire.buckets import octave_of, percentile
from fanlight.wire.messages import ERROR, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from fanlight.event.trace import TraceRow
    from fanlight.stores.answers import Trace

DAY_NS = 86_400_000_000_000
TOGETHER = 20
"""Traces of one id that are answered."""


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


def together(traces: Iterable[Trace]) -> list[Trace]:
    """Answer the traces that one id stands for, oldest first, at most `TOGETHER`.

    An id comes from outside, so it may have been used for anything: what began more than a day
    before the newest has nothing to do with it. Of several rows of one trace the whole one counts.

    Args:
        traces: every trace of the id, or of each day the first `TOGETHER` in the order of `newest`.
    """
    ordered = sorted(traces, key=lambda trace: newest(trace.row))[:TOGETHER]
    last_ns = max((trace.row.start_ns for trace in ordered), default=0)
    found: dict[tuple[object, ...], Trace] = {}
    for trace in ordered:
        row = trace.row
        if row.start_ns > last_ns - DAY_NS:
            found.setdefault((row.service, row.endpoint, row.segment, row.start_ns, row.pid), trace)
    return sorted(found.values(), key=lambda trace: (trace.row.start_ns, trace.row))


def typical(buckets: dict[int, int], octaves: Collection[int] | None) -> int:
    """Answer the median duration, in ns, of a histogram, looking only at some octaves if given."""
    if octaves is not None:
        buckets = {bucket: n for bucket, n in buckets.items() if octave_of(bucket) in octaves}
    return percentile(buckets, 0.5)
