"""Whose stdout and stderr a collector in the background keeps open, and whose it does not."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FANLIGHT_LISTEN", "127.0.0.1:0")
    path = tmp_path / "data"
    yield path
    subprocess.run([*FANLIGHT, "stop", "--data", str(path)], capture_output=True, check=True, timeout=60)


def run(data, out, **settings):
    """Run a short program whose output goes to a file; its Fanlight stays."""
    with open(out, "ab") as file:
        command = [*FANLIGHT, "run", "--data", str(data), "true"]
        environ = {**os.environ, **settings}
        subprocess.run(command, stdout=file, stderr=file, env=environ, timeout=60, check=True)


def holders(data, out):
    """Answer how often each process of a data directory has a file open, by role."""
    pids = json.loads((data / "run" / "fanlight.json").read_text())["pids"]
    found = {}
    for role, pid in pids.items():
        folder = f"/proc/{pid}/fd"
        found[role] = sum(os.readlink(f"{folder}/{fd}") == str(out) for fd in os.listdir(folder))
    return found


def collector(data):
    return json.loads((data / "run" / "fanlight.json").read_text())["pids"].get("collector")


def wait_for_holders(data, out, expected):
    deadline_s = time.monotonic() + 60
    while True:
        try:
            if holders(data, out) == expected:
                return
        except (OSError, ValueError):
            pass  # somebody is just ending or beginning
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


STREAM = '[{"type": "stream"}]'
HANDED = {"supervisor": 2, "collector": 2, "server": 0}
NOT_HANDED = dict.fromkeys(HANDED, 0)


@pytest.mark.parametrize("targets", ["", '[{"type": "dogstatsd"}]'])
def test_nothing_is_kept_open_unless_a_target_writes_there(data, tmp_path, targets):
    run(data, tmp_path / "out", FANLIGHT_TELEMETRY__TARGETS=targets)
    wait_for_holders(data, tmp_path / "out", NOT_HANDED)


def test_for_a_target_a_new_collector_keeps_them_across_deaths(data, tmp_path):
    out = tmp_path / "out"
    run(data, out, FANLIGHT_TELEMETRY__TARGETS=STREAM)
    wait_for_holders(data, out, HANDED)
    # The next one keeps them as well.
    killed = collector(data)
    os.kill(killed, signal.SIGKILL)
    deadline_s = time.monotonic() + 60
    while collector(data) in (None, killed):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    wait_for_holders(data, out, HANDED)


def test_a_collector_that_runs_is_handed_nothing(data, tmp_path):
    run(data, tmp_path / "first")
    run(data, tmp_path / "second", FANLIGHT_TELEMETRY__TARGETS=STREAM)
    wait_for_holders(data, tmp_path / "second", NOT_HANDED)
