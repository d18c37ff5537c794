"""The commands about settings: a file to begin with, what holds and why, completion in shells."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from fanlight import config
from fanlight.cli.commands import COMMANDS

COMMENTED = re.compile(r"^# (?=[a-z_.]+ = )", re.MULTILINE)


@pytest.fixture
def place(tmp_path):
    """A user and a project of their own."""
    (tmp_path / "home").mkdir()
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("FANLIGHT_", "XDG_"))
    }
    return folder, {**environ, "HOME": str(tmp_path / "home")}


def fanlight(place, *words, **variables):
    folder, environ = place
    return subprocess.run(
        [sys.executable, "-P", "-m", "fanlight", *words],
        cwd=folder,
        env={**environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_init_writes_a_file_that_changes_nothing(place):
    folder, environ = place
    before = [(key, value) for key, value, _ in config.load({}, environ, str(folder))]
    assert fanlight(place, "init").returncode == 0
    text = (folder / "fanlight.toml").read_text()
    assert all(not line or line.startswith("#") for line in text.splitlines())
    assert [(key, value) for key, value, _ in config.load({}, environ, str(folder))] == before


def test_every_key_stands_in_the_file_and_each_line_alone_can_be_taken(place):
    folder, environ = place
    text = fanlight(place, "init", "--stdout").stdout
    assert not (folder / "fanlight.toml").exists()
    lines = [line for line in text.splitlines() if COMMENTED.match(line)]
    trusted = {**environ, "FANLIGHT_TRUST": str(folder)}
    for line in lines:
        (folder / "fanlight.toml").write_text(text.replace(line, line.removeprefix("# ")))
        config.load({}, trusted, str(folder))
    whole = config.files.flatten(tomllib.loads(COMMENTED.sub("", text).partition("\n# [env")[0]))
    assert {config.ALIASES.get(name, name) for name in whole} == set(config.KEYS) - {"trust"}


def test_the_defaults_in_the_file_are_the_defaults(place):
    folder, environ = place
    text = fanlight(place, "init", "--stdout").stdout
    (folder / "fanlight.toml").write_text(COMMENTED.sub("", text).partition("\n# [env")[0])
    trusted = {**environ, "FANLIGHT_TRUST": str(folder)}
    plain, written = config.load({}, environ, "/"), config.load({}, trusted, str(folder))
    examples = {"data", "dsn", "log", "release", "service", "socket", "store", "strategy", "trust"}
    examples |= {"report.ca_file", "report.token_file"}
    assert {key for key, value, _ in plain if value != written[key]} <= examples


@pytest.mark.parametrize("made", ["file", "link"])
def test_init_never_overwrites(place, made):
    folder, _ = place
    path = folder / "fanlight.toml"
    if made == "file":
        path.write_text("service = 'mine'\n")
    else:
        path.symlink_to(folder / "elsewhere")
    done = fanlight(place, "init")
    assert (done.returncode, done.stdout) == (4, "")
    assert f"{path} is there already" in done.stderr
    assert not (folder / "elsewhere").exists()
    assert made == "link" or path.read_text() == "service = 'mine'\n"


def test_init_hides_no_table_in_pyproject(place):
    folder, _ = place
    (folder / "pyproject.toml").write_text("[tool.fanlight]\nservice = 'mine'\n")
    done = fanlight(place, "init")
    assert done.returncode == 4
    assert "would hide all of it" in done.stderr
    assert not (folder / "fanlight.toml").exists()


def test_config_show_tells_who_set_each_value(place):
    folder, _ = place
    (folder / "fanlight.toml").write_text(
        'service = "shop"\n[env.live]\nsample = 0.5\nstore.spans_per_s = 9\n[env.test]\n'
    )
    done = fanlight(
        *(place, "config", "show", "--json", "--data", str(folder)),
        FANLIGHT_ENV="live",
        FANLIGHT_STORE__SPANS_PER_S="10",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["environment"], found["sections"]) == ("live", ["live"])
    rows = {row["key"]: (row["value"], row["origin"]) for row in found["settings"]}
    assert rows["data"] == (str(folder), "--data")
    assert rows["service"] == ("shop", f"{folder}/fanlight.toml:1")
    assert rows["sample"] == (0.5, f"{folder}/fanlight.toml:3")
    assert rows["store.spans_per_s"] == (10, "FANLIGHT_STORE__SPANS_PER_S")
    assert rows["leave_after_s"] == (60, "default")
    assert rows["trust"] == ([], "default")
    assert rows["ignore"] == (list(config.KEYS["ignore"].default), "default")
    assert rows.keys() == config.KEYS.keys()


def test_config_show_is_a_table_for_people_and_hides_a_token(place):
    done = fanlight(place, "config", "show", FANLIGHT_DSN="https://hunter2@fanlight.example:7700")
    assert "hunter2" not in done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("dsn ")]
    assert line.split() == ["dsn", "https://<redacted>@fanlight.example:7700", "FANLIGHT_DSN"]


def test_a_section_that_no_file_has_is_told_with_the_nearest(place):
    folder, _ = place
    (folder / "fanlight.toml").write_text("[env.production]\nsample = 0.5\n")
    done = fanlight(place, "config", "show", FANLIGHT_ENV="prodution")
    assert done.returncode == 0
    assert "no file has a section [env.prodution]; did you mean 'production'?" in done.stderr


def test_a_fault_in_a_file_ends_config_show_with_its_own_code(place):
    folder, _ = place
    (folder / "fanlight.toml").write_text("\nservce = 'x'\n")
    done = fanlight(place, "config", "show")
    assert (done.returncode, done.stdout) == (4, "")
    assert f"{folder}/fanlight.toml:2; did you mean 'service'?" in done.stderr


COMPLETE = {
    "bash": "source {script}; COMP_WORDS=({words}); COMP_CWORD={at}; _fanlight; "
    "printf '%s\\n' \"${{COMPREPLY[@]}}\"",
    "fish": "source {script}; complete -C {line}",
}


def completed(place, shell, *words):
    """Answer what a shell offers for the last of the words behind `fanlight`."""
    folder, environ = place
    script = folder / f"completion.{shell}"
    script.write_text(fanlight(place, "completion", shell).stdout)
    quoted = " ".join(f"'{word}'" for word in ["fanlight", *words])
    line = "'" + " ".join(["fanlight", *words]) + "'"
    code = COMPLETE[shell].format(script=script, words=quoted, at=len(words), line=line)
    bare = ["--norc", "-c"] if shell == "bash" else ["--no-config", "-c"]
    done = subprocess.run(
        [shutil.which(shell), *bare, code],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return {row.partition("\t")[0].strip() for row in done.stdout.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_shell_completes_commands_options_and_choices(place, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    assert COMMANDS.keys() <= completed(place, shell, "")
    assert completed(place, shell, "st") >= {"status", "stop"}
    assert "--json" in completed(place, shell, "status", "--")
    assert "--service" in completed(place, shell, "run", "--s")
    assert "show" in completed(place, shell, "config", "s")
    assert "ls" in completed(place, shell, "run", "l") or shell == "fish"


def test_zsh_reads_the_script_and_has_the_same_words(place):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    folder, environ = place
    script = folder / "_fanlight"
    script.write_text(fanlight(place, "completion", "zsh").stdout)
    # The line editor is not there without a terminal: what it would be given is taken instead.
    code = f"""
    compdef() {{ :; }}
    source {script}
    _describe() {{ print -l -- $found }}
    compadd() {{ shift; print -l -- $@ }}
    _files() {{ :; }}
    words=(fanlight ''); CURRENT=2; _fanlight
    words=(fanlight status --); CURRENT=3; PREFIX=--; _fanlight
    """
    done = subprocess.run(
        ["zsh", "-f", "-c", code], env=environ, capture_output=True, text=True, timeout=120, check=True
    )
    lines = done.stdout.splitlines()
    assert {line.partition(":")[0] for line in lines} >= {*COMMANDS, "--json", "--data", "--help"}


def test_completion_of_an_unknown_shell_is_a_usage_error(place):
    done = fanlight(place, "completion", "tcsh")
    assert done.returncode == 2
    assert "bash" in done.stderr
