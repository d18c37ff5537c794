"""A stored trace is an event, and the event is the stored trace again, on every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commits import Part, Request, commit
from hypothesis import example, given
from hypothesis import strategies as some

from fanlight import Event, Property
from fanlight.event.times import Time
from fanlight.event.trace import (
    FLAGS,
    LENGTHS,
    Span,
    TraceRow,
    from_stored,
    to_stored,
)
from fanlight.stores import BUILT_IN, open_store
from fanlight.wire import messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fanlight.stores import Store

NOON_NS = 1_767_268_800_000_000_001
SQL = ("db.sql.query", "SELECT FROM product", "SELECT * FROM product WHERE id = ?")
NOTES = (("status", 503), ("ratio", 0.5), ("user", "ann"), ("cached", True), ("service", "other"))


@pytest.fixture(params=sorted(BUILT_IN))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"{request.param}:{tmp_path}" if request.param != "memory" else "memory:")
    yield opened
    opened.close()


def kept(store: Store, request: Request) -> tuple[TraceRow, tuple[Span, ...]]:
    """Answer what a store answers of a request that it was given."""
    store.apply(1, [(1, commit([request]))])
    (trace,) = store.trace(f"{request.id:032x}")
    return trace.row, trace.spans


def test_the_flags_are_those_of_the_wire() -> None:
    bits = {"failed": messages.ERROR, "unsampled": messages.UNSAMPLED}
    assert bits | {"pruned": messages.PRUNED, "whole": messages.WHOLE} == FLAGS


def test_a_stored_trace_is_an_event_and_comes_back(store: Store) -> None:
    parts = (Part(SQL, 0, 5, 7, (("rows", 3), ("title", "mine"))), Part(SQL, 1, 6, 1))
    row, spans = kept(store, Request(NOON_NS, 10, 77, parts=parts, notes=NOTES, flags=messages.WHOLE | 1))
    event = from_stored(row, spans)
    assert (event.kind, event.time_ns, event["trace"]) == ("trace", NOON_NS, f"{77:032x}")
    assert [event[name] for name in ("failed", "whole", "duration", "status")] == [True, True, 10, 503]
    assert (event["service"], event["annotation.service"]) == ("shop", "other")
    assert [span.value("parent") for span in event["spans"]] == [None, 0, 1]
    assert [span.value("rows") for span in event.walk()] == [None, None, 3, None]
    assert event["spans"][1]["annotation.title"] == "mine"
    assert to_stored(event) == (row, spans)


def test_what_a_store_has_no_column_for_comes_back_through_it(store: Store) -> None:
    event = from_stored(*kept(open_store("memory:"), Request(NOON_NS, 10, 78, parts=(Part(SQL, 0, 1, 2),))))
    event.set(Property("time", Time(NOON_NS, -12600)))
    event.remove("spans")
    listed = [
        Property("waited", 1_500, "duration"),
        Property("seen", Time(5, 3600)),
        Property("body", 4096, unit="bytes", format=",d"),
        Property("digest", b"\x00\xff"),
        Property("headers", {"a": [1, 2.5]}),
        Property("missing", None, "int"),
        Property("inner", Event([Property("x", 1)], kind="note")),
    ]
    for each in listed:
        event.set(each)
    span = Event([Property("parent", None, "int")], kind="span")
    columns = {"category": "app", "title": "t", "description": "", "start": 0, "duration": 10}
    for name, value in columns.items():
        span.set(Property(name, value, "duration" if value.__class__ is int else "string"))
    event.set(Property("spans", [span]))
    row, spans = to_stored(event)
    request = Request(
        row.start_ns, row.duration_ns, 79, (row.service, row.endpoint, row.segment), notes=spans[0].notes
    )
    back = from_stored(*kept(store, request))
    assert [back.get(each.name) for each in listed] == listed
    assert [each.name for each in back][-len(listed) - 1 :] == [*(each.name for each in listed), "spans"]
    assert (str(back.time), str(back["seen"])) == (str(event.time), str(listed[1].value))


def test_a_trace_without_spans_has_none_and_comes_back() -> None:
    row, spans = kept(open_store("memory:"), Request(NOON_NS, 10, 80, flags=0))
    event = from_stored(row)
    assert (spans, event.value("spans"), event["whole"]) == ((), None, False)
    assert to_stored(event) == (row, ())


KEYS = some.text(min_size=1) | some.sampled_from(
    ["$types", "$offset", "service", "annotation.x", "annotation.service", "time", "line", *sorted(LENGTHS)]
)
ANY = some.sampled_from([5, 3601, '{"a": ["date"]}', '{"a": 5}', "{"]) | some.text() | some.booleans()


@given(some.lists(some.tuples(KEYS, ANY), unique_by=lambda each: each[0]))
@example([("loop.overdue", 5)])
@example([("annotation.service", 5), ("service", 5)])
def test_annotations_of_any_name_come_back(notes: list[tuple[str, int | str | bool]]) -> None:
    row = TraceRow("0" * 32, "s", "e", "html", 1, 2, 1, 8, 0, 1.0, "h", 1)
    spans = tuple(Span("c", "t", "d", place, 0, 2, tuple(notes)) for place in (None, 0))
    assert to_stored(from_stored(row, spans)) == (row, spans)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (Event(time=5), "only an event of kind trace"),
        (Event(kind="trace"), "only an event of kind trace"),
        (Event(kind="trace", time=5), "the trace has no"),
    ],
)
def test_an_event_that_is_no_trace_is_refused(event: Event, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        to_stored(event)
