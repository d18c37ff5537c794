"""Merged traces of two times that can be told apart: from trees kept by the hour, or from kept traces.

Trees are kept by whole hours, so two times that share one cannot be told apart by them: then kept traces
are merged here, each standing for as many requests of its octave of duration as there were.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.event.trace import SPANS
from fanlight.query.answer import Limits
from fanlight.query.query import Query
from fanlight.server.shape import offset
from fanlight.stores.answers import merged
from fanlight.wire import buckets
from fanlight.wire.messages import QUEUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fanlight.event.event import Event
    from fanlight.stores import Store
    from fanlight.stores.answers import Group, Node

WAITED = ("queue.time", "queue.time.proxy")
"""Annotations that tell how long a request waited, the better one first."""
KIND = ("category", "title", "description")
PIECES = 4
"""Parts that a time is cut into, so that what is looked at comes from all of it."""
ROWS_MAX = 1_500
"""Kept requests of a part that are looked at without their spans, and"""
TOGETHER = 40
"""how many in a row of these are read with their spans, at the most,"""
RUNS = 3
"""that many times."""
COLUMNS = Query("| fields time, duration, failed, weight, whole").stages
"""What needs no spans to be read."""


class Share(NamedTuple):
    """A node of a merged tree, per request of the whole: how many spans, and their times in ns.

    Attributes:
        parent: its parent's path, "" for a root.
        times: spans in a request.
        total_ns: of these.
        self_ns: of that, what none of the children took.
        offset_ns: mean start, after the request's.
    """

    parent: str
    category: str
    title: str
    description: str
    location: str
    times: float
    total_ns: float
    self_ns: float
    offset_ns: float


class Merged(NamedTuple):
    """A time's requests merged into one.

    Attributes:
        nodes: by path.
        waited_ns: how long a request waited before it began, on average; None where nobody knows.
        read: kept requests that were merged; None where all of them are in the trees.
    """

    nodes: dict[str, Share]
    waited_ns: float | None
    read: int | None


class Row(NamedTuple):
    """A kept request without its spans."""

    start_ns: int
    duration_ns: int
    is_failed: bool
    weight: float
    is_whole: bool


def of_trees(
    store: Store, groups: Iterable[Group], from_ns: int, to_ns: int, environment: str | None = None
) -> Merged:
    """Answer what the trees of some groups add up to; hours that the time touches count in full."""
    sums: dict[int, Node] = {}
    for group in groups:
        for node in store.tree(group, from_ns, to_ns, None, environment):
            known = sums.get(node.path)
            sums[node.path] = node if known is None else merged(known, node)
    waits = [node for node in sums.values() if node.category == QUEUE]
    known_ns, told = sum(node.total_ns for node in waits), sum(node.traces for node in waits)
    nodes = {path: node for path, node in sums.items() if node.category != QUEUE}
    requests = max(sum(node.traces for node in nodes.values() if node.parent not in nodes), 1)
    shares = {
        f"{path:016x}": Share(
            f"{node.parent:016x}" if node.parent in nodes else "",
            *(node.category, node.title, node.description, node.location),
            *(node.n / requests, node.total_ns / requests, node.self_ns / requests, offset(node)),
        )
        for path, node in nodes.items()
    }
    return Merged(shares, known_ns / told if told else None, None)


def rows(
    store: Store, query: Query, from_ns: int, to_ns: int, until_s: float, most: int = ROWS_MAX
) -> list[list[Row]]:
    """Answer the kept requests that a query selects, by part of the time, oldest first, so many of each.

    Raises:
        QueryError: time is up.
    """
    step = max((to_ns - from_ns) // PIECES, 1)
    found = []
    for low in range(from_ns, to_ns, step):
        asked = query.within(low, min(low + step, to_ns) - 1)
        asked.stages = COLUMNS
        answer = store.answer(asked, Limits(most, until_s))
        found.append([row for row in map(row_of, answer) if row is not None])
    return found


def row_of(event: Event) -> Row | None:
    """Answer an event as a row; None for what is no request."""
    duration_ns, time = event.value("duration"), event.time
    if time is None or not isinstance(duration_ns, int) or event.value("weight") is None:
        return None
    return Row(
        time.ns,
        duration_ns,
        bool(event.value("failed")),
        float(event.value("weight")),
        bool(event.value("whole")),
    )


def runs(found: Sequence[Sequence[Row]], together: int = TOGETHER, many: int = RUNS) -> list[tuple[int, int]]:
    """Answer times, first and last ns, in which together few enough whole requests began.

    Args:
        found: what `rows` answered.
        together: whole requests in a row, at the most,
        many: that many times in each part.
    """
    chosen: list[tuple[int, int]] = []
    for part in found:
        starts = [row.start_ns for row in part if row.is_whole]
        if not starts:
            continue
        if len(starts) <= many * together:
            chosen.append((starts[0], starts[-1]))
            continue
        for nth in range(many):
            first = nth * (len(starts) - together) // max(many - 1, 1)
            last = starts[first + together - 1]
            # One after another, also where many began at the same moment.
            low = max(starts[first], chosen[-1][1] + 1) if chosen else starts[first]
            if low <= last:
                chosen.append((low, last))
    return chosen


def of_kept(
    store: Store, query: Query, found: Sequence[Sequence[Row]], exact: Mapping[int, float], until_s: float
) -> Merged:
    """Answer what kept traces add up to.

    Args:
        store: is asked.
        query: selects them.
        found: what `rows` answered.
        exact: requests by octave of duration, as many as there were.
        until_s: when it has to be done, by the monotonic clock.

    Raises:
        QueryError: time is up.
    """
    by_octave: dict[int, list[Event]] = {}
    limits = Limits(None, until_s)
    for low, high in runs(found):
        limits.check()
        for event in store.events(query.within(low, high)):
            if event.value(SPANS):
                by_octave.setdefault(buckets.octave(event.value("duration")), []).append(event)
    adding = Adding()
    for octave, events in by_octave.items():
        each = exact.get(octave, 0) / len(events)
        for event in events:
            adding.add(event, each)
    return adding.merged(sum(map(len, by_octave.values())))


class Adding:
    """A merged trace as it grows."""

    def __init__(self) -> None:
        self.kinds: dict[str, tuple[str, str, str, str]] = {}
        self.places: dict[str, str] = {}
        self.sums: dict[str, list[float]] = {}
        self.requests = self.waited_ns = self.told = 0.0

    def add(self, event: Event, weight: float) -> None:
        """Add a trace that stands for `weight` requests."""
        self.requests += weight
        waited = next((event.value(name) for name in WAITED if event.value(name) is not None), None)
        if isinstance(waited, int | float):
            self.waited_ns += waited * weight
            self.told += weight
        spans = [(each, each.value("start"), each.value("duration")) for each in event.value(SPANS)]
        inner: list[list[tuple[int, int]]] = [[] for _ in spans]
        paths: list[str] = []
        for place, (span, start_ns, length_ns) in enumerate(spans):
            above = span.value("parent")
            is_inside = isinstance(above, int) and above < place
            if is_inside:
                inner[above].append((start_ns, start_ns + length_ns))
            parent = paths[above] if is_inside else ""
            paths.append(self.path(parent, span, place))
        for place, (_, start_ns, length_ns) in enumerate(spans):
            own_ns = length_ns - covered(start_ns, start_ns + length_ns, inner[place])
            sums = self.sums.setdefault(paths[place], [0.0, 0.0, 0.0, 0.0])
            for nth, value in enumerate((1, length_ns, own_ns, start_ns)):
                sums[nth] += value * weight

    def path(self, parent: str, span: Event, place: int) -> str:
        """Answer the name of the place of a span's kind below a parent."""
        category, title, description = (str(span.value(name) or "") for name in KIND)
        kind = (category, title, description)
        path = blake2b(repr((parent, kind)).encode(), digest_size=8).hexdigest()
        if path not in self.kinds:
            self.kinds[path] = (parent, *kind)
        location = span.value("location")
        if place and location and path not in self.places:
            self.places[path] = str(location)
        return path

    def merged(self, read: int) -> Merged:
        """Answer what was added."""
        requests = self.requests or 1.0
        nodes = {
            path: Share(
                *(*self.kinds[path], self.places.get(path, "")),
                *(count / requests, total / requests, own / requests, start / count),
            )
            for path, (count, total, own, start) in self.sums.items()
            if count
        }
        return Merged(nodes, self.waited_ns / self.told if self.told else None, read)


