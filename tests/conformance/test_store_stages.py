"""Whatever is kept and asked, stages answer on every store what they answer over events in memory."""

from __future__ import annotations

import math
import tempfile
import time
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from commits import DAY_NS, Part, Request, commit
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fanlight import Event, Property, Query
from fanlight.errors import QueryError
from fanlight.event.event import UNTIMED
from fanlight.event.packing import pack
from fanlight.query.answer import Limits, in_memory
from fanlight.stores import BUILT_IN, open_store
from fanlight.stores.duckdb.stages import hurried, joint
from fanlight.stores.imports import Imported, Piece
from fanlight.wire.messages import ERROR, WHOLE

START_NS = 20_000 * DAY_NS
PHASES = (Phase.explicit, Phase.generate)
"""A failing example tells its query; making it smaller would take minutes."""
MINUTE_NS = 60_000_000_000

texts = st.sampled_from(["GET", "größe", "it's", "", "42", "start"])
values = st.one_of(
    texts,
    st.sampled_from([0, 1, 42, 200, 503, -5, 2**62]),
    st.sampled_from([0.5, -1.5, 503.0, float("nan")]),
    st.booleans(),
)
keys = st.sampled_from(["status", "rows", "a.b", "http-status", "service.name", "pid"])
notes = st.lists(st.tuples(keys, values), max_size=3).map(tuple)
parts = st.lists(
    st.builds(
        Part,
        st.tuples(st.just("db.sql.query"), texts, texts),
        st.just(0),
        st.just(1),
        st.just(1),
        notes,
        st.just(""),
    ),
    max_size=2,
).map(tuple)
requests = st.builds(
    Request,
    start_ns=st.sampled_from([0, 1, MINUTE_NS - 1, MINUTE_NS, DAY_NS - 1, DAY_NS, DAY_NS + MINUTE_NS]).map(
        START_NS.__add__
    ),
    duration_ns=st.sampled_from([0, 1, 7, 999_999_999, 1_000_000_000, 2**40]),
    id=st.sampled_from([1, 2, 0xABCDEF, 2**127 + 42]),
    group=st.tuples(
        st.sampled_from(["shop", "Pay", "größe"]),
        st.sampled_from(["/", "/b"]),
        st.sampled_from(["", "error"]),
    ),
    parts=parts,
    flags=st.sampled_from([0, WHOLE, WHOLE | ERROR]),
    notes=notes,
    weight=st.sampled_from([1.0, 1.0, 2.5, 8.0]),
)

lines = st.builds(
    lambda time_ns, properties: Event(properties.values(), time=time_ns),
    st.one_of(
        st.just(UNTIMED), st.just(None), st.sampled_from([0, 1, MINUTE_NS, DAY_NS]).map(START_NS.__add__)
    ),
    st.lists(
        st.builds(Property, st.sampled_from(["service", "status", "rows", "a.b", "host", "level"]), values)
        | st.builds(Property, st.just("duration"), st.sampled_from([1, 7, 2**50]), st.just("duration"))
        | st.builds(Property, st.just("size"), st.just(42), st.none(), st.just("bytes"))
        | st.builds(Property, st.sampled_from(["rows", "a"]), st.sampled_from([{"b": "GET"}, [42, "GET"]]))
        | st.builds(Property, st.just("tags"), st.sampled_from([[], [1], [1.0], ["a", "b"], [{"a": None}]])),
        max_size=3,
    ).map(lambda some: {each.name: each for each in some}),
)
"""Of an imported file."""

