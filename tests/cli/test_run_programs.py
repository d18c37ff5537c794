"""`fanlight run`: what a program gets to see of us, and who tells when it is not traced."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data directory whose Fanlight, if one gets started, is stopped at the end."""
    monkeypatch.setenv("FANLIGHT_LISTEN", "127.0.0.1:0")
    path = str(tmp_path / "data")
    yield path
    assert fanlight("stop", "--data", path).returncode == 0


def fanlight(*arguments, **more):
    return subprocess.run(
        [*FANLIGHT, *arguments], capture_output=True, text=True, timeout=60, check=False, **more
    )


PATIENT = """
import sys
from fanlight.cli import main
from fanlight.pipeline import unseen
unseen.PATIENCE_S = float(sys.argv.pop(1))
sys.exit(main())
"""
"""`fanlight` whose look at a program takes as many seconds as its first argument says."""
LONG_S = "600"
READS = "import sys; sys.stdin.read()"
CASES = {
    "traced": ([sys.executable, "-c", READS], False),
    "its child is": (["sh", "-c", f"{sys.executable} -c 'pass'; cat"], False),
    "isolated": ([sys.executable, "-I", "-c", READS], True),
    "no environment": ([sys.executable, "-E", "-c", READS], True),
    "no site": ([sys.executable, "-S", "-c", READS], True),
    "no Python": (["cat"], True),
    "another's": (["env", "PYTHONPATH=/nowhere", sys.executable, "-c", READS], True),
}


def wait_for(condition):
    deadline_s = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def run_patiently(patience_s, data, *command):
    return [sys.executable, "-P", "-c", PATIENT, patience_s, "run", "--data", data, *command]


@pytest.mark.parametrize("name", CASES)
def test_when_no_python_has_loaded_the_agent_one_line_says_why_it_may_be(data, name):
    command, is_told = CASES[name]
    fanlight("run", "--data", data, "true")
    pipes = dict.fromkeys(("stdin", "stderr"), subprocess.PIPE)
    run = run_patiently("1" if is_told else LONG_S, data, "--", *command)
    with subprocess.Popen(run, text=True, **pipes) as program:
        assert program.stderr.readline().startswith("Fanlight: http://")
        if is_told:
            line = program.stderr.readline()
            assert "has loaded the agent in 1 s; known reasons: python -I, -E or -S; another" in line
        else:
            # The first Python takes the file away.
            wait_for(lambda: not os.listdir(f"{data}/run/unseen"))
        program.stdin.close()
        assert program.stderr.read() == ""
    assert program.returncode == 0
    assert os.listdir(f"{data}/run/unseen") == []


