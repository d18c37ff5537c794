"""Finished traces to the columns of a BATCH, with nothing secret in them."""

from __future__ import annotations

from _struct import Struct
from array import array
from os import urandom

from fanlight.agent.table import Names, Table
from fanlight.recording.nesting import nest
from fanlight.recording.recorder import SWITCH
from fanlight.recording.redaction import REDACTED, Scrubber, secret
from fanlight.wire.codec import TYPECODE, encode
from fanlight.wire.frames import BATCH, frame
from fanlight.wire.messages import (
    BATCH as SCHEMA,
)
from fanlight.wire.messages import (
    ERROR,
    NO_PARENT,
    NOTE_BOOL,
    NOTE_FLOAT,
    NOTE_INT,
    NOTE_TEXT,
    PRUNED,
    TRACE_COLUMNS,
    UNSAMPLED,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fanlight.agent.queue import Line
    from fanlight.agent.table import Normalize
    from fanlight.recording.nesting import Spans
    from fanlight.recording.pauses import Pauses, Seen
    from fanlight.recording.recorder import Trace

TRACES = 1_000
BYTES = 4 << 20
"""Size of the columns at which no further trace joins a batch: half of what a frame may hold."""
SPAN_BYTES = 24
NOTE_BYTES = 20
NOTES = 16_384
"""Annotations of one trace that travel."""
MESSAGE_CHARACTERS = 500
FAULT = "fault"
"""Reason of a drop: an error of ours while the trace was encoded."""

WORD = (1 << 64) - 1
DOUBLE = Struct("<d")
LONG = Struct("<Q")
PAIR = Struct("<QQ")


class Parcel:
    """A batch on its way: resent unchanged until it is acknowledged.

    Attributes:
        sequence: its number, from 1.
        data: the BATCH frame.
        traces: how many are in it.
    """

    __slots__ = ("data", "sequence", "traces")

    def __init__(self, sequence: int, data: bytes, traces: int) -> None:
        self.sequence = sequence
        self.data = data
        self.traces = traces


class Packer:
    """Takes traces off the line and packs parcels.

    Args:
        normalize: (name, payload) → (category, title, description, annotations), None to skip.
        pauses: the process's garbage collections.
    """

    __slots__ = ("keys", "names", "pauses", "scrubber", "sequence", "table")

    def __init__(self, normalize: Normalize, pauses: Pauses) -> None:
        self.table = Table()
        self.names = Names(self.table, normalize)
        self.pauses = pauses
        self.sequence = 0
        self.keys: dict[str, tuple[int, bool]] = {}
        self.scrubber: Scrubber | None = None

    def pack(self, line: Line) -> Parcel | None:
        """Answer the next parcel, None when nothing waits.

        The table may only change here, so no parcel may be outstanding.
        """
        trace = line.take()
        if trace is None:
            return None
        if self.table.is_full():
            self.table.renew()
            self.names.renew()
            self.keys.clear()
        columns = {name: array(TYPECODE[kind]) for name, (_, kind) in TRACE_COLUMNS.items()}
        seen = self.pauses.seen()
        spent = 0
        while trace is not None:
            try:
                spent += self.add(columns, trace, nest(trace, self.names, seen))
            except Exception:
                spent += self.bare(columns, trace, seen, line)
            # A context that outlived the trace may still hold it, but not what was in it.
            trace.records = None
            trace.notes = {}
            done = len(columns["trace_low"]) >= TRACES or spent > BYTES or self.table.is_full()
            trace = None if done else line.take()
        self.sequence += 1
        ids = urandom(16 * len(columns["trace_low"]))
        for high, low in PAIR.iter_unpack(ids):
            columns["trace_high"].append(high)
            columns["trace_low"][len(columns["trace_high"]) - 1] = low
        head = {
            "generation": self.table.generation,
            "sequence": self.sequence,
            "dropped_reason": list(line.dropped),
            "dropped_count": array("Q", line.dropped.values()),
        }
        data = frame(BATCH, encode(SCHEMA, {**head, **columns}))
        return Parcel(self.sequence, data, len(columns["trace_low"]))

    def bare(self, columns: dict[str, array[Any]], trace: Trace, seen: Seen, line: Line) -> int:
        """Append only the root of a trace whose spans made us fail, so that it is counted at least."""
        SWITCH.faults += 1
        trace.records = None
        trace.notes = {}
        try:
            return self.add(columns, trace, nest(trace, self.names, seen))
        except Exception:
            # The boundary of the background: a trace that we cannot encode costs itself alone.
            line.drop(FAULT)
            return 0

    def add(self, columns: dict[str, array[Any]], trace: Trace, spans: Spans) -> int:
        """Append a trace; answer about how many bytes it takes. It appends all of it or nothing."""
        string = self.table.string
        start_ns = trace.start_ns
        segment = segment_of(trace)
        flags = (ERROR if segment == "error" else 0) | (PRUNED if spans.pruned else 0)
        flags |= 0 if trace.sampled else UNSAMPLED
        first = len(columns["span_kind"])
        spans.notes += [(0, extra) for extra in (self.about(trace),) if extra]
        notes = self.notes(spans, first)
        starts = array("Q", [start - start_ns for start in spans.starts])
        lengths = array("Q", [end - start for start, end in zip(spans.starts, spans.ends, strict=True)])
        row = {
            "trace_endpoint": string(str(trace.endpoint)),
            "trace_segment": string(segment),
            "trace_start": max(trace.wall_ns, 0),
            "trace_duration": lengths[0],
            "trace_spans": len(spans.kinds),
            "trace_flags": flags,
            "trace_lost": min(spans.lost, NO_PARENT),
            # Its place is taken now; `pack` writes the numbers of all at once.
            "trace_low": 0,
        }
        kinds, parents = array("I", spans.kinds), array("I", [NO_PARENT, *spans.parents[1:]])
        for name, value in row.items():
            columns[name].append(value)
        columns["span_kind"] += kinds
        columns["span_parent"] += parents
        columns["span_start"] += starts
        columns["span_duration"] += lengths
        for name, values in zip(("note_span", "note_key", "note_type", "note_value"), notes, strict=True):
            columns[name] += values
        return SPAN_BYTES * len(kinds) + NOTE_BYTES * len(notes[0])

    def about(self, trace: Trace) -> dict[str, Any]:
        """Answer what the root says about the whole trace: its status, and how it failed."""
        notes: dict[str, Any] = {}
        if trace.status and "status" not in trace.notes:
            notes["status"] = trace.status
        if trace.error is not None:
            kind, message = trace.error
            notes["error.type"] = kind
            if message:
                if self.scrubber is None:
                    self.scrubber = Scrubber()
                notes["error.message"] = self.scrubber.scrub(message, MESSAGE_CHARACTERS)
        return notes

    def notes(self, spans: Spans, first: int) -> tuple[array[int], array[int], array[int], array[int]]:
        """Answer the annotations' columns: span (from `first` on), key, type, value."""
        owners, keys, types, values = array("I"), array("I"), array("I"), array("Q")
        string = self.table.string
        for place, given in spans.notes:
            if len(owners) > NOTES:
                break
            for name, value in given.items():
                key, is_secret = self.keys.get(name) or self.key(name)
                kind = value.__class__
                if is_secret:
                    code, word = NOTE_TEXT, string(REDACTED)
                elif kind is str:
                    code, word = NOTE_TEXT, string(value)
                elif kind is int:
                    if -1 << 63 <= value < 1 << 63:
                        code, word = NOTE_INT, value & WORD
                    else:
                        code, word = (
                            NOTE_TEXT,
                            string(str(value) if value.bit_length() < 10_000 else hex(value)),
                        )
                elif kind is bool:
                    code, word = NOTE_BOOL, int(value)
                elif kind is float:
                    code, word = NOTE_FLOAT, LONG.unpack(DOUBLE.pack(value))[0]
                else:
                    continue
                owners.append(first + place)
                keys.append(key)
                types.append(code)
                values.append(word)
        return owners, keys, types, values

    def key(self, name: str) -> tuple[int, bool]:
        """Answer an annotation key's number, and whether its values are secrets."""
        name = str(name)
        found = self.table.string(name[:200]), secret(name)
        if len(self.keys) < NOTES:
            self.keys[name] = found
        return found


def segment_of(trace: Trace) -> str:
    """Answer a trace's segment: how it ended, else the response's format."""
    status = trace.status
    if trace.error is not None or status >= 400:
        return "error"
    if status == 304:
        return "not modified"
    if 300 <= status < 400:
        return "redirect"
    return str(trace.segment)
