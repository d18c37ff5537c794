"""`fanlight run`: CMD's own options, status and signals; one Fanlight however many start at once."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fanlight.cli import run
from fanlight.cli.failures import UsageError
from fanlight.pipeline.directory import take_lock

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data directory whose Fanlight, if one gets started, is stopped at the end."""
    monkeypatch.setenv("FANLIGHT_LISTEN", "127.0.0.1:0")
    path = str(tmp_path / "data")
    yield path
    stopped = subprocess.run([*FANLIGHT, "stop", "--data", path], capture_output=True, text=True, check=False)
    assert stopped.returncode == 0, stopped.stderr


def fanlight(*arguments, **more):
    return subprocess.run(
        [*FANLIGHT, *arguments], capture_output=True, text=True, timeout=60, check=False, **more
    )


@pytest.mark.parametrize(
    ("words", "flags", "command"),
    [
        (["ls", "--data", "x", "-h"], {}, ["ls", "--data", "x", "-h"]),
        (["--data", "d", "--", "--odd", "a"], {"data": "d"}, ["--odd", "a"]),
        (["--data=d", "--socket", "s", "ls", "--", "-x"], {"data": "d", "socket": "s"}, ["ls", "--", "-x"]),
        (["-m", "shop", "-x"], {}, [sys.executable, "-m", "shop", "-x"]),
        (["--service", "a=b", "ls"], {"service": "a=b"}, ["ls"]),
        (["--data", "d", "--help"], {"data": "d"}, None),
        (["-", "a"], {}, ["-", "a"]),
    ],
)
def test_what_stands_behind_cmd_is_cmds_own(words, flags, command):
    assert run.read(words) == (flags, command)


