"""One trace as a waterfall: every span where it was, its own time dark, repeats folded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.web import charts, queries, wording
from fanlight.web.copying import panels
from fanlight.web.pages.division import division, waited
from fanlight.web.pages.frame import frame, segment_words, span_name, tier
from fanlight.web.parameters import TIMES, address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fanlight.web.parameters import Asked

FOLD_FROM = 5
"""Like siblings in a row before they become one row: where a repeat becomes a finding."""

DRAWN_MAX = 200
"""Rectangles in one folded row; more cannot be told apart."""

DEEPEST = 12
FAULTS = frozenset({"error", "exception", "fault"})
"""Annotations that tell of an exception, alone or before a dot."""
AROUND_NS = 30 * 60 * 1_000_000_000
"""How much time the link back to the endpoint shows on either side of the trace, in ns."""


class Span(NamedTuple):
    """A row of the waterfall: one span, or a fold of like ones."""

    title: str
    description: str
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


def view(answers: Any, asked: Asked, trace_id: str, socket: str | None = None) -> dict[str, Any] | None:
    """Answer the template's context, or None when no such trace is kept."""
    found = answers.trace(trace_id)
    if not found:
        return None
    parts = [found, *found.get("also", ())]
    part = int(asked.get("part", "0"))
    if part >= len(parts):
        return None
    found = parts[part]
    spans = found["spans"]
    fold = asked.get("fold") != "off"
    rows = list(waterfall(spans, max(found["duration"], 1), fold))
    context = frame(asked, "endpoints")
    root_notes = notes(spans[0]["annotations"]) if spans else []
    context |= {
        "id": found["id"],
        "box": queries.group(found["service"], found["endpoint"]),
        "endpoint": found["endpoint"],
        "service": found["service"],
        "segment": segment_words(found["segment"]),
        "time": found["time"],
        "duration": wording.duration(found["duration"]),
        "error": bool(found["error"]),
        "fault": [note for note in root_notes if is_fault(note[0])],
        "facts": facts(found, len(spans)),
        "parts": division(found["split"]),
        "rows": rows,
        "folded": any(row.times for row in rows),
        "fold_link": asked.link(fold="off" if fold else None),
        "fold": fold,
        "whole": found["whole"],
        "lost": wording.plural(found["lost"], "span") if found["lost"] else None,
        "marks": [
            (share * 100, anchor, wording.duration(found["duration"] * share) if share else "0")
            for share, anchor in (
                (0, "start"),
                (0.25, "middle"),
                (0.5, "middle"),
                (0.75, "middle"),
                (1, "end"),
            )
        ],
        "endpoint_link": endpoint_link(found, asked),
        "also": [also(each, asked, place) for place, each in enumerate(parts) if place != part],
        "panels": panels(
            asked, f"/api/trace/{found['id']}", {"spans": f"fanlight trace {found['id']}"}, socket
        ),
    }
    return context


def also(found: Mapping[str, Any], asked: Asked, place: int) -> dict[str, str]:
    """Answer what the page says of another trace under the same id."""
    return {
        "endpoint": found["endpoint"],
        "service": found["service"],
        "time": found["time"],
        "duration": wording.duration(found["duration"]),
        "link": asked.link(part=str(place) if place else None),
    }


def facts(found: Mapping[str, Any], spans: int) -> list[tuple[str, str]]:
    """Answer what is known of the trace beside its spans."""
    out = [("Spans", wording.count(spans)), ("Host", found["host"] or "unknown")]
    out.append(("Process", str(found["pid"] or "unknown")))
    if told := waited(found["queue"]):
        out.append(("Waited before", told))
    if found["weight"] > 1:
        out.append(("Stands for", wording.plural(round(found["weight"]), "request")))
    return out


def endpoint_link(found: Mapping[str, Any], asked: Asked) -> str:
    """Answer the address of the trace's endpoint: in the time one came from, else around the trace."""
    query = {name: found[name] for name in ("service", "endpoint", "segment")}
    if any(name in asked.given for name in TIMES):
        return address("/endpoint", query | asked.times())
    from fanlight.web.parameters import read_time

    middle = read_time(found["time"]) or asked.now_ns
    query["from"] = wording.rfc3339(max(middle - AROUND_NS, 0))
    query["to"] = wording.rfc3339(middle + AROUND_NS)
    return address("/endpoint", query)


