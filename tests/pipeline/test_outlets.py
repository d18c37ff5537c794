"""Entries of `telemetry.targets`: what they make, and what is wrong with one is said at start."""

from __future__ import annotations

import json
import os

import pytest

from fanlight import config
from fanlight.errors import ConfigError
from fanlight.pipeline.outlets import Chain, chains, outlets, wants_streams
from fanlight.wire.readings import Snapshot

SHOP = {"service": "shop", "host": "vm", "server": "gunicorn", "kind": ""}
TOLD = [
    Snapshot(0, SHOP, {"queue.backlog": 7}),
    Snapshot(0, {**SHOP, "worker": "0"}, {"queue.backlog": 3}),
]


def settings(tmp_path, *entries):
    environ = {"HOME": str(tmp_path), "FANLIGHT_TELEMETRY__TARGETS": json.dumps(entries)}
    return config.load({}, environ, str(tmp_path))


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.parametrize(
    ("entry", "lines"),
    [
        (
            {"type": "stream"},
            ['{"queue-backlog":7,"name":"Fanlight","message":"Publish telemetry"}'],
        ),
        (
            {"type": "stream", "formatter": "logfmt", "transform": "l2met"},
            ['sample#queue.backlog=7 name="Fanlight" source="vm/shop"'],
        ),
        (
            {
                "type": "stream",
                "transform": ["redact", "l2met"],
                "source": "{host}/{service}",
                "formatter": "logfmt",
                "labels": ["host"],
            },
            ['sample#queue.backlog=7 name="Fanlight" source="<redacted>/shop" host="<redacted>"'],
        ),
        (
            {"type": "stream", "transform": "passthrough", "per_worker": True, "labels": ["worker"]},
            ['{"queue.backlog":7}', '{"queue.backlog":3,"worker":"0"}'],
        ),
        (
            {"type": "stream", "formatter": "passthrough", "transform": "passthrough"},
            ["{'queue.backlog': 7}"],
        ),
    ],
)
def test_a_snapshot_goes_through_transform_and_formatter_to_the_target(pipe, entry, lines):
    Chain(entry, {"stdout": pipe[1]}).deliver(TOLD)
    assert os.read(pipe[0], 65536).decode().splitlines() == lines


def test_what_is_posted_says_when_and_of_whom(tmp_path):
    (made,) = chains(settings(tmp_path, {"type": "http", "url": "http://127.0.0.1:1/"}), {})
    assert json.loads(made.messages(TOLD)[0]) == {
        "time": "1970-01-01T00:00:00.000Z",
        "queue.backlog": 7,
        **SHOP,
    }
    (made,) = chains(settings(tmp_path, {"type": "http", "url": "http://127.0.0.1:1/", "labels": []}), {})
    assert made.messages(TOLD) == ['{"queue.backlog":7}']


def test_entries_of_a_file_are_read_with_their_options(tmp_path):
    (tmp_path / "fanlight.toml").write_text(
        '[[telemetry.targets]]\ntype = "dogstatsd"\ntags = ["env:test"]\n\n'
        '[[telemetry.targets]]\ntype = "prometheus"\naddress = "127.0.0.1:0"\n'
    )
    found = config.load({}, {"HOME": str(tmp_path), "FANLIGHT_TRUST": str(tmp_path)}, str(tmp_path))
    made = chains(found, {})
    assert [(each.name, each.per_worker) for each in made] == [("dogstatsd", False), ("prometheus", True)]
    again = config.load({}, {"HOME": str(tmp_path), **found.environment()}, "/")
    assert list(again["telemetry.targets"]) == list(found["telemetry.targets"])


def test_a_projects_file_may_not_send_anything_anywhere_unasked(tmp_path):
    (tmp_path / "fanlight.toml").write_text('[[telemetry.targets]]\ntype = "stream"\n')
    with pytest.raises(
        ConfigError, match=r"fanlight.toml:1: 'telemetry.targets' is not for a project's file"
    ):
        config.load({}, {"HOME": str(tmp_path)}, str(tmp_path))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "there is no `type`; known: dogstatsd, http, log, prometheus, statsd, stream"),
        ({"type": 3}, "3 is no value of 'type' of a target; expected text"),
        ({"type": "dogstats"}, "unknown target 'dogstats'; did you mean 'dogstatsd'?"),
        ({"type": "stream", "formatter": "jsn"}, "'jsn'; did you mean 'json'?"),
        ({"type": "stream", "transform": "cloud_watch"}, "did you mean 'cloudwatch'?"),
        ({"type": "stream", "transform": ["redact", "l2mt"]}, "did you mean 'l2met'?"),
        ({"type": "stream", "transform": 5}, "5 is no transform; expected a name or a list of names"),
        (
            {"type": "stream", "lables": []},
            "unknown option of target 'stream' 'lables'; did you mean 'labels'?",
        ),
        ({"type": "stream", "typed": True}, "unknown option of target 'stream' 'typed'"),
        ({"type": "stream", "labels": ["servce"]}, "'servce'; did you mean 'service'?"),
        ({"type": "dogstatsd", "labels": ["wroker"]}, "'wroker'; did you mean 'worker'?"),
        ({"type": "statsd", "labels": ["hots"]}, "'hots'; did you mean 'host'?"),
        ({"type": "stream", "transform": "l2met", "source": "{servce}"}, "did you mean 'service'?"),
        ({"type": "stream", "transform": "redact", "redact": ["hots"]}, "did you mean 'host'?"),
        ({"type": "stream", "timeout_s": 0}, "0 is no value of 'timeout_s'"),
        ({"type": "stream", "per_worker": "yes"}, "'yes' is no value of 'per_worker'"),
        ({"type": "dogstatsd", "formatter": "json"}, "has a notation of its own"),
        ({"type": "dogstatsd", "formatter": "jsn"}, "did you mean 'json'?"),
        ({"type": "http"}, "'' is no url"),
        ({"type": "nothing.there:call"}, "cannot be imported where the collector runs"),
    ],
)
def test_a_wrong_entry_is_an_error_that_says_which_and_what_would_do(tmp_path, entry, said):
    found = settings(tmp_path, {"type": "stream"}, entry)
    with pytest.raises(ConfigError) as raised:
        chains(found, {})
    assert str(raised.value).startswith("FANLIGHT_TELEMETRY__TARGETS: telemetry.targets 2: ")
    assert said in str(raised.value)


@pytest.mark.parametrize("text", ["{}", "[1]", "nonsense", '[{"type":'])
def test_a_variable_that_is_no_array_of_objects_is_refused(tmp_path, text):
    environ = {"HOME": str(tmp_path), "FANLIGHT_TELEMETRY__TARGETS": text}
    with pytest.raises(ConfigError, match="expected tables, in a variable as a JSON array of objects"):
        config.load({}, environ, str(tmp_path))


def test_a_callable_is_not_imported_where_the_collector_does_not_run(tmp_path):
    assert chains(settings(tmp_path, {"type": "only.there:call"}), {}, elsewhere=True) == []


def test_streams_are_wanted_for_targets_that_write_there(tmp_path):
    assert wants_streams(settings(tmp_path, {"type": "statsd"}, {"type": "log"}))
    assert not wants_streams(settings(tmp_path, {"type": "statsd"}, {"type": "print"}))


def test_each_entry_is_an_outlet_with_a_name_of_its_own(tmp_path):
    found = settings(tmp_path, {"type": "stream"}, {"type": "statsd"}, {"type": "stream"})
    assert [each.name for each in outlets(found, {})] == ["stream", "statsd", "stream 2"]
