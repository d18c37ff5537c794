"""A stored trace as an event of kind `trace` with its spans nested, and back to what a store keeps.

A trace's own columns come first, then the annotations of its root, which are the trace's, then `spans`:
an event of kind `span` each, in pre-order, where `parent` is a place in that list. A store keeps
annotations as int, float, text or bool. What an event has beyond that (other types, units, formats, values
that are missing, the offset that its time was written with) goes along in annotations of its own, so
that it comes back as it was; a trace that is kept without its spans has no place for it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.event import types
from fanlight.event.coding import value_in, value_out
from fanlight.event.event import UNTIMED, Event
from fanlight.event.names import NAMES
from fanlight.event.property import Property
from fanlight.event.schema import Schema
from fanlight.event.times import OFFSET_MAX_S, OFFSET_MIN_S, Time

if TYPE_CHECKING:
    from collections.abc import Iterable

Note = tuple[str, int | float | str | bool]


class TraceRow(NamedTuple):
    """What a store keeps of a trace beside its spans, in the order in which it does; times in ns."""

    id: str
    service: str
    endpoint: str
    segment: str
    start_ns: int
    duration_ns: int
    spans: int
    flags: int
    lost: int
    weight: float
    host: str
    pid: int
    environment: str = ""
    """Where the application said that it runs; "" where it did not."""


class Span(NamedTuple):
    """What a store keeps of a span; `parent` is its place in the trace, None for the root.

    `start_ns` counts from the trace's start.
    """

    category: str
    title: str
    description: str
    parent: int | None
    start_ns: int
    duration_ns: int
    notes: tuple[Note, ...]


FLAGS = {"failed": 1, "unsampled": 2, "pruned": 4, "whole": 8}
"""Property to its bit of a trace's flags, as the wire has them."""

TRACE = Schema(
    "trace",
    (
        *("trace", "service", "endpoint", "segment", "duration", "span-count"),
        *FLAGS,
        "lost",
        "weight",
        "host",
        "pid",
        "environment",
    ),
    (
        *(types.STRING,) * 4,
        *(types.DURATION, types.INT),
        *(types.BOOL,) * len(FLAGS),
        *(types.INT, types.FLOAT, types.STRING, types.INT, types.STRING),
    ),
)
SPAN = Schema(
    "span",
    ("category", "title", "description", "parent", "start", "duration"),
    (types.STRING, types.STRING, types.STRING, types.INT, types.DURATION, types.DURATION),
)
SPANS = "spans"
OWN = {"trace": {*TRACE.names, SPANS, "time"}, "span": {*SPAN.names, "time"}}
"""By kind: names that no annotation takes; one of such a name stands behind `annotation.`."""
LENGTHS = {name for name, known in NAMES.items() if known.type == types.DURATION and "." in name}
"""Annotations of the agent's own whose numbers are lengths of time, in ns."""
PREFIX = "annotation."
SHAPES, OFFSET = "$types", "$offset"
"""Annotations that say what a store has no column for: types by name, and seconds east of UTC."""
PLAIN = (types.STRING, types.INT, types.FLOAT, types.BOOL)
SPELLED = (types.TIMESTAMP, types.DATE, types.BYTES)
"""Types whose text is the annotation's text; what else is no plain one is written as JSON."""


def from_stored(kept: TraceRow, spans: Iterable[Span] | None = None) -> Event:
    """Answer a stored trace as an event.

    Args:
        kept: the trace without its spans.
        spans: in pre-order; None when they were not kept or not read.
    """
    flags = [bool(kept.flags & bit) for bit in FLAGS.values()]
    whose = [kept.id, kept.service, kept.endpoint, kept.segment]
    values = [*whose, kept.duration_ns, kept.spans, *flags, kept.lost, kept.weight, *kept[-3:]]
    event = Event.of(TRACE, values, Time(kept.start_ns))
    if spans is None:
        return event
    nested = []
    for place, span in enumerate(spans):
        made = Event.of(SPAN, list(span[:6]), UNTIMED)
        # The root's annotations are about the trace: its status, its error.
        target = event if place == 0 else made
        for annotation in annotations_in(target.kind, span.notes):
            if annotation.name == OFFSET and target is event and is_offset(annotation.value):
                event.instant = Time(kept.start_ns, annotation.value)
            else:
                target.set(annotation)
        nested.append(made)
    event.set(Property(SPANS, nested, types.LIST))
    return event


