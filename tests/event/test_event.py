"""Events keep their properties in order, unique and typed."""

from __future__ import annotations

from typing import Any

import pytest

from fanlight import Event, Property
from fanlight.event.event import UNTIMED
from fanlight.event.times import Time

NOON = Time(1_767_268_800_000_000_000, 3600)


def names(event: Event) -> list[str]:
    return [given.name for given in event]


def test_a_new_property_goes_to_the_end_and_a_known_one_is_replaced_in_place() -> None:
    event = Event([Property("a", 1), Property("b", "x")])
    assert event.set(Property("a", "one")) == Property("a", 1)
    assert event.set(Property("c", 2.5)) is None
    assert event.properties() == [Property("a", "one"), Property("b", "x"), Property("c", 2.5)]


def test_a_map_merges_into_a_map() -> None:
    event = Event([Property("headers", {"a": 1, "b": 2})])
    assert event.set(Property("headers", {"b": 3, "c": 4})) == Property("headers", {"a": 1, "b": 3, "c": 4})
    assert event["headers"] == {"a": 1, "b": 3, "c": 4}


def test_the_time_is_index_0_even_when_it_is_not_set() -> None:
    event = Event([Property("a", 1)], time=None)
    assert (names(event), event.time, event.is_timed) == (["time", "a"], None, True)
    assert event.get(0) == Property("time", None, "timestamp")
    assert event.set(Property("time", NOON)) is None
    assert event.get(0) == Property("time", NOON)
    assert event.get(1) == Property("a", 1)
    assert (event.time_ns, str(event.time)) == (NOON.ns, "2026-01-01T13:00:00.000+01:00")


def test_clearing_keeps_the_time() -> None:
    event = Event([Property("a", 1)], time=NOON)
    event.clear()
    assert event.properties() == [Property("time", NOON)]


def test_an_untimed_event_takes_no_timestamp_called_time() -> None:
    with pytest.raises(TypeError, match="untimed event cannot take time="):
        Event().set(Property("time", NOON))


def test_two_different_times_are_refused() -> None:
    with pytest.raises(ValueError, match="conflicting timestamp values"):
        Event([Property("time", Time(1))], time=NOON)
    assert Event([Property("time", NOON)], time=NOON).time == NOON


@pytest.mark.parametrize(("index", "found"), [(0, Property("a", 1)), (1, None), (99, None)])
def test_an_index_beyond_the_end_finds_nothing(index: int, found: Any) -> None:
    assert Event([Property("a", 1)]).get(index) == found


def test_a_negative_index_is_an_error() -> None:
    with pytest.raises(IndexError, match="-1 is negative"):
        Event([Property("a", 1)]).get(-1)


def test_what_exists_with_another_type_is_not_found_nor_removed() -> None:
    event = Event([Property("a", 1)])
    assert event.get("a", "string") is None
    assert event.remove("a", "string") is None
    assert event.remove("a", "int") == Property("a", 1)
    assert event.remove("a") is None
    assert names(event) == []


def test_events_of_one_shape_share_their_schema() -> None:
    def made() -> Event:
        return Event([Property("a", 1), Property("b", 2)])

    assert made().read()[0] is made().read()[0]


class Words:
    """Reads a line of words."""

    def __init__(self) -> None:
        self.filled = 0

    def fill(self, event: Event) -> None:
        self.filled += 1
        assert isinstance(event.text, str)
        read = Event([Property(f"w{place}", word) for place, word in enumerate(event.text.split())])
        event.schema, event.values = read.read()
        event.instant = UNTIMED


def test_a_raw_line_is_read_once_and_when_somebody_asks() -> None:
    origin = Words()
    event = Event.lazy(origin, "to be or", 7)
    assert origin.filled == 0
    assert (event["w1"], event.line, event.raw, len(event)) == ("be", 7, "to be or", 3)
    assert origin.filled == 1


def test_an_unknown_name_comes_with_the_nearest_one() -> None:
    with pytest.raises(KeyError, match="did you mean 'status'"):
        Event([Property("status", 200)])["staus"]


def test_walking_finds_every_nested_event() -> None:
    inner = Event([Property("frame", "f")], kind="span")
    event = Event([Property("child", inner), Property("more", [inner, 1])])
    assert [found.kind for found in event.walk()] == ["log", "span", "span"]