terms = st.sampled_from(
    [
        *(
            "",
            "",
            "",
            "service=shop",
            "duration>5",
            "failed=true",
            "status:5xx",
            "status=42",
            "GET",
            "NOT status:503",
        ),
        *(
            "rows>0",
            "exists(status)",
            "NOT exists(rows)",
            "status in (200, 503)",
            "http-status:503",
            "a.b=GET",
        ),
        *(
            "weight>1",
            "span.rows:1",
            "status!=200",
            "rows~4",
            "service.name:GET",
            f"from:{START_NS + DAY_NS}",
        ),
    ]
)
names = st.sampled_from(
    [
        *(
            "service",
            "endpoint",
            "segment",
            "trace",
            "duration",
            "span-count",
            "failed",
            "weight",
            "host",
            "pid",
        ),
        *(
            "status",
            "rows",
            "a.b",
            "http-status",
            "service.name",
            "title",
            "nothing",
            '"status"',
            "time",
            "lost",
        ),
        *("elapsed", "span.rows", "#1", "tags"),
    ]
)
functions = st.one_of(
    st.just("count"),
    st.builds(
        "{}({})".format,
        st.sampled_from(
            ["count", "sum", "avg", "min", "max", "p0", "p50", "p95", "p99.9", "p100", "distinct"]
        ),
        names.filter(lambda name: name not in ("time", "#1")),
    ),
)
grouped = st.lists(
    st.one_of(names.filter(lambda name: name != "#1"), st.sampled_from(["time:1m", "time:1d"])), max_size=2
)
by_name = st.one_of(st.just(""), names.map(" by {}".format))
stages = st.one_of(
    st.builds(
        lambda some, by: f"| stats {', '.join(some)}{' by ' if by else ''}{', '.join(by)}",
        st.lists(functions, min_size=1, max_size=3),
        grouped,
    ),
    st.builds(
        "| top {} {}{}".format,
        st.integers(1, 3),
        names,
        st.one_of(st.just(""), functions.map(" by {}".format)),
    ),
    st.builds("| timechart 1m {}{}".format, functions, by_name),
    st.builds("| sort {}{}".format, st.sampled_from(["", "-"]), names),
    st.builds("| head {}".format, st.integers(1, 4)),
    st.builds("| tail {}".format, st.integers(1, 4)),
    st.builds("| uniq {}".format, names),
    st.builds("| fields {}, {}".format, names, names),
)
queries = st.builds("{} {}".format, terms, st.lists(stages, min_size=1, max_size=3).map(" ".join))


def told(event: Event) -> list[Any]:
    return [event.kind, *((each.name, plain(each.value), each.type, each.unit) for each in event)]