def covered(low: int, high: int, taken: Sequence[tuple[int, int]]) -> int:
    """Answer how much of a time some others cover, overlapping or not, in ns."""
    length, reached = 0, low
    for first, last in sorted(taken):
        begin, end = max(first, reached), min(last, high)
        if end > begin:
            length += end - begin
            reached = end
    return length


def weighed(found: Iterable[Iterable[Row]]) -> tuple[dict[int, float], float, float]:
    """Answer requests by bucket as the weights of kept ones tell, how many failed, and what all took."""
    by_bucket: dict[int, float] = {}
    failed = sum_ns = 0.0
    for row in (row for part in found for row in part):
        bucket = buckets.bucket(row.duration_ns)
        by_bucket[bucket] = by_bucket.get(bucket, 0.0) + row.weight
        failed += row.weight if row.is_failed else 0.0
        sum_ns += row.weight * row.duration_ns
    return by_bucket, failed, sum_ns


def ordered(one: Mapping[str, Share], other: Mapping[str, Share]) -> list[tuple[str, int]]:
    """Answer the paths of two trees in pre-order with their depths, siblings by where they start."""
    known: dict[str, Any] = {**one, **other}
    children: dict[str, list[str]] = {}
    for path, node in known.items():
        children.setdefault(node.parent if node.parent in known else "", []).append(path)
    for siblings in children.values():
        siblings.sort(key=lambda path: (known[path].category == "noise.gc", known[path].offset_ns, path))
    told: list[tuple[str, int]] = []
    waiting = [(path, 0) for path in reversed(children.get("", []))]
    while waiting:
        path, depth = waiting.pop()
        told.append((path, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(path, []))]
    return told
