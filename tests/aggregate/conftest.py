"""Traces told as plain Python, and what an agent would send of them."""

from __future__ import annotations

import random
import struct
import sys
from array import array
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from looking import Machine

from fanlight.aggregate.aggregator import Aggregator
from fanlight.aggregate.groups import Origin
from fanlight.aggregate.tables import Table
from fanlight.wire import codec, messages

NOW_NS = 1_790_000_000_000_000_000


class Span(NamedTuple):
    """One span: kind is (category, title, description), times are ns, notes key to value."""

    kind: tuple[str, str, str]
    parent: int
    start: int
    duration: int
    notes: dict[str, object]


class Trace(NamedTuple):
    """One finished trace."""

    id: int
    endpoint: str
    segment: str
    start: int
    duration: int
    spans: list[Span]
    flags: int = 0
    lost: int = 0


def note(value, string):
    """Answer type and 64 bits of an annotation's value."""
    if isinstance(value, bool):
        return messages.NOTE_BOOL, int(value)
    if isinstance(value, int):
        return messages.NOTE_INT, value & (1 << 64) - 1
    if isinstance(value, float):
        return messages.NOTE_FLOAT, struct.unpack("<Q", struct.pack("<d", value))[0]
    return messages.NOTE_TEXT, string(value)


class Sender:
    """An agent's side of the tables; every batch comes with the TABLE that goes before it."""

    def __init__(self) -> None:
        self.strings = {"": 0}
        self.kinds: dict[tuple[int, int, int], int] = {}
        self.sequence = 0

    def string(self, text):
        return self.strings.setdefault(text, len(self.strings))

    def kind(self, triple):
        return self.kinds.setdefault(tuple(map(self.string, triple)), len(self.kinds))

    def send(self, traces, dropped=None):
        """Answer the bodies of a TABLE and of a BATCH."""
        strings, kinds = len(self.strings), len(self.kinds)
        self.sequence += 1
        batch = {"generation": 1, "sequence": self.sequence}
        batch["dropped_reason"] = list(dropped or {})
        batch["dropped_count"] = array("Q", (dropped or {}).values())
        for name, (_, kind) in messages.TRACE_COLUMNS.items():
            batch[name] = array(codec.TYPECODE[kind])
        for trace in traces:
            row = {
                "high": trace.id >> 64,
                "low": trace.id & (1 << 64) - 1,
                "endpoint": self.string(trace.endpoint),
                "segment": self.string(trace.segment),
                "start": trace.start,
                "duration": trace.duration,
                "spans": len(trace.spans),
                "flags": trace.flags,
                "lost": trace.lost,
            }
            for name, value in row.items():
                batch[f"trace_{name}"].append(value)
            for span in trace.spans:
                for key, value in span.notes.items():
                    kind, bits = note(value, self.string)
                    batch["note_span"].append(len(batch["span_kind"]))
                    batch["note_key"].append(self.string(key))
                    batch["note_type"].append(kind)
                    batch["note_value"].append(bits)
                batch["span_kind"].append(self.kind(span.kind))
                batch["span_parent"].append(span.parent % (1 << 32))
                batch["span_start"].append(span.start)
                batch["span_duration"].append(span.duration)
        new = list(self.kinds)[kinds:]
        table = {
            "generation": 1,
            "first_string": strings,
            "strings": list(self.strings)[strings:],
            "first_kind": kinds,
        }
        for place, name in enumerate(("kind_category", "kind_title", "kind_description")):
            table[name] = array("I", [triple[place] for triple in new])
        return codec.encode(messages.TABLE, table), codec.encode(messages.BATCH, batch)


class Desk:
    """Traces in, COMMIT messages out, as they come back from the spool."""

    def __init__(self, *, seed=7, now_ns=NOW_NS, **budgets) -> None:
        self.aggregator = Aggregator(random.Random(seed).random, **budgets)
        self.sender = Sender()
        self.table = Table()
        self.now_ns = now_ns

    def record(self, *groups, service="shop", detail=True, release="", environment=""):
        """Answer one record of one batch per group of traces."""
        from fanlight.aggregate import batches

        record = self.aggregator.begin(self.now_ns)
        for traces in groups:
            table, body = self.sender.send(traces)
            self.table = self.table.extended(codec.decode(messages.TABLE, table))
            origin = Origin("c" * 32, service, "host", 42, release, environment)
            record.add(batches.parse(body, self.table), self.table, origin, detail=detail)
        return codec.decode(messages.COMMIT, codec.encode(messages.COMMIT, record.message()))


@pytest.fixture
def told():
    """Answer what tests tell traces with."""
    import types

    return types.SimpleNamespace(Span=Span, Trace=Trace, Desk=Desk, Sender=Sender, now_ns=NOW_NS)


@pytest.fixture
def machine() -> Machine:
    return Machine()
