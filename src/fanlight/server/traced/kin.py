"""How long each span of a trace took among its kind: the same part of its endpoint's other requests.

A request is compared with all that were counted. Of parts merged trees keep sums alone, so a part is
compared with those of kept traces, each standing for as many requests of its octave as there were.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.errors import QueryError
from fanlight.event.trace import SPANS
from fanlight.query.nodes import EXACT, Field, Path
from fanlight.query.query import Query
from fanlight.server import merging
from fanlight.server.merging import KIND
from fanlight.wire import buckets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fanlight.event.event import Event
    from fanlight.event.trace import TraceRow
    from fanlight.stores import Store

    Json = dict[str, Any]
    Place = tuple[int, tuple[str, ...]]

AROUND_NS = 30 * 60 * 1_000_000_000
"""How far from a trace its kin may be."""
ROWS_MAX = 400
"""Kept traces of a part of that time among which to choose."""
SPANS_MAX = 4_000
"""Spans that are read, about."""
MOST, LEAST = 25, 5
"""Kept traces of a part of the time that are read, at the most, and of all, for a share to be told."""
PATIENCE_S = 2.0


class Kin(NamedTuple):
    """What spans of one place took, each with the requests that it stands for.

    Attributes:
        single: a span's ns and weight.
        together: of all spans of the place in a request.
    """

    single: list[tuple[int, float]]
    together: list[tuple[int, float]]


class Places:
    """Numbers for places: a span's kind below its parent's place, as merged trees know them."""

    def __init__(self) -> None:
        self.numbers: dict[Place, int] = {}

    def of(self, spans: Iterable[tuple[Any, tuple[str, ...]]]) -> list[int]:
        """Answer the place of each span, given by its parent and kind in pre-order."""
        found: list[int] = []
        for at, (parent, kind) in enumerate(spans):
            above = found[parent] if isinstance(parent, int) and parent < at else -1
            found.append(self.numbers.setdefault((above, kind), len(self.numbers)))
        return found


def compared(store: Store, row: TraceRow, spans: Sequence[Json]) -> Json:
    """Answer `kin`, what a trace was compared with, and its `spans` with where each stands among these.

    Args:
        store: is asked.
        row: the trace.
        spans: its spans as they are told; each gets `percentile`, the share of spans of its place that took
            less, and `percentile_all`, that of requests in which all of the place's spans did. None where
            too few are kept.
    """
    low, high = max(row.start_ns - AROUND_NS, 0), row.start_ns + AROUND_NS
    group = (row.service, row.endpoint, row.segment)
    counted = next(iter(store.counts(low, high, group, 1, row.environment)), None)
    exact = counted.buckets if counted else {}
    kept = around(store, row, low, high) if spans else []
    places = Places()
    own = places.of((span["parent"], tuple(span[name] for name in KIND)) for span in spans)
    known = gathered(places, kept, by_octave(exact))
    sums: dict[int, int] = {}
    for place, span in zip(own, spans, strict=True):
        sums[place] = sums.get(place, 0) + span["duration"]
    ranked = Ranked(known)
    mine = among(exact, row.duration_ns)
    told = [
        span
        | {
            "percentile": ranked.share(place, span["duration"], together=False),
            "percentile_all": ranked.share(place, sums[place], together=True),
        }
        for place, span in zip(own, spans, strict=True)
    ]
    if told:
        told[0] |= {"percentile": mine, "percentile_all": mine}
    return {
        "kin": {"requests": sum(exact.values()), "kept": len(kept), "percentile": mine},
        "spans": told,
    }


def around(store: Store, row: TraceRow, low: int, high: int) -> list[Event]:
    """Answer kept traces of a trace's endpoint from all over a time; none where that took too long."""
    names = ("service", "endpoint", "segment", "environment")
    whose = (row.service, row.endpoint, row.segment, row.environment)
    terms = [Field(Path(name), EXACT, text) for name, text in zip(names, whose, strict=True)]
    query = Query("").within(None, None, *terms)
    query.stages = ()
    until_s = time.monotonic() + PATIENCE_S
    most = max(min(SPANS_MAX // merging.PIECES // max(row.spans, 1), MOST), LEAST)
    found: list[Event] = []
    try:
        chosen = merging.runs(merging.rows(store, query, low, high, until_s, ROWS_MAX), most, 1)
        for first, last in chosen:
            found += (event for event in store.events(query.within(first, last)) if event.value(SPANS))
            if time.monotonic() > until_s:
                break
    except QueryError:
        return []
    return found


def gathered(places: Places, kept: Sequence[Event], exact: Mapping[int, float]) -> dict[int, Kin]:
    """Answer what kept traces tell of each place.

    Args:
        places: numbers them.
        kept: traces.
        exact: requests by octave of duration, as many as there were.
    """
    octaves = [buckets.octave(event.value("duration")) for event in kept]
    told = {octave: octaves.count(octave) for octave in octaves}
    known: dict[int, Kin] = {}
    for event, octave in zip(kept, octaves, strict=True):
        weight = exact.get(octave, 0) / told[octave]
        spans = event.value(SPANS)
        kinds = (
            (span.value("parent"), tuple(str(span.value(name) or "") for name in KIND)) for span in spans
        )
        sums: dict[int, int] = {}
        for place, span in zip(places.of(kinds), spans, strict=True):
            took_ns = span.value("duration")
            sums[place] = sums.get(place, 0) + took_ns
            known.setdefault(place, Kin([], [])).single.append((took_ns, weight))
        for place, sum_ns in sums.items():
            known[place].together.append((sum_ns, weight))
    return known


class Ranked:
    """Answers where something stands among its kin; what is asked again is sorted only once."""

    def __init__(self, known: Mapping[int, Kin]) -> None:
        self.known = known
        self.sorted: dict[tuple[int, bool], tuple[list[int], list[float]]] = {}

    def share(self, place: int, took_ns: int, *, together: bool) -> float | None:
        """Answer the share of a place's kin that took less, and half of those that took as long."""
        kin = self.known.get(place)
        if kin is None or len(kin.together) < LEAST:
            return None
        if (place, together) not in self.sorted:
            rows = sorted(kin.together if together else kin.single)
            sums = [0.0, *accumulate(weight for _, weight in rows)]
            self.sorted[place, together] = [took for took, _ in rows], sums
        times, sums = self.sorted[place, together]
        if not sums[-1]:
            return None
        below, upto = (sums[find(times, took_ns)] for find in (bisect_left, bisect_right))
        return (below + upto) / 2 / sums[-1]


def by_octave(exact: Mapping[int, int]) -> dict[int, float]:
    """Answer requests by octave of duration."""
    found: dict[int, float] = {}
    for bucket, n in exact.items():
        octave = buckets.octave_of(bucket)
        found[octave] = found.get(octave, 0.0) + n
    return found


def among(exact: Mapping[int, int], duration_ns: int) -> float | None:
    """Answer the share of counted requests that took less; half of those of the same bucket."""
    whole, own = sum(exact.values()), buckets.bucket(duration_ns)
    if whole < LEAST:
        return None
    return (sum(n for bucket, n in exact.items() if bucket < own) + exact.get(own, 0) / 2) / whole
