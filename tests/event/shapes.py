"""Events of every shape, for laws."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as some

from fanlight import Event, Property
from fanlight.event import types
from fanlight.event.event import UNTIMED
from fanlight.event.times import Time

INTS = some.integers(types.INT_MIN, types.INT_MAX)
OFFSETS = some.none() | some.integers(-720, 840).map(lambda minutes: minutes * 60)
TIMES = some.builds(Time, some.integers(-(10**18), 9 * 10**18), OFFSETS)
NAMES = some.text(min_size=1, max_size=8) | some.sampled_from(
    ["a.b", 'q"', "from:", "Grüße", "$types", "$map", "raw"]
)
INNER = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text()
    | some.binary()
    | TIMES
    | some.dates(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
VALUES: dict[str, some.SearchStrategy[Any]] = {
    types.STRING: some.text(),
    types.INT: INTS,
    types.FLOAT: some.floats(),
    types.BOOL: some.booleans(),
    types.TIMESTAMP: TIMES,
    types.DATE: some.dates(date(1, 1, 1)),
    types.DURATION: INTS,
    types.BYTES: some.binary(),
    types.MAP: some.dictionaries(NAMES, INNER, max_size=3),
    types.LIST: some.lists(INNER, max_size=3),
    types.UNDEFINED: some.none() | some.text(),
}


@some.composite
def properties(draw: some.DrawFn, events: some.SearchStrategy[Event] | None = None) -> Property:
    """Answer any property; with `events`, perhaps one that holds one."""
    kind = draw(some.sampled_from([*VALUES, *([types.EVENT] if events is not None else [])]))
    value = draw(some.none() | (events if kind == types.EVENT and events is not None else VALUES[kind]))
    unit = draw(some.none() | some.sampled_from(["ms", "bytes"]))
    form = draw(some.none() | some.sampled_from(["HH:mm", "%H:%M", ".2f"]))
    name = draw(NAMES.filter(lambda name: name != "time"))
    return Property(name, value, kind, unit, form)


@some.composite
def flat_events(draw: some.DrawFn, events: some.SearchStrategy[Event] | None = None) -> Event:
    """Answer any event, of properties that `events` may be in."""
    listed = draw(some.lists(properties(events), max_size=5, unique_by=lambda each: each.name))
    event = Event(listed, kind=draw(some.sampled_from(["log", "span", "metrics", "fault"])), time=draw(WHEN))
    if event.is_timed:
        event.set(Property("time", event.time, "timestamp", None, draw(some.sampled_from([None, "HH:mm"]))))
    if draw(some.booleans()):
        event.number = draw(some.integers(1, 10**9))
        event.text = draw(some.text())
    return event


WHEN = some.just(UNTIMED) | some.none() | TIMES
EVENTS = some.recursive(flat_events(), flat_events, max_leaves=3)
