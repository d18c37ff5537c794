"""Merged span trees: every trace's spans folded onto the nodes of its group, hour and octave.

`Tree.merge` is the only place that visits each span; it is a fast path and written as one.
"""

from __future__ import annotations

from fanlight.aggregate.bounds import OTHER, TOO_MANY
from fanlight.aggregate.findings import MIN_REPEATS, MIN_TOTAL_NS, beyond, repeats
from fanlight.wire.messages import QUEUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from fanlight.aggregate.bounds import KnownTree
    from fanlight.aggregate.kinds import Kinds

# What a node stands for besides its own spans.
OWN = 0
MANY_DESCRIPTIONS = 1
ALL_BELOW = 2


class Node:
    """One path of kinds: the sums over the spans that took it, in this record.

    Attributes:
        kind: the record's index of what it is shown as.
        path: stable 64-bit hash of the kinds from the root down; `parent` is the parent's, or 0.
        n, traces: spans, and traces that have any.
        total, self_ns, offset: sums in ns of duration, self time and start after the trace's.
        repeated, repeat_sum, repeat_max, repeat_total: see `wire.messages.COMMIT`.
        location: the record's string index of file:line, or 0.
        serial, in_trace, total_before: the trace last seen here, its spans here, `total` before it.
    """

    __slots__ = (
        *("children", "folds", "in_trace", "kind", "location", "n", "offset", "parent", "path"),
        *("repeat_max", "repeat_sum", "repeat_total", "repeated", "root", "self_ns", "serial"),
        *("total", "total_before", "traces"),
    )

    def __init__(self, kind: int, path: int, parent: Node | None, folds: int) -> None:
        self.kind = kind
        self.path = path
        self.parent = 0 if parent is None else parent.path
        self.root: Node = self if parent is None else parent.root
        self.folds = folds
        self.children: dict[int, Node] = {}
        self.n = self.traces = self.total = self.self_ns = self.offset = 0
        self.repeated = self.repeat_sum = self.repeat_max = self.repeat_total = 0
        self.location = 0
        self.serial = -1
        self.in_trace = self.total_before = 0

    def enter(self, serial: int, start: int, duration: int) -> Node:
        """Count a trace's root span, and answer the node."""
        self.n += 1
        self.traces += 1
        self.total += duration
        self.self_ns += duration
        self.offset += start
        self.serial = serial
        self.in_trace = 0
        return self


