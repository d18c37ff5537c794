"""What was counted, as rows of the list: a group's, a service's, and that of all together."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fanlight.server.pain import pain
from fanlight.wire import buckets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fanlight.stores.answers import Counts, Group

    Json = dict[str, Any]

MINUTE_NS = 60_000_000_000
SLOTS = 60


def row_of(
    row: Counts,
    bearable_ns: int,
    minutes: float,
    found: Mapping[Group, list[Json]],
    waits: Mapping[Group, float],
) -> Json:
    """Answer one group's row of the list of endpoints.

    Args:
        row: its counts.
        bearable_ns: where pain begins.
        minutes: that rates are over.
        found: findings by group.
        waits: what waiting added to a request, in ns, by group.
    """
    wait_ns = waits.get(row[:3], 0.0)
    # A bucket's middle may lie just outside of what was measured.
    p50, p95, p99 = (
        min(max(each, row.min_ns), row.max_ns) for each in buckets.percentiles(row.buckets, (0.5, 0.95, 0.99))
    )
    return {
        "service": row.service,
        "endpoint": row.endpoint,
        "segment": row.segment,
        "count": row.n,
        "errors": row.errors,
        "rpm": row.n / minutes,
        "p50": p50,
        "p95": p95,
        "p99": p99,
        "mean": row.sum_ns // max(row.n, 1),
        "max": row.max_ns,
        "pain": pain(row.buckets, bearable_ns, minutes, wait_ns * row.n),
        "waited": round(wait_ns),
        "findings": found.get((row.service, row.endpoint, row.segment), []),
        "sparkline": list(row.slots),
    }


def by_service(rows: Iterable[Counts]) -> dict[str, Counts]:
    """Answer the counts of each service, its endpoints together, by name."""
    own: dict[str, list[Counts]] = {}
    for row in rows:
        own.setdefault(row.service, []).append(row)
    return {service: summed(own[service]) for service in sorted(own)}


def summed(rows: Sequence[Counts]) -> Counts:
    """Answer the counts of several groups together, under the first one's service; there is one at least."""
    # Fast path: a thousand groups have a hundred thousand buckets.
    merged: dict[int, int] = defaultdict(int)
    for row in rows:
        for bucket, n in row.buckets.items():
            merged[bucket] += n
    return rows[0]._replace(
        endpoint="",
        segment="",
        n=sum(row.n for row in rows),
        errors=sum(row.errors for row in rows),
        sum_ns=sum(row.sum_ns for row in rows),
        min_ns=min(row.min_ns for row in rows),
        max_ns=max(row.max_ns for row in rows),
        buckets=dict(merged),
        slots=tuple(map(sum, zip(*(row.slots for row in rows), strict=True))),
    )


def together(sums: Sequence[Counts], services: Sequence[Json]) -> Json | None:
    """Answer the row of all services; each has its own idea of pain and its own age, so these are added."""
    if not sums:
        return None
    whole = row_of(summed(sums)._replace(service=""), 0, 1.0, {}, {})
    waited_ns = sum(each["waited"] * each["count"] for each in services) / whole["count"]
    return (
        whole
        | {name: sum(each[name] for each in services) for name in ("rpm", "pain")}
        | {"waited": round(waited_ns)}
    )


def observed(rows: Iterable[Counts], from_ns: int, to_ns: int) -> dict[str, float]:
    """Answer, per service, the minutes from its first request in the range to the range's end.

    Rates are over these, so that a service of five minutes' age shows what it does, not a twelfth
    of it; at least one minute.
    """
    first: dict[str, int] = {}
    for row in rows:
        slot = next((place for place, n in enumerate(row.slots) if n), 0)
        first[row.service] = min(slot, first.get(row.service, slot))
    slot_min = (to_ns - from_ns) / MINUTE_NS / SLOTS
    return {service: max((SLOTS - slot) * slot_min, 1.0) for service, slot in first.items()}
