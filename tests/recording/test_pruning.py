"""A large trace loses depth, never its totals."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fanlight.recording.nesting import Spans, order
from fanlight.recording.pruning import CUT, LIMIT, prune, union_ns

MARKER = 7


def build(parents: list[int]) -> Spans:
    """Spans in pre-order, each a tick inside its parent."""
    spans = Spans()
    for place, parent in enumerate(parents):
        spans.add(0, parent, place, 100_000 - place)
    return spans


@st.composite
def shapes(draw: Any) -> list[int]:
    parents = [-1]
    path = [0]
    for place in range(1, draw(st.integers(1, 120))):
        up = draw(st.integers(0, 3))
        path = path[: max(1, len(path) - up)]
        parents.append(path[-1])
        path.append(place)
    return parents


@given(shapes(), st.integers(2, 60))
def test_what_stays_and_what_the_markers_say_add_up(parents, limit):
    spans = build(parents)
    if len(parents) <= limit:
        return
    prune(spans, MARKER, limit)
    order(spans)
    markers = [place for place, kind in enumerate(spans.kinds) if kind == MARKER]
    assert CUT not in spans.kinds
    assert len(spans.kinds) <= limit
    assert spans.pruned
    said = dict(spans.notes)
    assert sum(said[place]["spans"] for place in markers) == spans.lost
    assert len(spans.kinds) - len(markers) + spans.lost == len(parents)
    assert all(parent < place for place, parent in enumerate(spans.parents))
    for place in markers:
        # A marker takes the room of what it stands for: the parent's self time stays exact.
        assert spans.ends[place] <= spans.ends[spans.parents[place]]


def test_2049_spans_lose_one_level():
    parents = [-1, 0, *([1] * 1000), *range(2, 2 + 1000), *([0] * 47)]
    assert len(parents) == LIMIT + 1
    spans = build(parents)
    prune(spans, MARKER)
    order(spans)
    assert spans.lost + len(spans.kinds) - spans.kinds.count(MARKER) == LIMIT + 1


def test_a_flat_trace_keeps_its_earliest_spans_so_that_a_repeat_is_still_seen():
    spans = Spans()
    spans.add(0, -1, 0, 1_000_000)
    for number in range(5000):
        spans.add(1, 0, 100 + number * 10, 105 + number * 10)
    prune(spans, MARKER)
    order(spans)
    assert len(spans.kinds) == LIMIT
    assert spans.kinds[1:-1] == [1] * (LIMIT - 2)
    assert spans.kinds[-1] == MARKER
    (said,) = [notes for owner, notes in spans.notes if owner == LIMIT - 1]
    assert said == {"spans": 5000 - (LIMIT - 2), "total": 5 * (5000 - (LIMIT - 2))}
    assert spans.ends[-1] - spans.starts[-1] == said["total"]


def test_annotations_of_cut_spans_go_and_of_the_others_stay():
    spans = build([-1, 0, 1, 2, 3])
    spans.notes = [(1, {"kept": 1}), (4, {"cut": 1})]
    prune(spans, MARKER, 3)
    order(spans)
    assert (1, {"kept": 1}) in spans.notes
    assert not any("cut" in notes for _, notes in spans.notes)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1))
def test_a_union_counts_each_moment_once(drawn):
    intervals = sorted((start, start + width) for start, width in drawn)
    assert union_ns(intervals) == len({moment for start, end in intervals for moment in range(start, end)})
