"""`fanlight run` finds its program and a collector, and says what it has to where somebody hears it."""

import io
import os
import shlex
import socket
import subprocess
import sys

import pytest

import fanlight
from fanlight import config
from fanlight.cli import run
from fanlight.cli.failures import UsageError

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")
SOURCES = os.path.dirname(fanlight.__path__[0])


def program(place, text="echo served"):
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return place


@pytest.mark.parametrize("path", [":/bin", "/bin:", "/bin::/usr/bin"])
def test_an_empty_place_in_path_is_the_current_directory(tmp_path, monkeypatch, path):
    program(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    found, code = run.find("mine", path)
    assert code == 0
    assert os.path.samefile(found, tmp_path / "mine")


def test_what_cannot_be_executed_is_passed_over_for_what_can(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "mine").write_text("")
    right = program(tmp_path / "b" / "mine")
    assert run.find("mine", f"{tmp_path}/a:{tmp_path}/b") == (str(right), 0)


@pytest.mark.parametrize("word", ["-data", "-x", "--", "---data"])
def test_a_single_dash_begins_no_option_of_ours(word):
    with pytest.raises(UsageError):
        run.read([word] if word == "--" else [word, "d", "ls"])


def test_a_collector_of_the_users_or_the_machines_is_found(tmp_path):
    settings = config.load({"data": str(tmp_path / "data")}, directory="/")
    (tmp_path / "fanlight").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "fanlight" / "collector.sock"))
        listener.listen(1)
        found = run.elsewhere(settings, {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert found == str(tmp_path / "fanlight" / "collector.sock")


def test_without_a_server_here_it_reports_to_the_machines_and_notes_no_program(tmp_path):
    (tmp_path / "fanlight").mkdir()
    place = str(tmp_path / "fanlight" / "collector.sock")
    mine = program(tmp_path / "mine", f'ls "{tmp_path}/data/run/programs"; echo $FANLIGHT_SOCKET')
    # No site: an interpreter that has us and no library.
    environ = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path), "PYTHONPATH": SOURCES}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen(1)
        command = [sys.executable, "-S", "-m", "fanlight", "run", "--data", f"{tmp_path}/data", str(mine)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{place}\n", "")


def test_a_stream_that_has_no_descriptor_is_written_to(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    run.tell("no collector here")
    assert "no collector here" in stream.getvalue()


def test_a_program_runs_though_its_stderr_is_closed_and_we_have_something_to_say(tmp_path):
    environ = {**os.environ, "FANLIGHT_SERVCE": "x", "FANLIGHT_DATA": str(tmp_path / "data")}
    command = shlex.join([*FANLIGHT, "run", str(program(tmp_path / "mine"))])
    done = subprocess.run(
        ["sh", "-c", f"exec {command} 2>&-"], env=environ, stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"served\n")


def test_another_socket_is_told_to_whoever_asked_for_one(tmp_path):
    data = str(tmp_path / "data")
    environ = {**os.environ, "FANLIGHT_LISTEN": "127.0.0.1:0", "FANLIGHT_DATA": data}

    def said(**more):
        command = [*FANLIGHT, "run", str(program(tmp_path / "mine"))]
        done = subprocess.run(
            command, env={**environ, **more}, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stdout == "served\n"
        return done.stderr

    first = str(tmp_path / "first.sock")
    try:
        assert "already runs" not in said(FANLIGHT_SOCKET=first)
        assert "already runs" not in said()
        assert f"listens on {first}" in said(FANLIGHT_SOCKET=str(tmp_path / "other.sock"))
    finally:
        subprocess.run([*FANLIGHT, "stop"], env=environ, check=True, capture_output=True, timeout=60)


def test_who_serves_in_the_foreground_is_not_told_of_the_programs_that_run(tmp_path):
    """It stays anyway: a note of a program would be there for nobody."""
    data = str(tmp_path / "data")
    environ = {**os.environ, "FANLIGHT_LISTEN": "127.0.0.1:0", "FANLIGHT_DATA": data}
    told = subprocess.Popen(
        [*FANLIGHT, "serve", "--json"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert told.stdout.readline()
        mine = program(tmp_path / "mine", f'ls "{data}/run/programs"')
        command = [*FANLIGHT, "run", str(mine)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (0, "")
    finally:
        told.terminate()
        told.wait(60)
        told.stdout.close()
