"""The answers: shapes, laws, and numbers that a reader can check by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from commits import DAY_NS, HOUR_NS, MINUTE_NS, Part, Request, commit
from hypothesis import given
from hypothesis import strategies as st

from fanlight.server.answers import TRIAL, Answers, step_minutes
from fanlight.server.pain import pain
from fanlight.server.questions import Question
from fanlight.stores import open_store
from fanlight.wire import buckets
from fanlight.wire.messages import ERROR, QUEUE, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = 20_000 * DAY_NS
MS = 1_000_000
SQL = Part(("db.sql.query", "SELECT FROM product", "select ?"), 1, 5 * MS, 12 * MS, (), "shop/cart.py:88")
VIEW = Part(("app.flask.view", "checkout", ""), 0, 1 * MS, 300 * MS)
PAUSE = Part(("noise.gc", "", ""), 0, 0, 5 * MS)


def requests(n: int, first: int = 1, group=("shop", "/checkout", "html"), ms: int = 400, repeats: int = 6):
    return [
        Request(
            START + number * 1000 * MS,
            ms * MS,
            number,
            group,
            (VIEW, *([SQL] * repeats), PAUSE),
            WHOLE | ERROR if number % 10 == 0 else WHOLE,
            (("status", 200), ("ratio", float("inf"))),
        )
        for number in range(first, first + n)
    ]


@pytest.fixture(params=["memory", "duckdb"])
def answers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Answers]:
    place = "" if request.param == "memory" else tmp_path / "store"
    store = open_store(f"{request.param}:{place}")
    store.apply(1, [(1, commit(requests(50)))])
    store.apply(1, [(2, commit(requests(30, 100, ("shop", "/", "html"), 20, 0)))])
    store.apply(1, [(3, commit(requests(9, 200, ("mail", "/send", "json"), 900, 0)))])
    yield Answers(store, dict)
    store.close()


def test_endpoints_are_listed_by_pain_with_exact_counts(answers: Answers) -> None:
    rows = answers.endpoints(START, START + HOUR_NS)
    checkout = next(row for row in rows if row["endpoint"] == "/checkout")
    assert checkout["count"] == 50
    assert checkout["errors"] == 5
    assert checkout["rpm"] == pytest.approx(50 / 60)
    assert checkout["mean"] == checkout["max"] == checkout["p50"] == checkout["p99"] == 400 * MS
    assert sum(checkout["sparkline"]) == 50
    assert len(checkout["sparkline"]) == 60
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_the_most_painful_comes_before_what_takes_more_time_in_all(answers: Answers) -> None:
    calm, rare, rarer = (("calm", name, "html") for name in ("/often", "/slow", "/slower"))
    asked = [(1000, 50, calm), (3, 2_000, rare), (2, 6_000, rarer)]
    answers.store.apply(
        1, [(4 + place, commit(requests(n, 2000, group, ms))) for place, (n, ms, group) in enumerate(asked)]
    )
    rows = answers.endpoints(START, START + HOUR_NS, "calm")
    assert [row["endpoint"] for row in rows] == ["/slower", "/slow", "/often"]
    assert rows[2]["mean"] * rows[2]["count"] > rows[0]["mean"] * rows[0]["count"] > 0
    assert rows[0]["pain"] > rows[1]["pain"] > rows[2]["pain"] == 0


def test_rates_are_over_the_time_since_the_service_was_first_seen(answers: Answers) -> None:
    early = START - 45 * MINUTE_NS
    (checkout,) = (
        row for row in answers.endpoints(early, early + HOUR_NS, "shop") if row["endpoint"] == "/checkout"
    )
    assert checkout["rpm"] == pytest.approx(50 / 15)
    shown = answers.endpoint("shop", "/checkout", "html", early, START + MINUTE_NS // 2)
    assert shown
    assert shown["rpm"] == pytest.approx(50)
    assert shown["timeline"][-1]["rpm"] == pytest.approx(100)


def test_services_are_told_of_as_the_sum_of_their_endpoints(answers: Answers) -> None:
    found = answers.overview(START, START + HOUR_NS)
    mail, shop = found["services"]
    assert (mail["service"], shop["service"], shop["endpoint"], shop["findings"]) == ("mail", "shop", "", [])
    of_shop = [row for row in found["endpoints"] if row["service"] == "shop"]
    for name in ("count", "errors", "rpm", "pain"):
        assert shop[name] == pytest.approx(sum(row[name] for row in of_shop)), name
    assert shop["max"] == max(row["max"] for row in of_shop)
    assert 20 * MS < shop["p50"] <= 405 * MS
    whole = found["all"]
    assert (whole["service"], whole["count"], sum(whole["sparkline"])) == ("", 89, 89)
    assert whole["pain"] == pytest.approx(mail["pain"] + shop["pain"])
    assert answers.overview(START, START + HOUR_NS, "mail")["all"]["count"] == 9
    assert answers.overview(START - HOUR_NS, START - MINUTE_NS)["all"] is None


def test_waiting_in_a_queue_is_part_of_the_pain(answers: Answers) -> None:
    """As the collector tells it: of 20 requests of 20 ms, half waited 500 ms, which visitors felt."""
    group = ("shop", "/queued", "html")
    # What stands for repeats in other nodes is in this one what waiting added.
    waits = (Part((QUEUE, "", ""), 0, 0, 100 * MS),) * 5
    calm = [each._replace(parts=()) for each in requests(10, 400, group, 20)]
    late = [each._replace(parts=waits) for each in requests(10, 500, group, 20)]
    answers.store.apply(1, [(4, commit([*calm, *late]))])
    found = answers.overview(START, START + HOUR_NS)
    row = next(each for each in found["endpoints"] if each["endpoint"] == "/queued")
    assert (row["waited"], row["p95"]) == (250 * MS, 20 * MS)
    assert row["pain"] == pytest.approx(20 * 0.25 / 60)
    shown = answers.endpoint(*group, START, START + HOUR_NS)
    assert shown
    assert shown["pain"] == row["pain"]


def test_what_follows_a_choice_of_durations_is_what_the_whole_answer_says(answers: Answers) -> None:
    group, span = ("shop", "/checkout", "html"), (START, START + 2 * HOUR_NS)
    slow = [
        each._replace(parts=(VIEW._replace(duration_ns=3900 * MS),)) for each in requests(5, 800, group, 4000)
    ]
    answers.store.apply(1, [(4, commit(slow))])
    octave = buckets.octave(4000 * MS)
    whole, brushed = answers.endpoint(*group, *span, [octave]), answers.brushed(*group, *span, [octave])
    assert whole
    assert brushed
    for name in ("count", "p50", "histogram", "split", "tree", "samples"):
        assert brushed[name] == whole[name], name
    # 50 of the 55 requests are quicker, and half of the 5.
    ranks = {node["title"] or node["category"]: node["percentile"] for node in brushed["tree"]}
    assert ranks["checkout"] == pytest.approx(52.5 / 55)
    everything = answers.endpoint(*group, *span)
    assert everything
    assert {node["percentile"] for node in everything["tree"]} == {None}
    assert answers.brushed("no", "such", "group", *span) is None


def test_an_endpoint_is_told_of_before_and_after_each_release(answers: Answers) -> None:
    group, later = ("mail", "/bulk", "json"), START + 30 * MINUTE_NS
    old = [each._replace(release="1") for each in requests(10, 900, group, 50, 0)]
    new = [
        each._replace(release="2", start_ns=later + place * 1000 * MS)
        for place, each in enumerate(requests(20, 950, group, 300, 0))
    ]
    answers.store.apply(1, [(4, commit([*old, *new]))])
    shown = answers.endpoint(*group, START, START + HOUR_NS)
    assert shown
    (deploy,) = shown["deploys"]
    assert (deploy["release"], deploy["time"]) == ("2", "2024-10-04T00:30:00.000Z")
    assert (deploy["before"]["count"], deploy["before"]["p95"]) == (10, 50 * MS)
    assert (deploy["after"]["count"], deploy["after"]["p50"]) == (20, 300 * MS)
    assert deploy["after"]["rpm"] == pytest.approx(20 / 30)
    assert answers.endpoint(*group, later, START + HOUR_NS)["deploys"] == []  # type: ignore[index]


def test_one_environment_can_be_asked_alone(answers: Answers) -> None:
    group = ("shop", "/checkout", "html")
    here = [each._replace(environment="production") for each in requests(7, 700, group, 30, 0)]
    answers.store.apply(1, [(4, commit(here))])
    span = (START, START + 2 * HOUR_NS)
    shop = [{"service": "shop", "environment": where} for where in ("", "production")]
    assert answers.environments(*span) == [{"service": "mail", "environment": ""}, *shop]
    narrow = answers.within("production")
    assert [(row["endpoint"], row["count"]) for row in narrow.endpoints(*span)] == [("/checkout", 7)]
    shown, whole = narrow.endpoint(*group, *span), answers.endpoint(*group, *span)
    assert shown
    assert whole
    assert (shown["count"], len(shown["samples"]), shown["tree"][0]["traces"]) == (7, 7, 7)
    assert (whole["count"], whole["tree"][0]["traces"]) == (57, 57)
    assert sum(point["count"] for point in shown["timeline"]) == 7
    asked = Question("| stats count by environment", now_ns=span[1], from_ns=span[0])
    assert narrow.query(asked)[1]["rows"] == [["production", 7]]
    assert answers.query(asked._replace(text="env:prod | stats count"))[1]["rows"] == [[7]]
    found = answers.trace(f"{700:032x}")
    assert found
    assert found["environment"] == "production"


def test_one_service_can_be_asked_alone(answers: Answers) -> None:
    assert [row["service"] for row in answers.endpoints(START, START + HOUR_NS, "mail")] == ["mail"]
    assert answers.endpoints(START, START + HOUR_NS, "none such") == []
    assert answers.endpoints(START + HOUR_NS, START) == []


def test_the_doctors_trial_is_listed_only_when_asked_for(answers: Answers) -> None:
    answers.store.apply(1, [(4, commit(requests(1, 300, (TRIAL, "doctor", ""))))])
    assert {row["service"] for row in answers.endpoints(START, START + HOUR_NS)} == {"shop", "mail"}
    assert [row["service"] for row in answers.endpoints(START, START + HOUR_NS, TRIAL)] == [TRIAL]


def test_a_statement_that_repeats_is_found_with_its_place(answers: Answers) -> None:
    rows = {row["endpoint"]: row for row in answers.endpoints(START, START + HOUR_NS)}
    assert rows["/checkout"]["findings"] == [
        {
            "kind": "repeated-sql",
            "title": "SELECT FROM product",
            "description": "select ?",
            "location": "shop/cart.py:88",
            "share": 1.0,
            "repeats_mean": 6.0,
            "repeats_max": 6,
            "total": 72 * MS,
            "severe": False,
        }
    ]
    assert rows["/"]["findings"] == []


def test_a_repetition_in_few_traces_is_no_finding() -> None:
    store = open_store("memory:")
    store.apply(1, [(1, commit([*requests(2), *requests(40, 100, repeats=1)]))])
    (row,) = Answers(store, dict).endpoints(START, START + HOUR_NS)
    assert row["findings"] == []
    store.apply(1, [(2, commit(requests(20, 200, repeats=25)))])
    (row,) = Answers(store, dict).endpoints(START, START + HOUR_NS)
    assert row["findings"][0]["severe"]
    assert row["findings"][0]["share"] == pytest.approx(22 / 62)


def test_an_endpoint_shows_its_merged_tree_in_order(answers: Answers) -> None:
    found = answers.endpoint("shop", "/checkout", "html", START, START + HOUR_NS)
    assert found
    tree = found["tree"]
    assert [(node["depth"], node["category"]) for node in tree] == [
        (0, "app.wsgi.request"),
        (1, "app.flask.view"),
        (2, "db.sql.query"),
        (1, "noise.gc"),
    ]
    root, view, sql, _ = tree
    assert root["parent"] is None
    assert (view["parent"], sql["parent"]) == (root["path"], view["path"])
    assert (root["share"], view["share"]) == (1.0, 0.75)
    assert (sql["count"], sql["traces"], sql["per_request"]) == (300, 50, 6.0)
    assert (sql["mean"], sql["total"], sql["offset"]) == (72 * MS, 3600 * MS, 5 * MS)
    assert sql["repeats_max"] == 6
    assert sql["location"] == "shop/cart.py:88"
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_an_endpoint_shows_when_how_slow_and_for_whom(answers: Answers) -> None:
    found = answers.endpoint("shop", "/checkout", "html", START, START + HOUR_NS)
    assert found
    assert (found["from"], found["to"]) == ("2024-10-04T00:00:00.000Z", "2024-10-04T01:00:00.000Z")
    line = found["timeline"]
    assert len(line) == 60
    assert [point["count"] for point in line] == [50] + [0] * 59
    assert line[0] == {
        "time": "2024-10-04T00:00:00.000Z",
        "count": 50,
        "errors": 5,
        "rpm": 50.0,
        "p50": buckets.middle(buckets.bucket(400 * MS)),
        "p95": buckets.middle(buckets.bucket(400 * MS)),
    }
    (cell,) = found["histogram"]
    assert cell["low"] < 400 * MS <= cell["high"]
    assert (cell["count"], cell["octave"]) == (50, 29)
    samples = found["samples"]
    assert sum(each["error"] for each in samples) == 5
    assert len({each["id"] for each in samples}) == len(samples)
    assert all(each["whole"] and each["spans"] == 9 for each in samples)


def test_an_endpoint_tells_what_its_service_ran(answers: Answers) -> None:
    late = [
        request._replace(start_ns=request.start_ns + 5 * MINUTE_NS, release="2026.2")
        for request in requests(3, 500)
    ]
    early = [request._replace(release="2026.1") for request in requests(2, 600, ("shop", "/", "html"))]
    answers.store.apply(1, [(4, commit(late)), (5, commit(early))])
    found = answers.endpoint("shop", "/checkout", "html", START, START + 2 * HOUR_NS)
    assert found
    assert found["releases"] == [
        {
            "release": "2026.1",
            "first": "2024-10-04T00:10:00.000Z",
            "last": "2024-10-04T00:10:00.000Z",
            "count": 2,
        },
        {
            "release": "2026.2",
            "first": "2024-10-04T00:13:00.000Z",
            "last": "2024-10-04T00:13:00.000Z",
            "count": 3,
        },
    ]
    later = answers.endpoint("shop", "/checkout", "html", START + 13 * MINUTE_NS, START + 2 * HOUR_NS)
    assert later
    assert [run["release"] for run in later["releases"]] == ["2026.2"]


def test_octaves_restrict_tree_and_samples_alone(answers: Answers) -> None:
    found = answers.endpoint("shop", "/checkout", "html", START, START + HOUR_NS, [3])
    assert found
    assert (found["tree"], found["samples"], found["count"]) == ([], [], 50)
    found = answers.endpoint("shop", "/checkout", "html", START, START + HOUR_NS, [29])
    assert found
    assert len(found["tree"]) == 4


def test_an_endpoint_without_requests_is_none(answers: Answers) -> None:
    assert answers.endpoint("shop", "/nowhere", "html", START, START + HOUR_NS) is None
    assert answers.endpoint("shop", "/checkout", "html", START + 2 * HOUR_NS, START + 3 * HOUR_NS) is None


def test_a_trace_is_answered_with_its_spans(answers: Answers) -> None:
    found = answers.trace(f"{10:032X}")
    assert found
    assert found["id"] == f"{10:032x}"
    assert found["error"]
    assert (found["service"], found["endpoint"], found["segment"]) == ("shop", "/checkout", "html")
    assert (found["duration"], found["host"], found["pid"]) == (400 * MS, "web-1", 42)
    assert found["time"] == "2024-10-04T00:00:10.000Z"
    root, view, sql, *_, pause = found["spans"]
    assert (root["parent"], view["parent"], sql["parent"], pause["parent"]) == (None, 0, 1, 0)
    assert (root["depth"], view["depth"], sql["depth"]) == (0, 1, 2)
    # The view begins at 1 ms and lasts 300; the pause covers its first 4 ms and one before it.
    assert root["self"] == 400 * MS - 301 * MS
    assert view["self"] == 300 * MS - 12 * MS
    assert root["annotations"] == {"status": 200, "ratio": "inf"}
    assert found["also"] == []
    assert answers.trace("f" * 32) is None
    assert answers.trace("../../etc/passwd") is None


histograms = st.dictionaries(st.integers(0, 1200), st.integers(1, 10**6), max_size=30)


@given(histograms, st.integers(0, 1200), st.integers(1, 1000))
def test_pain_never_falls_when_requests_are_added(counted, bucket, more) -> None:
    added = counted | {bucket: counted.get(bucket, 0) + more}
    assert pain(added, 100 * MS, 60) >= pain(counted, 100 * MS, 60)


@given(histograms, st.floats(0, 1e15), st.floats(0, 1e15))
def test_pain_never_falls_when_visitors_wait_longer(counted, one, other) -> None:
    less, more = sorted((one, other))
    assert pain(counted, 100 * MS, 60, more) >= pain(counted, 100 * MS, 60, less)


@given(histograms, st.integers(0, 1200), st.integers(0, 1200))
def test_pain_never_falls_when_a_request_takes_longer(counted, one, other) -> None:
    fast, slow = sorted((one, other))
    assert pain(counted | {slow: counted.get(slow, 0) + 1}, 100 * MS, 60) >= pain(
        counted | {fast: counted.get(fast, 0) + 1}, 100 * MS, 60
    )


def test_a_busy_endpoint_hurts_more_than_a_rare_slow_one() -> None:
    busy = {buckets.bucket(800 * MS): 300 * 60}
    rare = {buckets.bucket(2000 * MS): 1}
    assert pain(busy, 100 * MS, 60) > 100 * pain(rare, 100 * MS, 60)


@given(st.integers(1, 4000 * 1440))
def test_a_time_line_has_at_most_120_steps_of_whole_minutes(minutes: int) -> None:
    width = step_minutes(START, START + minutes * MINUTE_NS)
    assert minutes / width <= 120 or width % 1440 == 0
    assert minutes / width <= 121
