"""Laws of nesting, and what is made of events that do not match."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.recording.nesting import nest
from fanlight.recording.pauses import Seen
from fanlight.recording.recorder import Trace, fresh_trace

END = 1_000_000


def finished(*lanes: tuple[list[Any], int, int], start: int = 0, end: int = END) -> Trace:
    trace = fresh_trace("app.job", "root", "root", start)
    trace.end_ns = end
    trace.records = list(lanes)
    return trace


def block(start: int, title: str, *inside: Any, end: int) -> list[Any]:
    """Answer the events of a block and of what is inside it."""
    return [(start, "app.block", title), *(event for events in inside for event in events), end]


@st.composite
def trees(draw: Any, depth: int = 4) -> list[Any]:
    """Events of properly nested blocks, handles and leaves, with times that never go back."""
    events: list[Any] = []
    clock = 0
    handles = 0
    budget = draw(st.integers(0, 60))

    def tick() -> int:
        nonlocal clock
        clock += draw(st.integers(0, 50))
        return clock

    def fill(level: int) -> None:
        nonlocal budget, handles
        while budget > 0 and draw(st.booleans()):
            budget -= 1
            kind = draw(st.sampled_from(["block", "handle", "leaf"])) if level < depth else "leaf"
            start = tick()
            if kind == "leaf":
                events.append((start, tick(), "db.sql.query", "q", ""))
            elif kind == "block":
                events.append((start, "app.block", "b"))
                fill(level + 1)
                events.append(tick())
            else:
                handle = len(events)
                events.append((start, "app.handle", "h", None, handle, None))
                fill(level + 1)
                events.append((handle, tick()))

    fill(0)
    return events


def self_times(spans: Any) -> list[int]:
    """Answer each span's own interval less the union of its children's."""
    times = []
    for place in range(len(spans.kinds)):
        inside = sorted(
            (spans.starts[child], spans.ends[child])
            for child, parent in enumerate(spans.parents)
            if parent == place
        )
        covered, until = 0, spans.starts[place]
        for start, end in inside:
            covered += max(0, end - max(start, until))
            until = max(until, end)
        times.append(spans.ends[place] - spans.starts[place] - covered)
    return times


class Same:
    blocks: dict[tuple[str, str], int]

    def __init__(self) -> None:
        self.blocks = {}
        self.memo: dict[Any, Any] = {}
        self.templates: dict[int, str] = {}

    def block(self, *_: Any) -> int:
        return 0

    def named(self, *_: Any) -> tuple[int, None]:
        return 0, None

    def own(self, *_: Any) -> int:
        return 0


def nested(trace: Trace, pauses: list[tuple[int, int]] | None = None) -> Any:
    return nest(trace, Same(), Seen(pauses or []))


@given(trees())
def test_spans_stand_in_pre_order_inside_their_parents(events):
    spans = nested(finished((events, -1, 0)))
    assert spans.parents[0] == -1
    path = []
    for place, parent in enumerate(spans.parents):
        if place:
            # Pre-order: the parent is the span before, or one above that.
            while path[-1] != parent:
                path.pop()
            assert spans.starts[parent] <= spans.starts[place] <= spans.ends[place] <= spans.ends[parent]
        path.append(place)


@given(trees())
def test_self_times_of_one_lane_add_up_to_the_root(events):
    spans = nested(finished((events, -1, 0)))
    times = self_times(spans)
    assert min(times) >= 0
    assert sum(times) == END


@given(trees(), st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 300)), max_size=5))
def test_pauses_are_taken_out_and_stand_at_the_end(events, drawn):
    pauses, until = [], 0
    for gap, width in drawn:
        pauses.append((until + gap, until + gap + width))
        until += gap + width
    plain = nested(finished((events, -1, 0)))
    spans = nested(finished((events, -1, 0)), pauses)
    total = sum(width for _, width in drawn)
    if not pauses:
        assert spans.starts == plain.starts
        return
    assert (spans.starts[-1], spans.ends[-1], spans.parents[-1]) == (END - total, END, 0)
    assert sum(self_times(spans)) == END
    for place in range(1, len(plain.kinds)):
        start, end = plain.starts[place], plain.ends[place]
        inside = sum(max(0, min(end, e) - max(start, s)) for s, e in pauses)
        assert spans.ends[place] - spans.starts[place] == end - start - inside
        assert spans.starts[spans.parents[place]] <= spans.starts[place]


@given(trees(), trees(), st.integers(0, 60))
def test_a_lane_that_branches_off_hangs_on_the_span_that_was_open_there(first, second, at):
    at = min(at, len(first))
    spans = nested(finished((first, -1, 0), (second, 0, at)))
    assert len(spans.kinds) == 1 + sum(type(e) is tuple and len(e) > 2 for e in [*first, *second])
    assert all(parent < place for place, parent in enumerate(spans.parents))
    assert spans.parents.count(-1) == 1


@st.composite
def disorder(draw: Any) -> list[Any]:
    """Events in any order, as lost and late closes make them; only a leaf's times may go back."""
    events: list[Any] = []
    clock = 0
    for kind in draw(
        st.lists(st.sampled_from(["end", "stop", "block", "handle", "leaf", "note"]), max_size=60)
    ):
        clock += draw(st.integers(0, 50))
        if kind == "end":
            events.append(clock)
        elif kind == "stop":
            events.append((draw(st.integers(-5, 60)), clock))
        elif kind == "block":
            events.append((clock, "app.block", "b"))
        elif kind == "handle":
            events.append((clock, "app.x", None, None, len(events), None))
        elif kind == "leaf":
            events.append((draw(st.integers(-9, 2 * END)), draw(st.integers(-9, 2 * END)), "q", "q", ""))
        else:
            events.append({"a": 1})
    return events


