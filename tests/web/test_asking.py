"""`/v1/query`: the language of queries over HTTP, within limits, mistakes told where they stand."""

from __future__ import annotations

import json
import threading
from urllib.parse import quote

import pytest
from commits import Part, Request, commit
from web_shop import MS, NOW

from fanlight.event.coding import from_json
from fanlight.query.answer import Limits
from fanlight.server.answers import Answers
from fanlight.server.questions import AT_ONCE, Questions
from fanlight.stores import open_store

SQL = Part(("db.sql.query", "SELECT FROM product", "SELECT ?"), 0, 5 * MS, 5 * MS, (("rows", 3),))


def requests():
    for number in range(1, 61):
        status = 503 if number % 10 == 0 else 200
        yield Request(
            NOW - number * 120_000 * MS,
            number * MS,
            number,
            (("shop", "pay")[number % 2], f"GET /{number % 3}", "html"),
            (SQL,),
            notes=(("status", status), ("note", "größe \udce9" if number == 1 else "-")),
            weight=4.0 if number > 50 else 1.0,
        )


@pytest.fixture(params=["memory", "duckdb"])
def store(request, tmp_path):
    store = open_store(f"{request.param}:{tmp_path / 'store' if request.param == 'duckdb' else ''}")
    store.apply(1, [(1, commit([each for each in requests() if each.id != 1]))])
    yield store
    store.close()


@pytest.fixture
def ask(store, ask_with):
    """Answer the document of a query."""
    browser = ask_with(Answers(store, dict))

    def ask(q, status=200, **more):
        parameters = {"q": q, **more}
        address = "/v1/query?" + "&".join(f"{name}={quote(str(text))}" for name, text in parameters.items())
        answer = browser.get(address)
        assert answer.status == status, answer.text
        assert answer.header("content-type") == "application/json"
        return answer.json

    return ask


def test_an_answer_has_columns_with_types_and_units_and_rows(ask):
    found = ask("| stats count(), max(duration), p50(rows) by service", last="7d")
    assert found["columns"] == [
        {"name": "service", "type": "string", "unit": None},
        {"name": "count", "type": "int", "unit": None},
        {"name": "max(duration)", "type": "duration", "unit": None},
        {"name": "p50(rows)", "type": "int", "unit": None},
    ]
    assert found["rows"] == [["pay", 44, 59 * MS, 3], ["shop", 45, 60 * MS, 3]]
    assert found["query"] == "| stats count, max(duration), p50(rows) by service"
    facts = found["facts"]
    assert (facts["read"], facts["stands_for"], facts["truncated"]) == (59, 89, False)
    assert facts["estimate"] == "estimated from 59 of 89"
    assert facts["stages_run"] + facts["stages_pushed"] == [
        "stats count, max(duration), p50(rows) by service"
    ]


def test_traces_come_without_their_spans_unless_they_are_asked_for(ask):
    found = ask("status:503", last="7d")
    names = [column["name"] for column in found["columns"]]
    assert names[:3] == ["time", "trace", "service"]
    assert "spans" not in names
    assert len(found["rows"]) == 6
    row = dict(zip(names, found["rows"][-1], strict=True))
    assert (row["duration"], row["status"], row["time"]) == (10 * MS, 503, "2026-09-21T13:53:20.000Z")
    with_spans = ask("status:503", last="7d", spans="on")
    assert with_spans["columns"][-1]["name"] == "spans"
    assert with_spans["rows"][0][-1][1]["title"] == "SELECT FROM product"


def test_whole_events_come_in_the_coding_that_loses_nothing(ask, store):
    found = ask("status:503", last="7d", **{"as": "events"}, spans="on")
    events = [from_json(each) for each in found["events"]]
    assert [event["duration"] for event in events] == [number * MS for number in (60, 50, 40, 30, 20, 10)]
    assert events[0].get("duration").type == "duration"
    assert [span["title"] for span in events[0]["spans"]][1] == "SELECT FROM product"


def test_without_a_bound_it_is_the_last_hour(ask):
    assert ask("| stats count")["rows"] == [[29]]
    assert ask("| stats count")["from"] == "2026-09-21T13:13:20.000Z"
    assert ask("last:10m | stats count")["rows"] == [[4]]
    assert ask("| stats count", last="10m")["rows"] == [[4]]
    assert ask("from:2020-01-01 | stats count")["rows"] == [[89]]


