"""A property is a typed value that is read from text strictly and written back."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fanlight import Event, Property
from fanlight.event.times import Time, time_of
from fanlight.event.units import parse_quantity, written_duration

WRITTEN = [
    ("hello", "string", "hello"),
    (-5, "int", "-5"),
    (0.1, "float", "0.1"),
    (True, "bool", "true"),
    (Time(0, 3600), "timestamp", "1970-01-01T01:00:00.000+01:00"),
    (date(2026, 1, 31), "date", "2026-01-31"),
    (1_500_000_000, "duration", "1.5s"),
    (b"\x00\xff", "bytes", "00ff"),
    ({"a": [1, "x"]}, "map", '{"a": [1, "x"]}'),
    ([1, 2], "list", "[1, 2]"),
    (["a", "b"], "list", '["a", "b"]'),
]


@pytest.mark.parametrize(("value", "kind", "text"), WRITTEN)
def test_a_value_is_written_and_read_back(value: Any, kind: str, text: str) -> None:
    made = Property("p", value, kind)
    assert made.externalize() == text
    assert Property("p", type=kind).from_string(text) == made


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *[
            ("int", text)
            for text in ("", "1_0", " 1", "1\n", "1.0", "0x1", "9223372036854775808", "٣", "1" * 5000)
        ],
        *[("float", text) for text in ("", "1_0.0", "1e", "NaN", "infinity", "0x1p3", " 1.0")],
        *[("bool", text) for text in ("", "yes", "1", "true ")],
        *[
            ("timestamp", text)
            for text in ("", "noon", "2026-01-31", "2026-01-31T12:00:00 \n", "13/45/16 99:00:00")
        ],
        *[("date", text) for text in ("20260131", "2026-W05-6", "2026-02-30", "")],
        *[("duration", text) for text in ("", "10", "10 apples", "10%", "5KiB")],
        *[("bytes", text) for text in ("0", "xy")],
        *[("map", text) for text in ("[1]", "{", "")],
        *[("list", text) for text in ("{}", "[1", "[" * 100_000)],
        ("event", "x"),
    ],
)
def test_a_text_that_is_no_value_of_the_type_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Property("p", type=kind).from_string(text)


@pytest.mark.parametrize(("text", "value"), [("TRUE", True), ("False", False)])
def test_a_bool_is_read_in_any_case(text: str, value: bool) -> None:
    assert Property("p", type="bool").from_string(text).value is value


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1, "string"), ("1", "int"), (True, "int"), (1, "bool"), (1, "float"), (5, "timestamp"), ({}, "list")],
)
def test_a_value_of_another_type_is_refused(value: Any, kind: str) -> None:
    with pytest.raises(ValueError, match=f"cannot create the {kind} property 'p'|a timestamp is a Time"):
        Property("p", value, kind)


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, timedelta(days=110_000)])
def test_an_int_has_64_bits(value: Any) -> None:
    with pytest.raises(ValueError, match="no int of 64 bits"):
        Property("p", value)


def test_python_s_own_times_become_times() -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert (Property("p", noon).type, Property("p", noon).value) == ("timestamp", time_of(noon))
    assert (Property("p", timedelta(seconds=1)).type, Property("p", timedelta(seconds=1)).value) == (
        "duration",
        1_000_000_000,
    )
    assert Property("p", date(2026, 1, 31)).type == "date"


def test_a_map_without_a_value_is_empty_and_one_of_its_entries_can_be_written() -> None:
    assert Property("p", type="map").value == {}
    headers = Property("p", {"a": 1, "b": None})
    assert [headers.externalize(key) for key in ("a", "b", "c")] == ["1", None, None]
    with pytest.raises(ValueError, match="a map's keys are texts, not 1"):
        Property("p", {1: 2})


def test_a_property_s_value_does_not_follow_what_it_was_made_of() -> None:
    given_map, given_list = {"a": 1}, [1]
    made = (Property("p", given_map), Property("p", given_list))
    given_map.clear()
    given_list.clear()
    assert [each.value for each in made] == [{"a": 1}, [1]]
    with pytest.raises(AttributeError, match="never changes"):
        made[0].value = 5  # type: ignore[misc]  # what is forbidden


def test_properties_are_ordered_by_name_and_equal_by_all_they_are() -> None:
    assert sorted([Property("b", 1), Property("a", 2)]) == [Property("a", 2), Property("b", 1)]
    assert Property("a", math.nan) == Property("a", math.nan)
    assert Property("a", 1, unit="ms") != Property("a", 1)
    assert Property("a", 1) != Property("a", 1.0)


def test_a_property_shows_as_name_and_value() -> None:
    assert [str(Property("a", value)) for value in (1, "x", None)] == ["a=1", 'a="x"', "a=None"]
    assert str(Property("a", Event([Property("b", 1)]))) == 'a="log b=1"'


@given(some.integers(-(1 << 63), (1 << 63) - 1))
def test_a_duration_is_written_exactly(ns: int) -> None:
    assert parse_quantity(written_duration(ns)) == (ns, "ns")
    assert Property("p", type="duration").from_string(written_duration(ns)).value == ns


@given(some.floats())
def test_a_float_is_written_exactly(number: float) -> None:
    made = Property("p", number)
    text = made.externalize()
    assert text is not None
    assert made.from_string(text) == made


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("250ms", (250_000_000, "ns")),
        ("1.5s", (1_500_000_000, "ns")),
        ("2w", (1_209_600_000_000_000, "ns")),
        ("3μs", (3_000, "ns")),
        ("4KiB", (4096, "bytes")),
        ("0.5 mb", (524_288, "bytes")),
        ("3%", (3, "%")),
        ("17", (17, None)),
        ("1e3", (1000.0, None)),
        *[(text, None) for text in ("", "s", "5 apples", "1e999ms", "٣s", "1" * 10_000, "1.2.3s", "--1")],
    ],
)
def test_a_quantity_is_a_number_and_what_it_counts(text: str, quantity: Any) -> None:
    assert parse_quantity(text) == quantity


@given(some.text())
def test_no_text_breaks_the_reading_of_quantities(text: str) -> None:
    parse_quantity(text)