def test_a_mistyped_variable_is_told_and_the_program_runs(tmp_path):
    environ = {**os.environ, "FANLIGHT_SERVCE": "x", "FANLIGHT_DATA": str(tmp_path / "data")}
    done = fanlight("run", sys.executable, "-c", "print('served')", env=environ)
    assert (done.returncode, done.stdout) == (0, "served\n")
    assert "did you mean 'FANLIGHT_SERVICE'" in done.stderr
    assert "running without Fanlight" in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "[tool.fanlight]\nservce = 'x'",
        "[tool.fanlight]\nsample = 7",
        "[tool.fanlight\n",
        "[tool]\nfanlight = 'tool.fanlight'",
        "[tool.fanlight]\nenv = 1",
        "[tool.fanlight]\ndata = '/tmp'",
    ],
)
def test_a_broken_table_of_ours_is_one_line_and_the_program_runs(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    environ = {**os.environ, "FANLIGHT_DATA": str(tmp_path / "data")}
    done = fanlight("run", sys.executable, "-c", "print('served')", env=environ, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "served\n")
    assert done.stderr.count("\n") == 1
    assert f"{tmp_path}/pyproject.toml" in done.stderr
    assert done.stderr.endswith("; running without Fanlight\n")


@pytest.mark.parametrize(
    "words", [[], ["--"], ["--data"], ["--data", "x"], ["-x", "ls"], ["---data", "x", "ls"]]
)
def test_a_line_without_a_program_is_a_usage_error(words):
    with pytest.raises(UsageError, match="usage: fanlight run"):
        run.read(words)


@pytest.mark.parametrize(
    ("program", "code", "words"),
    [
        ("no-such-program", 127, "it is not in PATH"),
        ("./nothing", 127, "there is no such file"),
        ("/etc/passwd", 126, "is not executable"),
        ("/tmp", 126, "is a directory"),
    ],
)
def test_a_program_that_cannot_run_is_told_before_anything_is_started(tmp_path, program, code, words):
    done = fanlight("run", "--data", str(tmp_path / "data"), program)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert program in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_file_that_the_system_does_not_execute_is_told_with_its_exit_code(data, tmp_path):
    odd = tmp_path / "odd"
    odd.write_bytes(bytes(64))
    odd.chmod(0o755)
    done = fanlight("run", "--data", data, str(odd))
    assert done.returncode == 126
    assert done.stderr.endswith(f"fanlight: cannot run {str(odd)!r}: Exec format error\n")


def test_status_output_and_input_are_cmds_own(data):
    done = fanlight("run", "--data", data, "sh", "-c", "cat; echo complaint >&2; exit 7", input="through\n")
    assert (done.returncode, done.stdout) == (7, "through\n")
    assert done.stderr.splitlines()[-1] == "complaint"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_ends_cmd_and_is_seen_from_outside(data, number):
    with subprocess.Popen(
        [*FANLIGHT, "run", "--data", data, "--", "sh", "-c", "echo $$; exec sleep 60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(number)
    assert process.returncode == -number


def test_cmd_gets_its_signals_umask_and_directory_as_it_would_without_us(data, tmp_path):
    code = (
        "import os, signal, json; u = os.umask(0);"
        "print(json.dumps([os.getcwd(), u, open('/proc/self/status').read()]))"
    )
    shown = [
        json.loads(
            subprocess.run(
                [*before, "python3", "-I", "-c", code],
                capture_output=True,
                text=True,
                check=True,
                cwd=tmp_path,
            ).stdout
        )
        for before in ([], [*FANLIGHT, "run", "--data", data])
    ]
    assert shown[0][:2] == shown[1][:2]
    ignored, caught = (
        [re.search(rf"{name}:\s*(\w+)", one[2])[1] for one in shown] for name in ("SigIgn", "SigBlk")
    )
    assert len(set(ignored)) == len(set(caught)) == 1


def test_the_agent_is_put_before_cmd_and_told_where_to_send(data):
    done = fanlight(
        "run",
        "--data",
        data,
        "--service",
        "shop",
        "sh",
        "-c",
        "echo $PYTHONPATH:$FANLIGHT_SOCKET:$FANLIGHT_SERVICE",
    )
    assert done.stdout == f"{data}/run/inject:{data}/run/collector.sock:shop\n"


def test_what_a_projects_file_sets_for_the_agent_is_passed_on(data, tmp_path):
    (tmp_path / "fanlight.toml").write_text('service = "from-file"\nsample = 0.25\n')
    done = fanlight(
        "run", "--data", data, "sh", "-c", "echo $FANLIGHT_SERVICE $FANLIGHT_SAMPLE", cwd=tmp_path
    )
    assert done.stdout == "from-file 0.25\n"


def test_of_what_nobody_set_nothing_is_passed_on(data):
    lines = fanlight("run", "--data", data, "env").stdout.splitlines()
    names = {line.partition("=")[0] for line in lines} - set(os.environ)
    ours = {name for name in names if name.startswith("FANLIGHT_")}
    assert ours == {
        "FANLIGHT_DATA",
        "FANLIGHT_SOCKET",
        "FANLIGHT_INTERNAL_INJECT",
        "FANLIGHT_INTERNAL_UNSEEN",
    }


@pytest.mark.parametrize(
    ("environ", "said"), [({}, "\n"), ({"FANLIGHT_DSN": "https://x@example.com"}, "7.5\n")]
)
def test_what_a_collector_goes_by_is_passed_on_where_there_is_none(data, tmp_path, environ, said):
    (tmp_path / "fanlight.toml").write_text("[telemetry]\nfrequency_s = 7.5\n")
    words = ("sh", "-c", "echo $FANLIGHT_TELEMETRY__FREQUENCY_S")
    done = fanlight("run", "--data", data, *words, cwd=tmp_path, env={**os.environ, **environ})
    assert done.stdout == said


def test_with_a_collector_elsewhere_nothing_is_started(tmp_path):
    environ = {**os.environ, "FANLIGHT_DSN": "unix:///elsewhere/collector.sock"}
    done = fanlight("run", "--data", str(tmp_path / "data"), "sh", "-c", "echo $FANLIGHT_DSN", env=environ)
    assert done.stdout == "unix:///elsewhere/collector.sock\n"
    assert not (tmp_path / "data" / "run" / "lock").exists()


@pytest.mark.parametrize(
    ("environ", "entry", "words"),
    [
        ({"FANLIGHT_DSN": "unix:///c.sock"}, {"type": "dogstatd"}, "did you mean 'dogstatsd'?"),
        (
            {"FANLIGHT_DSN": "unix:///c.sock"},
            {"type": "shop:publish", "formatter": "jsom"},
            "did you mean 'json'?",
        ),
        ({"FANLIGHT_DSN": "https://x@example.com"}, {"type": "stream"}, "expected package.module:callable"),
        (
            {"FANLIGHT_STRATEGY": "embedded"},
            {"type": "shop:publish", "per_worker": True},
            "'per_worker' is for targets of a collector",
        ),
    ],
)
def test_targets_are_checked_at_start_wherever_the_program_reports(tmp_path, environ, entry, words):
    environ = {**os.environ, **environ, "FANLIGHT_TELEMETRY__TARGETS": json.dumps([entry])}
    data = str(tmp_path / "data")
    done = fanlight("run", "--data", data, sys.executable, "-c", "print('served')", env=environ)
    assert (done.returncode, done.stdout) == (0, "served\n")
    assert words in done.stderr


def test_many_at_once_start_one(data):
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: fanlight("run", "--data", data, "true"), range(8)))
    assert [one.returncode for one in runs] == [0] * 8
    assert len({one.stderr for one in runs}) == 1
    assert re.fullmatch(r"Fanlight: http://127\.0\.0\.1:\d+\n", runs[0].stderr)
    assert len(supervisors(data)) == 1
    assert take_lock(data) is None


def supervisors(data):
    """Answer the pids of supervisors of a data directory.

    A child that is just being started still shows its parent's command line; it is left out.
    """
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            parent = (path.parent / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"supervisor" in words and os.fsencode(data) in words:
            found[int(path.parent.name)] = int(parent)
    return [pid for pid, parent in found.items() if parent not in found]


def test_what_it_starts_has_nothing_left_of_the_program(data):
    secret = {**os.environ, "DATABASE_PASSWORD": "hunter2", "KEPT": "yes", "FANLIGHT_KEEP_ENV": "KEPT"}
    assert fanlight("run", "--data", data, "--service", "shop", "true", env=secret).returncode == 0
    (pid,) = supervisors(data)
    names = {
        pair.partition(b"=")[0].decode()
        for pair in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        if pair
    }
    assert "DATABASE_PASSWORD" not in names
    assert {"KEPT", "FANLIGHT_LISTEN", "HOME", "PATH"} <= names
    allowed = {"HOME", "KEPT", "LANG", "PATH"}
    assert {one for one in names - allowed if not one.startswith(("FANLIGHT_", "XDG_"))} == set()
    assert names.isdisjoint({"FANLIGHT_SERVICE", "FANLIGHT_DSN"})
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull
    assert os.readlink(f"/proc/{pid}/fd/1") == os.readlink(f"/proc/{pid}/fd/2") == f"{data}/run/fanlight.log"
    assert os.getsid(pid) != os.getsid(0)
    assert b"hunter2" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_program_finds_no_child_that_it_did_not_start(data):
    code = "import os\ntry:\n    os.waitpid(-1, os.WNOHANG)\nexcept ChildProcessError:\n    print('none')"
    assert fanlight("run", "--data", data, "python3", "-c", code).stdout == "none\n"


def test_a_listening_socket_of_the_program_is_not_kept_open(data):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        fanlight("run", "--data", data, "true", pass_fds=(listener.fileno(),))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 1)


def test_a_taken_port_is_no_obstacle_in_the_background(data, monkeypatch):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("FANLIGHT_LISTEN", wanted)
        done = fanlight("run", "--data", data, "true")
        listen = json.loads(Path(data, "run", "fanlight.json").read_text())["listen"]
    assert done.stderr == f"Fanlight: http://{listen}\n"
    assert listen != wanted


def test_a_stale_file_about_a_dead_one_misleads_nobody(data):
    Path(data, "run").mkdir(parents=True, mode=0o700)
    Path(data).chmod(0o700)
    stale = {"pids": {"supervisor": os.getpid(), "collector": os.getpid()}, "listen": "127.0.0.1:1"}
    Path(data, "run", "fanlight.json").write_text(json.dumps(stale))
    assert fanlight("status", "--data", data).returncode == 3
    stopped = fanlight("stop", "--json", "--data", data)
    assert json.loads(stopped.stdout)["stopped"] is False
    assert "127.0.0.1:1\n" not in fanlight("run", "--data", data, "true").stderr
    assert len(supervisors(data)) == 1


def test_cmd_runs_when_the_data_directory_cannot_be_used():
    done = fanlight("run", "--data", "/proc/nowhere", "sh", "-c", "echo it ran; exit 5")
    assert (done.returncode, done.stdout) == (5, "it ran\n")
    assert "/proc/nowhere" in done.stderr
    assert "running without Fanlight" in done.stderr


def test_when_nobody_uses_it_any_more_it_leaves(data, monkeypatch):
    monkeypatch.setenv("FANLIGHT_LEAVE_AFTER_S", "1")
    fanlight("run", "--data", data, "true")
    deadline_s = time.monotonic() + 60
    while supervisors(data):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    assert not Path(data, "run", "server.sock").exists()
    assert not Path(data, "run", "fanlight.json").exists()


def test_it_stays_while_a_program_runs_that_has_not_sent_anything_yet(data, monkeypatch):
    monkeypatch.setenv("FANLIGHT_LEAVE_AFTER_S", "1")
    with subprocess.Popen(
        [*FANLIGHT, "run", "--data", data, "sleep", "60"], stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stderr.readline().startswith("Fanlight: ")
        (supervisor,) = supervisors(data)
        time.sleep(3)  # thrice the time after which it leaves when there is nobody
        assert supervisors(data) == [supervisor]
        program.kill()
    deadline_s = time.monotonic() + 60
    while supervisors(data):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_with_a_collector_elsewhere_not_even_a_place_to_write_is_needed():
    environ = {
        **os.environ,
        "FANLIGHT_DSN": "unix:///elsewhere/collector.sock",
        "FANLIGHT_DATA": "/proc/nowhere",
    }
    code = "import os, sys; print(os.environ['FANLIGHT_INTERNAL_INJECT'], 'fanlight' in sys.modules)"
    done = fanlight("run", "--service", "x", "--", sys.executable, "-c", code, env=environ)
    folder, loaded = done.stdout.split()
    assert folder.endswith("/fanlight/agent/inject")
    assert loaded == "True"


@pytest.mark.parametrize("mistyped", [{}, {"FANLIGHT_SERVCE": "x"}])
def test_a_pipe_that_nobody_empties_delays_no_program(data, full_pipe, mistyped):
    command = [*FANLIGHT, "run", "--data", data, sys.executable, "-c", "print('served')"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=full_pipe, text=True, env={**os.environ, **mistyped}
    )
    try:
        assert process.communicate(timeout=40)[0] == "served\n"
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
