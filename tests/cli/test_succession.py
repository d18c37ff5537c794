"""The supervisor is killed: in the background a child takes its place; one at most, none after `stop`."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")


def fanlight(*arguments):
    return subprocess.run([*FANLIGHT, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FANLIGHT_LISTEN", "127.0.0.1:0")
    path = tmp_path / "data"
    yield path
    fanlight("stop", "--data", str(path))
    wait_for(lambda: not ours(path))


def wait_for(what, within_s=120.0):
    deadline_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.01)


def ours(data):
    """Answer role to pids of every process of a data directory."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(data) in words and b"serve" in words:
            role = words[words.index(b"--role") + 1].decode() if b"--role" in words else "supervisor"
            found.setdefault(role, []).append(int(path.parent.name))
    return found


def state(data):
    try:
        return json.loads((data / "run" / "fanlight.json").read_text())
    except (OSError, ValueError):
        return {"pids": {}}


def is_complete(data, other_than=()):
    pids = state(data)["pids"]
    return len(pids) == 3 and not set(pids.values()) & set(other_than)


def begin(data):
    done = fanlight("run", "--data", str(data), "true")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: is_complete(data))


def answers(data):
    return fanlight("status", "--json", "--data", str(data)).returncode == 0


def test_a_child_takes_the_place_of_a_killed_supervisor_at_the_same_address(data):
    begin(data)
    before = state(data)
    os.kill(before["pids"]["supervisor"], signal.SIGKILL)
    wait_for(lambda: is_complete(data, [before["pids"]["supervisor"]]), 60)
    after = state(data)
    assert after["pids"]["supervisor"] in (before["pids"]["collector"], before["pids"]["server"])
    assert after["listen"] == before["listen"]
    assert answers(data)
    found = ours(data)
    assert {role: len(pids) for role, pids in found.items()} == dict.fromkeys(after["pids"], 1)
    assert "takes its place" in (data / "run" / "fanlight.log").read_text()


def test_so_it_is_when_a_child_is_killed_with_it(data):
    begin(data)
    for role in ("collector", "server"):
        pids = state(data)["pids"]
        os.kill(pids["supervisor"], signal.SIGKILL)
        os.kill(pids[role], signal.SIGKILL)
        wait_for(lambda known=pids: is_complete(data, known.values()) or revived(data, known), 60)
        wait_for(lambda: answers(data))


def revived(data, before):
    pids = state(data)["pids"]
    return len(pids) == 3 and pids["supervisor"] != before["supervisor"]


def test_whoever_takes_the_place_can_be_killed_while_it_starts(data):
    begin(data)
    chance = random.Random(3)
    for _ in range(5):
        before = state(data)["pids"].get("supervisor")
        os.kill(before, signal.SIGKILL)
        wait_for(lambda known=before: state(data)["pids"].get("supervisor") not in (None, known))
        time.sleep(chance.uniform(0, 0.5))  # any moment of its start
    wait_for(lambda: is_complete(data) and answers(data))
    assert len(ours(data)["supervisor"]) == 1


def test_after_stop_nobody_takes_the_place(data):
    chance = random.Random(5)
    for _ in range(4):
        begin(data)
        os.kill(state(data)["pids"]["supervisor"], signal.SIGKILL)
        time.sleep(chance.choice((0, 0.05, 0.15, 0.4)))  # any moment of the taking over
        assert fanlight("stop", "--data", str(data)).returncode == 0
        wait_for(lambda: not ours(data), 60)
    time.sleep(1)  # time enough to come back
    assert not ours(data)


def test_in_the_foreground_whoever_started_it_decides(data):
    with subprocess.Popen(
        [*FANLIGHT, "serve", "--data", str(data)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as served:
        wait_for(lambda: is_complete(data))
        served.kill()
    wait_for(lambda: not ours(data), 60)
