"""One COMMIT being built: batches go in, the record's columns come out."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from fanlight.aggregate.batches import MAX_NS
from fanlight.aggregate.groups import Group, Lookup, View
from fanlight.aggregate.kinds import Kinds
from fanlight.aggregate.tables import LOCATION
from fanlight.aggregate.trees import Tree
from fanlight.recording.waiting.stamps import PROXY, TIME
from fanlight.wire.buckets import octave
from fanlight.wire.codec import decode
from fanlight.wire.messages import COMMIT, ERROR, NOTE_INT, NOTE_TEXT, PRUNED, UNSAMPLED, WHOLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from fanlight.aggregate.aggregator import Aggregator
    from fanlight.aggregate.groups import Key, Origin
    from fanlight.aggregate.tables import Table
    from fanlight.wire.codec import Message

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
MAX_AGE_NS = 48 * HOUR_NS
MAX_AHEAD_NS = HOUR_NS
"""A trace that claims to have begun outside of this around now, began when it arrived: neither a
wrong clock nor a forger may open a day of the store per trace."""

CARRIED = ("trace_high", "trace_low", "trace_duration", "trace_lost")
"""Columns that a kept row carries over unchanged."""
KNOWN_FLAGS = ERROR | UNSAMPLED | PRUNED
NOWHERE: dict[int, int] = {}
TOP = (1 << 64) - 1


class Record:
    """Batches of one group commit, as the sums and columns of a COMMIT.

    Made by `Aggregator.begin`. A batch that was parsed cannot fail here.

    Attributes:
        accepted: traces per service, counted all, that came to be kept in detail.
    """

    def __init__(self, aggregator: Aggregator, now_ns: int) -> None:
        self.aggregator = aggregator
        self.now_ns = now_ns
        self.accepted: dict[str, int] = {}
        self.kinds = Kinds()
        self.groups: dict[Key, Group] = {}
        self.views: dict[tuple[Table, str], View] = {}
        self.releases: dict[tuple[str, str, int, str], int] = {}
        self.out: Message = decode(COMMIT, b"")

    def add(self, batch: Message, table: Table, origin: Origin, *, detail: bool = True) -> None:
        """Add a parsed batch of a connection.

        Args:
            batch: what `batches.parse` answered; it is used up.
            table: what it was parsed against.
            origin: whose it is.
            detail: False keeps counts and latency alone, for a service that has used up its room.
        """
        view = self.view(table, origin)
        self.out["client"].append(origin.client)
        self.out["client_sequence"].append(batch["sequence"])
        # Without detail the traces count as dropped, so the account of what is stored omits them.
        kept = len(batch["trace_start"]) if detail else 0
        self.accepted[view.service] = self.accepted.get(view.service, 0) + kept
        low, high = self.now_ns - MAX_AGE_NS, self.now_ns + MAX_AHEAD_NS
        columns = zip(batch["trace_start"], batch["trace_duration"], strict=True)
        starts = [
            start if low <= start <= high else max(0, self.now_ns - duration) for start, duration in columns
        ]
        keys = zip(batch["trace_endpoint"], batch["trace_segment"], strict=True)
        groups = [view.groups[endpoint << 32 | segment] for endpoint, segment in keys]
        failed = [flags & ERROR for flags in batch["trace_flags"]]
        for group, start, duration, error in zip(
            groups, starts, batch["trace_duration"], failed, strict=True
        ):
            group.count(start // MINUTE_NS).add(duration, error)
        if origin.release:
            self.release(view.service, origin, starts)
        if detail:
            batch["span_kind"] = array("I", map(view.kinds.__getitem__, batch["span_kind"]))
            waited = waits(batch, table)
            self.aggregator.note_waits(view.service, waited.values())
            self.merge(batch, groups, starts, locations(batch, table, view), waited)
            self.keep(batch, groups, starts, view, origin.pid)

    def event(self, service: str, time_ns: int, shape: str, values: str) -> None:
        """Add an event that is no trace.

        Args:
            service: whose it is, as it calls itself.
            time_ns: since 1970.
            shape: JSON of what events of its sort share, as `messages.COMMIT` says.
            values: JSON of what it has itself.
        """
        out = self.out
        out["event_service"].append(self.kinds.string(self.aggregator.names.service(service)))
        out["event_time"].append(time_ns)
        out["event_shape"].append(self.kinds.string(shape))
        out["event_values"].append(values)

    def view(self, table: Table, origin: Origin) -> View:
        """Answer how this record sees a connection's table."""
        found = self.views.get((table, origin.client))
        if found is not None:
            return found
        names, strings, kinds = self.aggregator.names, table.strings, self.kinds
        service = names.service(origin.service)
        environment = names.environment(service, origin.environment)

        def kind(index: int) -> int:
            category, title, description = table.kinds[index]
            return kinds.add(strings[category], strings[title], strings[description])

        def group(pair: int) -> Group:
            endpoint = names.endpoint(service, strings[pair >> 32])
            segment = names.segment(service, strings[pair & 0xFFFFFFFF])
            return self.group((service, endpoint, segment, environment))

        found = View(
            service,
            kinds.string(origin.host),
            Lookup(lambda index: kinds.string(strings[index])),
            Lookup(kind),
            Lookup(group),
        )
        self.views[table, origin.client] = found
        return found

    def group(self, key: Key) -> Group:
        """Answer the group of a service, endpoint, segment and environment, added if new."""
        found = self.groups.get(key)
        if found is None:
            keeper = self.aggregator.keeper
            found = Group(len(self.groups), key, keeper.budget(key[0]), keeper.reservoir(key))
            self.groups[key] = found
            for name, text in zip(("group_service", "group_endpoint", "group_segment"), key, strict=False):
                self.out[name].append(self.kinds.string(text))
            if key[3]:
                self.out["environment_group"].append(found.index)
                self.out["environment_text"].append(self.kinds.string(key[3]))
        return found

    def release(self, service: str, origin: Origin, starts: list[int]) -> None:
        """Count a batch's traces for the release that made them, and where it runs."""
        text = self.aggregator.names.release(service, origin.release)
        environment = self.aggregator.names.environment(service, origin.environment)
        for start in starts:
            key = service, text, start // MINUTE_NS, environment
            self.releases[key] = self.releases.get(key, 0) + 1

    def merge(
        self,
        batch: Message,
        groups: list[Group],
        starts: list[int],
        places: list[tuple[int, int]],
        waited: dict[int, int],
    ) -> None:
        """Fold every trace that has its spans onto its merged tree."""
        columns = [batch[name] for name in ("span_kind", "span_parent", "span_start", "span_duration")]
        traces = zip(
            groups,
            starts,
            batch["trace_duration"],
            batch["trace_spans"],
            batch["trace_flags"],
            strict=True,
        )
        first = 0
        for group, start, duration, spans, flags in traces:
            last = first + spans
            if spans and not flags & UNSAMPLED:
                slot = start // HOUR_NS, octave(duration)
                tree = group.trees.get(slot)
                if tree is None:
                    known = self.aggregator.forest.tree(group.key, *slot)
                    tree = group.trees[slot] = Tree(self.kinds, known)
                here = NOWHERE
                if places:
                    begin, end = bisect_left(places, (first, 0)), bisect_left(places, (last, 0))
                    here = {span - first: place for span, place in places[begin:end]}
                kinds, parents, offsets, durations = [column[first:last] for column in columns]
                tree.merge(kinds, parents, offsets, durations, here)
                if first in waited:
                    tree.wait(kinds[0], duration, waited[first])
            first = last

    def keep(self, batch: Message, groups: list[Group], starts: list[int], view: View, pid: int) -> None:
        """Carry over the traces that are kept: rows, and the spans of the whole ones."""
        keeper = self.aggregator.keeper
        rows: list[int] = []
        weights: list[float] = []
        flags_kept: list[int] = []
        spans_kept: list[int] = []
        runs: list[list[int]] = []
        last = 0
        traces = zip(groups, batch["trace_duration"], batch["trace_spans"], batch["trace_flags"], strict=True)
        for row, (group, duration, spans, flags) in enumerate(traces):
            first, last = last, last + spans
            weight = keeper.weigh(group.budget)
            whole = bool(spans and not flags & UNSAMPLED) and keeper.whole(
                group.budget, group.reservoir, spans, duration, error=bool(flags & ERROR)
            )
            if not (whole or weight):
                continue
            rows.append(row)
            weights.append(weight)
            flags_kept.append(flags & KNOWN_FLAGS | WHOLE if whole else flags & KNOWN_FLAGS)
            spans_kept.append(spans if whole else 0)
            if not whole:
                continue
            if runs and runs[-1][1] == first:
                runs[-1][1] = last
            else:
                runs.append([first, last])
        out = self.out
        for name in CARRIED:
            column = batch[name]
            out[name] += column if len(rows) == len(groups) else pick(column, rows)
        out["trace_start"].extend([starts[row] for row in rows])
        out["trace_group"].extend([groups[row].index for row in rows])
        out["trace_weight"].extend(weights)
        out["trace_flags"].extend(flags_kept)
        out["trace_spans"].extend(spans_kept)
        out["trace_host"] += array("I", [view.host]) * len(rows)
        out["trace_pid"] += array("I", [pid]) * len(rows)
        for first, last in runs:
            self.carry(batch, first, last, view)

    def carry(self, batch: Message, first: int, last: int, view: View) -> None:
        """Carry over a run of spans and their annotations: slices, never a span at a time."""
        out = self.out
        shift = len(out["span_kind"]) - first
        for name in ("span_kind", "span_parent", "span_start", "span_duration"):
            out[name] += batch[name][first:last]
        owners = batch["note_span"]
        if not owners:
            return
        begin, end = bisect_left(owners, first), bisect_left(owners, last)
        strings = view.strings
        types, values = batch["note_type"][begin:end], batch["note_value"][begin:end]
        out["note_span"].extend([span + shift for span in owners[begin:end]])
        out["note_key"].extend(map(strings.__getitem__, batch["note_key"][begin:end]))
        out["note_type"] += types
        out["note_value"].extend(
            [strings[v] if kind == NOTE_TEXT else v for v, kind in zip(values, types, strict=True)]
        )

    def message(self) -> Message:
        """Answer the COMMIT; the record takes nothing more after this."""
        out = self.out
        for service, count in self.accepted.items():
            out["ledger_service"].append(service)
            out["ledger_accepted"].append(count)
        self.put_counts()
        self.put_nodes()
        for (service, text, minute, environment), n in self.releases.items():
            out["release_service"].append(self.kinds.string(service))
            out["release_text"].append(self.kinds.string(text))
            out["release_minute"].append(minute)
            out["release_n"].append(n)
            out["release_environment"].append(self.kinds.string(environment))
        out["strings"] = self.kinds.strings
        out["kind_category"] = self.kinds.category
        out["kind_title"] = self.kinds.title
        out["kind_description"] = self.kinds.description
        return out

    def put_counts(self) -> None:
        """Write the counts and histograms as columns."""
        out = self.out
        for group in self.groups.values():
            for minute, count in group.counts.items():
                row = len(out["count_group"])
                out["count_group"].append(group.index)
                out["count_minute"].append(minute)
                out["count_n"].append(count.n)
                out["count_errors"].append(count.errors)
                out["count_sum"].append(min(count.total, TOP))
                out["count_min"].append(count.low)
                out["count_max"].append(count.high)
                out["latency_count"] += array("I", [row]) * len(count.buckets)
                out["latency_bucket"].extend(count.buckets)
                out["latency_n"].extend(count.buckets.values())

    def put_nodes(self) -> None:
        """Write the merged trees as columns."""
        out = self.out
        for group in self.groups.values():
            for (hour, power), tree in group.trees.items():
                nodes = tree.nodes
                for name, value in (("group", group.index), ("hour", hour), ("octave", power)):
                    out[f"node_{name}"] += array("I", [value]) * len(nodes)
                for name, attribute in NODE_COLUMNS:
                    column = out[name]
                    values = [getattr(node, attribute) for node in nodes]
                    column += array(column.typecode, capped(values))


