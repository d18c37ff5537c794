"""`fanlight query` without a file: what Fanlight keeps, in every form that a file's answer has."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from fanlight.cli import main


@pytest.fixture
def ask(asked_store, capsys):
    """Answer what a query writes to stdout and to stderr."""

    def ask(*arguments, code=0):
        assert main(["query", "--data", asked_store, *arguments]) == code
        said = capsys.readouterr()
        return said.out, said.err

    return ask


def test_a_trace_is_one_line_of_text(ask):
    out, told = ask("service:pay", "duration:<=3ms")
    lines = out.splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"\S+Z  3ms  pay  GET /3  html  200  0{31}3", lines[0]), lines[0]
    assert re.fullmatch(r"\S+Z  1ms  pay  GET /1  html  200  0{31}1", lines[1]), lines[1]
    assert told == "fanlight: the 2 that are kept stand for 4\n"


def test_a_name_that_nothing_has_is_told(ask):
    out, told = ask("statu:500", "--last", "7d")
    assert out == ""
    assert told == "fanlight: none of the latest events has 'statu'; did you mean 'status'?\n"


def test_stages_answer_a_table_by_weight(ask):
    out, told = ask("| stats count() by service")
    assert out == "SERVICE  COUNT\npay         40\nshop        20\n"
    assert told == "fanlight: estimated from 40 of 60\n"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--count"], "2\n"),
        (["--format", "csv", "-F", "duration,status"], "duration,status\n4ms,200\n2ms,200\n"),
        (["-F", "status,pid"], "200  42\n200  42\n"),
        (["-F", "pid", "--format=jsonl"], '{"pid": 42}\n{"pid": 42}\n'),
        (["-F", "pid", "--format", "logfmt"], "pid=42\npid=42\n"),
        (["-F", "pid,status", "--format", "table"], "PID  STATUS\n 42     200\n 42     200\n"),
        (["--format", "raw"], ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_shape_the_answer(options, wanted, ask):
    assert ask(*options, "duration:<=4ms service=shop")[0] == wanted


def test_every_form_has_the_same_events(ask):
    whole = json.loads(ask("--format", "json", "segment=error")[0])
    lines = [json.loads(line) for line in ask("--format", "jsonl", "segment=error")[0].splitlines()]
    rows = list(csv.DictReader(io.StringIO(ask("--format", "csv", "segment=error")[0])))
    assert whole == lines
    assert [each["trace"] for each in whole] == [each["trace"] for each in rows]
    assert len(whole) == 10
    assert whole[0]["spans"][0]["category"] == "app.wsgi.request"
    assert "spans" not in rows[0]


def test_service_and_time_narrow_the_query(ask):
    assert ask("--count", "--service", "pay", "--last", "10m")[0] == "10\n"
    assert ask("--count", "last:5m")[0] == "6\n"
    assert ask("--count", "--invert", "service=pay")[0] == "20\n"


def test_a_limit_is_kept_and_told(ask):
    out, told = ask("--limit", "3", "-F", "duration", "service=shop")
    assert out == "40ms\n38ms\n36ms\n"
    assert told == "fanlight: there are more than these 3 events; --limit goes to 10,000\n"


def test_keywords_that_united_are_told_once(ask):
    assert "40 events with pay or shop; for all of them, write AND between" in ask("pay", "shop")[1]


def test_nothing_found_says_how_far_it_looked(ask):
    out, told = ask("nowhere-at-all")
    assert out == ""
    assert "--last 24h looks further back" in told


def test_the_plan_says_what_was_looked_at(ask):
    told = ask("--plan", "| head 2")[1]
    assert "plan: " in told
    assert "selected" in told


def test_a_mistake_is_told_where_it_stands(ask):
    told = ask("service=pay | sats count", code=1)[1]
    assert "column 15: unknown stage 'sats'; did you mean 'stats'?" in told
    assert told.splitlines()[2] == " " * 16 + "^"


def test_a_time_that_the_server_does_not_read_is_told(ask):
    assert "parameter 'last': found 'soon'" in ask("--last", "soon", "x", code=2)[1]


def test_where_nothing_runs_it_says_how_to_start(tmp_path, capsys):
    assert main(["query", "--data", str(tmp_path / "none"), "error"]) == 3
    assert "fanlight serve --data" in capsys.readouterr().err
