"""What an endpoint was like before and after each release that began in a time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fanlight.server.telling import rfc3339
from fanlight.wire import buckets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fanlight.stores import Store
    from fanlight.stores.answers import Group, Release

    Json = dict[str, Any]

MOST = 5
"""Releases that are told of, the newest: each takes a question to the store."""
MINUTE_NS = 60_000_000_000


def around(
    store: Store,
    group: Group,
    releases: Sequence[Release],
    span: tuple[int, int],
    environment: str | None = None,
) -> list[Json]:
    """Answer each release that began in a time, and the group's numbers from the last one to it, and since.

    What the time begins with is no news: it may have run for months.

    Args:
        store: is asked.
        group: whose numbers.
        releases: of its service in the time, the first one first.
        span: the time, ns since 1970; its end is not part of it.
        environment: where alone; None for everywhere.
    """
    began = [each for each in releases[1:] if span[0] < each.first_ns < span[1]][-MOST:]
    if not began:
        return []
    before = [each.first_ns for each in releases if each.first_ns < began[0].first_ns]
    starts = [max(before[-1] if before else 0, span[0]), *(each.first_ns for each in began), span[1]]
    numbers = [part(store, group, low, high, environment) for low, high in pairwise(starts)]
    return [
        {"release": each.release, "time": rfc3339(each.first_ns), "before": one, "after": other}
        for each, (one, other) in zip(began, pairwise(numbers), strict=True)
    ]


def part(store: Store, group: Group, low_ns: int, high_ns: int, environment: str | None) -> Json | None:
    """Answer a group's numbers in a part of the time, None where nothing was asked."""
    rows = store.counts(low_ns, high_ns, group, 1, environment) if low_ns < high_ns else []
    if not rows:
        return None
    row = rows[0]
    return {
        "count": row.n,
        "errors": row.errors,
        "rpm": row.n / max((high_ns - low_ns) / MINUTE_NS, 1.0),
        "p50": min(max(buckets.percentile(row.buckets, 0.50), row.min_ns), row.max_ns),
        "p95": min(max(buckets.percentile(row.buckets, 0.95), row.min_ns), row.max_ns),
    }
