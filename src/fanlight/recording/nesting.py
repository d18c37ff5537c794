"""Nesting (background): the flat events of a trace's lanes become spans in pre-order."""

from __future__ import annotations

from fanlight.recording.folding import fold
from fanlight.recording.pauses import Squeezed
from fanlight.recording.pruning import CUT, LIMIT, prune

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from fanlight.recording.pauses import Seen
    from fanlight.recording.recorder import Trace

    class Names(Protocol):
        """What turns recorded names into numbers of kinds; `SKIP` leaves a span out."""

        blocks: dict[tuple[str, str], int]
        """Kinds of blocks that are known already."""
        memo: dict[Any, tuple[int, dict[str, Any] | None]]
        """(name, title, payload) of notifications that are known already."""
        templates: dict[int, str]
        """Kinds of rendered templates to their titles."""

        def block(self, category: str, title: str) -> int:
            """Answer the kind of a block that the application named itself."""

        def named(self, name: str, title: str | None, payload: Any) -> tuple[int, dict[str, Any] | None]:
            """Answer kind and annotations of a notification."""

        def own(self, category: str, title: str) -> int:
            """Answer the kind of a span that Fanlight adds."""


SKIP = -1
"""The kind of a span whose children move up to its parent."""
ROOT = 0
LOCATION = "location"
"""Key of the annotation that holds file:line."""


class Spans:
    """One trace's spans as columns: pre-order, root first.

    Attributes:
        kinds: number of each span's kind.
        parents: place of each span's parent; -1 for the root.
        starts: `clock()` ns.
        ends: `clock()` ns.
        notes: (place of the span, annotations).
        lost: spans that were not kept.
        pruned: whether deeper levels were cut off.
    """

    __slots__ = ("ends", "kinds", "lost", "notes", "parents", "pruned", "starts")

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.parents: list[int] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.notes: list[tuple[int, dict[str, Any]]] = []
        self.lost = 0
        self.pruned = False

    def add(self, kind: int, parent: int, start_ns: int, end_ns: int) -> int:
        """Append a span and answer its place."""
        self.kinds.append(kind)
        self.parents.append(parent)
        self.starts.append(start_ns)
        self.ends.append(end_ns)
        return len(self.kinds) - 1