def to_stored(event: Event) -> tuple[TraceRow, tuple[Span, ...]]:
    """Answer what a store keeps of a trace: its row, and its spans when it has them.

    Raises:
        ValueError: it is no trace, or lacks what every trace has.
    """
    if event.kind != "trace" or event.time is None:
        raise ValueError(f"only an event of kind trace with a time can be kept as a trace, not {event!r:.80}")
    flags = sum(bit for name, bit in FLAGS.items() if own(event, name))
    whose = [own(event, name) for name in ("trace", "service", "endpoint", "segment")]
    rest = [own(event, name) for name in ("lost", "weight", "host", "pid", "environment")]
    numbers = [event.time.ns, own(event, "duration"), own(event, "span-count"), flags]
    row = TraceRow._make((*whose, *numbers, *rest))
    listed = event.value(SPANS)
    if listed is None:
        return row, ()
    spans = []
    for place, each in enumerate(listed):
        if not isinstance(each, Event) or each.kind != "span":
            raise ValueError(f"span {place} of trace {row.id} is no event of kind span: {each!r:.80}")
        notes = annotations_out(each if place else event)
        if place == 0 and event.time.offset_s is not None:
            notes = (*notes, (OFFSET, event.time.offset_s))
        first = [own(each, name) for name in ("category", "title", "description")]
        last = [own(each, name) for name in ("start", "duration")]
        spans.append(Span._make((*first, each.value("parent"), *last, notes)))
    return row, tuple(spans)


def own(event: Event, name: str) -> Any:
    """Answer the value of a column."""
    value = event.value(name)
    if value is None:
        raise ValueError(f"the {event.kind} has no {name}, which every stored {event.kind} has")
    return value


def annotations_in(kind: str, notes: Iterable[Note]) -> Iterable[Property]:
    """Yield the properties that a span's annotations are."""
    listed = list(notes)
    shapes: dict[str, Any] = next((shapes_in(value) for key, value in listed if key == SHAPES), {})
    for key, value in listed:
        if key == SHAPES and shapes:
            continue
        name = f"{PREFIX}{key}" if is_taken(kind, key) else key
        if key in shapes:
            yield shaped(name, value, shapes[key])
        else:
            is_length = key in LENGTHS and value.__class__ is int
            yield Property(name, value, types.DURATION if is_length else None)


def is_taken(kind: str, name: str) -> bool:
    """Answer whether a name is that of a column, however often it stands behind `annotation.`."""
    while name.startswith(PREFIX):
        name = name.removeprefix(PREFIX)
    return name in OWN[kind]


def shaped(name: str, value: Any, shape: tuple[str, str | None, str | None, bool]) -> Property:
    """Answer the property of an annotation and its type; as it stands when it does not fit."""
    kind, unit, form, is_missing = shape
    known = None if is_missing else value
    try:
        if known is not None and kind in SPELLED:
            known = value_in(kind, value, 0)
        elif known is not None and kind not in (*PLAIN, types.DURATION):
            known = value_in(kind, json.loads(str(value)), 0)
        return Property(name, known, kind, unit, form)
    except ValueError:
        return Property(name, value)


def is_offset(value: Any) -> bool:
    """Answer whether an annotation may be the offset of a time."""
    return value.__class__ is int and OFFSET_MIN_S <= value <= OFFSET_MAX_S and value % 60 == 0


def shapes_in(text: object) -> dict[str, Any]:
    """Answer types by name; nothing of an annotation that only happens to be called so."""
    try:
        told = json.loads(str(text))
    except ValueError:
        return {}
    is_shape = isinstance(told, dict) and all(
        isinstance(each, list) and len(each) == 4 and each[0] in types.TYPES for each in told.values()
    )
    return told if is_shape else {}


def annotations_out(event: Event) -> tuple[Note, ...]:
    """Answer the annotations that a trace's or a span's further properties are."""
    notes: list[Note] = []
    shapes: dict[str, tuple[str, str | None, str | None, bool]] = {}
    for each in event:
        if each.name in OWN[event.kind]:
            continue
        key = each.name.removeprefix(PREFIX) if is_taken(event.kind, each.name) else each.name
        told: Any = "" if each.value is None else each.value
        if each.value is not None and each.type not in (*PLAIN, types.DURATION):
            told = value_out(each.type, each.value, 0)
            told = told if each.type in SPELLED else json.dumps(told)
        notes.append((key, told))
        # What reading it alone would answer; only another type is worth a word.
        plainly = types.DURATION if key in LENGTHS and told.__class__ is int else types.type_of(told)
        if each.type != plainly or each.value is None or each.unit or each.format:
            shapes[key] = (each.type, each.unit, each.format, each.value is None)
    return (*notes, (SHAPES, json.dumps(shapes))) if shapes else tuple(notes)
