"""What a HELLO says is told to people; it changes nothing else, and starts nothing."""

from __future__ import annotations

import os
import signal

import pytest

from fanlight.wire import codec, frames, messages


@pytest.fixture
def child(desk, folder):
    """Answer a collector in a process of its own."""
    process = desk.process(folder)
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def greet(desk, peer, **texts):
    """Say a HELLO with these texts in it; answer the WELCOME's version."""
    hello = {"protocol": messages.PROTOCOL, "version": "1", "client": peer.client, "service": "shop"}
    hello |= {"host": "box", "pid": 7, "generation": 1, "instruments": [], **texts}
    peer.send(frames.HELLO, codec.encode(messages.HELLO, hello))
    kind, welcome = peer.answer()
    assert kind == frames.WELCOME, welcome
    peer.send(frames.TABLE, desk.table_body())
    return welcome["version"]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


@pytest.mark.parametrize(
    "version",
    [
        "",
        "0.0.1",
        "0.1.0a2",
        "0.1.0.alpha",
        "1.2.9",
        "1.2.10",
        "999.0.0",
        "0.1.0.1",
        "not a version",
        "9" * 255,
    ],
)
def test_whatever_version_an_agent_has_it_is_served_by_the_same_process(desk, folder, child, version):
    path = folder / "run" / "c.sock"
    before = desk.state(path)
    with desk.Peer(path) as peer:
        assert greet(desk, peer, version=version) == before["version"]
        assert peer.batch(1) == 1
        during = desk.state(path)
    assert (during["pid"], during["version"]) == (child.pid, before["version"])
    assert during["uptime_s"] >= before["uptime_s"]


def test_nothing_that_a_hello_says_is_run(desk, folder, child, tmp_path):
    path = folder / "run" / "c.sock"
    planted = tmp_path / "planted"
    command = f"/bin/sh -c 'touch {planted}'"
    texts = ("version", "program", "host", "python", "environment")
    pid = child.pid
    with desk.Peer(path) as peer:
        greet(desk, peer, **dict.fromkeys(texts, command), instruments=[command], service=command)
        assert peer.batch(1) == 1
        assert children(pid) == []
    state = desk.state(path)
    assert state["pid"] == pid
    assert pid != os.getpid()
    assert not planted.exists()
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        assert b"touch" not in file.read()


def test_whoever_wants_to_know_is_told_of_each_hello(desk, folder):
    told = []
    with desk.running(folder) as collector:
        collector.reception.told = lambda hello: told.append((hello["service"], hello["instruments"]))
        with desk.Peer(collector.options.socket) as peer:
            peer.greet(instruments=["flask=active 3.1"])
    assert told == [("shop", ["flask=active 3.1"])]
