"""Pruning (background): a trace of very many spans keeps its upper levels, and says what it lost."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.recording.nesting import Spans

LIMIT = 2_048
"""Spans of one trace that travel."""
CUT = -2
"""The kind of a span that goes, with all that is below it."""


def prune(spans: Spans, marker: int, limit: int = LIMIT) -> None:
    """Cut the deeper levels off, in place, so that `limit` spans are left: then order them.

    Whole levels stay while they fit, then the earliest spans of the next. Where children were cut,
    one span stands for them: as long as they took together, with how many spans there were below
    (`spans`) and the sum of the cut children's durations (`total`, ns).

    Args:
        spans: in pre-order.
        marker: the kind of that span.
        limit: how many may stay, markers included; there are more.
    """
    count = len(spans.kinds)
    keep = kept(spans.parents, spans.starts, limit)
    cut: dict[int, list[int]] = {}
    below = [1] * count
    for place in range(count - 1, 0, -1):
        parent = spans.parents[place]
        below[parent] += below[place]
        if not keep[place]:
            spans.kinds[place] = CUT
            if keep[parent]:
                cut.setdefault(parent, []).append(place)
    for parent, children in cut.items():
        intervals = sorted((spans.starts[place], spans.ends[place]) for place in children)
        start_ns = intervals[0][0]
        place = spans.add(marker, parent, start_ns, start_ns + union_ns(intervals))
        lost = sum(below[child] for child in children)
        total_ns = sum(end - start for start, end in intervals)
        spans.notes.append((place, {"spans": lost, "total": total_ns}))
        spans.lost += lost
    spans.pruned = True


def kept(parents: list[int], starts: list[int], limit: int) -> list[bool]:
    """Answer which spans stay, with room for a marker under each that loses children."""
    depths = [0] * len(parents)
    children = [0] * len(parents)
    for place in range(1, len(parents)):
        depths[place] = depths[parents[place]] + 1
        children[parents[place]] += 1
    levels: list[list[int]] = [[] for _ in range(max(depths) + 1)]
    for place, depth in enumerate(depths):
        levels[depth].append(place)
    keep = [False] * len(parents)
    # A level costs its spans and a marker for each that has children; the next level, when it
    # fits too, gives the markers of this one back.
    spent = owed = 0
    for level in levels:
        markers = sum(1 for place in level if children[place])
        if spent + len(level) + markers > limit:
            room = limit - spent - owed
            for place in sorted(level, key=starts.__getitem__):
                room -= 2 if children[place] else 1
                if room < 0:
                    break
                keep[place] = True
            break
        for place in level:
            keep[place] = True
        spent += len(level)
        owed = markers
    return keep


def union_ns(intervals: list[tuple[int, int]]) -> int:
    """Answer how much time intervals, sorted by start, cover together."""
    total = 0
    until = intervals[0][0]
    for start, end in intervals:
        total += max(0, end - max(start, until))
        until = max(until, end)
    return total
