"""A COMMIT message row by row, its indices looked up: what a store without an engine reads."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from fanlight.event.trace import Span, TraceRow
from fanlight.stores.answers import Counts, Node, Trace, plain
from fanlight.stores.quota import COUNTS, NOTE_BYTES, ROW_BYTES, ROWS, SPAN_BYTES
from fanlight.stores.readings import told
from fanlight.wire.messages import NO_PARENT, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.stores.answers import Group
    from fanlight.stores.quota import Quota
    from fanlight.wire.codec import Message

Placed = tuple[str, str, str, str]
"""A group and its environment."""

DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000
DAY_MINUTES = 1440
DAY_HOURS = 24


class Cell:
    """The counts of one group in one minute."""

    def __init__(self) -> None:
        self.n = self.errors = self.sum_ns = self.max_ns = 0
        self.min_ns = 2**64
        self.buckets: dict[int, int] = defaultdict(int)

    def add(self, n: int, errors: int, sum_ns: int, least: int, most: int) -> None:
        """Merge one count row."""
        self.n += n
        self.errors += errors
        self.sum_ns += sum_ns
        self.min_ns = min(self.min_ns, least)
        self.max_ns = max(self.max_ns, most)

    def merge(self, other: Cell) -> None:
        """Merge another cell."""
        self.add(other.n, other.errors, other.sum_ns, other.min_ns, other.max_ns)
        for bucket, n in other.buckets.items():
            self.buckets[bucket] += n


def counted(cells: Iterable[tuple[Group, int, Cell]], from_ns: int, to_ns: int, slots: int) -> list[Counts]:
    """Answer the cells of some minutes merged by group, the range cut into equal slots."""
    merged: dict[Group, Cell] = defaultdict(Cell)
    strips: dict[Group, list[int]] = defaultdict(lambda: [0] * slots)
    for group, minute, cell in cells:
        merged[group].merge(cell)
        slot = (max(minute * MINUTE_NS, from_ns) - from_ns) * slots // (to_ns - from_ns)
        strips[group][slot] += cell.n
    return [
        Counts(
            *group,
            cell.n,
            cell.errors,
            cell.sum_ns,
            cell.min_ns,
            cell.max_ns,
            dict(cell.buckets),
            tuple(strips[group]),
        )
        for group, cell in sorted(merged.items())
    ]


class NodeKey(NamedTuple):
    """What a merged tree's rows are kept by."""

    group: Placed
    hour: int
    octave: int
    path: int
    location: str
    """Kept apart, so that a location tells which rows repeated there."""


