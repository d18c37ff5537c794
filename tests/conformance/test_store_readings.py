"""Events that commits bring beside traces: kept once, with their day, and found by every store alike."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import pytest
from commits import DAY_NS, Request, commit

from fanlight import Event, Property, Query
from fanlight.errors import WireError
from fanlight.event.packing import pack
from fanlight.stores import BUILT_IN, open_store

if TYPE_CHECKING:
    from pathlib import Path

S = 1_000_000_000
START_NS = 20_000 * DAY_NS + 43_200 * S


def reading(at_s: float, backlog: int | None, *, kind: str = "metrics", **labels: Any) -> Event:
    """Answer a reading; traces of the builder are of host web-1."""
    given = {"service": "shop", "host": "web-1", "server": "gunicorn", **labels}
    if backlog is not None:
        given["sockets.backlog"] = backlog
    made = [Property(name, value) for name, value in given.items()]
    return Event(made, kind=kind, time=START_NS + int(at_s * S))


def with_events(message: dict[str, Any], *events: Event) -> dict[str, Any]:
    """Answer a commit that brings events besides."""
    strings = list(message["strings"]) or [""]

    def place(text: str) -> int:
        if text not in strings:
            strings.append(text)
        return strings.index(text)

    packed = [pack(event) for event in events]
    return {
        **message,
        "event_service": array("I", [place(event.value("service")) for event in events]),
        "event_time": array("Q", [event.time_ns for event in events]),
        "event_shape": array("I", [place(each.shape) for each in packed]),
        "event_values": [
            each.values.replace(f'["{event.time}"', "[null", 1)
            for each, event in zip(packed, events, strict=True)
        ],
        "strings": strings,
    }


@pytest.fixture(params=sorted(BUILT_IN))
def store(request, tmp_path: Path):
    store = open_store(f"{request.param}:{'' if request.param == 'memory' else tmp_path / 'store'}")
    requests = [Request(START_NS + at * S, 1000, at + 1, ("shop", f"/{at}", "")) for at in (0, 10, 20)]
    first = [reading(1, 4), reading(1, 3, worker=0), reading(1, 1, worker=1), reading(9, 8)]
    store.apply(1, [(1, with_events(commit(requests), *first))])
    store.apply(
        1, [(2, with_events(commit([]), reading(21, 0), reading(22, None), reading(23, 5, kind="log")))]
    )
    yield store
    store.close()


def backlogs(store, text: str) -> list[Any]:
    return [event.value("sockets.backlog") for event in store.events(Query(text))]


def test_readings_are_asked_for_by_their_kind(store) -> None:
    assert backlogs(store, "kind:metrics") == [4, 3, 1, 8, 0, None]
    assert backlogs(store, "kind=metrics NOT exists(worker)") == [4, 8, 0, None]
    assert backlogs(store, "kind:log") == [5]
    assert backlogs(store, "kind:metrics sockets.backlog:>3") == [4, 8]


def test_what_does_not_name_a_kind_is_not_given_them(store) -> None:
    assert [event.kind for event in store.events(Query(""))] == ["trace"] * 3
    assert [event.kind for event in store.events(Query("NOT status:500"))] == ["trace"] * 3
    assert [event["count"] for event in store.answer(Query("| stats count"))] == [3]
    assert [event.kind for event in store.events(Query("kind:trace"))] == ["trace"] * 3


def test_kinds_are_counted_apart(store) -> None:
    answer = store.answer(Query("| stats count by kind"))
    assert {event["kind"]: event["count"] for event in answer} == {"trace": 3, "metrics": 6, "log": 1}
    assert [event["count"] for event in store.answer(Query("kind:trace | stats count"))] == [3]


def test_all_of_them_come_in_the_order_of_time(store) -> None:
    times = [event.time_ns for event in store.events(Query("exists(kind)"))]
    assert times == sorted(times)
    assert len(times) == 10


def test_bounds_hold_for_them(store) -> None:
    bounds = f"from:{START_NS + 9 * S} to:{START_NS + 21 * S}"
    assert backlogs(store, f"kind:metrics {bounds}") == [8, 0]


def test_an_event_comes_back_as_it_was(store) -> None:
    (found,) = store.events(Query("kind:metrics worker=1"))
    assert found == reading(1, 1, worker=1)
    assert [each.name for each in found] == ["time", "service", "host", "server", "worker", "sockets.backlog"]


def test_a_trace_takes_what_it_lacks_from_the_reading_of_the_whole_server(store) -> None:
    answer = store.answer(Query("kind:trace sockets.backlog:>=0"))
    assert [(event["endpoint"], event["sockets.backlog"]) for event in answer] == [
        ("/0", 4),
        ("/10", 8),
        ("/20", 0),
    ]


def test_stages_run_over_them(store) -> None:
    answer = store.answer(Query("kind:metrics NOT exists(worker) | stats max(sockets.backlog) by server"))
    assert [(event["server"], event["max(sockets.backlog)"]) for event in answer] == [("gunicorn", 8)]


def test_a_replayed_record_brings_them_once(store) -> None:
    store.apply(1, [(2, with_events(commit([]), reading(21, 0)))])
    assert backlogs(store, "kind:metrics sockets.backlog=0") == [0]


def test_readings_of_whole_servers_are_numbers_too(store) -> None:
    store.apply(1, [(3, with_events(commit([]), reading(2, 6), reading(30, 9, service="a, b")))])
    store.apply(1, [(4, with_events(commit([]), reading(86_400, 2)))])
    told = store.measures(START_NS, START_NS + 2 * DAY_NS)
    found = {
        (each.shape.told(each.prefix)["service"], each.shape.names): (
            ((each.times - START_NS) // S).tolist(),
            each.numbers.tolist(),
        )
        for each in told
    }
    assert found == {
        ("shop", ("sockets.backlog",)): ([1, 2, 9, 21, 86_400], [[4], [6], [8], [0], [2]]),
        ("a, b", ("sockets.backlog",)): ([30], [[9]]),
    }
    (one,) = store.measures(START_NS + 9 * S, START_NS + 21 * S)
    assert one.numbers.tolist() == [[8]]
    assert store.measures(START_NS + 31 * S, START_NS + 60 * S) == []


def test_they_go_with_their_day(store) -> None:
    later = START_NS // DAY_NS + 2
    store.apply(2, [(1, with_events(commit([]), reading(2 * 86_400, 7)))])
    assert store.size().days == (later - 2, later)
    assert store.expire(later) == [later - 2]
    assert backlogs(store, "kind:metrics") == [7]
    store.apply(2, [(2, with_events(commit([]), reading(3, 9)))])
    assert backlogs(store, "kind:metrics") == [7]


def test_a_record_of_two_days_is_divided(store) -> None:
    message = with_events(commit([]), reading(100, 1), reading(86_400, 2), reading(101, 3))
    store.apply(3, [(1, message)])
    assert backlogs(store, f"kind:metrics from:{START_NS + 60 * S}") == [1, 3, 2]


def test_a_day_that_was_rewritten_has_them(store) -> None:
    store.compact()
    assert backlogs(store, "kind:metrics worker=1") == [1]


@pytest.mark.parametrize(
    ("column", "value"),
    [("event_shape", array("I", [99])), ("event_values", []), ("event_time", array("Q", [1, 2]))],
)
def test_a_contradicting_record_is_refused_whole(store, column: str, value: Any) -> None:
    message = with_events(commit([Request(START_NS, 1, 77)]), reading(50, 1))
    message[column] = value
    with pytest.raises(WireError):
        store.apply(4, [(1, message)])
    assert backlogs(store, f"kind:metrics from:{START_NS + 40 * S}") == []


def test_how_long_a_trace_waited_is_taken_from_no_reading(store) -> None:
    slow = Event(
        [Property("service", "shop"), Property("host", "web-1"), Property("queue.time", 9)],
        kind="metrics",
        time=START_NS,
    )
    store.apply(5, [(1, with_events(commit([]), slow))])
    assert list(store.events(Query("kind:trace exists(queue.time)"))) == []
