"""Where the time went: parts that add up, whatever the spans look like."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.event.trace import Span
from fanlight.server.shape import spans
from fanlight.server.split import PARTS, apportioned, by_octave, of_trace, of_tree, part, split
from fanlight.stores.answers import Node, Times

MS = 1_000_000
CATEGORIES = (
    *("app.wsgi.request", "job.celery", "db.sql.query", "api.http.request", "cache.redis.get"),
    *("view.jinja2.render", "noise.gc", "noise.log", "other.thing", "agent.pruned", ""),
)


@pytest.mark.parametrize(
    ("category", "name"),
    [
        *zip(CATEGORIES[:2], ("application", "application"), strict=True),
        *zip(CATEGORIES[2:7], ("sql", "http", "cache", "template", "gc"), strict=True),
        *((category, "other") for category in CATEGORIES[7:]),
    ],
)
def test_each_category_belongs_to_one_part(category: str, name: str):
    assert part(category) == name


@given(
    st.lists(st.tuples(st.sampled_from(CATEGORIES), st.integers(-5, 10**12))),
    st.integers(0, 10**13),
    st.none() | st.integers(0, 10**12),
)
def test_the_parts_add_up_exactly(owns: Any, duration_ns: int, waited_ns: int | None):
    parts = split(owns, duration_ns, waited_ns)
    assert [each["part"] for each in parts] == list(PARTS[waited_ns is None :])
    assert sum(each["time"] for each in parts) == duration_ns + (waited_ns or 0)
    assert all(each["time"] >= 0 for each in parts)
    if duration_ns + (waited_ns or 0):
        assert sum(each["share"] for each in parts) == pytest.approx(1)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=8), st.integers(0, 10**12))
def test_nobody_gets_more_than_one_beyond_its_share(amounts: list[int], whole: int):
    found = apportioned(amounts, whole)
    assert sum(found) == whole
    if total := sum(amounts):
        assert all(
            0 <= each - amount * whole // total <= 1 for each, amount in zip(found, amounts, strict=True)
        )


def span(category: str, parent: int | None, start: int, length: int, *notes: tuple[str, Any]) -> Span:
    return Span(category, "", "", parent, start * MS, length * MS, notes)


def times(told: dict[str, Any]) -> dict[str, float]:
    return {each["part"]: each["time"] / MS for each in told["split"] if each["time"]}


def test_a_trace_is_split_by_own_time_with_its_waiting_before_it():
    rows = [
        span("app.wsgi.request", None, 0, 100, ("queue.time", 20 * MS), ("queue.time.proxy", 35 * MS)),
        span("view.render.template", 0, 10, 60),
        span("db.sql.query", 1, 20, 30),
        span("cache.get", 0, 75, 5),
        span("noise.gc", 0, 90, 10),
    ]
    told = of_trace(spans(rows), 100 * MS)
    assert told["queue"] == {"time": 20 * MS, "proxy": 35 * MS}
    assert times(told) == {"queue": 20, "application": 25, "template": 30, "sql": 30, "cache": 5, "gc": 10}


def test_calls_at_the_same_time_share_what_the_request_took():
    rows = [span("app.asgi.request", None, 0, 100), *(span("api.http.request", 0, 0, 100),) * 3]
    rows.append(span("db.sql.query", 0, 0, 100))
    assert times(of_trace(spans(rows), 100 * MS)) == {"http": 75, "sql": 25}


def test_the_proxys_word_counts_where_the_kernel_was_not_asked():
    rows = [span("app.wsgi.request", None, 0, 10, ("queue.time.proxy", 30 * MS))]
    told = of_trace(spans(rows), 10 * MS)
    assert told["queue"] == {"proxy": 30 * MS}
    assert times(told) == {"queue": 30, "application": 10}


@pytest.mark.parametrize("value", ["12", -1, 1.5, True])
def test_a_note_of_that_name_that_is_no_waiting_is_none(value: Any):
    told = of_trace(spans([span("app.wsgi.request", None, 0, 10, ("queue.time", value))]), 10 * MS)
    assert told["queue"] == {}
    assert [each["part"] for each in told["split"]] == list(PARTS[1:])


def test_of_a_trace_without_spans_nothing_is_told():
    assert of_trace([], 10 * MS) == {"queue": {}, "split": []}


def node(path: int, parent: int, category: str, traces: int, total: int, own: int) -> Node:
    sums = (total * MS, own * MS, 0, 0, 0, 0, 0)
    return Node(path, parent, category, "", "", traces, traces, *sums, "")


def test_the_mean_request_waits_as_long_as_those_of_which_it_is_known():
    nodes = [
        node(1, 0, "app.wsgi.request", 10, 1000, 400),
        node(2, 1, "db.sql.query", 8, 600, 600),
        node(3, 1, "queue", 5, 100, 100),
    ]
    assert {each["part"]: each["time"] / MS for each in of_tree(nodes) if each["time"]} == {
        "queue": 20,
        "application": 40,
        "sql": 60,
    }
    assert of_tree([]) == []


def test_each_octave_has_shares_of_its_own():
    rows = [
        Times(20, "app.wsgi.request", True, 10, 100 * MS, 25 * MS),
        Times(20, "db.sql.query", False, 10, 75 * MS, 75 * MS),
        Times(21, "app.wsgi.request", True, 1, 30 * MS, 30 * MS),
        Times(21, "queue", False, 1, 10 * MS, 10 * MS),
    ]
    told = {
        octave: {name: share for name, share in shares.items() if share}
        for octave, shares in by_octave(rows).items()
    }
    assert told == {20: {"application": 0.25, "sql": 0.75}, 21: {"queue": 0.25, "application": 0.75}}
    assert "queue" not in by_octave(rows)[20]
