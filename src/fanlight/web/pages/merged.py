"""The merged trace of an endpoint: all requests as one, drawn to the scale of the mean one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.web import charts, wording
from fanlight.web.pages.frame import span_name, tier
from fanlight.web.statements import NOTHING, Statement, statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.web.parameters import Asked

SMALL = 0.01
"""Leaves under this share of the request are left out until asked for."""

MANY = 40
"""Trees up to this size are shown whole: nothing is gained by hiding three rows of twelve."""

DEEPEST = 12
"""Indentation stops here; deeper rows say their level to screen readers only."""
NEARLY = 1.01
"""A tree of so many times the requests that were asked for is as good as theirs."""


class Node(NamedTuple):
    """A row of the merged trace."""

    title: str
    sent: Statement
    category: str
    tier: str
    indent: int
    level: int
    times: str
    total: str
    own: str
    share: str
    some: str
    location: str
    x: float
    width: float
    own_width: float
    repeated: bool
    among: str


def condensed(tree: Sequence[dict[str, Any]], asked: Asked) -> tuple[list[dict[str, Any]], int]:
    """Answer the nodes to show, and how many small leaves were left out."""
    wanted = asked.get("leaves") or ("main" if len(tree) > MANY else "all")
    kept = list(tree) if wanted == "all" else main_parts(tree)
    return kept, len(tree) - len(kept)


def main_parts(tree: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answer the nodes without small leaves."""
    # From the last to the first, so that a node is judged after all of its children.
    kept_parents: set[Any] = set()
    kept = []
    for node in reversed(tree):
        if node["share"] >= SMALL or node["path"] in kept_parents or node["depth"] == 0:
            kept_parents.add(node["parent"])
            kept.append(node)
    kept.reverse()
    return kept


def wider(found: Mapping[str, Any], octaves: Sequence[int] | None) -> dict[str, Any] | None:
    """Answer of which whole hours a merged trace is, None where these hold no other requests.

    Args:
        found: an endpoint as the server tells it.
        octaves: the chosen durations, None for all.
    """
    hours = found["hours"]
    counted = [row["count"] for row in found["histogram"] if octaves is None or row["octave"] in octaves]
    merged = hours["requests" if octaves is None else "chosen"]
    if merged <= sum(counted) * NEARLY:
        return None
    return {"requests": wording.plural(merged, "request"), "from": hours["from"], "to": hours["to"]}


def nodes(
    shown: Sequence[Mapping[str, Any]], tree: Sequence[Mapping[str, Any]], waited_ns: int = 0
) -> list[Node]:
    """Answer the rows of the merged trace, drawn to the scale of the mean request.

    Args:
        shown: the nodes that are told,
        tree: of all that there are.
        waited_ns: before the mean request began.
    """
    if not tree:
        return []
    requests, whole = slice_of(tree)
    starts = begins(tree)
    scale = reach(tree) + waited_ns
    rows = [row(node, (waited_ns + starts[node["path"]]) / scale, requests, whole, scale) for node in shown]
    return [waiting(waited_ns, scale), *rows] if waited_ns else rows


def reach(tree: Sequence[Mapping[str, Any]]) -> float:
    """Answer how many ns of the mean request are drawn."""
    _, whole = slice_of(tree)
    starts = begins(tree)
    # Children that outlive their root would be pushed off the grid.
    longest: float = max(starts[node["path"]] + node["share"] * whole for node in tree)
    return min(max(longest, whole), 1.25 * whole)


def axis(tree: Sequence[Mapping[str, Any]], waited_ns: int) -> list[charts.Mark]:
    """Answer the marks of the merged trace's time axis, which begins where the request does."""
    return charts.axis(waited_ns, reach(tree)) if tree else []


def waiting(waited_ns: int, scale: float) -> Node:
    """Answer the row of what the mean request waited before it began, which is no part of it."""
    width = round(max(waited_ns / scale * 1000, 2), 1)
    told = wording.duration(waited_ns)
    texts = {"times": "", "total": told, "own": told, "share": "", "some": "before it began", "location": ""}
    return Node(
        title="Waiting for a worker",
        sent=NOTHING,
        category="queue",
        tier="queue",
        indent=0,
        level=1,
        x=0,
        width=width,
        own_width=width,
        repeated=False,
        among="",
        **texts,
    )


def begins(tree: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Answer by path where each node's bar begins, in ns after the request did.

    A node that repeats has one bar for all its spans, while its offset is the mean of their starts:
    the bar begins half of what the others last before that, which is exact for spans that follow each
    other closely, and never before its parent's.
    """
    found: dict[str, float] = {}
    for node in tree:
        others = node["mean"] - node["total"] / max(node["count"], 1)
        first = node["offset"] - max(others, 0.0) / 2
        found[node["path"]] = max(first, found.get(node["parent"], 0.0))
    return found


def slice_of(tree: Sequence[Mapping[str, Any]]) -> tuple[int, float]:
    """Answer how many requests a merged tree stands for, and their mean duration in ns.

    There can be several roots: HEAD counts under its route, and is a root of its own.
    """
    roots = [node for node in tree if node["depth"] == 0]
    requests = max(sum(root["traces"] for root in roots), 1)
    return requests, max(sum(root["total"] for root in roots) / requests, 1.0)


def row(node: Mapping[str, Any], begin: float, requests: int, whole: float, scale: float) -> Node:
    """Answer one node, its bar beginning at a share of the grid; its times are means over all requests."""
    mean = node["share"] * whole
    own_share = node["self"] / node["total"] if node["total"] else 0
    x = min(begin * 1000, 996)
    width = max(min(mean / scale * 1000, 1000 - x), 2)
    part = node["traces"] / requests
    return Node(
        title=span_name(node["category"], node["title"]),
        sent=statement(node["description"], node["category"]),
        category=node["category"],
        tier=tier(node["category"]),
        indent=min(node["depth"], DEEPEST),
        level=node["depth"] + 1,
        times=f"{wording.TIMES}{wording.short(node['per_request'])}" if node["per_request"] >= 1.05 else "",
        total=wording.duration(mean),
        own=wording.duration(mean * own_share),
        share=wording.share(node["share"]),
        some=f"in {wording.share(part)} of requests" if part < 0.995 else "",
        location=node["location"],
        x=round(x, 1),
        width=round(width, 1),
        own_width=round(width * own_share, 1),
        repeated=node["repeats_max"] >= 5,
        among=among(node.get("percentile")),
    )


def among(percentile: float | None) -> str:
    """Answer in words where a part stands among its kind, "" where that is unknown or in the middle."""
    if percentile is None or 0.4 < percentile < 0.6:
        return ""
    slower = percentile > 0.5
    share = wording.rank(percentile if slower else 1 - percentile)
    return f"{'slower' if slower else 'quicker'} than {share} of its kind"
