"""What a running `fanlight serve` does when its lock, its socket or all of its data is deleted."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fanlight.cli.client import Client
from fanlight.errors import FanlightError
from fanlight.pipeline import directory

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")


def wait_for(what, within_s=120.0):
    deadline_s = time.monotonic() + within_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)


def fanlight(*arguments):
    return subprocess.run([*FANLIGHT, *arguments], capture_output=True, text=True, timeout=90, check=False)


def pids(data):
    return (directory.read_state(data) or {}).get("pids", {})


def status(data):
    """Answer the status once collector and server both answer."""
    with suppress(FanlightError):
        found = Client(data, 5).get("/api/status")
        return found if found["collector"] else None


@pytest.fixture
def data(tmp_path):
    return str(tmp_path / "data")


@contextmanager
def serve(data):
    command = [*FANLIGHT, "serve", "--data", data, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: status(data))
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def files(data):
    for name in ("lock", "server.sock"):
        os.unlink(directory.run_file(data, name))


def run(data):
    shutil.rmtree(directory.run_file(data, ""))


def everything(data):
    # The collector writes while it is deleted: as with `rm -rf`, a second look takes the rest.
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)


@pytest.mark.parametrize("delete", [files, run, everything])
def test_what_was_pulled_away_is_put_back_by_the_same_supervisor(data, delete):
    with serve(data) as process:
        before = pids(data)
        delete(data)
        wait_for(lambda: pids(data).get("server") not in (None, before["server"]))
        after = pids(data)
        assert (after["supervisor"], after["collector"]) == (process.pid, before["collector"])
        wait_for(lambda: status(data))
        done = fanlight("endpoints", "--json", "--data", data)
        assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
        assert directory.take_lock(data) is None
        for folder in (data, directory.run_file(data, "")):
            assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700, folder
        assert fanlight("stop", "--data", data).returncode == 0
        assert process.wait(60) == 0
        assert process.stderr.read().count("took it anew") == 1


def test_where_another_one_holds_the_lock_by_then_it_leaves_and_takes_nothing_along(data):
    with serve(data) as process:
        child = pids(data)["collector"]
        run(data)
        directory.prepare(data)
        lock = directory.take_lock(data)
        theirs = {"pids": {"supervisor": os.getpid()}}
        directory.write_state(data, theirs)
        # A child that dies is no reason to say whose this is.
        os.kill(child, signal.SIGKILL)
        assert process.wait(60) == 5
        assert process.stderr.read().count("another Fanlight holds it now; leaving") == 1
        assert directory.read_state(data) == theirs
        os.close(lock)


def test_after_the_next_command_came_first_exactly_one_serves(data, monkeypatch):
    monkeypatch.setenv("FANLIGHT_LISTEN", "127.0.0.1:0")
    with serve(data) as first:
        files(data)
        done = fanlight("endpoints", "--json", "--data", data)
        assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
        wait_for(lambda: first.poll() is not None or pids(data).get("supervisor") == first.pid)
        wait_for(lambda: status(data))
        assert directory.take_lock(data) is None
        assert fanlight("stop", "--data", data).returncode == 0


def test_one_in_the_background_does_so_too_and_writes_its_log_where_people_look(data, monkeypatch):
    monkeypatch.setenv("FANLIGHT_LISTEN", "127.0.0.1:0")
    assert fanlight("run", "--data", data, "true").returncode == 0
    wait_for(lambda: status(data))
    before = pids(data)
    run(data)
    wait_for(lambda: pids(data).get("server") not in (None, before["server"]))
    assert pids(data)["supervisor"] == before["supervisor"]
    wait_for(lambda: status(data))
    assert "took it anew" in Path(data, "run", "fanlight.log").read_text()
    assert fanlight("stop", "--data", data).returncode == 0


@pytest.mark.parametrize("garbage", ["", "{", '{"pids": {"supervisor": 1}, "listen": "127.0.0.1:1"}', None])
def test_a_state_file_that_was_spoilt_is_written_again(data, garbage):
    with serve(data):
        path = Path(directory.run_file(data, "fanlight.json"))
        before = json.loads(path.read_text())
        path.unlink() if garbage is None else path.write_text(garbage)
        wait_for(lambda: directory.read_state(data) == before)


def test_a_state_file_without_room_is_told_once_and_written_when_there_is(data):
    # A directory in its place keeps it from being written, as a full disk does, for root too.
    with serve(data) as process:
        before = pids(data)
        blocked = Path(directory.run_file(data, "fanlight.json.new"))
        blocked.mkdir()
        os.kill(before["collector"], signal.SIGKILL)
        for line in process.stderr:
            if "cannot be written, trying again" in line:
                break
        wait_for(lambda: status(data))
        assert pids(data) == before
        blocked.rmdir()
        wait_for(lambda: pids(data).get("collector") not in (None, before["collector"]))
        assert pids(data)["collector"] == status(data)["collector"]["pid"]
        process.send_signal(signal.SIGTERM)
        told = process.stderr.read()
        assert (told.count("cannot be written"), told.count("is written again")) == (0, 1)


def test_stop_follows_a_state_file_that_named_a_dead_one_at_first(data):
    with serve(data) as process:
        state = directory.read_state(data)
        gone = subprocess.Popen(["true"])
        gone.wait()
        directory.write_state(data, {**state, "pids": {"supervisor": gone.pid}})
        assert fanlight("stop", "--data", data).returncode == 0
        assert process.wait(60) == 0
