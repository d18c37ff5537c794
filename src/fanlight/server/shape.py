"""Trees in the order in which they are read: merged nodes, and the spans of one trace."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from fanlight.wire.messages import QUEUE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from fanlight.event.trace import Span
    from fanlight.stores.answers import Node, Times

    Json = dict[str, Any]

HOUR_NS = 3_600_000_000_000
COLLECTION = "noise.gc"
"""Its pauses are spread over the whole trace, so it stands last among its siblings."""


def tree(nodes: Sequence[Node]) -> list[Json]:
    """Answer a merged tree in pre-order, siblings by their mean offset, `noise.gc` last.

    `count` spans in `traces` requests; `per_request` spans per request of the slice; `total` and
    `self` are sums, `mean` is the total per request that has the node, `offset` the mean start,
    `share` the total's share of the roots'. All times ns.
    """
    # How long requests waited is told beside the tree, being no part of it.
    nodes = [node for node in nodes if node.category != QUEUE]
    known = {node.path for node in nodes}
    children: dict[int, list[Node]] = {}
    for node in nodes:
        # A node whose parent is not there, because its hour was dropped, stands as a root.
        above = node.parent if node.parent in known and node.parent != node.path else 0
        children.setdefault(above, []).append(node)
    for siblings in children.values():
        siblings.sort(key=lambda node: (node.category == COLLECTION, offset(node), node.path))
    roots = children.get(0, [])
    requests = max(sum(root.traces for root in roots), 1)
    whole_ns = max(sum(root.total_ns for root in roots), 1)
    told = []
    waiting = [(root, 0) for root in reversed(roots)]
    while waiting:
        node, depth = waiting.pop()
        told.append(row(node, depth, requests, whole_ns))
        waiting += [(child, depth + 1) for child in reversed(children.get(node.path, []))]
    return told


def hours(rows: Iterable[Times], from_ns: int, to_ns: int, octaves: Collection[int] | None) -> dict[str, int]:
    """Answer the time that merged trees are of, whole hours in ns, and how many requests are in them.

    Args:
        rows: own times of a range's trees.
        from_ns: the range's begin.
        to_ns: its end, not part of it.
        octaves: the chosen durations, which `chosen` tells of; None for all.
    """
    roots = [(row.octave, row.traces) for row in rows if row.is_root]
    return {
        "from": from_ns // HOUR_NS * HOUR_NS,
        "to": -(-to_ns // HOUR_NS) * HOUR_NS,
        "requests": sum(traces for _, traces in roots),
        "chosen": sum(traces for octave, traces in roots if octaves is None or octave in octaves),
    }


def offset(node: Node) -> int:
    """Answer the mean start of a node's spans, in ns after their trace's."""
    return node.offset_ns // max(node.n, 1)


def row(node: Node, depth: int, requests: int, whole_ns: int) -> Json:
    """Answer one node; its path is text because JSON's readers round integers of 64 bits."""
    return {
        "path": f"{node.path:016x}",
        "parent": f"{node.parent:016x}" if node.parent else None,
        "depth": depth,
        "category": node.category,
        "title": node.title,
        "description": node.description,
        "count": node.n,
        "traces": node.traces,
        "per_request": node.n / requests,
        "offset": offset(node),
        "total": node.total_ns,
        "self": node.self_ns,
        "mean": node.total_ns // max(node.traces, 1),
        "share": node.total_ns / whole_ns,
        "repeats_max": node.repeat_max,
        "location": node.location,
    }


def spans(rows: Sequence[Span]) -> list[Json]:
    """Answer a trace's spans in pre-order; `self` is the duration minus the union of the children's."""
    depths: list[int] = []
    covered: list[list[tuple[int, int]]] = [[] for _ in rows]
    for place, span in enumerate(rows):
        above = span.parent
        inside = above is not None and above < place
        depths.append(depths[above] + 1 if inside and above is not None else 0)
        if inside and above is not None:
            covered[above].append((span.start_ns, span.start_ns + span.duration_ns))
    return [
        {
            "index": place,
            "parent": span.parent,
            "depth": depths[place],
            "category": span.category,
            "title": span.title,
            "description": span.description,
            "start": span.start_ns,
            "duration": span.duration_ns,
            "self": own_ns(span, covered[place]),
            "annotations": {key: spoken(value) for key, value in span.notes},
        }
        for place, span in enumerate(rows)
    ]


def spoken(value: float | str) -> int | float | str:
    """Answer an annotation as JSON can say it, which has no word for infinity."""
    return value if isinstance(value, str | int) or isfinite(value) else str(value)


def own_ns(span: Span, children: list[tuple[int, int]]) -> int:
    """Answer how long none of a span's children ran, in ns; children may overlap and outlive it."""
    end = span.start_ns + span.duration_ns
    own, reached = span.duration_ns, span.start_ns
    for first, last in sorted(children):
        low, high = max(first, reached), min(last, end)
        if high > low:
            own -= high - low
            reached = high
    return own