@given(disorder())
def test_whatever_the_events_are_the_spans_are_a_tree_within_the_root(events):
    spans = nested(finished((events, -1, 0)))
    assert len(spans.kinds) == 1 + sum(type(e) is tuple and len(e) > 2 for e in events)
    for place, parent in enumerate(spans.parents):
        assert parent < place
        assert 0 <= spans.starts[place] <= spans.ends[place] <= END
    assert all(0 <= owner < len(spans.kinds) for owner, _ in spans.notes)


@given(disorder(), st.integers(0, 1500))
def test_what_happens_after_the_end_is_cut_off_there(events, end):
    spans = nested(finished((events, -1, 0), end=end))
    assert all(0 <= start <= until <= end for start, until in zip(spans.starts, spans.ends, strict=True))


def test_the_reference_case_of_depth_and_time(reading):
    events = block(10, "a", block(11, "b", block(12, "c", end=14), end=17), end=19)
    read = reading(finished((events, -1, 0), start=10, end=20))
    assert read.shape() == ("root", [("a", [("b", ["c"])])])
    assert [read.interval(title) for title in "abc"] == [(10, 19), (11, 17), (12, 14)]


def test_a_skipped_span_gives_its_children_to_its_parent(reading):
    inner = block(13, "c", [(13, 14, "db.sql.query", "sql", "")], end=16)
    events = block(10, "a", [(11, "-no", None, None, 1, None)], inner, [(1, 17)], end=19)
    read = reading(finished((events, -1, 0)))
    assert read.shape() == ("root", [("a", [("c", ["sql"])])])


def test_skips_at_the_top_below_and_beside_leave_the_others(reading):
    events = [
        *block(1, "a", end=2),
        (3, 4, "-leaf", None, ""),
        *[(5, "-x", "bad"), {"lost": 1}, *block(6, "b", end=7), 8],
        *block(9, "c", end=10),
    ]
    read = reading(finished((events, -1, 0)))
    assert read.shape() == ("root", ["a", "b", "c"])
    assert read.spans.notes == []


def test_a_handle_that_was_never_closed_ends_with_what_encloses_it(reading):
    events = block(10, "a", [(11, "app.lost", None, None, 1, None)], block(12, "b", end=13), end=15)
    read = reading(finished(([*events, *block(16, "c", end=17)], -1, 0)))
    assert read.shape() == ("root", [("a", [("app.lost", ["b"])]), "c"])
    assert read.interval("app.lost") == (11, 15)


