"""Two times side by side: how long requests took, the merged trace of each, and what got slower."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.errors import QueryError
from fanlight.query.nodes import EXACT, Field, Path
from fanlight.query.query import Query
from fanlight.server import merging
from fanlight.server.counted import SLOTS, observed
from fanlight.server.questions import refused
from fanlight.server.telling import rfc3339
from fanlight.wire import buckets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.server.merging import Merged, Share
    from fanlight.stores import Store
    from fanlight.stores.answers import Counts, Group, Scope

    Json = dict[str, Any]

WHOSE = ("service", "endpoint", "segment")
PATIENCE_S = 15.0
MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
LONG_NS = 6 * HOUR_NS
"""From this length on, the hours at a time's ends, which count in full, do not matter."""
GROUPS_MAX = 24
"""Groups whose trees are merged: those that took most time."""
ROUNDING_NS = 1_000
"""A change of less is none."""


class Side(NamedTuple):
    """One of the two times: its requests as they were counted.

    Attributes:
        from_ns: its begin, ns since 1970.
        to_ns: its end, not part of it.
        rows: counts of each group.
        buckets: requests by bucket of duration.
        errors: failed ones.
        sum_ns: how long all of them took.
        is_exact: every request was counted; otherwise kept ones by their weights.
        read: kept requests by part of the time; empty where nobody had to look.
    """

    from_ns: int
    to_ns: int
    rows: Sequence[Counts]
    buckets: Mapping[int, float]
    errors: float
    sum_ns: float
    is_exact: bool
    read: Sequence[Sequence[merging.Row]]

    @property
    def n(self) -> float:
        """How many requests."""
        return sum(self.buckets.values())

    @property
    def mean_ns(self) -> float:
        """How long one took on average."""
        return self.sum_ns / self.n if self.n else 0.0


Range = tuple[int, int]


def asked(
    store: Store, scope: Scope, before: Range, after: Range, text: str, environment: str | None = None
) -> tuple[int, Json]:
    """Answer what `compare` does and the HTTP status that goes with it, also of a query that is none."""
    try:
        return 200, compare(store, scope, before, after, text, environment)
    except QueryError as error:
        return 422 if error.code == "too-long" else 400, refused(error)


def compare(
    store: Store, scope: Scope, before: Range, after: Range, text: str = "", environment: str | None = None
) -> Json:
    """Answer two times of a service, an endpoint, or one segment of it.

    Args:
        store: is asked.
        scope: of what: service, endpoint, segment, as many of them as are given.
        before: the earlier time, from and to in ns since 1970.
        after: the later one.
        text: a query; only kept requests that it selects are compared.
        environment: likewise, only of this one.

    Raises:
        QueryError: the query cannot be read, has stages, or takes too long.
    """
    until_s = time.monotonic() + PATIENCE_S
    terms = [Field(Path(name), EXACT, value) for name, value in zip(WHOSE, scope, strict=False)]
    query = Query(text)
    query.stages = ()
    is_narrowed = query.node is not None
    before, after = (before, after) if is_narrowed else disjoint(before, after)
    terms += [] if environment is None else [Field(Path("environment"), EXACT, environment)]
    query = query.within(None, None, *terms)
    by_kept = is_narrowed or not are_apart(before, after)
    reads = [merging.rows(store, query, *each, until_s) if by_kept else [] for each in (before, after)]
    sides = [
        of_kept(when, read) if is_narrowed else counted(store, scope, when, environment, read)
        for when, read in zip((before, after), reads, strict=True)
    ]
    if by_kept:
        found = [merging.of_kept(store, query, each.read, by_octave(each), until_s) for each in sides]
    else:
        groups = heaviest([*sides[0].rows, *sides[1].rows])
        found = [merging.of_trees(store, groups, each.from_ns, each.to_ns, environment) for each in sides]
    return told(scope, sides, found)


def disjoint(before: Range, after: Range) -> tuple[Range, Range]:
    """Answer two times without the minute that both would count, where one ends in it and the other begins.

    Counts are kept by the minute. Nothing is left out where that were all of a time, or where they overlap.
    """
    first, second = sorted((before, after))
    minute = second[0] // MINUTE_NS * MINUTE_NS
    shorter = (first[0], minute), (minute + MINUTE_NS, second[1])
    is_shared = minute < first[1] <= second[0] and minute < second[0]
    if not is_shared or any(low >= high for low, high in shorter):
        return before, after
    return shorter if first == before else shorter[::-1]