class LaneReader:
    """Reads one lane's events, piece by piece.

    A `with` block always closes itself, so nothing else closes it. A span with a handle may lose
    its close to an exception: what encloses it then closes it, unless its own close comes later.

    Args:
        spans: where to put them.
        names: tells kinds.
        parent: place of the span that the lane branched off.

    Attributes:
        stack: places of the open spans, those with a handle inverted; at the bottom the parent.
        handles: handle to the place of its span.
        disordered: whether a span was put under one that stands behind it.
    """

    __slots__ = ("disordered", "first", "handles", "names", "spans", "stack")

    def __init__(self, spans: Spans, names: Names, parent: int) -> None:
        self.spans = spans
        self.names = names
        self.first = len(spans.kinds)
        self.stack = [parent]
        self.handles: dict[int, int] = {}
        self.disordered = False

    def top(self) -> int:
        """Answer the place of the innermost open span."""
        place = self.stack[-1]
        return place if place >= 0 else ~place

    def read(self, events: list[Any]) -> None:  # noqa: C901, PLR0912, PLR0915  a fast path, in one piece
        """Turn the lane's next events into spans."""
        spans, stack = self.spans, self.stack
        kinds, parents, starts = spans.kinds, spans.parents, spans.starts
        ends, notes = spans.ends, spans.notes
        known, block, memo, root_end_ns = self.names.blocks, self.names.block, self.names.memo, ends[ROOT]
        # A fast path: the innermost open span and the next one's place, without asking the lists. A block
        # that has just opened goes onto the stack only when something happens inside it.
        bottom, above, place, has_opened = stack[0], stack[-1], len(kinds), False
        for event in events:
            shape = event.__class__
            if shape is int:
                if has_opened:
                    ends.append(event)
                    has_opened = False
                    continue
                # A span with a handle stands here as less than any place.
                if above > bottom:
                    ends[stack.pop()] = event
                else:
                    self.close_block(event)
                above = stack[-1]
                continue
            if has_opened:
                ends.append(0)
                stack.append(above := place - 1)
                has_opened = False
            size = len(event) if shape is tuple else 0
            if size == 4:
                start_ns, category, title, attributes = event
                notes.append((place, attributes))
            elif size == 3:
                start_ns, category, title = event
            elif size == 5:
                start_ns, end_ns, name, payload, where = event
                found = memo.get((name, None, payload)) if payload.__class__ is str else None
                if found is None or where or not starts[-1] < start_ns <= end_ns <= root_end_ns:
                    self.leaf(*event)
                else:
                    kinds.append(found[0])
                    parents.append(above)
                    starts.append(start_ns)
                    ends.append(end_ns)
                    if found[1]:
                        notes.append((place, found[1]))
                place += 1
                continue
            else:
                self.read_other(event, size)
                above, place = stack[-1], len(kinds)
                continue
            kind = known.get((category, title))
            kinds.append(block(category, title) if kind is None else kind)
            parents.append(above)
            starts.append(start_ns)
            place += 1
            has_opened = True
        if has_opened:
            ends.append(0)
            stack.append(place - 1)

    def read_other(self, event: Any, size: int) -> None:
        """Take in an event that is no block."""
        spans = self.spans
        if size == 2:
            self.close_handle(*event)
        elif size == 0:
            spans.notes.append((self.top(), event))
        else:
            start_ns, name, title, payload, handle, _ = event
            kind, notes = self.names.named(name, title, payload)
            place = spans.add(kind, self.stack[-1], start_ns, 0)
            if notes:
                spans.notes.append((place, notes))
            self.handles[handle] = place
            self.stack.append(~place)

    def leaf(self, start_ns: int, end_ns: int, name: str, payload: Any, where: str) -> None:
        """Add a call that was recorded after it was over."""
        spans, starts, above = self.spans, self.spans.starts, self.stack[-1]
        kind, notes = self.names.named(name, None, payload)
        place = len(starts)
        # A driver's leaf under another driver's was recorded before the one around it.
        if starts[-1] >= start_ns and place > self.first:
            self.put_under(place, start_ns)
        # The caller's times are its own; they may not reach out of what is around them.
        end_ns = min(end_ns, spans.ends[ROOT])
        start_ns = max(min(start_ns, end_ns), starts[above if above >= 0 else ~above])
        spans.kinds.append(kind)
        spans.parents.append(above)
        starts.append(start_ns)
        spans.ends.append(max(start_ns, end_ns))
        if notes:
            spans.notes.append((place, notes))
        if where:
            spans.notes.append((place, {LOCATION: where}))

    def put_under(self, place: int, start_ns: int) -> None:
        """Put the siblings that began after `start_ns` under the leaf that will stand at `place`."""
        parents, starts, above = self.spans.parents, self.spans.starts, self.stack[-1]
        for inner in range(place - 1, self.first - 1, -1):
            if starts[inner] < start_ns:
                break
            if parents[inner] == above:
                parents[inner] = place
                self.disordered = True

    def close_block(self, end_ns: int) -> None:
        """Close the innermost open block, and what was left open inside it."""
        stack, ends = self.stack, self.spans.ends
        for depth in range(len(stack) - 1, 0, -1):
            if stack[depth] >= 0:
                for place in stack[depth:]:
                    ends[place if place >= 0 else ~place] = end_ns
                del stack[depth:]
                return

    def close_handle(self, handle: int, end_ns: int) -> None:
        """Close the span of a handle, and what was left open inside it."""
        place = self.handles.get(handle)
        if place is None:
            return
        stack, ends = self.stack, self.spans.ends
        ends[place] = end_ns
        if ~place not in stack:
            return
        depth = stack.index(~place)
        if any(inside >= 0 for inside in stack[depth + 1 :]):
            del stack[depth]
            return
        for inside in stack[depth:]:
            ends[~inside] = end_ns
        del stack[depth:]

    def finish(self, end_ns: int) -> None:
        """Close what is still open."""
        spans = self.spans
        for place in self.stack[1:]:
            spans.ends[place if place >= 0 else ~place] = end_ns
        if self.handles:
            parents = spans.parents
            parents[self.first :] = [parent if parent >= 0 else ~parent for parent in parents[self.first :]]


def nest(trace: Trace, names: Names, seen: Seen) -> Spans:
    """Answer a finished trace's spans.

    Every start lies within the root and not before its parent's; a span ends after its parent only
    when it truly did, as a task can.

    Args:
        trace: as `finish` handed it over.
        names: tells kinds.
        seen: garbage collector pauses, which are taken out of every span but the root and stand as
            one `noise.gc` span at its end.
    """
    spans = Spans()
    start_ns, end_ns = trace.start_ns, max(trace.end_ns, trace.start_ns)
    # Without annotations the names are remembered like any other's.
    kind, notes = names.named(trace.category, trace.title, trace.notes or None)
    if kind == SKIP:
        kind, notes = names.own("other", trace.title), trace.notes
    spans.add(kind, -1, start_ns, end_ns)
    if notes:
        spans.notes.append((ROOT, notes))
    spans.lost = trace.lost
    records = trace.records or ()
    if not records or (len(records) == 1 and not records[0][0]):
        # A fast path: a request of which nothing was recorded but itself.
        return paused(spans, names, seen)
    disordered = read_lanes(spans, names, records, end_ns)
    # A fast path: one lane's times never go back, so its last one tells whether it reached too far.
    if len(records) != 1 or not ends_by(records[0][0], spans, end_ns) or spans.starts[-1] < start_ns:
        clip(spans, start_ns, end_ns)
    paused(spans, names, seen)
    if disordered:
        order(spans)
    if names.templates and not names.templates.keys().isdisjoint(spans.kinds):
        fold(spans, names, SKIP)
    if SKIP in spans.kinds:
        leave_out(spans)
    if len(spans.kinds) > LIMIT:
        prune(spans, names.own("agent.pruned", ""))
        order(spans)
    return spans