def test_a_service_and_inverted_terms_narrow_it(ask):
    assert ask("| stats count", last="7d", service="pay")["rows"] == [[44]]
    assert ask("service=pay | stats count", last="7d", invert="on")["rows"] == [[45]]
    assert ask("last:7d | stats count", invert="on")["rows"] == [[89]]


def test_a_limit_is_kept_and_told(ask):
    found = ask("", last="7d", limit=5)
    assert len(found["rows"]) == 5
    assert found["facts"]["truncated"]
    assert not ask("| head 5", last="7d", limit=5)["facts"]["truncated"]


def test_a_query_that_cannot_be_read_is_refused_with_its_place(ask):
    error = ask("service=pay\n| sats count", status=400)["error"]
    assert error["code"] == "unknown-stage"
    assert error["message"].startswith("unknown stage 'sats'; did you mean 'stats'?")
    assert (error["position"], error["line"], error["column"]) == (14, 2, 3)
    assert error["caret"] == "| sats count\n  ^"


@pytest.mark.parametrize(
    ("more", "parameter", "message"),
    [
        ({"limit": "0"}, "limit", "expected a number of events, 1 to 10000"),
        ({"limit": "10001"}, "limit", "expected a number of events"),
        ({"limit": "many"}, "limit", "expected a number of events"),
        ({"tz": "Berlin"}, "tz", "expected a zone such as Europe/Berlin"),
        ({"tz": "../../etc/passwd"}, "tz", "expected a zone"),
        ({"as": "row"}, "as", "did you mean 'rows'?"),
        ({"lim": "5"}, "lim", "did you mean 'limit'?"),
        ({"q": "x" * 8001}, "q", "at most 8000 characters"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_parameter_that_cannot_be_used_is_refused(more, parameter, message, ask):
    error = ask(**{"q": "x", **more}, status=400)["error"]
    assert (error["code"], error["parameter"]) == ("parameter", parameter)
    assert message in error["message"]


def test_a_zone_says_when_times_without_one_were(ask):
    assert ask("from:'09/21/26 15:43:20' | stats count", tz="Europe/Berlin")["rows"] == [[14]]
    assert ask("from:'09/21/26 13:43:20' | stats count", tz="UTC")["rows"] == [[14]]


def test_a_query_whose_time_is_up_is_refused(store, ask_with):
    answers = Answers(store, dict)
    answers.questions = Questions(store, patience_s=0.0)
    refused = ask_with(answers).get("/v1/query?q=last:7d")
    assert refused.status == 422
    assert refused.json["error"]["code"] == "too-long"


def test_no_more_than_a_few_run_at_once_and_the_next_one_waits_its_time(store, ask_with):
    answers = Answers(store, dict)
    answers.questions = Questions(store, patience_s=0.2)
    browser = ask_with(answers)
    for _ in range(AT_ONCE):
        answers.questions.turns.acquire()
    assert browser.get("/v1/query?q=x").json["error"]["code"] == "too-long"
    timer = threading.Timer(0.05, answers.questions.turns.release)
    timer.start()
    answers.questions.patience_s = 10.0
    assert browser.get("/v1/query?q=x").status == 200
    timer.join()


def test_nobody_asks_without_a_cookie(stranger):
    answer = stranger.get("/v1/query?q=x")
    assert answer.status == 401
    assert json.loads(answer.text)["error"]["code"] == "cookie"


def test_limits_hold_in_the_store_itself(store):
    from fanlight import Query

    answer = store.answer(Query("| sort -duration"), Limits(events=3))
    assert [event["duration"] // MS for event in answer] == [60, 59, 58]
    assert answer.facts.is_truncated


def test_a_name_that_nothing_has_is_told_where_nothing_is_found(ask):
    lacking = [{"name": "nota", "nearest": "note"}, {"name": "zzz.a.b", "nearest": None}]
    assert ask("nota:x zzz.a.b:1", last="24h")["facts"]["lacking"] == lacking
    assert ask("note:x status:418 #1:x span.db.rows:7 note.deep.down:1", last="24h")["facts"]["lacking"] == []
    assert "lacking" not in ask("nota:x OR status:200", last="24h")["facts"]
