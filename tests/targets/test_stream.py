"""Stream and log: lines where the program's own output goes."""

from __future__ import annotations

import os
import re

import pytest

from fanlight.errors import ConfigError
from fanlight.targets import Place, target
from fanlight.wire.readings import Snapshot


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def read(pipe):
    return os.read(pipe[0], 65536).decode()


def test_a_stream_gets_a_line_for_each_message(pipe):
    target("stream", Place({"stdout": pipe[1]})).send(['{"a":1}', '{"b":2}'])
    assert read(pipe) == '{"a":1}\n{"b":2}\n'


def test_a_snapshot_is_written_as_python_shows_its_values(pipe):
    target("stream", Place({"stdout": pipe[1]})).send([Snapshot(0, {"service": "shop"}, {"a": 1})])
    assert read(pipe) == "{'a': 1}\n"


def test_the_other_stream_is_named(pipe):
    place = Place({"stdout": -1, "stderr": pipe[1]})
    target("stream", place, {"to": "stderr"}).send(["here"])
    assert read(pipe) == "here\n"


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        ("classic", r"I, \[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} #PID\]  INFO -- : a=1\n"),
        ("python", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO fanlight: a=1\n"),
        ("none", r"a=1\n"),
    ],
)
def test_a_log_line_has_a_head(pipe, head, shape):
    target("log", Place({"stderr": pipe[1]}), {"head": head}).send(["a=1"])
    assert re.fullmatch(shape.replace("PID", str(os.getpid())), read(pipe))


def test_an_unknown_head_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'classic'"):
        target("log", Place({}), {"head": "clasic"})


def test_lines_that_are_dropped_are_an_error(pipe):
    made = target("stream", Place({"stdout": pipe[1]}))
    with pytest.raises(OSError, match=r"full or closed; \d\d of 100 lines dropped"):
        made.send(["x" * 4000] * 100)
    with pytest.raises(OSError, match="was not handed over"):
        target("stream", Place({})).send(["x"])
