"""What a trace lacks is taken from the nearest reading of its service and host, and the answer says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commits import DAY_NS, Request, commit

from fanlight import Event, Property, Query
from fanlight.event.packing import pack
from fanlight.event.times import Time
from fanlight.stores import BUILT_IN, open_store
from fanlight.stores.imports import Imported, Piece

if TYPE_CHECKING:
    from pathlib import Path

S = 1_000_000_000
START_NS = 20_000 * DAY_NS
FILE = Imported(0, "/var/log/telemetry.jsonl", "json", "1:2", "abcd", 100)


def reading(at_s: float, backlog: object, service: str = "shop", host: str = "web-1", kind: str = "metrics"):
    """Answer a reading of a server's backlog; traces of the builder are of host web-1."""
    given = [Property("service", service), Property("host", host), Property("sockets.backlog", backlog)]
    return Event(given, kind=kind, time=Time(START_NS + int(at_s * S)))


@pytest.fixture(params=sorted(BUILT_IN))
def store(request, tmp_path: Path):
    """A store with a request every ten seconds, and readings five seconds apart around two of them."""
    store = open_store(f"{request.param}:{'' if request.param == 'memory' else tmp_path / 'store'}")
    requests = [
        Request(START_NS + at * S, 1000, at + 1, ("shop", f"/{at}", ""), notes=(("status", 500),))
        for at in range(0, 60, 10)
    ]
    requests.append(
        Request(START_NS + 10 * S, 1000, 99, ("pay", "/pay", ""), notes=(("sockets.backlog", 7),))
    )
    store.apply(1, [(1, commit(requests))])
    readings = [
        reading(8, 1),
        reading(13, 3),
        reading(18, 0),
        reading(19.5, "many"),
        reading(10, 9, host="web-2"),
    ]
    keep(store, FILE, *readings, reading(50, 8, kind="log"), reading(30, 5, "pay"))
    yield store
    store.close()


def keep(store, file: Imported, *events: Event) -> None:
    store.imports.keep(Piece(file, "", 100, len(events), [pack(event) for event in events]), START_NS)


def endpoints(answer) -> list[object]:
    return [event.value("endpoint") for event in answer]


def test_the_nearest_reading_of_service_and_host_is_added(store) -> None:
    answer = store.answer(Query("status:5xx sockets.backlog:>0"))
    found = list(answer)
    assert endpoints(found) == ["/10"]
    assert found[0]["sockets.backlog"] == 1
    assert answer.facts.joined == {"sockets.backlog": 2}


def test_a_traces_own_value_is_left(store) -> None:
    answer = store.answer(Query("sockets.backlog=7"))
    assert endpoints(answer) == ["/pay"]


def test_a_reading_that_is_too_far_is_none(store) -> None:
    # Readings lie five seconds apart, the one at 20 s is two seconds from the last.
    assert endpoints(store.answer(Query("exists(endpoint) exists(sockets.backlog)"))) == [
        "/10",
        "/pay",
        "/20",
    ]
    assert endpoints(store.answer(Query("endpoint:^/[0-9] NOT exists(sockets.backlog)"))) == [
        *("/0", "/30", "/40", "/50")
    ]


def test_stages_see_what_was_added(store) -> None:
    answer = store.answer(Query("exists(endpoint) | stats max(sockets.backlog), count() by endpoint"))
    assert {event["endpoint"]: event["max(sockets.backlog)"] for event in answer} == {
        "/0": None,
        "/10": 1,
        "/20": 0,
        "/30": None,
        "/40": None,
        "/50": None,
        "/pay": 7,
    }
    assert answer.facts.joined == {"sockets.backlog": 2}
    ordered = store.answer(Query("exists(endpoint) | sort -sockets.backlog | head 2"))
    assert endpoints(ordered) == ["/pay", "/10"]


def test_readings_are_events_too(store) -> None:
    found = [
        event["sockets.backlog"] for event in store.events(Query("sockets.backlog:>=0 NOT exists(endpoint)"))
    ]
    assert found == [1, 9, 3, 0, 5, 8]


def test_readings_just_outside_the_bounds_count(store) -> None:
    answer = store.answer(
        Query(f"sockets.backlog:>0 exists(endpoint) from:{START_NS + 9 * S} to:{START_NS + 10 * S}")
    )
    assert endpoints(answer) == ["/10", "/pay"]


def test_nothing_is_looked_up_that_traces_have_themselves(store) -> None:
    answer = store.answer(Query("duration>0 service=shop | stats count"))
    assert [event["count"] for event in answer] == [6]
    assert answer.facts.joined == {}


def test_what_was_joined_is_told_once_where_the_sums_are_given_up(tmp_path: Path) -> None:
    """A request counts something else than the readings: what the engine added up cannot be told."""
    for url in sorted(BUILT_IN):
        store = open_store(f"{url}:{'' if url == 'memory' else tmp_path / 'store'}")
        own = (("sockets.backlog", 7),)
        requests = [
            Request(START_NS, 1000, 1, ("shop", "/a", ""), notes=own),
            Request(START_NS + 10 * S, 1000, 2, ("shop", "/b", "")),
        ]
        store.apply(1, [(1, commit(requests))])
        named = [Property("service", "shop"), Property("host", "web-1")]
        readings = [
            Event(
                [*named, Property("sockets.backlog", at, unit="bytes")],
                kind="metrics",
                time=Time(START_NS + at * S),
            )
            for at in (8, 11, 14)
        ]
        keep(store, FILE, *readings)
        answer = store.answer(Query("| stats max(sockets.backlog), count"))
        assert [str(each) for each in next(iter(answer))] == ["max(sockets.backlog)=14", "count=5"]
        store.close()
        assert (answer.facts.joined, answer.facts.read) == ({"sockets.backlog": 1}, 5)
