"""An event comes back from JSON as it was."""

from __future__ import annotations

import json
import math
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fanlight import Event, Property
from fanlight.event.coding import from_json, to_json
from fanlight.event.control import EndOfStream, Fault
from fanlight.event.times import Time

sys.path.insert(0, str(Path(__file__).parent))
from shapes import EVENTS


def there_and_back(event: Event) -> Event:
    return from_json(json.loads(json.dumps(to_json(event))))


@given(EVENTS)
def test_every_event_comes_back_with_order_types_units_formats_and_offset(event: Event) -> None:
    back = there_and_back(event)
    # What is told of both is compared as well: times are equal whatever offset they were written with.
    assert json.dumps(to_json(back)) == json.dumps(to_json(event))
    assert [each.name for each in back] == [each.name for each in event]
    assert (back.kind, back.is_timed, back.line, back.raw) == (
        event.kind,
        event.is_timed,
        event.line,
        event.raw,
    )
    assert [(each.type, each.unit, each.format) for each in back] == [
        (each.type, each.unit, each.format) for each in event
    ]


@some.composite
def spoilt(draw: some.DrawFn) -> Any:
    """Answer an event's JSON of which some part is another one, or a number that is too large."""
    told: Any = to_json(draw(EVENTS))
    part = told
    while isinstance(part, dict | list) and part:
        key = draw(some.sampled_from(list(part) if isinstance(part, dict) else range(len(part))))
        if draw(some.booleans()) or not isinstance(part[key], dict | list):
            part[key] = draw(JUNK)
            break
        part = part[key]
    return told


JUNK = some.recursive(
    some.none()
    | some.booleans()
    | some.sampled_from([10**400, -1, 1.5, "time", "int", "float", "timestamp"]),
    lambda inner: (
        some.lists(inner, max_size=2)
        | some.dictionaries(
            some.sampled_from(["$duration", "$map", "$event", "$float", "$x", "a"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)


@given(spoilt())
def test_spoilt_json_is_an_event_or_an_error(told: Any) -> None:
    try:
        event = from_json(told)
    except ValueError:
        return
    assert len(event.properties()) == len(event)


def test_the_form_is_plain() -> None:
    event = Event(
        [
            Property("status", 200),
            Property("took", 5, "duration"),
            Property("x", b"\x00"),
            Property("n", math.nan),
        ],
        time=Time(1, 3600),
    )
    event.number = 7
    assert to_json(event) == {
        "kind": "log",
        "time": "1970-01-01T01:00:00.000000001+01:00",
        "properties": [
            {"name": "status", "type": "int", "value": 200},
            {"name": "took", "type": "duration", "value": 5},
            {"name": "x", "type": "bytes", "value": "AA=="},
            {"name": "n", "type": "float", "value": "nan"},
        ],
        "line": 7,
    }
    assert there_and_back(event) == event


def test_no_offset_and_utc_stay_apart() -> None:
    offsets = [
        time.offset_s for seconds in (None, 0) if (time := there_and_back(Event(time=Time(0, seconds))).time)
    ]
    assert offsets == [None, 0]


def test_values_of_maps_and_lists_keep_their_types() -> None:
    held = {
        "$float": [math.inf, b"x", Time(5, 0), timedelta(seconds=1), 1, 1.0, True, None, Event(kind="span")]
    }
    back = there_and_back(Event([Property("m", held)]))["m"]
    assert back == held
    assert [type(value) for value in back["$float"]] == [type(value) for value in held["$float"]]


def test_events_that_steer_come_back_as_such() -> None:
    fault = there_and_back(Fault("no such month", type="parsing", line=7, position=3, raw=b"x\xff"))
    assert isinstance(fault, Fault)
    assert fault.told() == "parsing error at line 7, position 3: no such month"
    assert fault.raw == "x\udcff"
    assert isinstance(there_and_back(EndOfStream()), EndOfStream)


def test_what_is_nested_without_end_is_refused() -> None:
    event = Event()
    for _ in range(1000):
        event = Event([Property("inner", event)])
    with pytest.raises(ValueError, match="nested more than 64 deep"):
        to_json(event)
    deep: Any = []
    for _ in range(1000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested more than 64 deep"):
        from_json({"kind": "log", "properties": [{"name": "a", "type": "list", "value": deep}]})


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([], "an event is an object with a kind"),
        ({}, "an event is an object with a kind"),
        ({"kind": "log", "tine": 1}, "an event has no 'tine'"),
        ({"kind": "log", "time": "noon"}, "cannot convert 'noon' to a timestamp"),
        ({"kind": "log", "time": 5}, "a time cannot be '5'"),
        ({"kind": "log", "line": "x"}, "a line cannot be 'x'"),
        ({"kind": "log", "raw": 5}, "the raw text cannot be '5'"),
        ({"kind": "log", "properties": {}}, "properties are a list"),
        ({"kind": "log", "properties": [5]}, "a property is an object with name and type"),
        ({"kind": "log", "properties": [{"type": "int"}]}, "a name cannot be 'None'"),
        ({"kind": "log", "properties": [{"name": "a", "type": "integer"}]}, "object with name and type"),
        (
            {"kind": "log", "properties": [{"name": "a", "type": "int", "value": "5"}]},
            "cannot create the int",
        ),
        (
            {"kind": "log", "properties": [{"name": "a", "type": "int", "value": True}]},
            "cannot create the int",
        ),
        ({"kind": "log", "properties": [{"name": "a", "type": "int", "value": 1 << 64}]}, "64 bits"),
        ({"kind": "log", "properties": [{"name": "a", "type": "float", "value": True}]}, "a float cannot be"),
        (
            {"kind": "log", "properties": [{"name": "a", "type": "bytes", "value": "ä"}]},
            "bytes are in base 64",
        ),
        (
            {"kind": "log", "properties": [{"name": "a", "type": "bytes", "value": "A"}]},
            "bytes are in base 64",
        ),
        ({"kind": "log", "properties": [{"name": "a", "type": "date", "value": "x"}]}, "to a date"),
        ({"kind": "log", "properties": [{"name": "a", "type": "map", "value": {"$x": 1}}]}, "marks no type"),
        ({"kind": "log", "properties": [{"name": "a", "type": "int", "fmt": 1}]}, "a property has no 'fmt'"),
        ({"kind": "log", "properties": [{"name": "a", "type": "int"}] * 2}, "a name twice"),
        ({"kind": "log", "properties": [{"name": "a", "type": "float", "value": 10**400}]}, "too large"),
        ({"kind": "log", "properties": [{"name": "time", "type": "timestamp"}]}, "untimed event cannot take"),
    ],
)
def test_what_is_no_event_is_refused_with_the_reason(told: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_json(told)