def test_a_program_that_ends_before_the_look_is_over_is_told_of_nothing(data):
    fanlight("run", "--data", data, "true")
    done = subprocess.run(
        run_patiently(LONG_S, data, "sleep", "0.2"),
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("Fanlight: http://")
    assert os.listdir(f"{data}/run/unseen") == []


def test_who_looks_is_gone_with_the_program(data):
    fanlight("run", "--data", data, "true")
    run = run_patiently(LONG_S, data, "sleep", "0.5")
    # The end of its output is waited for here, and that comes only when nobody holds it.
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def lookers(data):
    """Answer the processes of `fanlight run` for a data directory that did not become CMD."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[3:7] == [b"fanlight", b"run", b"--data", os.fsencode(data)]:
            found.append(int(path.parent.name))
    return found


def held(pid):
    """Answer what a process has open by descriptor, without one by which it waits for a process."""
    links = {}
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # just being closed
            links[int(path.name)] = os.readlink(path)
    return {number: link for number, link in links.items() if "pidfd" not in link}


def test_who_looks_keeps_nothing_of_the_program_but_stderr(data, tmp_path):
    fanlight("run", "--data", data, "true")
    reading, writing = os.pipe()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        [*FANLIGHT, "run", "--data", data, "--", "sh", "-c", "echo up; read line"],
        **pipes,
        pass_fds=[writing],
        cwd=tmp_path,
        text=True,
    ) as process:
        assert process.stdout.readline() == "up\n"
        (looker,) = lookers(data)
        try:
            kept = {0: os.devnull, 1: os.devnull, 2: os.readlink(f"/proc/{process.pid}/fd/2")}
            deadline_s = time.monotonic() + 60
            while held(looker) != kept and time.monotonic() < deadline_s:
                time.sleep(0.01)
            assert held(looker) == kept
            assert os.readlink(f"/proc/{looker}/cwd") == "/"
            # What a terminal or a manager sends to the program's group is not for it.
            assert os.getsid(looker) != os.getsid(process.pid)
        finally:
            process.communicate("end\n")
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"],
        ["-m", "unittest", "-q", "test_it"],
        ["manage.py", "test"],
    ],
)
def test_under_a_test_runner_nothing_is_started_said_or_loaded(tmp_path, words):
    (tmp_path / "test_it.py").write_text(
        "import sys, unittest\n"
        "class Test(unittest.TestCase):\n"
        "    def test_nothing_of_us_is_here(self):\n"
        "        self.assertNotIn('fanlight', sys.modules)\n"
    )
    (tmp_path / "manage.py").write_text("import unittest; unittest.main('test_it', argv=['manage'])\n")
    command = [sys.executable, *words]
    plain = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    done = fanlight("run", "--data", str(tmp_path / "data"), "--", *command, cwd=tmp_path)
    assert (done.returncode, plain.returncode) == (0, 0), done.stderr
    digits = re.compile(r"[0-9.]+s")
    for mine, theirs in ((done.stdout, plain.stdout), (done.stderr, plain.stderr)):
        assert digits.sub("", mine) == digits.sub("", theirs)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--data", "theirs", "-x", "--", "--socket=y"],
        ["-h", "--service", "--json", "-m", "--version"],
    ],
)
def test_options_behind_cmd_reach_cmd_whatever_they_are_called(data, tmp_path, words):
    program = tmp_path / "shows"
    program.write_text('#!/bin/sh\nfor word; do echo "$word"; done\n')
    program.chmod(0o755)
    for dashes in ([], ["--"]):
        done = fanlight("run", "--data", data, *dashes, str(program), *words)
        assert (done.returncode, done.stdout.splitlines()) == (0, words)


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGXFSZ])
def test_a_signal_that_python_ignores_ends_a_program_as_ever(data, number):
    done = fanlight("run", "--data", data, "sh", "-c", f"ulimit -c 0; kill -{int(number)} $$; echo alive")
    assert (done.returncode, done.stdout) == (-number, "")


def test_help_of_a_real_server_is_its_own(data):
    done = fanlight("run", "--data", data, "gunicorn", "--help", env={**os.environ, "PATH": scripts()})
    assert done.returncode == 0
    assert done.stdout.startswith("usage: gunicorn")


def scripts():
    """Answer a PATH that begins with the scripts of this Python's environment."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def test_what_is_started_from_within_a_traced_program_is_not_traced(data, tmp_path):
    within = str(tmp_path / "within")
    command = " ".join([*FANLIGHT, "run", "--data", within, "true"])
    try:
        assert fanlight("run", "--data", data, "sh", "-c", command).returncode == 0
        state = json.loads(Path(within, "run", "fanlight.json").read_text())
        variables = Path(f"/proc/{state['pids']['supervisor']}/environ").read_bytes().split(b"\0")
        assert not any(b"/run/inject" in one for one in variables if one.startswith(b"PYTHONPATH="))
        assert not any(one.startswith(b"FANLIGHT_INTERNAL_UNSEEN=") for one in variables)
        assert state["socket"] == f"{within}/run/collector.sock"
    finally:
        assert fanlight("stop", "--data", within).returncode == 0