def are_apart(before: Range, after: Range) -> bool:
    """Tell whether trees, which are kept by the hour, can tell two times apart."""
    if all(end % HOUR_NS == 0 for end in (*before, *after)):
        return before[1] <= after[0] or after[1] <= before[0]
    ends = [(low // HOUR_NS, (high - 1) // HOUR_NS) for low, high in (before, after)]
    is_long = all(high - low >= LONG_NS for low, high in (before, after))
    return is_long and (ends[0][1] < ends[1][0] or ends[1][1] < ends[0][0])


def of_kept(when: Range, read: Sequence[Sequence[merging.Row]]) -> Side:
    """Answer what kept requests tell of a time, each standing for as many as its weight says."""
    by_bucket, failed, sum_ns = merging.weighed(read)
    return Side(*when, (), by_bucket, failed, sum_ns, False, read)


def counted(
    store: Store,
    scope: Scope,
    when: Range,
    environment: str | None,
    read: Sequence[Sequence[merging.Row]],
) -> Side:
    """Answer what was counted in a time: every request.

    Args:
        store: is asked.
        scope: of what.
        when: the time.
        environment: where alone; None for everywhere.
        read: kept requests of the time, where they are merged.
    """
    rows = store.counts(*when, scope, SLOTS, environment)
    counts: dict[int, float] = {}
    for row in rows:
        for bucket, n in row.buckets.items():
            counts[bucket] = counts.get(bucket, 0) + n
    errors = sum(row.errors for row in rows)
    return Side(*when, rows, counts, errors, sum(row.sum_ns for row in rows), True, read)


def by_octave(found: Side) -> dict[int, float]:
    """Answer a side's requests by octave of duration."""
    sums: dict[int, float] = {}
    for bucket, n in found.buckets.items():
        octave = buckets.octave_of(bucket)
        sums[octave] = sums.get(octave, 0.0) + n
    return sums


def heaviest(rows: Sequence[Counts]) -> list[Group]:
    """Answer the groups that took most time."""
    sums: dict[Group, int] = {}
    for row in rows:
        sums[row[:3]] = sums.get(row[:3], 0) + row.sum_ns
    return sorted(sums, key=lambda group: -sums[group])[:GROUPS_MAX]


def told(scope: Scope, sides: Sequence[Side], found: Sequence[Merged]) -> Json:
    """Answer two sides as JSON."""
    # Where nothing of a side was kept, nobody knows what its time went into: it was not nothing.
    is_known = all(tree.read != 0 for side, tree in zip(sides, found, strict=True) if side.n)
    one, other = (each.nodes if is_known else {} for each in found)
    waits = [each.waited_ns for each in found]
    nodes = [node(path, depth, one.get(path), other.get(path)) for path, depth in merging.ordered(one, other)]
    return {
        **dict(zip(WHOSE, (*scope, None, None), strict=False)),
        "before": summary(sides[0], found[0]),
        "after": summary(sides[1], found[1]),
        "histogram": histogram(*(each.buckets for each in sides)),
        "endpoints": endpoints(*sides) if len(scope) == 1 else [],
        "tree": nodes,
        "changes": changes(nodes, waits),
    }


def summary(found: Side, tree: Merged) -> Json:
    """Answer a side's numbers; durations in whole ns."""
    counted = dict(found.buckets)
    ranks = {f"p{share}": percentile(counted, share / 100) for share in (50, 95, 99)}
    return {
        "from": rfc3339(found.from_ns),
        "to": rfc3339(found.to_ns),
        "count": round(found.n),
        "errors": round(found.errors),
        "rpm": found.n / minutes(found),
        **ranks,
        "mean": round(found.mean_ns),
        "waited": None if tree.waited_ns is None else round(tree.waited_ns),
        "exact": found.is_exact,
        "merged": tree.read,
    }


def minutes(found: Side) -> float:
    """Answer what a side's rate is over: as elsewhere, since its first request where that is known."""
    whole = max((found.to_ns - found.from_ns) / MINUTE_NS, 1.0)
    return max(observed(found.rows, found.from_ns, found.to_ns).values(), default=whole)


def percentile(counted: Mapping[int, float], share: float) -> int:
    """Answer a percentile of numbers that may be no whole ones, in ns."""
    total = sum(counted.values())
    seen = 0.0
    for bucket in sorted(counted):
        seen += counted[bucket]
        if seen >= total * share:
            return buckets.middle(bucket)
    return 0


def histogram(before: Mapping[int, float], after: Mapping[int, float]) -> list[Json]:
    """Answer both distributions by bucket; `low` is exclusive, `high` inclusive, both ns."""
    return [
        {
            "octave": buckets.octave_of(bucket),
            "bucket": bucket,
            "low": buckets.upper_bound(bucket - 1),
            "high": buckets.upper_bound(bucket),
            "before": round(before.get(bucket, 0), 2),
            "after": round(after.get(bucket, 0), 2),
        }
        for bucket in sorted({*before, *after})
    ]


def node(path: str, depth: int, one: Share | None, other: Share | None) -> Json:
    """Answer a node of both trees; a side that does not have it took no time there."""
    known = other or one
    assert known is not None
    return {
        "path": path,
        "parent": known.parent or None,
        "depth": depth,
        "category": known.category,
        "title": known.title,
        "description": known.description,
        "location": known.location or (one.location if one else ""),
        "before": measured(one),
        "after": measured(other),
    }


def measured(found: Share | None) -> Json | None:
    """Answer what a node takes of the mean request; None where it is not."""
    if found is None:
        return None
    return {
        "times": round(found.times, 4),
        "total": round(found.total_ns),
        "self": round(found.self_ns),
        "offset": round(found.offset_ns),
    }


def changes(nodes: Sequence[Json], waits: Sequence[float | None]) -> list[Json]:
    """Answer what changed by kind of work, what explains most of it first.

    A request's own times and its waiting make up how long it takes, so their changes make up its change.
    `share` is of everything that got slower, or of everything that got faster.
    """
    sums: dict[tuple[str, str, str], Json] = {}
    for each in nodes:
        kind = (each["category"], each["title"], each["description"])
        row = sums.setdefault(
            kind,
            {
                **{name: each[name] for name in ("category", "title", "description", "location")},
                **{name: {"self": 0, "times": 0.0} for name in ("before", "after")},
            },
        )
        row["location"] = row["location"] or each["location"]
        for name in ("before", "after"):
            if each[name]:
                row[name]["self"] += each[name]["self"]
                row[name]["times"] += each[name]["times"]
    rows = list(sums.values())
    if None not in waits:
        queue = [{"self": round(waited or 0), "times": 1.0} for waited in waits]
        empty = {"category": "queue", "title": "", "description": "", "location": ""}
        rows.append({**empty, "before": queue[0], "after": queue[1]})
    for row in rows:
        row["change"] = row["after"]["self"] - row["before"]["self"]
    rows = [row for row in rows if abs(row["change"]) >= ROUNDING_NS]
    for sign in (1, -1):
        whole = sum(row["change"] for row in rows if row["change"] * sign > 0)
        for row in rows:
            if row["change"] * sign > 0:
                row["share"] = row["change"] / whole
    rows.sort(key=lambda row: (-row["change"], row["title"]))
    return rows


def endpoints(before: Side, after: Side) -> list[Json]:
    """Answer a service's endpoints, what explains most of the change of its mean request first.

    `slower` is what an endpoint added to the mean by taking longer, `mix` by being asked more or less
    often than before, both in ns; over all endpoints they add up to the change.
    """
    sides = [{row[:3]: row for row in each.rows} for each in (before, after)]
    overall_ns = (before.mean_ns + after.mean_ns) / 2
    found: list[Json] = []
    for group in {**sides[0], **sides[1]}:
        one, other = (each.get(group) for each in sides)
        parts = [
            row.n / whole.n if row and whole.n else 0.0 for row, whole in ((one, before), (other, after))
        ]
        means = [row.sum_ns / row.n if row and row.n else None for row in (one, other)]
        # What was never asked on one side did not get slower: it came, or went.
        first, last = (
            mean if mean is not None else next(m for m in means if m is not None) for mean in means
        )
        slower_ns = sum(parts) / 2 * (last - first)
        mix_ns = (parts[1] - parts[0]) * ((first + last) / 2 - overall_ns)
        found.append(
            {
                "endpoint": group[1],
                "segment": group[2],
                "before": numbers(one),
                "after": numbers(other),
                "slower": round(slower_ns),
                "mix": round(mix_ns),
            }
        )
    found.sort(key=lambda row: (-(row["slower"] + row["mix"]), row["endpoint"], row["segment"]))
    return found


def numbers(row: Counts | None) -> Json | None:
    """Answer an endpoint's numbers on one side; None where it was not asked."""
    if row is None:
        return None
    ranks = {f"p{share}": percentile(row.buckets, share / 100) for share in (50, 95)}
    return {"count": row.n, "errors": row.errors, **ranks, "mean": row.sum_ns // max(row.n, 1)}
