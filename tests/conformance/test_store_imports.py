"""What is imported is kept once, apart from the traces, and asked together with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commits import DAY_NS, Request, commit
from imported import FILE, START_NS, line, piece

from fanlight import Event, Property, Query
from fanlight.errors import QueryError
from fanlight.event.packing import pack
from fanlight.event.times import Time
from fanlight.parsers import named
from fanlight.parsers.parser import LineParser
from fanlight.query.answer import Limits, in_memory
from fanlight.stores import BUILT_IN, open_store
from fanlight.stores.imports import ElsewhereError, Piece

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=sorted(BUILT_IN))
def store(request, tmp_path: Path):
    store = open_store(f"{request.param}:{'' if request.param == 'memory' else tmp_path / 'store'}")
    yield store
    store.close()


def messages(store, text: str) -> list[object]:
    return [event.value("message") or event.value("service") for event in store.events(Query(text))]


def test_a_piece_is_kept_with_how_far_the_file_is(store) -> None:
    first = store.imports.keep(piece(FILE, 100, line(1, "one", 5), line(2, "two")), START_NS)
    assert (first.id, first.position, first.events, first.tail) == (1, 100, 2, "tail 100")
    second = store.imports.keep(piece(first, 150, line(3, "three", 1)), START_NS)
    assert store.imports.files() == [second]
    assert (second.position, second.events) == (150, 3)
    assert messages(store, "") == ["two", "three", "one"]


def test_a_thread_dump_is_answered_with_the_threads_that_were_asked_for(store) -> None:
    threads = "\n\n".join(f'"{name}" #1 tid=0x1\n\tat A.{name}(A.java:1)' for name in ("one", "two"))
    parser = LineParser(named("threads", "UTC"))
    for each in f"2026-01-31 12:00:00\nFull thread dump X:\n\n{threads}\n".split("\n"):
        parser.parse(each)
    (dump, _) = parser.close()
    store.imports.keep(piece(FILE, 100, dump), START_NS)
    (event,) = store.answer(Query("thread:two"))
    assert [each["thread"] for each in event["threads"]] == ["two"]
    assert '"one"' not in event.raw
    assert not list(store.answer(Query("thread:one stack:two")))


def test_a_piece_that_was_kept_already_is_refused_whole(store) -> None:
    first = store.imports.keep(piece(FILE, 100, line(1, "one")), START_NS)
    for again in (piece(FILE, 100, line(1, "one")), piece(first._replace(position=50), 120, line(2, "two"))):
        with pytest.raises(ElsewhereError, match="is kept up to byte 100"):
            store.imports.keep(again, START_NS)
    assert messages(store, "") == ["one"]


def test_files_are_kept_apart(store) -> None:
    store.imports.keep(piece(FILE, 100, line(1, "one", 2)), START_NS)
    other = store.imports.keep(
        piece(FILE._replace(head="ef", inode="1:3"), 10, line(1, "other", 1)), START_NS
    )
    assert other.id == 2
    assert messages(store, "") == ["other", "one"]


def test_traces_and_imported_events_come_in_the_order_of_time(store) -> None:
    store.apply(1, [(1, commit([Request(START_NS + at, 1, at + 1, (f"s{at}", "/", "")) for at in (3, 7)]))])
    store.imports.keep(
        piece(FILE, 9, line(1, "a", 5), line(2, "b", 9), line(3, "c"), line(4, "d", 1)), START_NS
    )
    assert messages(store, "") == ["c", "d", "s3", "a", "s7", "b"]
    assert messages(store, f"from:{START_NS + 4}") == ["c", "a", "s7", "b"]
    assert [event["count"] for event in store.answer(Query("| stats count"))] == [6]
    assert [event["count"] for event in store.answer(Query("exists(service) | stats count"))] == [2]


def test_imported_events_go_by_the_day_of_their_import(store) -> None:
    first = store.imports.keep(piece(FILE, 100, line(1, "old")), 10 * DAY_NS)
    store.imports.keep(piece(first, 150, line(2, "new")), 20 * DAY_NS)
    assert store.imports.expire(20) == 1
    assert messages(store, "") == ["new"]
    assert store.imports.files()[0].position == 150
    assert store.imports.expire(20) == 0


def test_expiry_of_days_leaves_what_is_imported(store) -> None:
    store.apply(1, [(1, commit([Request(START_NS + day * DAY_NS, 1, day + 1) for day in range(3)]))])
    store.imports.keep(piece(FILE, 100, line(1, "kept", -(10**6))), START_NS)
    store.expire(20_002, 1)
    assert messages(store, "message:kept") == ["kept"]


@pytest.mark.parametrize("name", sorted(set(BUILT_IN) - {"memory"}))
def test_it_is_there_when_the_store_is_opened_again(name: str, tmp_path: Path) -> None:
    for rounds in range(3):
        store = open_store(f"{name}:{tmp_path / 'store'}")
        files = store.imports.files()
        file = files[0] if files else FILE
        store.imports.keep(piece(file, 10 + rounds, line(1, f"{rounds}", rounds)), START_NS)
        assert messages(store, "") == [str(each) for each in range(rounds + 1)]
        store.close()


def test_only_imported_events_that_may_be_meant_are_looked_at(tmp_path: Path) -> None:
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    store.apply(1, [(1, commit([Request(START_NS + at, 5, at + 1) for at in range(3)]))])
    store.imports.keep(piece(FILE, 9, line(1, "a", 5), line(2, "b", 9, status=503)), START_NS)
    for text, scanned in (
        ("duration>1 | stats count", 0),
        ("exists(trace) AND NOT status:5xx | stats count", 0),
        ("status:503 | stats count", 0),
        ("status:503 | tail 1", 1),
        ("NOT exists(trace) | stats count", 0),
        ("| stats count", 0),
        ("| timechart 1m p95(duration) by service | head 1", 0),
        ("/b/ AND exists(message) | stats count", 0),
        ("| tail 1", 1),
        ("| sort -duration | uniq message | stats count", 2),
        ("/a/ | stats count", 3),
        ("a | stats count", 0),
        ("| stats count by kind", 5),
    ):
        answer = store.answer(Query(text))
        assert list(answer), text
        assert answer.facts.scanned == scanned, text
    store.close()


SHARED = [
    line(1, "GET /a", 5, status=200, path="/a", rate=0.5),
    line(2, "GET /b", 9, status=404, path="/b", rate=2),
    line(3, "GET /a größe", 9, status=404, path="/a", is_cached=True),
    line(4, "POST /a", None, status="404", path="/a"),
]
ODD = [
    line(5, "a map", 7, status=404, path={"a": "/a"}),
    line(6, "caf\udce9", 7, status=404, path="/caf\udce9"),
    line(7, "long ago", -(START_NS + 1), status=404),
    line(8, "an event", 7, inner=Event([Property("status", 404)])),
]
SUMMED = [
    ("status:404 | stats count", 0, 4),
    ("status=404 | stats count by path", 1, 4),
    ("| top 2 path", 1, 4),
    ("| top 2 path by max(status)", 1, 4),
    ("status:>=200 | timechart 1m count by kind", 4, 8),
    ("| stats distinct(status), p50(status), avg(status) by path", 1, 4),
    ("NOT status:404 | stats count, min(rate), max(rate), sum(rate)", 0, 4),
    ("path in (/a, /b) AND exists(time) | stats count", 1, 4),
    ("path~/[a-b] OR is_cached:true | stats count", 1, 4),
    ("rate<1 OR kind:log AND status:5xx | stats count", 0, 4),
    ("GET | stats count by status", 0, 0),
    ("NOT get | stats count", 0, 3),
    ("--case-sensitive GET 404 | stats count", 1, 5),
    ('"status":404 | stats count(rate), count', 0, 4),
    (f"from:{START_NS + 6} to:{START_NS + 8} | stats count", 0, 3),
]
"""Queries, and how many of `SHARED`, and of all, are looked at one by one at the most."""


@pytest.mark.parametrize(("text", "scanned", "scanned_odd"), SUMMED)
def test_the_engine_adds_up_what_it_can_of_imported_events(
    text: str, scanned: int, scanned_odd: int, tmp_path: Path
) -> None:
    query = Query(text)
    for place, (events, most) in enumerate(((SHARED, scanned), (SHARED + ODD, scanned_odd))):
        store = open_store(f"duckdb:{tmp_path / str(place)}")
        store.imports.keep(piece(FILE, 9, *events), START_NS)
        right = [str(event) for event in in_memory(query, filter(query.matches, events))]
        answer = store.answer(query)
        assert [str(event) for event in answer] == right
        assert answer.facts.scanned <= most
        store.close()


@pytest.mark.parametrize(
    "text",
    [
        "| stats count by rate",
        "| stats count by rate, message",
        "| top 3 rate",
        "| stats min(rate), max(rate), p0(rate), p100(rate)",
        "message:b | stats sum(size), p95(size), avg(size)",
        "message:a | stats sum(size), p95(size)",
        "/k/ | stats count",
        "NOT /k/ | stats count",
        "--case-insensitive message~k | stats count",
        "NOT (message:>42 OR nan) AND exists(message) | stats count",
    ],
)
def test_stores_tell_imported_events_alike(store, text: str) -> None:
    events = [
        line(1, "a", -(START_NS + 1), rate=True),
        line(2, "b", 5, rate=1),
        line(3, "caf\udce9", 6, rate=1.0),
        Event([Property("message", "\u212a")], time=START_NS + 7),
        Event([Property("message", "a"), Property("size", 42, unit="bytes")], time=START_NS + 8),
    ]
    store.imports.keep(piece(FILE, 9, *events), START_NS)
    query = Query(text)
    right = [told(event) for event in in_memory(query, filter(query.matches, events))]
    assert [told(event) for event in store.answer(query)] == right


LISTS = [
    ["a", "b"],
    [],
    ["b", "a"],
    ["a", "b"],
    ["it's", 'größe "x"'],
    [1],
    [1.0],
    [True],
    [None, [2**70, 0.1]],
]


@pytest.mark.parametrize(
    ("text", "scanned"),
    [
        ("| stats count, count(tags), distinct(tags), max(size) by tags", 0),
        ("| stats distinct(tags), p50(tags) by size", 0),
        ("tags:b | top 2 tags", 0),
        ("| timechart 1d count by tags", 0),
        ("| uniq tags | stats count", 9),
        ("| sort tags", 11),
    ],
)
def test_the_engine_puts_events_together_by_lists(text: str, scanned: int, tmp_path: Path) -> None:
    plain = [line(at, "x", at, tags=each, size=at) for at, each in enumerate(LISTS, 1)]
    plain += [line(20, "x", 20, size=4), line(21, "x", None, tags=["a", "b"], size=7)]
    # A list that tells a time, and a text that looks as a list does.
    odd = [line(30, "x", 30, tags=[Time(START_NS)], size=1), line(31, "x", 31, tags="['a', 'b']", size=1)]
    query = Query(text)
    for place, events in enumerate((plain, plain + odd[:1], plain + odd)):
        store = open_store(f"duckdb:{tmp_path / str(place)}")
        store.imports.keep(piece(FILE, 9, *events), START_NS)
        right = [str(event) for event in in_memory(query, filter(query.matches, events))]
        answer = store.answer(query)
        assert sorted(map(str, answer)) == sorted(right)
        if events is plain:
            assert answer.facts.scanned <= scanned
        store.close()


def told(event: Event) -> list[object]:
    return [(each.name, each.type, each.value, each.unit) for each in event]


def test_what_is_not_of_the_type_that_was_told_is_looked_at_one_by_one(tmp_path: Path) -> None:
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    packed = [pack(line(number, "x", number, status=number)) for number in (1, 2)]
    packed.append(packed[0]._replace(values=packed[0].values.replace("1]", f"{2**70}]")))
    store.imports.keep(Piece(FILE, "tail", 9, 3, packed), START_NS)
    answer = store.answer(Query("status>1 | stats count"))
    assert [event["count"] for event in answer] == [2]
    assert answer.facts.scanned == answer.facts.read + 1 == 3
    store.close()


def test_an_answer_whose_time_is_up_tells_what_took_it() -> None:
    with pytest.raises(QueryError, match="may: 1,200 events that the store does not decide on were looked"):
        Limits(until_s=0.0).check(1200)
    with pytest.raises(QueryError, match="longer than it may; bound the time"):
        Limits(until_s=0.0).check()


@pytest.mark.parametrize(
    ("text", "count", "total"),
    [
        ("777", 2, 2554),
        ("77", 38, 43_476),
        ("nowhere", 0, None),
        ("car", 2000, 1_999_000),
        ("car size:777", 1, 777),
        ("odd 77", 39, 43_476),
        ("NOT nowhere", 2001, 1_999_000),
    ],
)
def test_rare_and_common_words_are_counted_alike(text: str, count: int, total: int | None, store) -> None:
    events = [line(number, f"car {number}", number, size=number) for number in range(2000)]
    store.imports.keep(piece(FILE, 9, *events, line(2001, "odd caf\udce9")), START_NS)
    answer = store.answer(Query(f"{text} | stats count, sum(size)"))
    (event,) = answer
    assert (event["count"], event.value("sum(size)")) == (count, total)
    assert (answer.facts.read, answer.facts.stands_for) == (count, count)


def test_the_first_of_many_imported_events_come_without_reading_all(tmp_path: Path) -> None:
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    events = [line(number, f"car {number}", -number) for number in range(20_000)]
    store.imports.keep(piece(FILE, 9, *events), START_NS)
    answer = store.answer(Query("car"), Limits(20))
    assert [event.number for event in answer] == list(range(19_999, 19_979, -1))
    assert answer.facts.scanned == 21
    assert [event.number for event in store.events(Query("car"))] == list(range(19_999, -1, -1))
    store.close()


@pytest.mark.parametrize("text", ["", "| tail 2", "| stats count", "NOT /zz/ | stats max(a)", "| top 1 a"])
def test_how_many_events_an_answer_stands_for_is_one_number_however_they_are_added(text, tmp_path):
    """A weight of 2^53 swallows ones that come behind it, and an infinite one is none."""
    weights = [2**53, 1, 2.5, 0.5, 1, 1, float("inf"), -3, 1]
    kept = [
        Event([Property("weight", weight), Property("a", 1)], time=Time(START_NS + n), kind="trace")
        for n, weight in enumerate(weights)
    ] + [line(n, "a plain one", n) for n in range(3)]
    requests = [Request(START_NS + n, 7, n + 1, ("shop", "/", ""), weight=2.5) for n in range(3)]
    for url in sorted(BUILT_IN):
        store = open_store(f"{url}:{'' if url == 'memory' else tmp_path / 'store'}")
        store.apply(1, [(1, commit(requests))])
        store.imports.keep(piece(FILE, 100, *kept), START_NS)
        answer = store.answer(Query(text, now_ns=START_NS + DAY_NS))
        assert list(answer)
        store.close()
        assert (answer.facts.read, answer.facts.stands_for) == (15, 2**53 + 9 + 3 + 7.5)
