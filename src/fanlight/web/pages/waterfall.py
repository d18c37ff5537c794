"""The rows of one trace: every span where it was, its own time dark, repeats folded, gaps named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.server.traced.gaps import uncovered
from fanlight.web import wording
from fanlight.web.folding import described, is_failed, likes, parents, place
from fanlight.web.pages.frame import span_name, tier
from fanlight.web.statements import NOTHING, Statement, statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DRAWN_MAX = 200
"""Rectangles in one folded row; more cannot be told apart."""

DEEPEST = 12
SLOW = 0.9
"""From this share of its kind on that took less, a part's is printed bold."""
CAUSES = {
    "waiting": "mostly waiting for a CPU or a lock, or asleep",
    "code": "its own code, running",
    "both": "its own code, in part waiting for a CPU or a lock, or asleep",
    "unknown": "nothing explains it",
}
"""What a gap was, as far as the CPU time of the whole request tells; a late loop is told with by how much."""


class Axis(NamedTuple):
    """The time axis: how long the request waited before it began, and how long it took, in ns."""

    lead: int
    length: int

    def place(self, low: float, high: float) -> tuple[float, float]:
        """Answer (x, width) on the grid of 1000; what is there is never narrower than a hair."""
        whole = self.lead + self.length
        x = min(max((low + self.lead) / whole * 1000, 0), 998.5)
        return round(x, 1), round(max(min((high - low) / whole * 1000, 1000 - x), 1.5), 1)


class Span(NamedTuple):
    """A row of the waterfall: one span, a fold of like ones, what was waited, or a gap."""

    title: str
    sent: Statement
    category: str
    tier: str
    indent: int
    level: int
    start: str
    total: str
    own: str
    times: str
    whole: list[tuple[float, float]]
    dark: list[tuple[float, float]]
    notes: list[tuple[str, str]]
    location: str
    error: bool
    cause: str = ""
    """What a gap was."""
    is_gap: bool = False
    rank: str = ""
    """The share of its kind that took less, "" where nobody knows."""
    is_slow: bool = False


def waterfall(found: Mapping[str, Any], axis: Axis, fold: bool) -> Iterator[Span]:
    """Yield the rows in pre-order: waiting first, then spans, gaps among the children of theirs.

    Args:
        found: a trace as the server tells it.
        axis: of its time.
        fold: whether like leaves in a row become one.
    """
    if axis.lead:
        yield waited(axis)
    spans = found["spans"]
    children = parents(spans)
    gaps = sorted(found.get("gaps", ()), key=lambda gap: gap["start"])
    ends = behind(spans)
    folds = likes(spans) if fold else {}
    at = 0
    while at < len(spans):
        # A gap stands before the first span that began after it, below the span whose gap it is.
        while gaps and (gaps[0]["span"] < at) and gaps[0]["start"] <= spans[at]["start"]:
            yield gap(gaps.pop(0), spans, axis)
        group = folds.get(at, [spans[at]])
        if group[0] is spans[at]:
            yield row(group, children.get(spans[at]["index"], []), axis)
        at += 1
        yield from (gap(each, spans, axis) for each in closing(gaps, ends, at))


def behind(spans: Sequence[Mapping[str, Any]]) -> list[int]:
    """Answer for each span the index behind the last one below it."""
    ends = [0] * len(spans)
    for at in range(len(spans) - 1, -1, -1):
        ends[at] = max(ends[at], at + 1)
        parent = spans[at]["parent"]
        if parent is not None and parent < at:
            ends[parent] = max(ends[parent], ends[at])
    return ends


def closing(gaps: list[Any], ends: Sequence[int], at: int) -> list[Any]:
    """Take the gaps of spans that are over once `at` is reached."""
    over = [each for each in gaps if ends[each["span"]] <= at]
    for each in over:
        gaps.remove(each)
    return over


def gap(found: Mapping[str, Any], spans: Sequence[Mapping[str, Any]], axis: Axis) -> Span:
    """Answer the row of a stretch in which a span has no part."""
    above = spans[found["span"]]
    low, high = found["start"], found["start"] + found["duration"]
    return Span(
        title=f"No span inside of {span_name(above['category'], above['title'])}",
        sent=NOTHING,
        category="gap",
        tier=tier(above["category"]),
        indent=min(above["depth"] + 1, DEEPEST),
        level=above["depth"] + 2,
        start=wording.duration(low) if low else "0",
        total=wording.duration(found["duration"]),
        own="",
        times="",
        whole=[],
        dark=[axis.place(low, high)],
        notes=[],
        location="",
        error=False,
        cause=why(found),
        is_gap=True,
    )


def why(found: Mapping[str, Any]) -> str:
    """Answer in words what a gap was."""
    if found["cause"] == "loop":
        late = wording.duration(found["late"])
        return f"the event loop was held up, by this code or by another request: it was late by up to {late}"
    return CAUSES.get(found["cause"], CAUSES["unknown"])


def waited(axis: Axis) -> Span:
    """Answer the row of what a request waited before it began."""
    return Span(
        title="Waiting for a worker",
        sent=NOTHING,
        category="queue",
        tier="queue",
        indent=0,
        level=1,
        start=f"−{wording.duration(axis.lead)}",  # noqa: RUF001 - a real minus
        total=wording.duration(axis.lead),
        own="",
        times="",
        whole=[],
        dark=[axis.place(-axis.lead, 0)],
        notes=[],
        location="",
        error=False,
    )


def row(group: Sequence[Mapping[str, Any]], inner: Sequence[Mapping[str, Any]], axis: Axis) -> Span:
    """Answer one row: a span with its children taken out of its dark part, or a fold."""
    first = group[0]
    total = sum(span["duration"] for span in group)
    own = sum(span["self"] for span in group)
    taken = [(span["start"], span["start"] + span["duration"]) for span in inner]
    drawn = group[:: -(-len(group) // DRAWN_MAX)]
    whole = [(span["start"], span["start"] + span["duration"]) for span in drawn]
    dark = [part for low, high in whole for part in uncovered(low, high, taken)][:DRAWN_MAX]
    found = notes(first["annotations"]) if len(group) == 1 else []
    told = ("location", "message") if wording.logged(first) else ("location",)
    # A fold is compared with all spans of its place in other requests.
    rank = first.get("percentile" if len(group) == 1 else "percentile_all")
    text = described(first)
    return Span(
        title=span_name(first["category"], first["title"]),
        sent=statement(text, first["category"]),
        category=first["category"],
        tier=tier(first["category"]),
        indent=min(first["depth"], DEEPEST),
        level=first["depth"] + 1,
        start=wording.duration(first["start"]) if first["start"] else "0",
        total=wording.duration(total),
        own=wording.duration(own),
        times=f"{wording.TIMES}{len(group)}" if len(group) > 1 else "",
        whole=[axis.place(low, high) for low, high in whole],
        dark=[axis.place(low, high) for low, high in dark],
        notes=[note for note in found if note[0] not in told],
        location=place(group),
        error=is_failed(first),
        rank="" if rank is None else wording.rank(rank),
        is_slow=rank is not None and rank >= SLOW,
    )


def notes(annotations: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Answer annotations as text, in their order."""
    return [(str(key), wording.annotation(str(key), value)) for key, value in (annotations or {}).items()]