def test_a_handle_closed_out_of_order_ends_only_itself(reading):
    events = [
        (1, "app.one", None, None, 0, None),
        (2, "app.block", "b"),
        (0, 3),
        *block(4, "inside b", end=5),
        6,
        *block(7, "after", end=8),
    ]
    read = reading(finished((events, -1, 0)))
    assert read.shape() == ("root", [("app.one", [("b", ["inside b"])]), "after"])
    assert read.interval("app.one") == (1, 3)
    assert read.interval("b") == (2, 6)


def test_a_late_close_moves_the_end_that_was_assumed(reading):
    events = block(1, "a", [(2, "app.late", None, None, 1, None)], end=5)
    read = reading(finished(([*events, *block(6, "b", end=7), (1, 9)], -1, 0)))
    assert read.shape() == ("root", [("a", ["app.late"]), "b"])
    assert read.interval("app.late") == (2, 9)


def test_a_drivers_leaf_under_another_drivers_stands_inside_it(reading):
    events = [
        (2, 3, "db.sql.query", "before", ""),
        *block(10, "inner block", end=12),
        (13, 20, "db.sql.query", "inner", ""),
        (9, 21, "db.sql.query", "outer", ""),
        (22, 23, "db.sql.query", "after", ""),
    ]
    read = reading(finished((events, -1, 0)))
    assert read.shape() == ("root", ["before", ("outer", ["inner block", "inner"]), "after"])


def test_annotations_stand_at_the_innermost_open_span(reading):
    events: list[Any] = [
        {"on": "root"},
        *block(1, "a", [{"x": 1}], block(2, "b", [{"y": 2}], end=3), [{"z": 3}], end=4),
    ]
    read = reading(finished((events, -1, 0)))
    assert read.notes("root") == {"on": "root"}
    assert read.notes("a") == {"x": 1, "z": 3}
    assert read.notes("b") == {"y": 2}


def test_attributes_are_annotations_of_their_own_span(reading):
    events = [(1, "app.block", "a", {"n": 1}), (2, "app.block", "b", {"n": 2}), 3, 4]
    read = reading(finished((events, -1, 0)))
    assert (read.notes("a"), read.notes("b")) == ({"n": 1}, {"n": 2})


def test_lanes_come_in_whatever_order_they_were_first_used(reading):
    # The second lane branched off the third before that one had recorded anything.
    lanes = [
        (block(1, "a", end=9), -1, 0),
        (block(3, "grandchild", end=4), 2, 0),
        (block(5, "child", end=6), 0, 1),
    ]
    read = reading(finished(*lanes))
    assert read.shape() == ("root", [("a", ["grandchild", "child"])])


def test_siblings_of_several_lanes_stand_by_their_start(reading):
    lanes = [
        ([*block(1, "one", end=2), *block(20, "four", end=21)], -1, 0),
        (block(10, "three", end=30), 0, 2),
        (block(5, "two", end=40), 0, 2),
    ]
    read = reading(finished(*lanes))
    assert read.shape() == ("root", ["one", "two", "three", "four"])


@pytest.mark.parametrize("category", ["request", "-unknown", "app.job"])
def test_a_root_is_never_skipped(reading, category):
    trace = finished((block(1, "a", end=2), -1, 0))
    trace.category = category
    read = reading(trace)
    assert read.shape() == ("root", ["a"])


def test_a_deep_trace_needs_no_deep_stack(reading):
    depth = 2000
    events = [(n, "app.block", f"{n}") for n in range(depth)] + [depth + n for n in range(depth)]
    lanes = [(events, -1, 0), (block(1, "branch", end=2), 0, depth)]
    spans = nested(finished(*lanes))
    assert len(spans.kinds) == depth + 2


@pytest.mark.parametrize(("leaves", "kept"), [(2047, 2048), (2048, 2048)])
def test_up_to_2048_spans_stay_as_they_are(leaves, kept):
    events = [(n, n + 1, "q", "q", "") for n in range(leaves)]
    spans = nested(finished((events, -1, 0)))
    assert len(spans.kinds) == kept
    assert spans.pruned == (leaves + 1 > kept)
    assert len(spans.kinds) + spans.lost - spans.pruned == leaves + 1
