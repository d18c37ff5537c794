"""A BATCH's bytes to columns that may be trusted: every length, index and parent is checked here."""

from __future__ import annotations

from array import array
from itertools import islice
from operator import ge, gt

from fanlight.errors import WireError
from fanlight.wire.codec import decode
from fanlight.wire.messages import BATCH, NO_PARENT, NOTE_BOOL, NOTE_TEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fanlight.aggregate.tables import Table
    from fanlight.wire.codec import Message

TRACE = (
    *("trace_high", "trace_low", "trace_endpoint", "trace_segment", "trace_start", "trace_duration"),
    *("trace_spans", "trace_flags", "trace_lost"),
)
SPAN = ("span_kind", "span_parent", "span_start", "span_duration")
NOTE = ("note_span", "note_key", "note_type", "note_value")

MAX_NS = 1 << 53
"""104 days: no duration or offset is longer, so that sums of them stay within 64 bits."""
MAX_SEQUENCE = 1 << 53
MAX_REASONS = 64


def parse(body: bytes | memoryview, table: Table) -> Message:
    """Answer a BATCH whose columns agree with one another and with the table.

    After this every index is inside its table, every span's parent stands before it in the same
    trace, and the notes stand in the order of their spans.

    Args:
        body: the frame's body.
        table: the sending connection's table.

    Raises:
        WireError: it is no BATCH, or one that contradicts itself or the table.
    """
    batch = decode(BATCH, body)
    if not 0 < batch["sequence"] < MAX_SEQUENCE:
        raise WireError(f"a batch has the sequence {batch['sequence']}; they count from 1")
    if batch["generation"] != table.generation:
        raise WireError(
            f"the batch is of table generation {batch['generation']}, the table of {table.generation}"
        )
    if (
        len(batch["dropped_reason"]) != len(batch["dropped_count"])
        or len(batch["dropped_count"]) > MAX_REASONS
    ):
        raise WireError("the drop counters and their reasons differ in number")
    if len(batch["dropped_reason"]) > MAX_REASONS:
        raise WireError(f"the batch gives more than {MAX_REASONS} reasons for drops")
    for names in (TRACE, SPAN, NOTE):
        if len({len(batch[name]) for name in names}) != 1:
            raise WireError(f"the columns {names[0]} … {names[-1]} differ in length")
    strings = len(table.strings)
    below(batch, "trace_endpoint", strings)
    below(batch, "trace_segment", strings)
    below(batch, "trace_duration", MAX_NS)
    below(batch, "span_kind", len(table.kinds))
    below(batch, "span_start", MAX_NS)
    below(batch, "span_duration", MAX_NS)
    check_parents(batch["trace_spans"], batch["span_parent"])
    check_notes(batch, strings)
    return batch


def below(batch: Message, name: str, limit: int) -> None:
    """Raise unless every value of a column is below `limit`."""
    highest = max(batch[name], default=-1)
    if highest >= limit:
        raise WireError(f"column {name} holds {highest}, where {limit - 1} is the last that makes sense")


def check_parents(spans: array[Any], parents: array[Any]) -> None:
    """Raise unless the traces share out the spans and each span's parent stands before it."""
    if sum(spans) != len(parents):
        raise WireError(f"the traces own {sum(spans)} spans, the batch holds {len(parents)}")
    column = iter(parents)
    for count in spans:
        # A fast path: one C-level pass a trace, with no step of the interpreter per span.
        if count and (next(column) != NO_PARENT or any(map(ge, islice(column, count - 1), range(1, count)))):
            raise WireError("a trace's spans do not stand in pre-order")


def check_notes(batch: Message, strings: int) -> None:
    """Raise unless the annotations' indices hold; put them in the order of their spans."""
    owners, types, values = batch["note_span"], batch["note_type"], batch["note_value"]
    if not owners:
        return
    below(batch, "note_span", len(batch["span_kind"]))
    below(batch, "note_key", strings)
    below(batch, "note_type", NOTE_BOOL + 1)
    if max((v for v, kind in zip(values, types, strict=True) if kind == NOTE_TEXT), default=0) >= strings:
        raise WireError(f"an annotation names a string beyond the {strings} that the table holds")
    if any(map(gt, owners, islice(owners, 1, None))):
        order = sorted(range(len(owners)), key=owners.__getitem__)
        for name in NOTE:
            batch[name] = array(batch[name].typecode, map(batch[name].__getitem__, order))
