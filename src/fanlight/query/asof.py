"""As-of look-ups: what a trace lacks is taken from the nearest reading of its service and host."""

from __future__ import annotations

from bisect import bisect_left
from statistics import median_low
from typing import TYPE_CHECKING, Any

from fanlight.event.property import Property
from fanlight.event.trace import OWN, SPANS
from fanlight.query.functions import is_number
from fanlight.query.match import SPAN, own, value_of
from fanlight.query.plan import paths, spellings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.answer import Facts
    from fanlight.query.nodes import Path
    from fanlight.query.query import Query

SECOND_NS = 1_000_000_000
LONE_NS = 60 * SECOND_NS
"""How far a reading reaches that has no other beside it."""
FURTHEST_NS = 600 * SECOND_NS
"""How far a reading reaches at the most; as far as the next one, usually."""
KIND = "metrics"
PARTIAL = frozenset({"worker", "master"})
"""Names that say that a reading is not of the whole server."""
NEVER = OWN["trace"] | OWN["span"] | {SPANS, "raw", "line", "kind", "queue.time"}
"""Names of what traces have by themselves, so that none is ever looked up; how long one waited is its own
affair, whatever others did on average."""


def sought(query: Query) -> list[Path]:
    """Answer the paths of a query that readings may have."""
    looked = [*paths(query.node), *(path for stage in query.stages for path in looked_up(stage))]
    found = {str(path): path for path in looked if is_sought(path)}
    return list(found.values())


def looked_up(stage: Any) -> Iterator[Path]:
    """Yield the paths that a stage looks up."""
    if getattr(stage, "path", None) is not None:
        yield stage.path
    yield from getattr(stage, "paths", ())
    grouping = getattr(stage, "grouping", None)
    if grouping is not None:
        yield from grouping.paths
    functions = getattr(stage, "functions", None) or [getattr(stage, "function", None)]
    for each in functions:
        if each is not None and each.path is not None:
            yield each.path


def is_sought(path: Path) -> bool:
    """Tell whether readings may have what stands at a path."""
    loose = not path.exact and path.text.startswith(("#", SPAN))
    return not loose and not spellings([path]) & NEVER


class Track:
    """The readings of one property of one service and host, in the order of time."""

    __slots__ = ("found", "reach_ns", "times")

    def __init__(self, readings: list[tuple[int, Any]]) -> None:
        readings.sort(key=lambda each: each[0])
        self.times = [time for time, _ in readings]
        self.found = [found for _, found in readings]
        gaps = [after - before for before, after in zip(self.times, self.times[1:], strict=False)]
        usual = median_low(gaps) if gaps else LONE_NS
        self.reach_ns = min(max(usual, SECOND_NS), FURTHEST_NS)

    def nearest(self, time_ns: int) -> Any:
        """Answer value, unit and type of the reading nearest to a time; None when none is near."""
        place = bisect_left(self.times, time_ns)
        near = [each for each in (place - 1, place) if 0 <= each < len(self.times)]
        best = min(near, key=lambda each: abs(self.times[each] - time_ns))
        return self.found[best] if abs(self.times[best] - time_ns) <= self.reach_ns else None


class AsOf:
    """What readings add to the traces that a query is asked of.

    Args:
        query: asks.
        readings: answers the events of kind `metrics` between two moments, ns since 1970, None for no
            bound, that have one of some names, or more events; asked only when the query names something
            that no trace has by itself.

    Attributes:
        names: what readings have of what the query looks up, in every spelling.
    """

    def __init__(
        self,
        query: Query,
        readings: Callable[[int | None, int | None, frozenset[str]], Iterable[Event]],
    ) -> None:
        self.names: frozenset[str] = frozenset()
        self.finders: list[tuple[str, Callable[[Event], Any], dict[tuple[Any, Any], Track]]] = []
        wanted = sought(query)
        if not wanted:
            return
        low, high = query.bounds()
        near = readings(
            None if low is None else low - FURTHEST_NS,
            None if high is None else high + FURTHEST_NS,
            spellings(wanted),
        )
        kept: dict[str, dict[tuple[Any, Any], list[tuple[int, Any]]]] = {str(path): {} for path in wanted}
        looks = [(str(path), own(path)) for path in wanted]
        for event in near:
            whose = event.value("service"), event.value("host")
            if event.time_ns is None or None in whose or any(name in event for name in PARTIAL):
                continue
            for name, look in looks:
                found = look(event)
                if found is not None and is_number(found[0]):
                    kept[name].setdefault(whose, []).append((event.time_ns, found))
        for path in wanted:
            if kept[str(path)]:
                tracks = {whose: Track(each) for whose, each in kept[str(path)].items()}
                self.finders.append((path.text, value_of(path), tracks))
                self.names |= spellings([path])

    def joined(self, events: Iterable[Event], facts: Facts) -> Iterator[Event]:
        """Yield the events, traces with what they lack and a reading near has."""
        for event in events:
            if event.kind == "trace" and self.finders and event.time_ns is not None:
                self.add(event, event.time_ns, facts)
            yield event

    def add(self, event: Event, time_ns: int, facts: Facts) -> None:
        """Add to a trace what it lacks."""
        whose = event.value("service"), event.value("host")
        for name, find, tracks in self.finders:
            track = tracks.get(whose)
            if track is None or find(event) is not None:
                continue
            found = track.nearest(time_ns)
            if found is not None:
                value, unit, kind = found
                event.set(Property(name, value, kind, unit))
                facts.joined[name] = facts.joined.get(name, 0) + 1