class Rows:
    """One commit with its indices looked up.

    Raises:
        IndexError: an index points outside its table.
        ValueError: columns of one table differ in length.
    """

    def __init__(self, commit: Message) -> None:
        self.commit = commit
        self.strings: list[str] = commit["strings"] or [""]
        self.kinds = self.texts("kind_category", "kind_title", "kind_description")
        where = {
            group: self.strings[text] for group, text in self.rows("environment_group", "environment_text")
        }
        triples = self.texts("group_service", "group_endpoint", "group_segment")
        if where and max(where) >= len(triples):
            raise IndexError(f"an environment is of group {max(where)}, of {len(triples)}")
        self.groups: list[Placed] = [(*group, where.get(place, "")) for place, group in enumerate(triples)]
        self.ledger: list[tuple[str, int]] = list(
            zip(commit["ledger_service"], commit["ledger_accepted"], strict=True)
        )
        self.cells = self.count_rows()
        self.nodes = [self.node(*row) for row in self.rows(*NODE_COLUMNS)]
        # Earlier collectors told of no environment.
        places = commit["release_environment"] or [0] * len(commit["release_text"])
        self.releases = [
            (self.strings[service], self.strings[text], minute, self.strings[place], n)
            for (service, text, minute, n), place in zip(self.rows(*RELEASE_COLUMNS), places, strict=True)
        ]
        self.traces = list(self.trace_rows())
        self.events = told(commit)

    def days(self) -> set[int]:
        """Answer the days since 1970 that it has rows of."""
        found = {trace.row.start_ns // DAY_NS for trace in self.traces}
        found |= {minute // DAY_MINUTES for _, minute, _ in self.cells}
        found |= {minute // DAY_MINUTES for _, _, minute, _, _ in self.releases}
        found |= {event.time_ns // DAY_NS for event in self.events}
        return found | {key.hour // DAY_HOURS for key, _ in self.nodes}

    def rows(self, *names: str) -> list[tuple[int, ...]]:
        """Answer some columns as rows."""
        return list(zip(*(self.commit[name] for name in names), strict=True))

    def texts(self, *names: str) -> list[tuple[str, str, str]]:
        """Answer a table of string triples."""
        return [(self.strings[a], self.strings[b], self.strings[c]) for a, b, c in self.rows(*names)]

    def count_rows(self) -> list[tuple[Placed, int, Cell]]:
        """Answer the counts with their histograms."""
        cells = []
        for group, minute, *numbers in self.rows(*COUNT_COLUMNS):
            cell = Cell()
            cell.add(*numbers)
            cells.append((self.groups[group], minute, cell))
        for count, bucket, n in self.rows("latency_count", "latency_bucket", "latency_n"):
            cells[count][2].buckets[bucket] += n
        return cells

    def node(self, group: int, hour: int, octave: int, path: int, *rest: int) -> tuple[NodeKey, Node]:
        """Answer one row of a merged tree."""
        parent, kind, *numbers, location = rest
        where = self.strings[location]
        key = NodeKey(self.groups[group], hour, octave, path, where)
        return key, Node._make((path, parent, *self.kinds[kind], *numbers, where))

    def trace_rows(self) -> Iterator[Trace]:
        """Yield the kept traces with their spans."""
        spans = self.rows("span_kind", "span_parent", "span_start", "span_duration")
        notes: dict[int, list[tuple[str, int | float | str | bool]]] = defaultdict(list)
        for span, key, kind, value in self.rows("note_span", "note_key", "note_type", "note_value"):
            notes[span].append((self.strings[key], plain(kind, value, self.strings)))
        first = 0
        for high, low, group, *numbers, host, pid in self.rows(*ROW_COLUMNS):
            *names, where = self.groups[group]
            identity = (f"{high:016x}{low:016x}", *names)
            row = TraceRow._make((*identity, *numbers, self.strings[host], pid, where))
            owned = row.spans if row.flags & WHOLE else 0
            yield Trace(
                row,
                tuple(
                    Span(
                        *self.kinds[kind],
                        None if parent == NO_PARENT else parent,
                        begin,
                        long,
                        tuple(notes[first + place]),
                    )
                    for place, (kind, parent, begin, long) in enumerate(spans[first : first + owned])
                ),
            )
            first += owned
        if first != len(spans) or any(span >= first for span in notes):
            raise ValueError(f"{len(spans)} spans where the traces own {first}")


def admitted(traces: list[Trace], quota: Quota, texts: set[str]) -> list[Trace]:
    """Answer what is kept of a record's traces of one day, and enter it into the quota."""
    keeps = {service: quota.keeps(service) for service in {trace.row.service for trace in traces}}
    found = []
    for trace in traces:
        row = trace.row
        kept = keeps[row.service]
        lost = kept == COUNTS or (kept == ROWS and bool(row.flags & WHOLE))
        size = 0
        if kept != COUNTS:
            bare = Trace(row._replace(spans=0, flags=row.flags & ~WHOLE), ())
            found.append(bare if lost else trace)
            size = measure(found[-1], texts)
        quota.add(row.service, size, int(lost))
    return found


def measure(trace: Trace, texts: set[str]) -> int:
    """Answer the bytes of a trace by the measure of a day's file; a text that a day knows takes none."""
    notes = [note for span in trace.spans for note in span.notes]
    used = {text for span in trace.spans for text in span[:3]}
    used |= {text for note in notes for text in note if isinstance(text, str)}
    size = ROW_BYTES + SPAN_BYTES * len(trace.spans) + NOTE_BYTES * len(notes)
    size += sum(map(len, used - texts))
    texts |= used
    return size


RELEASE_COLUMNS = ("release_service", "release_text", "release_minute", "release_n")
ROW_COLUMNS = (
    "trace_high",
    "trace_low",
    "trace_group",
    "trace_start",
    "trace_duration",
    "trace_spans",
    "trace_flags",
    "trace_lost",
    "trace_weight",
    "trace_host",
    "trace_pid",
)
COUNT_COLUMNS = (
    "count_group",
    "count_minute",
    "count_n",
    "count_errors",
    "count_sum",
    "count_min",
    "count_max",
)
NODE_COLUMNS = (
    "node_group",
    "node_hour",
    "node_octave",
    "node_path",
    "node_parent",
    "node_kind",
    "node_n",
    "node_traces",
    "node_total",
    "node_self",
    "node_offset",
    "node_repeated",
    "node_repeat_sum",
    "node_repeat_max",
    "node_repeat_total",
    "node_location",
)
