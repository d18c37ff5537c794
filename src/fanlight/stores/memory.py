"""The memory store: plain Python, gone when the process ends; the oracle that other stores are held to."""

from __future__ import annotations

from collections import defaultdict
from threading import Lock
from typing import TYPE_CHECKING

from fanlight.errors import ConfigError, WireError
from fanlight.event.trace import TraceRow, from_stored
from fanlight.query.answer import UNLIMITED, Facts, in_memory
from fanlight.query.asof import AsOf
from fanlight.query.stages import summing
from fanlight.stores.answers import (
    Node,
    Pace,
    Point,
    Release,
    Repeat,
    Size,
    Times,
    Trace,
    added,
    later,
    merged,
    spanning,
)
from fanlight.stores.choose import choose, together, typical
from fanlight.stores.imports import InMemory, in_order
from fanlight.stores.measures import measured
from fanlight.stores.quota import Quota, others, shares
from fanlight.stores.readings import is_asked, of_kind, of_servers, selectable
from fanlight.stores.rows import (
    DAY_HOURS,
    DAY_MINUTES,
    DAY_NS,
    MINUTE_NS,
    Cell,
    NodeKey,
    Placed,
    Rows,
    admitted,
    counted,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fanlight.event.event import Event
    from fanlight.query.answer import Answer, Limits
    from fanlight.query.query import Query
    from fanlight.stores.answers import Counts, Group, Scope
    from fanlight.stores.measures import Measures
    from fanlight.stores.quota import Held, Share
    from fanlight.stores.readings import Told
    from fanlight.wire.codec import Message

HOUR_NS = 60 * MINUTE_NS


class Memory:
    """Keeps commits in dictionaries. Thread-safe by one lock."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.applied: dict[int, int] = {}
        self.accepted: dict[str, int] = defaultdict(int)
        self.cells: dict[tuple[Placed, int], Cell] = defaultdict(Cell)
        self.nodes: dict[NodeKey, Node] = {}
        self.runs: dict[tuple[str, str, int, str], int] = defaultdict(int)
        """Requests by service, release, minute and environment."""
        self.kept: list[Trace] = []
        self.told: list[Told] = []
        """Events beside traces."""
        self.held: dict[int, dict[str, Held]] = {}
        self.texts: dict[int, set[str]] = defaultdict(set)
        self.imports = InMemory()
        self.max_bytes = 0
        self.floor = -1
        """The newest expired day: rows for it and older ones are expired when they come."""

    def apply(self, segment: int, records: Sequence[tuple[int, Message]]) -> None:
        """Keep the commits of one spool segment that are not kept yet."""
        with self.lock:
            fresh = [record for record in records if record[0] > self.applied.get(segment, 0)]
            try:
                rows = [Rows(commit) for _, commit in fresh]
            except (IndexError, ValueError) as error:
                raise WireError(f"a commit of segment {segment} contradicts itself: {error}") from error
            for record, (position, _) in zip(rows, fresh, strict=True):
                self.add(record)
                self.applied[segment] = position

    def add(self, rows: Rows) -> None:
        """Merge one commit."""
        for service, n in rows.ledger:
            self.accepted[service] += n
        for group, minute, cell in rows.cells:
            if minute // DAY_MINUTES > self.floor:
                self.cells[group, minute].merge(cell)
        for key, node in rows.nodes:
            if key.hour // DAY_HOURS > self.floor:
                known = self.nodes.get(key)
                self.nodes[key] = merged(known, node) if known else node
        for service, release, minute, environment, n in rows.releases:
            if minute // DAY_MINUTES > self.floor:
                self.runs[service, release, minute, environment] += n
        self.told += [event for event in rows.events if event.time_ns // DAY_NS > self.floor]
        self.add_traces(rows)

    def add_traces(self, rows: Rows) -> None:
        """Keep one commit's traces as far as there is room for them."""
        days: dict[int, list[Trace]] = {day: [] for day in rows.days() if day > self.floor}
        for trace in rows.traces:
            if trace.row.start_ns // DAY_NS in days:
                days[trace.row.start_ns // DAY_NS].append(trace)
        for day, traces in sorted(days.items()):
            held = self.held.get(day, {})
            quota = Quota(self.max_bytes, others(self.held, day), held)
            quota.meet(group[0] for group in rows.groups)
            self.kept += admitted(traces, quota, self.texts[day])
            self.held[day] = quota.held

    def positions(self) -> dict[int, int]:
        """Answer, per segment, the position up to which everything is kept."""
        with self.lock:
            return dict(self.applied)

    def ledger(self) -> dict[str, int]:
        """Answer the number of traces ever kept, per service."""
        with self.lock:
            return dict(self.accepted)

    def counts(
        self, from_ns: int, to_ns: int, scope: Scope = (), slots: int = 60, environment: str | None = None
    ) -> list[Counts]:
        """Answer the merged counts of every group in `scope`."""
        return counted(self.cells_in(from_ns, to_ns, scope, environment), from_ns, to_ns, slots)

    def service(
        self, name: str, from_ns: int, to_ns: int, slots: int = 60, environment: str | None = None
    ) -> Counts | None:
        """Answer the counts of all groups of a service together, if it had any."""
        cells = self.cells_in(from_ns, to_ns, (name,), environment)
        found = counted((((name, "", ""), minute, cell) for _, minute, cell in cells), from_ns, to_ns, slots)
        return found[0] if found else None

    def timeline(
        self, group: Group, from_ns: int, to_ns: int, step_s: int, environment: str | None = None
    ) -> list[Point]:
        """Answer one group's counts per step, oldest first."""
        steps: dict[int, Cell] = defaultdict(Cell)
        for _, minute, cell in self.cells_in(from_ns, to_ns, group, environment):
            steps[minute * 60 // step_s].merge(cell)
        return [
            Point(
                step * step_s * 1_000_000_000,
                cell.n,
                cell.errors,
                cell.sum_ns,
                cell.max_ns,
                dict(cell.buckets),
            )
            for step, cell in sorted(steps.items())
        ]

    def tree(
        self,
        group: Group,
        from_ns: int,
        to_ns: int,
        octaves: Collection[int] | None = None,
        environment: str | None = None,
    ) -> list[Node]:
        """Answer one group's merged tree."""
        paths: dict[int, Node] = {}
        for key, node in self.nodes_in(from_ns, to_ns, group, environment):
            if octaves is None or key.octave in octaves:
                paths[key.path] = later(paths[key.path], node) if key.path in paths else node
        return list(paths.values())

    def times(self, group: Group, from_ns: int, to_ns: int, environment: str | None = None) -> list[Times]:
        """Answer one group's own times per octave and category."""
        found: dict[tuple[int, str, bool], Times] = {}
        for key, node in self.nodes_in(from_ns, to_ns, group, environment):
            place = key.octave, node.category, not node.parent
            row = Times(*place, node.traces, node.total_ns, node.self_ns)
            found[place] = added(found.get(place), row)
        return list(found.values())

    def paces(self, group: Group, from_ns: int, to_ns: int, environment: str | None = None) -> list[Pace]:
        """Answer how long each path of a group's tree took, by octave of the requests, in no order."""
        found: dict[tuple[int, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
        for key, node in self.nodes_in(from_ns, to_ns, group, environment):
            traces, total_ns = found[key.octave, key.path]
            found[key.octave, key.path] = traces + node.traces, total_ns + node.total_ns
        return [Pace(*place, *sums) for place, sums in found.items()]

    def repeats(
        self, from_ns: int, to_ns: int, scope: Scope = (), environment: str | None = None
    ) -> list[Repeat]:
        """Answer every group's paths that repeated in some trace."""
        traces: dict[Group, int] = defaultdict(int)
        found: dict[tuple[Group, int], Node] = {}
        for key, node in self.nodes_in(from_ns, to_ns, scope, environment):
            if not node.parent:
                traces[key.group[:3]] += node.traces
            if node.repeated:
                known = found.get((key.group[:3], key.path))
                found[key.group[:3], key.path] = later(known, node) if known else node
        return [
            Repeat(
                *group,
                path,
                node.category,
                node.title,
                node.description,
                node.location,
                traces[group],
                node.repeated,
                node.repeat_sum,
                node.repeat_max,
                node.repeat_total_ns,
            )
            for (group, path), node in found.items()
        ]

    def releases(self, name: str, from_ns: int, to_ns: int, environment: str | None = None) -> list[Release]:
        """Answer the releases that a service told of, the first one first."""
        within = range(from_ns // MINUTE_NS, -(-to_ns // MINUTE_NS))
        with self.lock:
            runs = [
                (text, at, n)
                for (service, text, at, where), n in self.runs.items()
                if service == name and environment in (None, where)
            ]
        found: dict[str, Release] = {}
        for text, minute, n in runs:
            if minute in within:
                found[text] = spanning(
                    found.get(text), Release(text, minute * MINUTE_NS, minute * MINUTE_NS, n)
                )
        return sorted(found.values(), key=lambda each: (each.first_ns, each.release))

    def traces(
        self,
        group: Group,
        from_ns: int,
        to_ns: int,
        octaves: Collection[int] | None = None,
        limit: int = 50,
        environment: str | None = None,
    ) -> list[TraceRow]:
        """Answer up to `limit` kept traces, whole ones first."""
        total = Cell()
        for _, _, cell in self.cells_in(from_ns, to_ns, group, environment):
            total.merge(cell)
        with self.lock:
            rows = [
                trace.row
                for trace in self.kept
                if trace.row[1:4] == group
                and environment in (None, trace.row.environment)
                and from_ns <= trace.row.start_ns < to_ns
                and (octaves is None or max(trace.row.duration_ns - 1, 0).bit_length() in octaves)
            ]
        return choose(rows, typical(total.buckets, octaves), limit)

    def trace(self, trace_id: str) -> list[Trace]:
        """Answer what is kept under 32 hex digits, oldest first."""
        with self.lock:
            found = [trace for trace in self.kept if trace.row.id == trace_id]
        return together(found)

    def events(self, query: Query) -> Iterator[Event]:
        """Yield the kept traces and imported events that a query selects, oldest first."""
        return self.selected(query, Facts())

    def selected(self, query: Query, facts: Facts) -> Iterator[Event]:
        """Yield what a query selects, traces with what readings near them have."""
        with self.lock:
            kept = sorted(self.kept, key=lambda trace: (trace.row.start_ns, trace.row.id))
        traces = (from_stored(trace.row, trace.spans or None) for trace in kept)
        joined = AsOf(query, self.near).joined(traces, facts)
        return filter(query.matches, in_order(joined, self.imports.nominated(query), self.nominated(query)))

    def nominated(self, query: Query) -> Iterator[Event]:
        """Yield the events beside traces that a query may select, oldest first."""
        if not is_asked(query):
            return
        with self.lock:
            told = sorted(self.told, key=lambda event: event.time_ns)
        shapes = set(selectable(query, {event.shape for event in told}))
        yield from (event.event() for event in told if event.shape in shapes)

    def readings(self, from_ns: int, to_ns: int, *, whole: bool = False) -> list[Told]:
        """Answer the readings that commits brought in a time, oldest first."""
        with self.lock:
            told = [event for event in self.told if from_ns <= event.time_ns < to_ns]
        shapes = set(of_kind((event.shape for event in told), whole=whole))
        return sorted((event for event in told if event.shape in shapes), key=lambda event: event.time_ns)

    def measures(self, from_ns: int, to_ns: int) -> list[Measures]:
        """Answer the readings of whole servers in a time, as numbers."""
        return measured(self.readings(from_ns, to_ns, whole=True))

    def near(self, low_ns: int | None, high_ns: int | None, names: frozenset[str]) -> Iterator[Event]:
        """Yield the readings of whole servers between two moments that have one of some names."""
        with self.lock:
            told = list(self.told)
        shapes = set(of_servers({event.shape for event in told}, names))
        for event in told:
            since = low_ns is None or low_ns <= event.time_ns
            if event.shape in shapes and since and (high_ns is None or event.time_ns <= high_ns):
                yield event.event()
        yield from self.imports.readings(low_ns, high_ns, names)

    def answer(self, query: Query, limits: Limits = UNLIMITED) -> Answer:
        """Answer a query with its stages."""
        facts = Facts(is_summed=summing(query.stages))
        return in_memory(query, self.selected(query, facts), limits, facts)

    def compact(self) -> None:
        """Do nothing: dictionaries are merged as they grow."""

    def expire(self, before_day: int, max_bytes: int = 0) -> list[int]:
        """Drop days before `before_day`; nothing is on disk, so the cap is met."""
        del max_bytes
        days = self.size().days
        dropped = [day for day in days[:-1] if day < before_day]
        with self.lock:
            self.floor = max([self.floor, *dropped])
            for cell in [cell for cell in self.cells if cell[1] // DAY_MINUTES in dropped]:
                del self.cells[cell]
            for run in [run for run in self.runs if run[2] // DAY_MINUTES in dropped]:
                del self.runs[run]
            for key in [key for key in self.nodes if key.hour // DAY_HOURS in dropped]:
                del self.nodes[key]
            self.kept = [trace for trace in self.kept if trace.row.start_ns // DAY_NS not in dropped]
            self.told = [event for event in self.told if event.time_ns // DAY_NS not in dropped]
            self.held = {day: held for day, held in self.held.items() if day not in dropped}
        return dropped

    def shares(self) -> dict[str, Share]:
        """Answer what each service has in the store."""
        with self.lock:
            return shares(self.held, self.max_bytes)

    def size(self) -> Size:
        """Answer no bytes, and the days that have rows."""
        with self.lock:
            days = {minute // DAY_MINUTES for _, minute in self.cells}
            days |= {key.hour // DAY_HOURS for key in self.nodes}
            days |= {run[2] // DAY_MINUTES for run in self.runs}
            days |= {trace.row.start_ns // DAY_NS for trace in self.kept}
            days |= {event.time_ns // DAY_NS for event in self.told}
        return Size(0, tuple(sorted(days)), 0)

    def close(self) -> None:
        """Do nothing."""

    def environments(self, from_ns: int, to_ns: int) -> list[tuple[str, str]]:
        """Answer the services that were asked in a range, each with each of its environments."""
        minutes = range(from_ns // MINUTE_NS, -(-to_ns // MINUTE_NS))
        with self.lock:
            return sorted({(group[0], group[3]) for group, minute in self.cells if minute in minutes})

    def cells_in(
        self, from_ns: int, to_ns: int, scope: Scope, environment: str | None
    ) -> Iterator[tuple[Group, int, Cell]]:
        """Yield the cells of every minute that the range touches."""
        minutes = range(from_ns // MINUTE_NS, -(-to_ns // MINUTE_NS))
        with self.lock:
            cells = list(self.cells.items())
        for (group, minute), cell in cells:
            if minute in minutes and group[: len(scope)] == scope and environment in (None, group[3]):
                yield group[:3], minute, cell

    def nodes_in(
        self, from_ns: int, to_ns: int, scope: Scope, environment: str | None
    ) -> Iterator[tuple[NodeKey, Node]]:
        """Yield the tree rows of every hour that the range touches, the oldest hour's first."""
        hours = range(from_ns // HOUR_NS, -(-to_ns // HOUR_NS))
        with self.lock:
            nodes = sorted(self.nodes.items(), key=lambda each: (each[0].hour, each[1].location))
        for key, node in nodes:
            here = environment in (None, key.group[3])
            if key.hour in hours and here and key.group[: len(scope)] == scope:
                yield key, node


def open_memory(place: str) -> Memory:
    """Answer an empty memory store; it has no place.

    Raises:
        ConfigError: a place was written behind `memory:`.
    """
    if place:
        raise ConfigError(f"a memory store has no place, so it is written 'memory:', not 'memory:{place}'")
    return Memory()
