"""Pain: how often times how slow, as a visitor feels it, waiting before the request included."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fanlight.aggregate.findings import BEARABLE_NS
from fanlight.wire import buckets
from fanlight.wire.messages import QUEUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fanlight.stores.answers import Counts, Group, Repeat


middle = cache(buckets.middle)
"""The grid has 2,048 buckets, and a list of endpoints asks for most of them many times."""


def bearable(service: Counts) -> int:
    """Answer the duration in ns from which on a request of a service hurts.

    That is its median, so that a slow service has a worst endpoint too; at least what nobody notices.

    Args:
        service: the counts of all of its endpoints together.
    """
    return max(BEARABLE_NS, buckets.percentile(service.buckets, 0.5))


def pain(histogram_of: Mapping[int, int], bearable_ns: int, minutes: float, waited_ns: float = 0.0) -> float:
    """Answer the seconds beyond the bearable that visitors wait per minute: rate times mean excess.

    It never falls when requests are added, when one of them takes longer, or waits longer to begin.

    Args:
        histogram_of: requests by bucket of duration.
        bearable_ns: where pain begins.
        minutes: that the histogram is of.
        waited_ns: what waiting before they began added for all of them.
    """
    return (excess(histogram_of, bearable_ns) + waited_ns) / 1e9 / minutes


def excess(histogram_of: Mapping[int, int], bearable_ns: int) -> float:
    """Answer the ns beyond the bearable of all requests together, waiting left out."""
    # Fast path: most requests lie below, and are not looked at; a list is quicker than a generator.
    least = buckets.bucket(bearable_ns)
    own = histogram_of.get(least, 0) * max(0, middle(least) - bearable_ns)
    return own + sum(
        [n * (middle(bucket) - bearable_ns) for bucket, n in histogram_of.items() if bucket > least]
    )


def waited(repeats: Iterable[Repeat]) -> dict[Group, float]:
    """Answer, by group, how many ns waiting added to a request for its visitor, on average over its trees.

    Trees are kept by hour, so it is the mean that holds for a part of one.
    """
    found: dict[Group, float] = {}
    for row in repeats:
        if row.category == QUEUE:
            mean_ns = row.repeat_total_ns / max(row.traces, 1)
            found[row[:3]] = found.get(row[:3], 0.0) + mean_ns
    return found
