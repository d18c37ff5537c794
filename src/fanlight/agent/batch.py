"""Finished traces to the columns of a BATCH, with nothing secret in them."""

from __future__ import annotations

from _operator import sub
from _struct import Struct
from _thread import get_ident
from array import array
from itertools import repeat
from os import environ, urandom
from time import thread_time_ns

from fanlight.agent.table import Names, Table, segment_of
from fanlight.recording.nesting import nest
from fanlight.recording.recorder import SWITCH
from fanlight.recording.redaction import REDACTED, Scrubber, secret
from fanlight.recording.reduction import plain
from fanlight.recording.traceparent import known
from fanlight.wire.codec import TYPECODE, encode
from fanlight.wire.frames import BATCH, frame
from fanlight.wire.messages import BATCH as SCHEMA
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
    from collections.abc import Callable, Iterable, Mapping
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
NOTES_LOST = "annotations.lost"
"""Key of the root's annotation that tells how many did not."""
MESSAGE_CHARACTERS = 500
IGNORED = "ignored"
"""Reason of a drop that is none: nobody wants to hear of the endpoint."""
FAULT = "fault"
"""Reason of a drop: an error of ours while the trace was finished or encoded."""

WORD = (1 << 64) - 1
SIGN = 1 << 63
ROW = (
    *("trace_endpoint", "trace_segment", "trace_start", "trace_duration"),
    *("trace_spans", "trace_flags", "trace_lost"),
)
NOTE = ("note_span", "note_key", "note_type", "note_value")
CODES = {name: TYPECODE[kind] for name, (_, kind) in TRACE_COLUMNS.items() if kind in TYPECODE}
DOUBLE = Struct("<d")
LONG = Struct("<Q")


class Parcel:
    """A batch on its way: resent unchanged until it is acknowledged.

    Attributes:
        sequence: its number, from 1.
        data: the BATCH frame.
        traces: how many are in it.
        dropped: how many it tells of that were not sent, since the process began.
    """

    __slots__ = ("data", "dropped", "sequence", "traces")

    def __init__(self, sequence: int, data: bytes, traces: int, dropped: int = 0) -> None:
        self.sequence = sequence
        self.data = data
        self.traces = traces
        self.dropped = dropped


class Gathered:
    """The traces of the next parcel: rows of a few numbers, turned into columns all at once.

    Attributes:
        rows: a trace each, as `ROW` names its numbers.
        notes: an annotation each, as `NOTE` names its numbers.
        kinds: a span each, and so are `parents`, `starts` and `lengths`.
        idents: ids by row, of traces that had one before they came here.
    """

    __slots__ = ("idents", "kinds", "lengths", "notes", "parents", "rows", "starts")

    def __init__(self) -> None:
        self.rows: list[tuple[int, ...]] = []
        self.notes: list[tuple[int, ...]] = []
        self.kinds: list[int] = []
        self.parents: list[int] = []
        self.starts: list[int] = []
        self.lengths: list[int] = []
        self.idents: dict[int, int] = {}

    def columns(self) -> dict[str, array[int]]:
        """Answer the columns of a BATCH, their ids drawn at random where they had none."""
        values: dict[str, Iterable[int]] = {
            **dict(zip(ROW, zip(*self.rows, strict=True), strict=False)),
            **dict(zip(NOTE, zip(*self.notes, strict=True), strict=False)),
            "span_kind": self.kinds,
            "span_parent": self.parents,
            "span_start": self.starts,
            "span_duration": self.lengths,
        }
        columns = {name: column(given, CODES[name]) for name, given in values.items()}
        for name in ("trace_high", "trace_low"):
            columns[name] = array("Q", urandom(8 * len(self.rows)))
        for place, ident in self.idents.items():
            columns["trace_high"][place], columns["trace_low"][place] = ident >> 64, ident & WORD
        return columns