class Tree:
    """The merged tree of one group, hour and octave, in one record.

    Args:
        kinds: the record's kinds.
        known: what the tree holds over all records, which bounds it.
    """

    __slots__ = ("kinds", "known", "nodes", "roots", "serial")

    def __init__(self, kinds: Kinds, known: KnownTree) -> None:
        self.kinds = kinds
        self.known = known
        self.nodes: list[Node] = []
        self.roots: dict[int, Node] = {}
        self.serial = 0

    def merge(
        self,
        kinds: Sequence[int],
        parents: Sequence[int],
        starts: Sequence[int],
        durations: Sequence[int],
        locations: dict[int, int],
    ) -> None:
        """Fold one trace onto the tree.

        Args:
            kinds: the record's kind of each span, in pre-order.
            parents: index of each span's parent, which stands before it.
            starts: ns after the trace's start; siblings in ascending order.
            durations: ns.
            locations: the record's string index of file:line, by span, where known.
        """
        self.serial = serial = self.serial + 1
        rows = zip(kinds, parents, starts, durations, strict=True)
        kind, _, start, duration = next(rows)
        trail = [(self.roots.get(kind) or self.grow(None, kind)).enter(serial, start, duration)]
        # Per span: where the union of its children reaches, and where the span ends.
        reached, ends = [start], [start + duration]
        crowded: list[Node] = []
        for kind, parent, start, duration in rows:
            above = trail[parent]
            try:
                node = above.children[kind]
            except KeyError:
                node = self.grow(above, kind)
            trail.append(node)
            node.n += 1
            if node.serial == serial:
                node.in_trace += 1
                if node.in_trace == MIN_REPEATS:
                    crowded.append(node)
            else:
                node.serial = serial
                node.traces += 1
                node.in_trace = 1
                node.total_before = node.total
            node.total += duration
            node.self_ns += duration
            node.offset += start
            end = start + duration
            reached.append(start)
            ends.append(end)
            # The parent loses what this child covers of it and no sibling before did.
            low, high = reached[parent], ends[parent]
            if start > low:  # noqa: PLR1730 max() would cost a call per span
                low = start
            if end < high:  # noqa: PLR1730 min() likewise
                high = end
            if high > low:
                above.self_ns -= high - low
                reached[parent] = high
        for index, place in locations.items():
            trail[index].location = trail[index].location or place
        if any(node.total - node.total_before >= MIN_TOTAL_NS for node in crowded):
            self.repeat(trail, parents, durations, locations)

    def wait(self, root_kind: int, duration: int, waited: int) -> None:
        """Add how long the request merged last had waited, in ns, unless the tree is full.

        Args:
            root_kind: the record's kind of its root span.
            duration: of the request, in ns.
            waited: before it began.
        """
        root = self.roots[root_kind]
        kind = self.kinds.add(QUEUE, "", "")
        node = root.children.get(kind) or self.grow(root, kind)
        # Without room it would be found in the node of all that has none.
        if node.folds == OWN and node is not root:
            node.enter(self.serial, 0, waited)
            felt = beyond(duration, waited)
            if felt:
                node.repeated += 1
                node.repeat_sum += 1
                node.repeat_max = 1
                node.repeat_total += felt

    def repeat(
        self,
        trail: list[Node],
        parents: Sequence[int],
        durations: Sequence[int],
        locations: dict[int, int],
    ) -> None:
        """Count one trace into the nodes whose spans repeat under one parent of it."""
        runs: dict[tuple[int, Node], list[int]] = {}
        for index, node in enumerate(trail):
            # Folded nodes hold different texts, which is no repetition.
            if index and node.in_trace >= MIN_REPEATS and node.folds == OWN:
                run = runs.setdefault((parents[index], node), [0, 0, 0])
                run[0] += 1
                run[1] += durations[index]
                run[2] = run[2] or locations.get(index, 0)
        hits: dict[Node, list[list[int]]] = {}
        for (_, node), run in runs.items():
            if repeats(run[0], run[1]):
                hits.setdefault(node, []).append(run)
        for node, found in hits.items():
            node.repeated += 1
            node.repeat_sum += sum(count for count, _, _ in found)
            node.repeat_max = max(node.repeat_max, *(count for count, _, _ in found))
            node.repeat_total += sum(total for _, total, _ in found)
            # The line that repeats says more than one that was merely slow.
            node.location = next((place for _, _, place in found if place), node.location)

    def grow(self, above: Node | None, kind: int) -> Node:
        """Answer the node that spans of a kind take below another (None: as roots), made if new."""
        if above is not None and above.folds == ALL_BELOW:
            above.children[kind] = above
            return above
        path_above = 0 if above is None else above.path
        shown, folds = kind, OWN
        path = self.kinds.path(path_above, shown)
        if path not in self.known.paths:
            category, title, description = self.kinds.texts(kind)
            if description and not self.known.admits_description(category, title, description):
                shown, folds = self.kinds.add(category, title, TOO_MANY), MANY_DESCRIPTIONS
                path = self.kinds.path(path_above, shown)
            if not self.known.admits_path(path):
                # All that has no room stands in one node below the root, so that the bound is one.
                shown, folds = self.kinds.add("other", OTHER, ""), ALL_BELOW
                above_other = None if above is None else above.root
                path = self.kinds.path(0 if above_other is None else above_other.path, shown)
                node = self.place(above_other, shown, path, folds)
                return self.adopt(above, kind, node)
        return self.adopt(above, kind, self.place(above, shown, path, folds))

    def place(self, above: Node | None, shown: int, path: int, folds: int) -> Node:
        """Answer the node at a path of this record, made if new."""
        siblings = self.roots if above is None else above.children
        node = siblings.get(shown)
        if node is None:
            node = siblings[shown] = Node(shown, path, above, folds)
            self.nodes.append(node)
        return node

    def adopt(self, above: Node | None, kind: int, node: Node) -> Node:
        """Let the next span of a kind find its node at once."""
        (self.roots if above is None else above.children)[kind] = node
        return node
