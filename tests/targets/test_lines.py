"""Lines on somebody else's descriptor: whole, or dropped and counted, and never waited for."""

import fcntl
import os

import pytest

from fanlight.targets.lines import Stream


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def test_a_line_arrives_whole_and_as_one(pipe):
    assert Stream(pipe[1]).write("first\nstill first ✓")
    assert os.read(pipe[0], 100).decode() == "first still first ✓\n"


def test_a_long_line_is_cut_where_a_pipe_would_tear_it(pipe):
    assert Stream(pipe[1]).write("x" * 10_000)
    assert os.read(pipe[0], 20_000) == b"x" * 4095 + b"\n"


def test_a_closed_pipe_drops_and_counts(pipe):
    stream = Stream(pipe[1])
    os.close(pipe.pop(0))
    assert [stream.write("lost") for _ in range(3)] == [False] * 3
    assert stream.dropped == 3


def test_a_full_pipe_is_not_waited_for_and_its_flags_stay(pipe):
    stream = Stream(pipe[1])
    flags = fcntl.fcntl(pipe[1], fcntl.F_GETFL)
    written = sum(stream.write("x" * 4000) for _ in range(1000))
    assert 0 < written < 1000
    assert stream.dropped == 1000 - written
    assert fcntl.fcntl(pipe[1], fcntl.F_GETFL) == flags
    os.read(pipe[0], 1 << 16)
    assert stream.write("room again")


def test_a_descriptor_that_is_none_drops():
    assert not Stream(-1).write("nobody")


def test_a_file_takes_every_line(tmp_path):
    with (tmp_path / "out").open("wb") as file:
        assert all(Stream(file.fileno()).write(f"line {n}") for n in range(100))
    assert (tmp_path / "out").read_text().splitlines()[-1] == "line 99"