class Packer:
    """Takes traces off the line and packs parcels.

    Args:
        normalize: (name, payload) → (category, title, description, annotations), None to skip.
        pauses: the process's garbage collections.
        complain: told once what a person should know.

    Attributes:
        ignored: endpoint to whether its traces are counted alone; None until the first is packed.
    """

    __slots__ = (
        *("began_ns", "harmless", "ignored", "keys", "names", "pauses", "scrubber", "sequence"),
        *("spent_ns", "table", "taken", "thread"),
    )

    def __init__(self, normalize: Normalize, pauses: Pauses, complain: Callable[[str], object]) -> None:
        self.table = Table()
        self.names = Names(self.table, normalize, complain)
        self.pauses = pauses
        self.ignored: Mapping[str, bool] | None = None
        self.sequence = 0
        self.keys: dict[str, tuple[int, bool]] = {}
        self.harmless: dict[str, int] = {}
        self.scrubber: Scrubber | None = None
        self.thread = -1
        self.began_ns = self.spent_ns = self.taken = 0

    def measure(self) -> None:
        """Count the CPU time of this thread from now on as what packing and sending takes."""
        self.thread, self.began_ns = get_ident(), thread_time_ns()

    def pack(self, line: Line) -> Parcel | None:
        """Answer the next parcel, None when nothing waits.

        The table may only change here, so no parcel may be outstanding.
        """
        if SWITCH.lost:
            line.drop(FAULT, SWITCH.lost)
            SWITCH.lost = 0
        if self.ignored is None:
            self.ignored = wanted()
        trace = line.take()
        if trace is None:
            return None
        if self.table.is_full():
            self.renew()
        gathered = Gathered()
        try:
            seen = self.pauses.seen()
            spent = 0
            while trace is not None:
                try:
                    if self.ignored[str(trace.endpoint)]:
                        line.drop(IGNORED)
                    else:
                        spent += self.add(gathered, trace, seen)
                except Exception:
                    spent += self.bare(gathered, trace, seen, line)
                # A context that outlived the trace may still hold it, but not what was in it.
                trace.records = None
                trace.notes = {}
                done = len(gathered.rows) >= TRACES or spent > BYTES or self.table.is_full()
                trace = None if done else line.take()
            return self.parcel(gathered, line)
        except BaseException:
            # Nobody else has them any more. An interrupt of the main thread's flush ends here, too.
            line.drop(FAULT, len(gathered.rows) + (trace is not None))
            raise

    def parcel(self, gathered: Gathered, line: Line) -> Parcel:
        """Answer what was gathered as the next parcel."""
        self.sequence += 1
        # Read once: another thread may drop a trace meanwhile.
        dropped = dict(line.dropped)
        head = {
            "generation": self.table.generation,
            "sequence": self.sequence,
            "dropped_reason": list(dropped),
            "dropped_count": array("Q", dropped.values()),
        }
        # A flush packs on a thread of the application's.
        if self.thread == get_ident():
            self.taken += len(gathered.rows)
            self.spent_ns = thread_time_ns() - self.began_ns
        SWITCH.weigh([duration_ns for _, _, _, duration_ns, _, _, _ in gathered.rows])
        head |= {"spent": self.spent_ns, "taken": self.taken, **gathered.columns()}
        data = frame(BATCH, encode(SCHEMA, head))
        return Parcel(self.sequence, data, len(gathered.rows), sum(dropped.values()))

    def renew(self) -> None:
        """Begin a new generation of the table, and forget what belongs to the old one."""
        self.table.renew()
        self.names.renew()
        self.keys.clear()
        self.harmless.clear()

    def bare(self, gathered: Gathered, trace: Trace, seen: Seen, line: Line) -> int:
        """Append only the root of a trace whose spans made us fail, so that it is counted at least."""
        SWITCH.faults += 1
        trace.records = None
        trace.notes = {}
        try:
            return self.add(gathered, trace, seen)
        except Exception:
            # The boundary of the background: a trace that we cannot encode costs itself alone.
            line.drop(FAULT)
            return 0

    def add(self, gathered: Gathered, trace: Trace, seen: Seen) -> int:
        """Append a trace; answer about how many bytes it takes. It appends all of it or nothing."""
        first, root, lost = len(gathered.kinds), self.names.root(trace, seen), 0
        notes: list[tuple[int, ...]] = []
        if root is not None:
            endpoint, segment, kind, flags = root
            kinds, parents, starts, lengths = [kind], [NO_PARENT], [0], [trace.end_ns - trace.start_ns]
        else:
            # Before its spans: one trace may bring more texts than the table has room for.
            endpoint, ending = self.table.string(str(trace.endpoint)), segment_of(trace)
            segment = self.table.string(ending)
            spans = nest(trace, self.names, seen)
            if trace.error is not None:
                # In front, so that they are told however many annotations there are.
                spans.notes.insert(0, (0, self.failure(*trace.error)))
            notes = self.notes(spans, first) if spans.notes else []
            kinds, parents, lost = spans.kinds, spans.parents, spans.lost
            flags = (spans.pruned and PRUNED) | (ending == "error" and ERROR)
            parents[0] = NO_PARENT
            starts = list(map(sub, spans.starts, repeat(trace.start_ns)))
            lengths = list(map(sub, spans.ends, spans.starts))
        flags |= 0 if trace.sampled else UNSAMPLED
        if trace.status and "status" not in trace.notes:
            notes.append((first, self.key("status")[0], NOTE_INT, trace.status))
        if trace.spent_ns >= 0:
            notes.append((first, self.key("cpu.time")[0], NOTE_INT, trace.spent_ns))
        # A fast path: it did not wait anywhere that tells.
        if trace.waited_ms >= 0 or trace.stamp is not None:
            notes += self.waits(trace, first)
        row = (endpoint, segment, trace.wall_ns, lengths[0], len(starts), flags, lost)
        # A fast path: nobody has asked for the id of most traces.
        ident = known(trace) if trace.ident else 0
        # From here on nothing can fail: a trace is in all columns or in none.
        if ident:
            gathered.idents[len(gathered.rows)] = ident
        gathered.rows.append(row)
        gathered.notes += notes
        gathered.kinds += kinds
        gathered.parents += parents
        gathered.starts += starts
        gathered.lengths += lengths
        return SPAN_BYTES * len(starts) + NOTE_BYTES * len(notes)

    def waits(self, trace: Trace, first: int) -> list[tuple[int, ...]]:
        """Answer what the root says about how long the request waited."""
        # Imported here because a process that answers no requests has no use for it.
        from fanlight.recording.waiting.stamps import waits

        return [(first, self.key(name)[0], NOTE_INT, value) for name, value in waits(trace).items()]

    def failure(self, kind: str, message: str) -> dict[str, Any]:
        """Answer what the root says about how the trace failed."""
        notes = {"error.type": kind}
        if message:
            if self.scrubber is None:
                self.scrubber = Scrubber()
            notes["error.message"] = self.scrubber.scrub(message, MESSAGE_CHARACTERS)
        return notes

    def notes(self, spans: Spans, first: int) -> list[tuple[int, ...]]:
        """Answer the annotations as `NOTE` names their numbers; spans count from `first` on."""
        out: list[tuple[int, ...]] = []
        harmless, as_int, sign = self.harmless, NOTE_INT, SIGN
        for place, given in spans.notes:
            for name, value in given.items():
                key = harmless.get(name)
                # A fast path: most annotations are counts.
                if key is not None and value.__class__ is int and 0 <= value < sign:
                    out.append((first + place, key, as_int, value))
                # What is cut off in the end shall not fill the table before.
                elif len(out) < NOTES:
                    self.note(out, first + place, name, value)
        if len(out) >= NOTES:
            self.cut(out, spans, first)
        return out

    def note(self, out: list[tuple[int, ...]], place: int, name: str, value: Any) -> None:
        """Append one annotation, or each entry of a dict."""
        key, is_secret = self.key(name)
        code, word = self.value(REDACTED if is_secret else value)
        if code >= 0:
            out.append((place, key, code, word))
        elif value.__class__ is dict:
            out += self.inner(place, name, value)[: max(NOTES - len(out), 0)]

    def cut(self, out: list[tuple[int, ...]], spans: Spans, first: int) -> None:
        """Cut the annotations at what travels, and let the root tell how many more there were."""
        given = (value for _, notes in spans.notes for value in notes.values() if value is not None)
        lost = sum(len(value) if value.__class__ is dict else 1 for value in given) - NOTES
        if lost > 0:
            out[NOTES - 1 :] = [(first, self.key(NOTES_LOST)[0], NOTE_INT, lost + 1)]

    def inner(self, place: int, name: str, entries: dict[str, Any]) -> list[tuple[int, ...]]:
        """Answer the annotations of a dict, named `name.entry`."""
        out: list[tuple[int, ...]] = []
        for entry, value in entries.items():
            key, is_secret = self.key(f"{name}.{entry}")
            code, word = self.value(REDACTED if is_secret else value)
            if code >= 0:
                out.append((place, key, code, word))
        return out

    def value(self, value: Any) -> tuple[int, int]:
        """Answer an annotation's type and its 64 bits; type -1 for none."""
        kind = value.__class__
        if kind is str:
            return NOTE_TEXT, self.table.string(value)
        if kind is bool:
            return NOTE_BOOL, int(value)
        if kind is float:
            return NOTE_FLOAT, LONG.unpack(DOUBLE.pack(value))[0]
        if kind is int and -SIGN <= value < SIGN:
            return NOTE_INT, value & WORD
        if kind is int:
            # Beyond 64 bits; and beyond some size Python refuses to write it in decimals.
            value = str(value) if value.bit_length() < 10_000 else hex(value)
        elif kind is tuple:
            value = plain(value)
        else:
            return -1, 0
        return NOTE_TEXT, self.table.string(value)

    def key(self, name: str) -> tuple[int, bool]:
        """Answer an annotation key's number, and whether its values are secrets."""
        found = self.keys.get(name)
        if found is None:
            name = str(name)
            found = self.table.string(name[:200]), secret(name)
            if len(self.keys) < NOTES:
                self.keys[name] = found
                if not found[1]:
                    self.harmless[name] = found[0]
        return found


def wanted() -> Mapping[str, bool]:
    """Answer what is ignored, as the environment says now."""
    from fanlight.agent.ignored import ignored

    return ignored(environ)


def column(values: Iterable[int], typecode: str) -> array[int]:
    """Answer the numbers as a column; one beyond what fits becomes the nearest that does."""
    try:
        return array(typecode, values)
    except OverflowError:
        highest = NO_PARENT if typecode == "I" else WORD
        return array(typecode, [min(max(value, 0), highest) for value in values])
