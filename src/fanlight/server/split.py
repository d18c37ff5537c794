"""Where the time of requests went: queue, application, SQL, HTTP, cache, template, GC, other.

Own times by category make up the duration, what was waited comes before it. Concurrent spans have more
own time than the request lasted: then each part stands for its share of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.wire.messages import QUEUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fanlight.stores.answers import Node, Times

    Json = dict[str, Any]

PARTS = ("queue", "application", "sql", "http", "cache", "template", "gc", "other")
TIERS = {
    "app": "application",
    "job": "application",
    "db": "sql",
    "api": "http",
    "cache": "cache",
    "view": "template",
}
"""First part of a category to the part that its own time counts to; any other is `other`."""
COLLECTION = "noise.gc"
TIME, PROXY = "queue.time", "queue.time.proxy"


def part(category: str) -> str:
    """Answer which part a category's own time counts to."""
    return "gc" if category == COLLECTION else TIERS.get(category.partition(".")[0], "other")


def split(owns: Iterable[tuple[str, int]], duration_ns: int, waited_ns: int | None) -> list[Json]:
    """Answer the parts in their order: ns that add up to waiting and duration, shares to 1.

    Args:
        owns: category and own time in ns, as often as it comes.
        duration_ns: of the request, or the mean of some.
        waited_ns: before it; None when that is unknown, and then it is no part.
    """
    sums = dict.fromkeys(PARTS[1:], 0)
    for category, own_ns in owns:
        sums[part(category)] += max(own_ns, 0)
    times = dict(zip(sums, apportioned(list(sums.values()), duration_ns), strict=True))
    if waited_ns is not None:
        times = {PARTS[0]: waited_ns, **times}
    whole_ns = sum(times.values())
    return [
        {"part": name, "time": time_ns, "share": time_ns / whole_ns if whole_ns else 0.0}
        for name, time_ns in times.items()
    ]


def apportioned(amounts: Sequence[int], whole: int) -> list[int]:
    """Answer whole numbers in the proportion of some amounts that add up to exactly `whole`."""
    total = sum(amounts)
    if not total:
        # Nothing is known of where it went.
        return [*([0] * (len(amounts) - 1)), whole]
    found = [amount * whole // total for amount in amounts]
    rests = [amount * whole % total for amount in amounts]
    for place in sorted(range(len(amounts)), key=lambda place: -rests[place])[: whole - sum(found)]:
        found[place] += 1
    return found


def of_trace(spans: Sequence[Mapping[str, Any]], duration_ns: int) -> Json:
    """Answer what a trace says of it: `queue` with what is known of the waiting, and `split`.

    Args:
        spans: of the trace as told, with their own times; none when they were not kept.
        duration_ns: of the trace.
    """
    notes = spans[0]["annotations"] if spans else {}
    known = {
        name: value
        for name, key in (("time", TIME), ("proxy", PROXY))
        if (value := notes.get(key)).__class__ is int and value >= 0
    }
    waited_ns = known.get("time", known.get("proxy"))
    owns = ((span["category"], span["self"]) for span in spans)
    return {"queue": known, "split": split(owns, duration_ns, waited_ns) if spans else []}


def of_tree(nodes: Sequence[Node]) -> list[Json]:
    """Answer the mean request of a merged tree, nothing when there is none."""
    rows = [(node.category, not node.parent, node.traces, node.total_ns, node.self_ns) for node in nodes]
    return mean(rows)


def by_octave(rows: Iterable[Times]) -> dict[int, dict[str, float]]:
    """Answer the shares of the mean request of each octave of duration."""
    octaves: dict[int, list[tuple[str, bool, int, int, int]]] = {}
    for row in rows:
        octaves.setdefault(row.octave, []).append(row[1:])
    return {
        octave: {each["part"]: round(each["share"], 4) for each in mean(told)}
        for octave, told in octaves.items()
    }


def mean(rows: Sequence[tuple[str, bool, int, int, int]]) -> list[Json]:
    """Answer the mean request of rows of (category, is a root, traces, total ns, own ns)."""
    requests = sum(traces for _, is_root, traces, _, _ in rows if is_root)
    if not requests:
        return []
    duration_ns = sum(total_ns for _, is_root, _, total_ns, _ in rows if is_root) // requests
    owns = [(category, own_ns) for category, _, _, _, own_ns in rows if category != QUEUE]
    waits = [(traces, total_ns) for category, _, traces, total_ns, _ in rows if category == QUEUE]
    known = sum(traces for traces, _ in waits)
    return split(owns, duration_ns, sum(total_ns for _, total_ns in waits) // known if known else None)