def waterfall(spans: Sequence[Mapping[str, Any]], length: int, fold: bool) -> Iterator[Span]:
    """Yield the rows in pre-order.

    Args:
        spans: in pre-order; `parent` is an index, `start` ns after the trace began.
        length: the trace's duration in ns, the whole width.
        fold: whether like leaves in a row become one.
    """
    children: dict[int, list[Mapping[str, Any]]] = {}
    for span in spans:
        children.setdefault(span["parent"] if span["parent"] is not None else -1, []).append(span)
    at = 0
    while at < len(spans):
        group = [spans[at]]
        if fold and spans[at]["index"] not in children:
            group = run_of_likes(spans, at, children)
        if len(group) < FOLD_FROM:
            group = group[:1]
        yield row(group, children.get(spans[at]["index"], []), length)
        at += len(group)


def run_of_likes(
    spans: Sequence[Mapping[str, Any]], at: int, children: Mapping[int, list[Mapping[str, Any]]]
) -> list[Mapping[str, Any]]:
    """Answer the span at `at` and the leaves right after it that have its parent, kind and text."""
    first = spans[at]
    group = [first]
    for span in spans[at + 1 :]:
        same = all(span[key] == first[key] for key in ("parent", "category", "title", "description"))
        same = same and wording.logged(span) == wording.logged(first)
        if not same or span["index"] in children or is_failed(span) != is_failed(first):
            break
        group.append(span)
    return group


def row(group: Sequence[Mapping[str, Any]], inner: Sequence[Mapping[str, Any]], length: int) -> Span:
    """Answer one row: a span with its children taken out of its dark part, or a fold."""
    first = group[0]
    total = sum(span["duration"] for span in group)
    own = sum(span["self"] for span in group)
    taken = [(span["start"], span["start"] + span["duration"]) for span in inner]
    whole = [(span["start"], span["start"] + span["duration"]) for span in group[:DRAWN_MAX]]
    dark = [part for low, high in whole for part in charts.uncovered(low, high, taken)][:DRAWN_MAX]
    found = notes(first["annotations"]) if len(group) == 1 else []
    told = ("location", "message") if wording.logged(first) else ("location",)
    # Only the fifth of many repeats was asked where it stands.
    locations = [str(each["annotations"]["location"]) for each in group if "location" in each["annotations"]]
    return Span(
        title=span_name(first["category"], first["title"]),
        description=described(first),
        category=first["category"],
        tier=tier(first["category"]),
        indent=min(first["depth"], DEEPEST),
        level=first["depth"] + 1,
        start=wording.duration(first["start"]) if first["start"] else "0",
        total=wording.duration(total),
        own=wording.duration(own),
        times=f"{wording.TIMES}{len(group)}" if len(group) > 1 else "",
        whole=[place(low, high, length) for low, high in whole],
        dark=[place(low, high, length) for low, high in dark],
        notes=[note for note in found if note[0] not in told],
        location=locations[0] if locations else "",
        error=is_failed(first),
    )


def described(span: Mapping[str, Any]) -> str:
    """Answer what a row says behind its title."""
    if span["category"] == "agent.pruned":
        return pruned(span)
    return wording.logged(span) or span["description"] or ""


def pruned(span: Mapping[str, Any]) -> str:
    """Answer what stands where a very large trace was cut, from the exact totals that were kept."""
    told = span["annotations"] or {}
    return f"{wording.plural(told.get('spans', 0), 'span')}, {wording.duration(told.get('total', 0))} in all"


def place(low: int, high: int, length: int) -> tuple[float, float]:
    """Answer (x, width) on the grid of 1000; what is there is never narrower than a hair."""
    x = min(max(low / length * 1000, 0), 998.5)
    return round(x, 1), round(max(min((high - low) / length * 1000, 1000 - x), 1.5), 1)


def notes(annotations: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Answer annotations as text, in their order."""
    return [(str(key), wording.annotation(str(key), value)) for key, value in (annotations or {}).items()]


def is_fault(key: str) -> bool:
    """Answer whether an annotation tells of an exception."""
    # Not `errors=0`, which is an application's own count.
    return key.partition(".")[0] in FAULTS


def is_failed(span: Mapping[str, Any]) -> bool:
    """Answer whether a span carries an exception."""
    return any(is_fault(str(key)) for key in span["annotations"] or {})
