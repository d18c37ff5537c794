"""Every store selects the events that the predicate selects, whatever is kept and asked."""

from __future__ import annotations

import tempfile
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from commits import DAY_NS, Part, Request, commit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight import Event, Query
from fanlight.errors import QueryError
from fanlight.query.stages import run
from fanlight.stores import BUILT_IN, open_store
from fanlight.wire.messages import ERROR, WHOLE

DAY = 20_000
START_NS = DAY * DAY_NS

words = st.sampled_from(
    ["GET", "get", "select * from t", "größe", "K", "503", "42", "", "it's", "a%b_c", "ab"]
)
keys = st.sampled_from(["status", "query", "title", "msg", "weight", "annotation.x", "a.b", "$types", "ok"])
values = st.one_of(
    words,
    st.sampled_from([0, 1, 42, 200, 503, -5, 2**63 - 1, -(2**63)]),
    st.sampled_from([0.5, -1.5, 503.0, 1e300]),
    st.booleans(),
)
notes = st.lists(st.tuples(keys, values), max_size=3).map(tuple)
parts = st.lists(
    st.builds(
        Part,
        st.tuples(st.sampled_from(["db.sql.query", "view.render"]), words, words),
        st.just(0),
        st.integers(0, 2000),
        st.sampled_from([0, 999, 1_000_000, 2**40]),
        notes,
    ),
    max_size=3,
).map(tuple)
requests = st.builds(
    Request,
    start_ns=st.sampled_from([START_NS, START_NS + 1, START_NS + DAY_NS - 1, START_NS + DAY_NS]),
    duration_ns=st.sampled_from([0, 1, 999_999_999, 1_000_000_000, 2**40]),
    id=st.sampled_from([1, 0xABCDEF, 2**127 + 42]),
    group=st.tuples(
        st.sampled_from(["shop", "Pay"]),
        st.sampled_from(["/", "/orders/<id>"]),
        st.sampled_from(["html", "error"]),
    ),
    parts=parts,
    flags=st.sampled_from([0, WHOLE, WHOLE | ERROR]),
    notes=notes,
    weight=st.sampled_from([1.0, 2.5]),
)

names = st.sampled_from(
    [
        *("service", "endpoint", "segment", "trace", "duration", "span-count", "failed", "weight", "host"),
        *("pid", "time", "status", "query", "title", "description", "category", "parent", "msg", "message"),
        *("a.b", "ok", "annotation.weight", "annotation.x", "span.duration", "span.title", "span.status"),
        *("spans", "#1", "raw", "service.name", "url.path", "nothing", "elapsed", "start"),
    ]
)
asked = st.sampled_from(
    [
        *("GET", "get", "select", "größe", "503", "42", "-5", "5xx", "0..200", "1s", "999ns", "0.5", "true"),
        *("shop", "/orders", "^Pay$", "web", "0000", "abcdef", "1e300", "now", "a%b_c", "2024-10-04", "."),
        *("1us..1h", str(START_NS), str(2**63 - 1), "K"),
    ]
)
terms = st.one_of(
    asked.map('"{}"'.format),
    st.sampled_from(["/get/", "/4.*2/", "/^/$", "/[0-9]{3}/", "/größe|shop/"]),
    st.builds(
        '{}{}"{}"'.format, names, st.sampled_from([":", "=", "!=", "~", "!~", ">", ">=", "<", "<="]), asked
    ),
    st.builds('{} in ("{}", "{}")'.format, names, asked, asked),
    names.filter(lambda name: name != "#1").map("exists({})".format),
)
queries = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" ".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: f"({' OR '.join(some)})"),
        inner.map(lambda one: f"NOT ({one})"),
    ),
    max_leaves=5,
)


def told(event: Event) -> Any:
    return [(each.name, repr(each.value)) for each in event]


@given(history=st.lists(requests, min_size=1, max_size=6), texts=st.lists(queries, min_size=8, max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_store_selects_what_the_predicate_selects(history: list[Request], texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for name in sorted(BUILT_IN):
            store = open_store(f"{name}:{'' if name == 'memory' else Path(directory) / 'store'}")
            try:
                store.apply(1, [(1, commit(history))])
                compare(store, texts)
            finally:
                store.close()


def compare(store: Any, texts: list[str]) -> None:
    everything = list(store.events(Query("")))
    for number, text in enumerate(texts):
        suffix = ["", "", f" from:{START_NS + 1}", f" to:{START_NS + DAY_NS - 1}"][number % 4]
        flag = ["", "--case-sensitive ", "--case-insensitive "][number % 3]
        try:
            query = Query(flag + text + suffix, zone=UTC)
        except QueryError:
            continue
        right = sorted(told(event) for event in everything if query.matches(event))
        assert sorted(told(event) for event in store.events(query)) == right, str(query)


STAGES = [
    "| stats count(), p95(duration), sum(duration) by endpoint",
    "| stats count(), distinct(host), avg(weight) by time:1h, service",
    "| top 3 segment",
    "| timechart 1h max(duration) by service",
    "| sort -duration | head 3 | fields trace, duration, time",
    "failed=true | stats count by status",
    "service=shop duration>100us NOT segment:err | stats count(), p50(duration) by endpoint",
    "shop | stats count by segment",
]


@pytest.mark.parametrize("name", sorted(BUILT_IN))
@pytest.mark.parametrize("text", STAGES)
def test_stages_say_the_same_of_the_store_as_of_its_events(name: str, text: str, tmp_path: Path) -> None:
    store = open_store(f"{name}:{'' if name == 'memory' else tmp_path / 'store'}")
    history = [
        Request(
            START_NS + number * DAY_NS // 20,
            1000 * number * number,
            number + 1,
            (["shop", "pay"][number % 2], f"/{number % 5}", ["html", "error"][number % 3 == 0]),
            flags=WHOLE | (ERROR if number % 3 == 0 else 0),
            notes=(("status", 200 + number % 2),),
            weight=1.0 + number % 4,
        )
        for number in range(30)
    ]
    store.apply(1, [(1, commit(history))])
    query = Query(text)
    everything = list(store.events(Query("")))
    assert len(everything) == 30
    right = [told(event) for event in run(query.stages, filter(query.matches, everything))]
    assert [told(event) for event in run(query.stages, store.events(query))] == right
    assert right
    store.close()


@pytest.mark.parametrize("name", sorted(BUILT_IN))
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("queue.time:>100ms", [3, 4]),
        ("queue-time>=80ms", [2, 3, 4]),
        ("queue.time:40ms..80ms", [1, 2]),
        ("NOT exists(queue.time)", [5]),
    ],
)
def test_waiting_is_asked_for_like_any_duration(
    name: str, text: str, found: list[int], tmp_path: Path
) -> None:
    store = open_store(f"{name}:{'' if name == 'memory' else tmp_path / 'store'}")
    waits: list[tuple[tuple[str, Any], ...]] = [(("queue.time", number * 40_000_000),) for number in range(5)]
    history = [Request(START_NS + n, 1000, n + 1, notes=notes) for n, notes in enumerate([*waits, ()])]
    store.apply(1, [(1, commit(history))])
    assert [int(event["trace"], 16) - 1 for event in store.events(Query(text))] == found
    store.close()