NODE_COLUMNS = (
    *(("node_path", "path"), ("node_parent", "parent"), ("node_kind", "kind"), ("node_n", "n")),
    *(("node_traces", "traces"), ("node_total", "total"), ("node_self", "self_ns")),
    *(("node_offset", "offset"), ("node_repeated", "repeated"), ("node_repeat_sum", "repeat_sum")),
    *(("node_repeat_max", "repeat_max"), ("node_repeat_total", "repeat_total")),
    ("node_location", "location"),
)
"""Column and the node's attribute that it holds."""


def capped(values: list[int]) -> Iterable[int]:
    """Answer sums that fit 64 bits; only a forger's spans reach the cap."""
    return values if max(values, default=0) <= TOP else (min(value, TOP) for value in values)


def pick(column: array[Any], rows: list[int]) -> array[Any]:
    """Answer a column's values at the given rows."""
    return array(column.typecode, map(column.__getitem__, rows))


def locations(batch: Message, table: Table, view: View) -> list[tuple[int, int]]:
    """Answer (span, the record's string index of file:line) of the spans that carry a location."""
    key = table.keys.get(LOCATION)
    if key is None or key not in batch["note_key"]:
        return []
    notes = zip(batch["note_span"], batch["note_key"], batch["note_type"], batch["note_value"], strict=True)
    return [(span, view.strings[value]) for span, k, kind, value in notes if k == key and kind == NOTE_TEXT]


def waits(batch: Message, table: Table) -> dict[int, int]:
    """Answer how long the requests waited before they began, in ns by root span, where that is known.

    What the kernel told holds; where it was not asked, what a proxy's stamp did.
    """
    found: dict[int, int] = {}
    for key in (table.keys.get(PROXY), table.keys.get(TIME)):
        if key is None or key not in batch["note_key"]:
            continue
        notes = zip(
            batch["note_span"], batch["note_key"], batch["note_type"], batch["note_value"], strict=True
        )
        found |= {span: value for span, k, kind, value in notes if k == key and kind == NOTE_INT}
    return {span: value for span, value in found.items() if value <= MAX_NS}
