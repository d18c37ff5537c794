"""Stages make of events what the table says, and let pass what steers the pipeline."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from test_query import event_of, read

from fanlight import Event, Property
from fanlight.errors import QueryError
from fanlight.event.event import UNTIMED
from fanlight.query.answer import Limits, in_memory
from fanlight.query.stages import BUILT_IN, run

TABLE = tomllib.loads(Path(__file__).with_name("stages.toml").read_text())


@pytest.mark.parametrize("case", TABLE["case"], ids=lambda case: case["query"])
def test_a_stage_answers_as_the_table_says(case: dict[str, Any]) -> None:
    query = read(case["query"])
    selected = filter(query.matches, map(event_of, TABLE["events"]))
    rows = [" ".join(map(str, row)) for row in run(query.stages, selected)]
    assert rows == [row.replace("p50(n)=2 p50(n)=2", "p50(n)=2") for row in case["rows"]]


def test_every_stage_has_a_case() -> None:
    told = " ".join(case["query"] for case in TABLE["case"])
    assert [name for name in BUILT_IN if f"| {name}" not in told] == []


def test_what_steers_the_pipeline_comes_out_at_its_end() -> None:
    stream = [Event(kind="fault"), event_of({"n": 1}), Event(kind="end")]
    assert [event.kind for event in run(read("| stats count").stages, stream)] == ["metrics", "fault", "end"]


def test_what_is_called_time_and_is_none_groups_as_other_texts_do() -> None:
    said = [Event([Property("time", text)], time=UNTIMED) for text in ("today", "yesterday", "today")]
    rows = run(read("| stats count() by time").stages, [*said, event_of({"time": "2026-01-01T12:00:00Z"})])
    assert [" ".join(map(str, row)) for row in rows] == [
        "time=2026-01-01T12:00:00.000Z count=1",
        'time="today" count=2',
        'time="yesterday" count=1',
    ]


def traces() -> list[Event]:
    return [
        Event([Property("endpoint", name), Property("n", n), Property("weight", weight)], kind="trace")
        for name, n, weight in (("/a", 10, 1.0), ("/a", 20, 8.5), ("/b", 30, 2.5))
    ]


def test_weights_count() -> None:
    query = read("| stats count(), sum(n), avg(n), p50(n) by endpoint")
    assert [" ".join(map(str, row)) for row in run(query.stages, traces())] == [
        'endpoint="/a" count=9.5 sum(n)=180.0 avg(n)=18.94736842105263 p50(n)=20',
        'endpoint="/b" count=2.5 sum(n)=75.0 avg(n)=30.0 p50(n)=30',
    ]


def test_an_answer_from_sampled_rows_says_so() -> None:
    answer = in_memory(read("| stats count"), traces())
    assert [row["count"] for row in answer] == [12]
    assert answer.note() == "estimated from 3 of 12"
    logs = in_memory(read("| stats count"), [event_of({"weight": 5}), event_of({})])
    assert [row["count"] for row in logs] == [2]
    assert logs.note() is None


def test_an_answer_has_no_more_events_than_it_may() -> None:
    answer = in_memory(read("| sort n"), traces(), Limits(events=2))
    assert [row["n"] for row in answer] == [10, 20]
    assert answer.facts.is_truncated
    whole = in_memory(read("| sort n"), traces(), Limits(events=3))
    assert len(list(whole)) == 3
    assert not whole.facts.is_truncated


def test_an_answer_whose_time_is_up_is_refused() -> None:
    late = in_memory(read("| stats count"), traces(), Limits(until_s=time.monotonic() - 1))
    with pytest.raises(QueryError, match="took longer") as caught:
        list(late)
    assert caught.value.code == "too-long"