def plain(value: Any) -> Any:
    """Answer a value that compares as it should: floats nearly, as sums are added up in any order."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else pytest.approx(value, rel=1e-9)
    return repr(value)


def read(text: str) -> Query | None:
    try:
        return Query(text, zone=UTC)
    except QueryError:
        return None


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_stages_answer_on_a_store_what_they_answer_in_memory(name: str) -> None:
    @given(
        history=st.lists(requests, min_size=1, max_size=8),
        imported=st.just([]) | st.lists(lines, min_size=1, max_size=5),
        asked=st.lists(queries, min_size=10, max_size=10),
    )
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
    def law(history: list[Request], imported: list[Event], asked: list[str]) -> None:
        with tempfile.TemporaryDirectory() as directory:
            store = open_store(f"{name}:{'' if name == 'memory' else Path(directory) / 'store'}")
            try:
                store.apply(1, [(1, commit(history))])
                if imported:
                    file = Imported(0, "app.log", "plain", "1:2", "abcd", 100)
                    packed = [pack(event)._replace(line=at) for at, event in enumerate(imported, 1)]
                    store.imports.keep(Piece(file, "tail", 9, len(packed), packed), START_NS)
                everything = list(store.events(Query("")))
                for text in asked:
                    query = read(text)
                    if query is not None:
                        right = in_memory(query, filter(query.matches, everything))
                        assert list(map(told, store.answer(query))) == list(map(told, right)), text
            finally:
                store.close()

    law()


HISTORY = [
    Request(
        START_NS + number * DAY_NS // 20,
        1000 * number * number,
        number + 1,
        (["shop", "pay"][number % 2], f"/{number % 5}", ["html", "error"][number % 3 == 0]),
        notes=(("status", 200 + number % 2), ("rate", number / 4)),
        weight=1.0 + number % 4,
    )
    for number in range(30)
]

PUSHED = [
    ("| stats count(), p95(duration), sum(duration) by endpoint", 1),
    ("| timechart 1h max(duration) by service", 1),
    ("| stats p50(duration), p50(rate), p99(duration), p0(rate), p95(pid)", 1),
    ("| sort -duration | head 3 | fields trace, duration", 2),
    ("service=shop | top 3 endpoint by p50(duration) | sort endpoint", 1),
    ("| uniq endpoint | tail 2", 2),
    ("shop 29 NOT 201 | stats count by endpoint", 1),
    ("status:201 | stats avg(rate), distinct(status) by status, time:1d", 1),
    ("NOT status=201 | sort rate | head 2 | stats count", 3),
]


@pytest.mark.parametrize(("text", "count"), PUSHED)
def test_the_engine_runs_the_stages_that_it_can(text: str, count: int, tmp_path: Path) -> None:
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    store.apply(1, [(1, commit(HISTORY))])
    query = Query(text)
    answer = store.answer(query)
    found = list(map(told, answer))
    assert found == list(map(told, in_memory(query, store.events(query))))
    assert found
    assert answer.facts.stages_pushed == [str(stage) for stage in query.stages[:count]]
    assert answer.facts.stages_run == [str(stage) for stage in query.stages[count:]]
    assert answer.facts.scanned == 0
    store.close()


@pytest.mark.parametrize("sort", ["sort status", "sort -status", "sort status | tail 3"])
def test_what_sorting_finds_equal_stays_in_order(sort: str, tmp_path: Path) -> None:
    notes = [
        (),
        (("status", math.nan),),
        (("status", 200),),
        (("status", 200.0),),
        (("status", 2**53 + 1),),
        (("status", 2.0**53),),
        (("status", 200),),
        (("status", 0.5),),
        (),
        (("status", math.nan),),
        (("status", "GET"),),
    ]
    history = [
        Request(START_NS + number, 1, number + 1, ("shop", "/", ""), notes=each)
        for number, each in enumerate(notes)
    ]
    query = Query(f"| {sort}")
    found = []
    for name in (f"duckdb:{tmp_path / 'store'}", "memory:"):
        store = open_store(name)
        store.apply(1, [(1, commit(history))])
        found.append([event["trace"] for event in store.answer(query)])
        store.close()
    assert found[0] == found[1]


def test_what_the_tables_cannot_decide_is_decided_over_events(tmp_path: Path) -> None:
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    store.apply(1, [(1, commit(HISTORY))])
    answer = store.answer(Query("/shop/ | stats count"))
    assert [event["count"] for event in answer] == [8 * 1 + 7 * 3]
    assert answer.facts.stages_run == ["stats count"]
    assert answer.facts.stages_pushed == []
    assert answer.facts.scanned == 15
    store.close()


def test_a_statement_is_stopped_when_time_is_up(tmp_path: Path) -> None:
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    store.apply(1, [(1, commit(HISTORY))])
    with joint(store, 0, 2**64) as (_, cursor):
        began_s = time.monotonic()
        ask = hurried(cursor, Limits(until_s=began_s + 0.3))
        with pytest.raises(QueryError, match="took longer than it may") as caught:
            ask("SELECT count(*) FROM range(40_000_000_000) WHERE hash(range) = 1")
        assert caught.value.code == "too-long"
        assert time.monotonic() - began_s < 60, "all of it takes longer on any machine"
    assert len(list(store.answer(Query("")))) == 30
    store.close()


@pytest.mark.parametrize("text", ["/shop/", "shop", "status:200 | stats count", "a:1"])
def test_no_statement_of_an_answer_is_begun_when_time_is_up(text: str, tmp_path: Path) -> None:
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    store.apply(1, [(1, commit(HISTORY))])
    with pytest.raises(QueryError, match="took longer than it may"):
        list(store.answer(Query(text), Limits(until_s=time.monotonic() - 1)))
    assert len(list(store.answer(Query("")))) == 30
    store.close()


def test_a_scan_for_events_is_stopped_when_time_is_up(tmp_path: Path) -> None:
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    store.apply(1, [(1, commit(HISTORY))])
    for view in store.views(0, 2**64):
        began_s = time.monotonic()
        with pytest.raises(QueryError, match="took longer than it may"):
            view.within(Limits(until_s=began_s + 0.3)).ask(
                "SELECT count(*) FROM range(40_000_000_000) WHERE hash(range) = 1"
            )
        assert time.monotonic() - began_s < 60, "all of it takes longer on any machine"
    store.close()


def test_a_limit_is_the_engines_too(tmp_path: Path) -> None:
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    store.apply(1, [(1, commit(HISTORY))])
    answer = store.answer(Query("| sort -duration"), Limits(events=2))
    assert [event["duration"] for event in answer] == [29 * 29 * 1000, 28 * 28 * 1000]
    assert answer.facts.is_truncated
    assert (answer.facts.read, answer.facts.stands_for) == (30, 73.0)
    store.close()


@pytest.mark.parametrize("url", sorted(BUILT_IN))
def test_how_long_requests_waited_is_a_length_of_time(url, tmp_path):
    waits = [
        Request(START_NS + n, 7, n + 1, ("shop", "/", ""), (), WHOLE, (("queue.time", n * 10_000_000),))
        for n in range(5)
    ]
    store = open_store(f"{url}:{tmp_path / 'store' if url == 'duckdb' else ''}")
    store.apply(1, [(1, commit(waits))])
    query = "queue.time:>=10ms | stats min(queue.time), avg(queue.time), count"
    (row,) = store.answer(Query(query, now_ns=START_NS + DAY_NS)).rows
    store.close()
    assert [str(each) for each in row] == ["min(queue.time)=10ms", "avg(queue.time)=25ms", "count=4"]