def read_lanes(
    spans: Spans, names: Names, records: Sequence[tuple[list[Any], int, int]], end_ns: int
) -> bool:
    """Read every lane; answer whether the spans now need sorting."""
    if len(records) == 1:
        reader = LaneReader(spans, names, ROOT)
        reader.read(records[0][0])
        reader.finish(end_ns)
        return reader.disordered
    # Where lanes branch off others: the reader stops there and notes which span is open.
    branches: dict[int, list[tuple[int, int]]] = {}
    for place, (_, parent, at) in enumerate(records):
        branches.setdefault(parent, []).append((at, place))
    ready = [(place, ROOT) for _, place in branches.get(-1, ())]
    while ready:
        lane, above = ready.pop()
        # The list may still grow under another thread; what came after the end is not the trace's.
        events = records[lane][0][:]
        reader = LaneReader(spans, names, above)
        done = 0
        for at, branch in sorted(branches.get(lane, ())):
            reader.read(events[done:at])
            done = max(done, at)
            ready.append((branch, reader.top()))
        reader.read(events[done:])
        reader.finish(end_ns)
    return len(records) > 1


def ends_by(events: list[Any], spans: Spans, end_ns: int) -> bool:
    """Answer whether all that one lane recorded lies before the trace's end."""
    last = events[-1] if events else end_ns
    if last.__class__ is int:
        return bool(last <= end_ns)
    # A leaf's times are its caller's and tell nothing about what came before it.
    return max(spans.starts) <= end_ns and max(spans.ends) <= end_ns


def clip(spans: Spans, start_ns: int, end_ns: int) -> None:
    """Keep the spans within the root, and each one's end behind its start."""
    if min(spans.starts) < start_ns or max(spans.starts) > end_ns:
        spans.starts = [min(max(start, start_ns), end_ns) for start in spans.starts]
    starts = spans.starts
    if max(spans.ends) > end_ns or any(map(int.__gt__, starts, spans.ends)):
        spans.ends = [min(max(end, start), end_ns) for start, end in zip(starts, spans.ends, strict=True)]


def paused(spans: Spans, names: Names, seen: Seen) -> Spans:
    """Take the collector's pauses out, if there were any; answer the spans."""
    pauses = seen.between(spans.starts[ROOT], spans.ends[ROOT])
    if pauses:
        squeeze(spans, Squeezed(pauses), names.own("noise.gc", ""))
    return spans


def squeeze(spans: Spans, squeezed: Squeezed, kind: int) -> None:
    """Take the pauses out of every span but the root, and add them as its last child."""
    end_ns = spans.ends[ROOT]
    spans.starts[1:] = map(squeezed, spans.starts[1:])
    spans.ends[1:] = map(squeezed, spans.ends[1:])
    spans.add(kind, ROOT, end_ns - squeezed.total_ns, end_ns)


def leave_out(spans: Spans) -> None:
    """Remove the skipped spans; their children move up to their parents."""
    places: list[int] = []
    kept: list[int] = []
    for place, kind in enumerate(spans.kinds):
        if kind == SKIP:
            # A skipped span stands for its parent from here on.
            places.append(places[spans.parents[place]])
        else:
            places.append(len(kept))
            kept.append(place)
    spans.notes = [(places[place], notes) for place, notes in spans.notes if spans.kinds[place] != SKIP]
    spans.parents = [
        SKIP if parent < 0 else places[parent] for parent in map(spans.parents.__getitem__, kept)
    ]
    spans.kinds = [spans.kinds[place] for place in kept]
    spans.starts = [spans.starts[place] for place in kept]
    spans.ends = [spans.ends[place] for place in kept]


def order(spans: Spans) -> None:
    """Put the spans in pre-order, siblings by their start; drop those that were cut."""
    children: list[list[int]] = [[] for _ in spans.kinds]
    for place, parent in enumerate(spans.parents):
        if parent >= 0 and spans.kinds[place] != CUT:
            children[parent].append(place)
    starts = spans.starts
    places: dict[int, int] = {}
    waiting = [ROOT]
    while waiting:
        place = waiting.pop()
        places[place] = len(places)
        waiting += sorted(children[place], key=starts.__getitem__, reverse=True)
    spans.parents = [-1 if spans.parents[place] < 0 else places[spans.parents[place]] for place in places]
    spans.kinds = [spans.kinds[place] for place in places]
    spans.starts = [starts[place] for place in places]
    spans.ends = [spans.ends[place] for place in places]
    spans.notes = [(places[place], notes) for place, notes in spans.notes if place in places]
