"""What the engine finds among imported events without looking at each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commits import DAY_NS

from fanlight import Event, Property, Query
from fanlight.event.packing import pack
from fanlight.event.times import Time
from fanlight.parsers import named
from fanlight.parsers.parser import LineParser
from fanlight.query.answer import Limits
from fanlight.stores import BUILT_IN, open_store
from fanlight.stores.imports import Imported, Piece

if TYPE_CHECKING:
    from pathlib import Path

START_NS = 20_000 * DAY_NS
FILE = Imported(0, "/var/log/app.log", "plain", "1:2", "abcd", 100)


def piece(*events: Event) -> Piece:
    return Piece(FILE, "", 100, len(events), [pack(event) for event in events])


def line(number: int, text: str) -> Event:
    event = Event([Property("message", text)], time=Time(START_NS + number))
    event.number = number
    event.append_raw_line(text)
    return event


STRUCTURED = [
    '{"http": {"code": 404, "m": {"x": 1.5}}, "tags": ["a", "b"], "n": 3}',
    '{"http": {"code": "404", "m.x": 2}, "tags": ["GET"], "n": 2.5}',
    '{"http": {"code": 503}, "n": 10}',
    '{"http": {"code": {"x": 1}}, "n": "many"}',
    '{"http": 7, "n": true}',
    '{"message": "a blue one", "http.code": 404}',
]


@pytest.mark.parametrize(
    ("text", "scanned"),
    [
        ("http.code:4xx | stats count", 0),
        ("http.m.x:>1 | stats count", 0),
        ("NOT http.code:404 | stats count", 0),
        ("| stats count by http.code", 1),
        ("| stats max(http.m.x)", 0),
        ("tags:GET | stats count", 0),
        ("exists(http.code) n:>2 | stats count", 0),
        ("/b.ue/ | stats count", 0),
        ("/^GET$/ | stats count", 1),
        ("get | stats count", 0),
        ("#0:many OR #1:GET | stats count", 0),
        ("NOT #2:>2 | stats count", 0),
        ("http:404 | stats count", 0),
        ("http:404 tags:GET n:2.5 | stats count", 0),
        ("exists(tags) NOT tags:a | stats count", 0),
        ("raw:ue.*40 | stats count", 0),
        ("line in (2, 4) | stats count", 0),
        ("#2:GET | stats count by n", 1),
        ("span.http.code:404 | stats count", 0),
        ("| sort -n | head 2", 2),
        ("| sort n", 6),
        ("| uniq http.code", 6),
        ("| tail 1", 1),
        ("| sort -time | head 1", 1),
        ("http.code:404 | sort -n", 3),
    ],
)
def test_what_lies_in_maps_and_beside_lists_is_found_by_the_engine(text, scanned, tmp_path: Path) -> None:
    """Events with a list of their own, too; what is in a list itself the predicate finds."""
    compared(tmp_path, text, structured(STRUCTURED), scanned)


DEEP = [
    '{"user": {"geo": {"pos": {"city": "Rome", "lat": 41.9}}}}',
    '{"user": {"geo.pos": {"city": "Rome"}, "geo": {"pos": {"city": "Oslo"}}}}',
    '{"user": {"geo.pos": {"lat": 1}, "geo": {"pos": {"city": "Rome"}}}}',
    '{"user": {"geo": {"pos.city": "Rome", "pos": {"city": "Oslo"}}}}',
    '{"user": {"geo.pos.city": "Rome"}}',
    '{"user": {"geo.pos.city": null, "geo": {"pos": {"city": ["Rome", "Oslo"]}}}}',
    '{"user": {"geo": [{"pos": {"city": "Rome"}}]}, "user.geo": 7}',
    '{"user": "Rome", "a": {"b": {"c": {"d": {"e": {"f": "Rome"}}}}}}',
]


@pytest.mark.parametrize(
    ("text", "scanned"),
    [
        ("user.geo.pos.city:Rome | stats count", 3),
        ("NOT user.geo.pos.city:Rome | stats count", 3),
        ("user.geo.pos.city in (Oslo, Rome) | stats count", 3),
        ("user.geo.pos.lat:>40 | stats count", 3),
        ("user.geo:Rome | stats count", 0),
        ("user:Rome | stats count", 0),
        ("exists(user.geo.pos.city) | stats count", 3),
        ("a.b.c.d.e.f:Rome | stats count", 0),
        ("exists(user.geo.pos) | stats count by user.geo.pos.city", 4),
    ],
)
def test_what_lies_deep_in_maps_is_found_by_the_engine(text, scanned, tmp_path: Path) -> None:
    compared(tmp_path, text, structured(DEEP), scanned)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("user.id:>=5000 | stats count", 3000),
        ("tags:7x | stats count", 10),
        ("n:5 | stats count", 2897),
        ("NOT user.id:>=5000 AND user.id:4 | stats count", 1),
        ("message~'^(GET|PUT) 77.*7$' | stats count", 11),
        ("--case-insensitive message:get.*99 | stats count", 152),
        ("message>'GET 5' | stats count", 3554),
        ("#1:'GET 799[0-4]' | stats count", 5),
        ("user.id:<3 OR tags:>7990 | sort -n", 12),
    ],
)
def test_where_many_values_differ_all_are_tried_and_no_event_is(text, count, tmp_path: Path) -> None:
    """More different values than are listed one by one, below properties, in lists and in texts."""
    raws = [
        f'{{"message": "GET {n}", "n": "{n}", "user": {{"id": {n}}}, "tags": ["a", {n}]}}'
        for n in range(8000)
    ]
    answer = compared(tmp_path, text, structured(raws), 12)
    assert answer == [[f"count={count}"]] or len(answer) == count


def structured(raws: list[str]) -> list[Event]:
    """Answer the events of lines of JSON."""
    parser = LineParser(named("json", "UTC"))
    events = [*(event for raw in raws for event in parser.parse(raw)), *parser.close()][:-1]
    for number, event in enumerate(events, 1):
        event.number = number
    return events


def compared(tmp_path: Path, text: str, events: list[Event], scanned: int) -> list[list[str]]:
    """Answer what every store tells, and see how many events were looked at one by one."""
    told = {}
    for url in sorted(BUILT_IN):
        store = open_store(f"{url}:{'' if url == 'memory' else tmp_path / 'store'}")
        store.imports.keep(piece(*events), START_NS)
        answer = store.answer(Query(text), Limits(events=20))
        told[url] = [[str(each) for each in event] for event in answer]
        facts = answer.facts
        store.close()
        assert facts.scanned <= scanned or url == "memory"
    assert told["duckdb"] == told["memory"]
    return told["memory"]


def test_the_engine_is_asked_when_the_first_ones_looked_at_are_not_enough(tmp_path: Path) -> None:
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    events = [line(n, f"it took {n}ms") for n in range(25_000)]
    store.imports.keep(piece(*events), START_NS)
    answer = store.answer(Query("/[a-k] [2x][34]{4}[a-m]/"))
    assert [event["message"] for event in answer] == [
        f"it took {n}ms" for n in range(22_222, 25_000) if set(str(n)[1:]) <= {"3", "4"}
    ]
    assert 10_000 < answer.facts.scanned < 16_000
    store.close()


@pytest.mark.parametrize(
    "text",
    [
        "http.code:404 | stats count",
        "http.code:4xx | sort -code",
        "code:404 | stats count",
        "span.code:404 | stats count",
        "NOT http.code:404 | stats count",
        "exists(http.code) | stats count by http.code",
        "a.b.c:1 | stats count",
        "a.b.c:2 | stats count",
        "| stats count by http.code",
        "| uniq http.code",
    ],
)
def test_what_the_engine_would_read_otherwise_the_predicate_reads(text: str, tmp_path: Path) -> None:
    """Maps with keys as ours for what JSON has not, lists of events, paths through one of two properties."""
    given = [
        {"http": {"$x": 1, "code": 404}},
        {"http": {"code": float("nan")}},
        {"http": {"code": 10**15, "$y": True}},
        {"http": [Event([Property("code", 404)])]},
        {"frames": [Event([Property("code", 404)])], "http": {"code": 503}},
        {"a": {"b.c": 2, "b": {"c": 1}}, "a.b": {"c": 1}},
        {"a": {"b": {"c": 2}}},
    ]
    events = [
        Event((Property(*each) for each in held.items()), time=Time(START_NS + number))
        for number, held in enumerate(given)
    ]
    told = {}
    for url in sorted(BUILT_IN):
        store = open_store(f"{url}:{'' if url == 'memory' else tmp_path / 'store'}")
        store.imports.keep(piece(*events), START_NS)
        told[url] = [[str(each) for each in event] for event in store.answer(Query(text), Limits(events=20))]
        store.close()
    assert told["duckdb"] == told["memory"]
    assert any(told["memory"])
