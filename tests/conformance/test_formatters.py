"""What every formatter promises, run over the room's table."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanlight.errors import ConfigError
from fanlight.event.event import UNTIMED, Event
from fanlight.event.property import Property
from fanlight.formatters import TABLE, formatter

names = st.text(min_size=1, max_size=8).filter(lambda name: name not in ("time", "raw", "line"))
values = st.one_of(
    st.text(max_size=20),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.dictionaries(st.text(max_size=4), st.integers(0, 9), max_size=2),
    st.lists(st.integers(0, 9), max_size=3),
)
events = st.builds(
    lambda found, when: Event([Property(name, value) for name, value in found.items()], time=when),
    st.dictionaries(names, values, max_size=4),
    st.one_of(st.just(UNTIMED), st.none(), st.integers(0, 2**62)),
)


def text_of(name: str, given_events: list[Event], fields: tuple[str, ...] = ()) -> str:
    made = formatter(name, fields)
    parts = [part for event in given_events for part in made.event(event)]
    return "".join([*parts, *made.end()])


@settings(max_examples=200)
@given(given_events=st.lists(events, max_size=4))
def test_any_events_become_text_that_ends_with_a_newline(given_events: list[Event]) -> None:
    for name in TABLE:
        for fields in ((), ("a", "no.such", "time")):
            text = text_of(name, given_events, fields)
            assert text == "" or text.endswith("\n"), (name, fields)


@given(given_events=st.lists(events, max_size=4))
def test_json_and_json_lines_say_the_same(given_events: list[Event]) -> None:
    lines = [json.loads(line) for line in text_of("jsonl", given_events).splitlines()]
    assert json.loads(text_of("json", given_events)) == lines
    assert len(lines) == len(given_events)


@given(given_events=st.lists(events, max_size=4))
def test_csv_is_read_back_with_as_many_rows_and_columns(given_events: list[Event]) -> None:
    rows = list(csv.reader(io.StringIO(text_of("csv", given_events, ("a", "b")), newline="")))
    assert len(rows) == len(given_events) + 1
    assert {len(row) for row in rows} == {2}


def test_nested_values_are_reached_by_dots() -> None:
    event = Event([Property("http", {"status": 502})])
    assert text_of("text", [event], ("http.status",)) == "502\n"


def test_an_unknown_formatter_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'jsonl'"):
        formatter("jsnl")


def test_an_event_in_a_cell_is_json() -> None:
    inner = Event([Property("exception", "KeyError"), Property("cause", Event([Property("n", 1)]))])
    event = Event([Property("stack", inner), Property("threads", [inner])])
    (_, row) = csv.reader(io.StringIO(text_of("csv", [event]), newline=""))
    told = {"exception": "KeyError", "cause": {"n": 1}}
    assert [json.loads(cell) for cell in row] == [told, [told]]
