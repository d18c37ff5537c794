"""Where a trace has no span: stretches of a span's own time, and what is known of why.

The CPU time of a request's thread is an upper bound of how long its own code ran; own time beyond it
was certainly not spent running. Where nobody measured it, as of what an event loop runs, a loop that was
late then is told of; else nothing is known, and that is what is said.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Json = dict[str, Any]
    Spans = Sequence[Mapping[str, Any]]

CPU = "cpu.time"
"""Annotation of the root: CPU time of the thread that answered, in ns."""
LATE = "loop.overdue"
"""How late the event loop was at the most since the reading before, in ns."""
LEAST_NS = 1_000_000
PART = 0.02
"""A stretch is a gap from this share of the trace on."""
GAPS_MAX = 24
ELSEWHERE = frozenset({"db", "api", "cache", "noise", "log"})
"""First parts of categories whose own time is not the application's code."""
MOSTLY, HARDLY = 0.5, 0.1


def told(spans: Spans, duration_ns: int, readings: Sequence[Mapping[str, Any]] = ()) -> Json:
    """Answer `cpu`, what is known of a trace's CPU time, and `gaps` in the order of their time.

    Args:
        spans: as a trace tells them, in pre-order.
        duration_ns: of the trace.
        readings: of its server, from the last one before it to the first one after it.
    """
    cpu = cpu_of(spans)
    cause = cause_of(cpu)
    least = max(LEAST_NS, round(duration_ns * PART))
    inner: dict[int, list[tuple[int, int]]] = {}
    for span in spans:
        if span["parent"] is not None:
            inner.setdefault(span["parent"], []).append((span["start"], span["start"] + span["duration"]))
    found = [
        {"span": span["index"], "start": low, "duration": high - low, **named(low, high, cause, readings)}
        for span in spans
        if span["index"] in inner and is_own(span)
        for low, high in uncovered(span["start"], span["start"] + span["duration"], inner[span["index"]])
        if high - low >= least
    ]
    found.sort(key=lambda gap: -gap["duration"])
    return {"cpu": cpu, "gaps": sorted(found[:GAPS_MAX], key=lambda gap: (gap["start"], gap["span"]))}


def is_own(span: Mapping[str, Any]) -> bool:
    """Tell whether a span's own time is the application's code."""
    return span["category"].partition(".")[0] not in ELSEWHERE


def cpu_of(spans: Spans) -> Json | None:
    """Answer CPU time, own time, and how much of that the thread certainly did not run; None unmeasured."""
    spent_ns = spans[0]["annotations"].get(CPU) if spans else None
    if spent_ns.__class__ is not int or spent_ns < 0:
        return None
    own_ns = sum(span["self"] for span in spans if is_own(span))
    return {"time": spent_ns, "own": own_ns, "idle": max(own_ns - spent_ns, 0)}


def cause_of(cpu: Mapping[str, Any] | None) -> str:
    """Answer what gaps of a trace were, as CPU time tells: `waiting`, `code`, `both`, or `unknown`."""
    if cpu is None:
        return "unknown"
    share = cpu["idle"] / cpu["own"] if cpu["own"] else 0.0
    return "waiting" if share >= MOSTLY else "code" if share <= HARDLY else "both"


def named(low: int, high: int, cause: str, readings: Sequence[Mapping[str, Any]]) -> Json:
    """Answer the cause of a gap, and the most that the event loop was late about then, in ns, or None.

    A reading tells the most since the one before it, so this is not certain to be of that very moment;
    nor is it known whether the request itself held the loop, or another one did.

    Args:
        low: begin of the gap, in ns after the trace's.
        high: its end.
        cause: as far as the CPU time tells.
        readings: of the server.
    """
    late = [
        each["values"][LATE]
        for before, each in pairwise(readings)
        if LATE in each["values"] and before["offset"] < high and low <= each["offset"]
    ]
    most_ns = max(late, default=None)
    is_held = cause == "unknown" and most_ns is not None and most_ns >= (high - low) * MOSTLY
    return {"cause": "loop" if is_held else cause, "late": most_ns}


def uncovered(start: int, end: int, taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Answer the parts of [start, end) that none of the `taken` intervals covers: a span's own time."""
    free = []
    at = start
    for low, high in sorted(taken):
        if low > at:
            free.append((at, min(low, end)))
        at = max(at, high)
        if at >= end:
            break
    if at < end:
        free.append((at, end))
    return [(low, high) for low, high in free if high > low]
