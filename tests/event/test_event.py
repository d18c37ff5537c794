"""Events keep their properties in order, unique and typed."""

from __future__ import annotations

import copy
import pickle
import sys
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


def test_a_line_that_nobody_read_costs_a_hundred_bytes() -> None:
    """What `getsizeof` tells has the garbage collector's header in it; a line's number counts too."""
    event = Event.lazy(Words(), b"to be or not to be", 10_000_000)
    others = [each for each in (event.schema, event.number) if each is not None]
    assert not hasattr(event, "__dict__")
    assert sys.getsizeof(event) + sum(sys.getsizeof(each) for each in others) <= 100


def test_an_unknown_name_comes_with_the_nearest_one() -> None:
    with pytest.raises(KeyError, match="did you mean 'status'"):
        Event([Property("status", 200)])["staus"]


def test_walking_finds_every_nested_event() -> None:
    inner = Event([Property("frame", "f")], kind="span")
    event = Event([Property("child", inner), Property("more", [inner, 1])])
    assert [found.kind for found in event.walk()] == ["log", "span", "span"]


def test_a_timed_event_has_one_time_and_only_a_timestamp_under_that_name() -> None:
    event = Event(time=None)
    with pytest.raises(TypeError, match="the time of a timed event is a timestamp, not the string"):
        event.set(Property("time", "noon"))
    assert names(Event([Property("time", "noon")])) == ["time"]


def test_two_timestamps_among_the_properties_conflict_and_an_unset_one_changes_nothing() -> None:
    with pytest.raises(ValueError, match="conflicting timestamp values"):
        Event([Property("time", NOON), Property("time", Time(2))], time=None)
    assert Event([Property("time", None, "timestamp")], time=NOON).time == NOON


@pytest.mark.parametrize("time", ["noon", True, 1.5, (1, 2, 3)])
def test_a_time_is_a_time(time: Any) -> None:
    with pytest.raises(TypeError, match="a time is UNTIMED, None, a Time"):
        Event(time=time)


def test_a_time_comes_in_any_form() -> None:
    moments = (NOON, NOON.ns, (NOON.ns, 3600), NOON.wall())
    assert [Event(time=moment).time for moment in moments] == [NOON] * 4
    late = Event.of(Event().read()[0], [], (NOON.ns, 3600))
    assert (late.time_ns, str(late.time)) == (NOON.ns, "2026-01-01T13:00:00.000+01:00")


def test_the_format_of_the_time_is_kept() -> None:
    event = Event([Property("time", NOON, format="HH:mm"), Property("a", 1)], time=None)
    event.set(Property("b", 2))
    event.remove("a")
    assert event.properties() == [Property("time", NOON, format="HH:mm"), Property("b", 2)]
    assert str(event.get(0)) == "time=13:00"
    event.clear()
    assert event.get("time") == Property("time", NOON, format="HH:mm")


def test_none_takes_out_the_property_of_that_type() -> None:
    event = Event([Property("a", 1)])
    assert event.put("a", None, "string") is None
    assert event.put("a", 2) == Property("a", 1)
    assert event.put("a", None, "int") == Property("a", 2)
    assert names(event) == []


def test_children_are_found_by_their_kind() -> None:
    stack = Event([Property("depth", 3)], kind="stack")
    event = Event([Property("main", stack), Property("other", Event(kind="note")), Property("n", 1)])
    assert event.properties("stack") == [Property("main", stack)]
    assert event.properties("event") == [Property("main", stack), Property("other", Event(kind="note"))]
    assert event.get("main", "stack") == Property("main", stack)
    assert event.remove("other", "stack") is None


def test_what_is_taken_out_of_an_event_is_a_copy() -> None:
    event = Event([Property("map", {"a": 1}), Property("list", [1])])
    for name in ("map", "list"):
        found = event.get(name)
        assert found is not None
        found.value.clear()
    assert (event["map"], event["list"]) == ({"a": 1}, [1])


def test_a_shape_is_shared_however_an_event_came_to_have_it() -> None:
    straight = Event([Property("a", 1), Property("b", 2)])
    bent = Event([Property("x", 0), Property("a", "1"), Property("b", 2)])
    bent.remove("x")
    bent.set(Property("a", 1))
    bent.set(Property("a", 5))
    assert bent.read()[0] is straight.read()[0]


def test_changing_a_shape_over_and_over_keeps_no_shapes() -> None:
    import gc

    from fanlight.event.schema import Schema

    event = Event([Property("a", 1)])
    for _ in range(3):
        event.set(Property("b", 1))
        event.remove("b")

    # Not isinstance: it asks objects of other tests for their class, lazy ones among them.
    before = sum(type(each) is Schema for each in gc.get_objects())
    for _ in range(1000):
        event.set(Property("b", 1))
        event.remove("b")
    assert sum(type(each) is Schema for each in gc.get_objects()) <= before + 2


@pytest.mark.parametrize(("value", "line"), [(7, 7), ("7", None), (True, None)])
def test_the_line_is_an_int_or_none(value: Any, line: int | None) -> None:
    assert Event([Property("line", value)]).line == line


def test_raw_lines_are_joined_without_a_newline_at_the_end() -> None:
    event = Event()
    for line in ("one\n", "two\r\n", "three"):
        event.append_raw_line(line)
    assert event.raw == "one\ntwo\nthree"


def test_an_event_shows_as_it_prefers_else_as_its_text_else_as_its_kind() -> None:
    event = Event([Property("a", 1), Property("b", "x")])
    assert (event.preferred_representation(), event.preferred_header()) == (None, None)
    assert (event.shown(), str(event)) == ("log\n", 'log a=1 b="x"')
    event.append_raw_line("a=1 b=x")
    assert event.shown() == "a=1 b=x\n"


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda event: pickle.loads(pickle.dumps(event))]
)
@pytest.mark.parametrize("time", [UNTIMED, None, NOON])
def test_a_copy_is_equal_and_as_timed_as_the_event(copied: Any, time: Any) -> None:
    event = Event([Property("a", {"b": [1]}), Property("c", Event([Property("d", 1)]), unit="ms")], time=time)
    again = copied(event)
    assert again == event
    assert (again.is_timed, again.kind) == (event.is_timed, "log")
    assert copied(event.get("a")) == event.get("a")


def test_walking_goes_deeper_than_the_stack() -> None:
    event = Event()
    for _ in range(5000):
        event = Event([Property("inner", event)])
    assert sum(1 for _ in event.walk()) == 5001
    assert [each.kind for each in Event([Property("m", {"a": [Event(kind="span")]})]).walk()] == [
        "log",
        "span",
    ]
