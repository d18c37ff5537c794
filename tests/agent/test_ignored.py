"""Endpoints that nobody wants: chosen by globs, counted, and not reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fanlight
from fanlight.agent.agent import AGENT
from fanlight.agent.ignored import KNOWN, Ignored, ignored


@pytest.mark.parametrize(
    "name",
    [
        *("GET /health", "GET /health/", "/health", "HEAD /healthz", "GET /healthz/", "GET /health/live"),
        *("GET /api/v1/healthz", "GET /livez", "GET /readyz", "GET /ping", "POST /ping", "GET /-/ready"),
    ],
)
def test_health_checks_are_ignored_by_default(name):
    assert ignored({})[name]


@pytest.mark.parametrize(
    "name",
    [
        *("GET /", "/", "", "<unmatched>", "GET /healthy-recipes", "GET /health-insurance/<int:id>"),
        *("GET /shopping", "GET /pinged", "ping", "health", "GET /orders/<id>/ping", "GET /readers"),
    ],
)
def test_what_only_sounds_like_one_is_not(name):
    assert not ignored({})[name]


@pytest.mark.parametrize(
    ("globs", "name", "found"),
    [
        ("GET /internal/*", "GET /internal/jobs/<id>", True),
        ("GET /internal/*", "POST /internal/jobs", False),
        ("/v?/status", "GET /v1/status", True),
        ("/v?/status", "GET /v12/status", False),
        ("/a.c", "GET /abc", False),
        ("/a, /b ,", "GET /b", True),
        ("*", "GET /anything", True),
        ("/", "GET /", True),
        ("/", "GET /x", False),
        ("Report*", "ReportJob", True),
        ("-", "GET /healthz", False),
        ("/[x]", "GET /x", False),
        ("", "GET /healthz", True),
    ],
)
def test_a_glob_describes_the_name_with_its_method_or_without(globs, name, found):
    assert ignored({"FANLIGHT_IGNORE": globs})[name] is found


@given(st.text(), st.text())
def test_any_text_is_a_glob_that_describes_itself(before, after):
    # A slash at the end does not count, and a star describes more than itself.
    name = f"{before}x{after}"
    assert Ignored((name,))[name]
    assert Ignored((f"{before}*{after}",))[name]


def test_answers_are_kept_up_to_a_bound():
    wanted = Ignored(("/x",))
    for number in range(KNOWN + 10):
        assert not wanted[f"GET /{number}"]
    assert len(wanted) == KNOWN
    assert wanted["GET /x"]


def test_ignored_traces_are_counted_whatever_became_of_them_and_not_reported(agent, receiver):
    for number in range(3):
        with agent.trace("GET /healthz") as trace:
            trace.status = (200, 304, 503)[number]
            trace.segment = "json"
    with agent.trace("GET /orders"):
        pass
    assert agent.flush(30)
    assert [trace.endpoint for trace in receiver.traces] == ["GET /orders"]
    assert receiver.dropped == {"ignored": 3}


def test_the_count_arrives_though_nothing_else_does(agent, receiver):
    with agent.trace("GET /healthz"):
        pass
    assert agent.flush(30)
    assert receiver.traces == []
    assert receiver.dropped == {"ignored": 1}
    with agent.trace("GET /healthz"), agent.trace("GET /orders"):
        pass
    assert agent.flush(30)
    # The outer one is the trace.
    assert (receiver.traces, receiver.dropped) == ([], {"ignored": 2})


def test_what_a_task_of_before_still_counts_is_not_told_to_another_collector(agent, receiver, tmp_path):
    with agent.trace("GET /orders"):
        pass
    assert agent.flush(30)
    before = AGENT.task.line
    agent.stop(0.0)
    fanlight.start("shop", dsn=f"unix://{tmp_path}/another.sock", instrument=False)
    fanlight.start("shop", dsn=f"unix://{tmp_path}/collector.sock", instrument=False)
    before.drop("fault")
    with agent.trace("GET /orders"):
        pass
    assert agent.flush(30)
    assert receiver.dropped == {}


def test_deciding_again_is_a_look_up_that_calls_nothing(calls):
    wanted = ignored({})
    names = [f"GET /orders/{number}" for number in range(100)]

    def look_all_up():
        for name in names:
            wanted[name]

    assert calls(look_all_up) >= len(names)
    assert calls(look_all_up) == 0
