"""Folding (background): a template rendered over and over in one place is one collection with a count."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.recording.nesting import Names, Spans

CATEGORY = "view.render.collection"
COUNT = "count"


def fold(spans: Spans, names: Names, skip: int) -> None:
    """Let the first of consecutive siblings of one template stand for all of them, in place.

    The others are marked to be left out, and what stands below them is put below the first, where it
    is folded likewise.

    Args:
        spans: in pre-order.
        names: tells which kinds are templates, and numbers those of collections.
        skip: the kind of a span that is to be left out.
    """
    kinds, parents, ends = spans.kinds, spans.parents, spans.ends
    templates = names.templates
    stand_in: dict[int, int] = {}
    latest: dict[int, int] = {}
    counts: dict[int, int] = {}
    for place in range(1, len(kinds)):
        kind = kinds[place]
        # A span that is left out anyway has its children counted with its siblings; a collection is none.
        if kind == skip:
            stand_in[place] = stand_in.get(parents[place], parents[place])
            continue
        above = parents[place] = stand_in.get(parents[place], parents[place])
        first = latest.get(above)
        if first is None or kinds[first] != kind or kind not in templates:
            latest[above] = place
            continue
        counts[first] = counts.get(first, 1) + 1
        ends[first] = max(ends[first], ends[place])
        stand_in[place] = parents[place] = first
        kinds[place] = skip
    for first, count in counts.items():
        kinds[first] = names.own(CATEGORY, templates[kinds[first]])
        spans.notes.append((first, {COUNT: count}))
