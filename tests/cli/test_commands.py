"""Every command: its help, its manners when asked wrongly, and what its failures look like."""

import json
import os
import re
import subprocess
import sys

import pytest

from fanlight import __version__, errors
from fanlight.cli import failures
from fanlight.cli.commands import COMMANDS
from fanlight.cli.failures import UsageError

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")


def fanlight(*arguments, **more):
    return subprocess.run(
        [*FANLIGHT, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        **more,
    )


ALONE = {"completion", "describe", "formats", "init", "parse", "time-gaps"}
"""Commands that talk to no running Fanlight and look at none of its data."""


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself_examples_first(name):
    done = fanlight(name, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert f"fanlight {name}" in done.stdout
    assert ("--data" in done.stdout) is (name not in ALONE)


def test_the_list_of_commands_names_every_one():
    said = fanlight("--help").stdout
    assert [name for name in COMMANDS if f"\n  {name} " not in said] == []
    assert fanlight().stdout == said
    assert fanlight("help", "trace").stdout == fanlight("trace", "--help").stdout


def test_the_version_is_said_without_loading_anything():
    code = (
        "import sys; before = set(sys.modules); from fanlight.cli import main; main(['--version']);"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    version, modules = done.stdout.splitlines()
    assert version == f"fanlight {__version__}"
    assert eval(modules) == ["__future__", "fanlight", "fanlight.cli"]


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["endpoint"], "'endpoints'"),
        (["--verison"], "'--version'"),
        (["endpoints", "--jsn"], "'--json'"),
        (["run", "--servce", "x", "true"], "'--service'"),
        (["setup-server", "--dryrun"], "'--dry-run'"),
        (["serve", "--lisen", ":0"], "'--listen'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(arguments, nearest):
    done = fanlight(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"did you mean {nearest}?" in done.stderr
    assert len(done.stderr.splitlines()) <= 4


@pytest.mark.parametrize(
    "arguments",
    [["trace"], ["run"], ["run", "--data"], ["--data", "x"], ["endpoints", "x"], ["demo", "--for", "soon"]],
)
def test_a_command_line_that_lacks_something_is_a_usage_error(arguments):
    done = fanlight(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("fanlight: ")


@pytest.mark.parametrize(
    "command", [["endpoints"], ["trace", "0" * 32], ["open", "--print"], ["status", "--json"]]
)
def test_where_nothing_runs_and_nothing_is_kept_asking_ends_with_3(tmp_path, command):
    done = fanlight(*command, "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (3, "")
    assert f"fanlight run --data {tmp_path}/data CMD" in done.stderr
    assert not (tmp_path / "data").exists()


def test_wrong_settings_end_with_4_and_name_who_set_them(tmp_path):
    done = fanlight("status", env={**os.environ, "FANLIGHT_SERVCE": "x"})
    assert done.returncode == 4
    assert "did you mean 'FANLIGHT_SERVICE'" in done.stderr


def test_a_data_directory_that_cannot_be_used_ends_with_6():
    done = fanlight("serve", "--data", "/proc/fanlight")
    assert done.returncode == 6
    assert "/proc/fanlight" in done.stderr
    assert len(done.stderr.splitlines()) <= 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--store", "duckbd:x"], "did you mean 'duckdb'?"),
        (["--store", "postgres:x"], "known: duckdb, memory"),
        (["--store", "memory"], "SCHEME:PLACE"),
        (["--listen", "0.0.0.0:0"], "--insecure-listen"),
        (["--listen", "7700"], "HOST:PORT"),
        (["--socket", "/" + "s" * 200], "--socket PATH"),
    ],
)
def test_serve_refuses_what_it_cannot_do_before_it_does_anything(tmp_path, arguments, words):
    done = fanlight("serve", "--data", str(tmp_path / "data"), *arguments)
    assert (done.returncode, done.stdout) == (4, "")
    assert words in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (errors.UnreachableError("x"), 3),
        (errors.ConfigError("x"), 4),
        (errors.StoreError("x"), 5),
        (errors.SpoolError("x"), 5),
        (PermissionError(13, "no"), 6),
        (OSError(30, "Read-only file system"), 6),
        (errors.MissingExtraError("x"), 1),
        (ZeroDivisionError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_failure_has_its_exit_code_and_no_traceback(error, code, capsys):
    assert failures.report(error, []) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) <= 4


def test_an_error_quotes_harmlessly_and_briefly(capsys):
    failures.report(errors.ConfigError("bad \x1b[2J\u202e\nhow\nto\nmend\nand more"), [])
    assert capsys.readouterr().err == "fanlight: bad ␛[2J<U+202E>\nhow\nto\nmend\n"


def test_a_traceback_is_shown_to_whoever_asks_for_it(tmp_path):
    asked = [*FANLIGHT, "-vv", "status", "--data", str(tmp_path)]
    assert "Traceback" in subprocess.run(asked, capture_output=True, text=True, check=False).stderr
    done = fanlight("status", "--data", str(tmp_path), env={**os.environ, "FANLIGHT_DEBUG": "1"})
    assert "Traceback" in done.stderr


def test_a_reader_that_has_enough_is_not_complained_to():
    done = subprocess.run(
        f"{' '.join(FANLIGHT)} serve --help | true", shell=True, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_without_the_extra_the_error_contains_the_command(tmp_path):
    """An environment that has only what `pip install fanlight` brings."""
    source = os.path.dirname(os.path.dirname(failures.__file__))
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "fanlight").symlink_to(source)
    environ = {"PYTHONPATH": str(tmp_path / "bare"), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [os.path.realpath(sys.executable), "-S", "-m", "fanlight"]

    def bare(*arguments):
        return subprocess.run(
            [*command, *arguments], env=environ, capture_output=True, text=True, check=False
        )

    done = bare("endpoints")
    assert done.returncode == 1
    assert "fanlight setup-server" in done.stderr
    assert "pip install 'fanlight[server]'" in done.stderr
    ran = bare("run", "sh", "-c", "echo it ran; exit 7")
    assert (ran.returncode, ran.stdout) == (7, "it ran\n")
    assert "fanlight setup-server" in ran.stderr
    assert bare("setup-server", "--dry-run", "--json").returncode == 0


def test_setting_up_the_server_tells_programs_as_well(tmp_path):
    done = fanlight("setup-server", "--dry-run", "--json", "--data", str(tmp_path / "data"))
    told = json.loads(done.stdout)
    assert told["environment"] == str(tmp_path / "data" / "server-env")
    assert told["installed"] is False
    assert [" ".join(step) for step in told["steps"]] == done.stderr.splitlines()


def test_setting_up_the_server_says_what_it_does(tmp_path):
    done = fanlight("setup-server", "--dry-run", "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (0, "")
    steps = done.stderr.splitlines()
    assert re.search(rf"-m venv {tmp_path}/data/server-env$", steps[0])
    assert re.search(r"pip install .*\[server\]", steps[1])
    assert not (tmp_path / "data").exists()
