"""Templates side by side become one collection; nothing else moves and no time is lost."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fanlight.recording.nesting import Spans, nest
from fanlight.recording.pauses import Seen
from fanlight.recording.recorder import fresh_trace

TEMPLATE = "view.render.template"


class Kinds:
    """Names whose kinds are numbers of (category, title); templates are known by their category."""

    def __init__(self) -> None:
        self.kinds: list[tuple[str, str]] = []
        self.blocks: dict[tuple[str, str], int] = {}
        self.memo: dict[Any, Any] = {}
        self.templates: dict[int, str] = {}

    def own(self, category: str, title: str) -> int:
        if (category, title) not in self.kinds:
            self.kinds.append((category, title))
        kind = self.kinds.index((category, title))
        if category == TEMPLATE:
            self.templates[kind] = title
        return kind

    block = own

    def named(self, name: str, title: str | None, payload: Any) -> tuple[int, None]:
        return (-1 if name == "skipped" else self.own(name, str(title or payload or ""))), None


def tree(*nodes: Any) -> tuple[list[Any], Spans]:
    """Answer a trace's spans as nested lists of (title, count or None, children).

    A node is a title, or a title and its children; one that begins with a capital is a template.
    """
    events: list[Any] = []
    clock = iter(range(10, 1_000_000))

    def add(node: Any) -> None:
        title, children = node if isinstance(node, tuple) else (node, [])
        handle = len(events)
        category = "skipped" if title == "skipped" else TEMPLATE if title[0].isupper() else "app.block"
        events.append((next(clock), category, title, None, handle, None))
        for child in children:
            add(child)
        events.append((handle, next(clock)))

    for node in nodes:
        add(node)
    trace = fresh_trace("app.test", "t", "e", 0)
    trace.end_ns = next(clock)
    trace.records = [(events, -1, 0)]
    names = Kinds()
    spans = nest(trace, names, Seen([]))
    counts = {place: notes["count"] for place, notes in spans.notes}

    def shown(place: int) -> Any:
        children = [shown(child) for child, parent in enumerate(spans.parents) if parent == place]
        category, title = names.kinds[spans.kinds[place]]
        assert (category == "view.render.collection") == (place in counts)
        return (title, counts.get(place), children)

    return shown(0)[2], spans


def test_renders_of_one_template_in_a_row_are_one_collection() -> None:
    found, spans = tree(("Cart", ["Item", "Item", "Item"]))
    assert found == [("Cart", None, [("Item", 3, [])])]
    assert spans.ends[2] - spans.starts[2] == 5


def test_what_stands_between_keeps_them_apart() -> None:
    assert tree("Item", "query", "Item", "Item", "Other")[0] == [
        ("Item", None, []),
        ("query", None, []),
        ("Item", 2, []),
        ("Other", None, []),
    ]


def test_what_is_below_each_stands_below_the_collection_and_is_folded_likewise() -> None:
    assert tree(("Item", ["Badge", "query"]), ("Item", ["query"]), ("Item", ["Badge", "Badge"]))[0] == [
        (
            "Item",
            3,
            [("Badge", None, []), ("query", None, []), ("query", None, []), ("Badge", 2, [])],
        )
    ]


def test_a_span_that_is_left_out_separates_nothing() -> None:
    assert tree("Item", ("skipped", ["Item"]), "Item")[0] == [("Item", 3, [])]


def test_other_spans_are_never_folded() -> None:
    assert [node[0] for node in tree("query", "query")[0]] == ["query", "query"]


NODES = st.recursive(
    st.sampled_from(["A", "B", "query", "skipped"]),
    lambda inner: st.tuples(st.sampled_from(["A", "B", "query", "skipped"]), st.lists(inner, max_size=5)),
    max_leaves=30,
)


@given(st.lists(NODES, max_size=6))
def test_every_render_is_counted_and_spans_stay_in_pre_order(nodes: list[Any]) -> None:
    def titles(node: Any) -> list[str]:
        title, children = node if isinstance(node, tuple) else (node, [])
        return [title, *(each for child in children for each in titles(child))]

    def counted(node: Any) -> list[str]:
        title, count, children = node
        return [title] * (count or 1) + [each for child in children for each in counted(child)]

    found, spans = tree(*nodes)
    before = [title for node in nodes for title in titles(node) if title != "skipped"]
    assert sorted(title for node in found for title in counted(node)) == sorted(before)
    for place, parent in enumerate(spans.parents[1:], 1):
        assert parent < place
        assert spans.starts[parent] <= spans.starts[place] <= spans.ends[place] <= spans.ends[parent]
