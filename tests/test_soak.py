"""The long tests' runner, on a small project of its own: the order, what it tells, and what ^C leaves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import soak

PROJECT = """
[tool.pytest.ini_options]
addopts = "--import-mode=importlib -m 'not soak'"
junit_family = "xunit1"
markers = ["soak: takes long"]
"""
SHORT = """
import pytest

pytestmark = pytest.mark.soak  # what tells of pytest.mark.soak is looked at

def test_it_holds(record_property):
    record_property("measured", "3 MiB")
    record_property("limit", "5 MiB")

def test_it_lasts():
    pass
"""
BREAKS = """
import pytest

@pytest.mark.soak
@pytest.mark.parametrize("number", [1, 2])
def test_it_breaks(number):
    assert number == 1

def test_it_is_short():
    raise AssertionError("nobody asked for it")
"""
HANGS = """
import pytest, signal

@pytest.mark.soak
def test_it_hangs():
    open("begun", "w").close()
    signal.pause()
"""
IDLE = """
import pytest

@pytest.mark.soak
def test_an_idle_fanlight_costs_next_to_nothing():
    pass
"""
ROW = "| {what} | 1 | 1 | {took} | | | 2026-01-31 10:05 | `tests/test_short.py::test_{name}` |\n"


def project(folder: Path, **tests: str) -> None:
    """Write a project with these files of tests, in which the page tells how long two of them took."""
    for path in (Path(soak.__file__), Path(soak.__file__).with_name("soak_page.py")):
        (folder / "tools").mkdir(exist_ok=True)
        shutil.copy(path, folder / "tools")
    (folder / "pyproject.toml").write_text(PROJECT)
    for name, text in tests.items():
        path = folder / "tests" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    page = folder / "docs" / "reference" / "soak.md"
    page.parent.mkdir(parents=True)
    rows = {"it_holds": "12 s", "it_lasts": "11 min", "is_gone": "1 s"}
    page.write_text(
        "".join(ROW.format(what=name.replace("_", " "), name=name, took=took) for name, took in rows.items())
    )


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(folder / "tools" / "soak.py"), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_it_tells_what_begins_what_came_of_it_and_what_is_left_the_longest_first(tmp_path: Path) -> None:
    project(tmp_path, test_short=SHORT, e2e__test_idle=IDLE)
    run = started(tmp_path, "--page")
    lines = run.communicate()[0].splitlines()
    assert run.returncode == 0, lines
    told = [line.partition(" ")[2] for line in lines]
    idle = "an idle fanlight costs next to nothing"
    # That one alone; then the one that took longest.
    assert told[0] == "3 tests, 3 cases, 2 at a time; 3 left to begin, 16 min by last time"
    assert told[1] == f"begins: {idle}, 10 min last time"
    assert told[2].startswith(f"passed [1 of 3]: {idle}, 1 of 1 in ")
    assert told[2].endswith("; 2 left to begin, 336 s by last time")
    assert told[3:5] == ["begins: it lasts, 11 min last time", "begins: it holds, 12 s last time"]
    assert {told[5].partition(",")[0][16:], told[6].partition(",")[0][16:]} == {" it lasts", " it holds"}
    assert lines[lines.index("    3 MiB") + 1] == "    limit: 5 MiB"
    page = (tmp_path / "docs" / "reference" / "soak.md").read_text()
    assert "3 tests with 3 cases, of which\n3 passed" in page
    assert "| 3 MiB | 5 MiB |" in page
    assert "gone" not in page


def test_what_fails_is_told_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    project(tmp_path, test_short=SHORT, test_breaks=BREAKS)
    run = started(tmp_path, "-k", "breaks or holds")
    out = run.communicate()[0]
    assert run.returncode == 1
    assert "FAILED [" in out
    assert "it breaks, 1 of 2 in" in out
    assert "E   assert 2 == 1" in out
    assert "2 of 2 tests in" in out
    assert "1 failed, 0 not finished" in out
    assert "nobody asked" not in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_finished_is_told_and_written_when_it_is_broken_off(tmp_path: Path, number: int) -> None:
    project(tmp_path, test_short=SHORT, test_hangs=HANGS)
    os.mkfifo(tmp_path / "begun")
    run = started(tmp_path, "--page", "-k", "hangs or holds")
    assert run.stdout
    seen = ""
    while "passed [1 of 2]: it holds" not in seen:
        line = run.stdout.readline()
        assert line, seen
        seen += line
    assert (tmp_path / "begun").read_text() == ""
    run.send_signal(number)
    out = run.communicate()[0]
    assert run.returncode == 130, out
    rows = [line.split() for line in out.splitlines()]
    assert ["it", "holds", "1", "1"] in [row[:4] for row in rows]
    assert ["it", "hangs", "0", "0"] in [row[:4] for row in rows if row[-2:] == ["broken", "off"]]
    assert "0 failed, 1 not finished" in out
    page = (tmp_path / "docs" / "reference" / "soak.md").read_text()
    assert "| 3 MiB | 5 MiB |" in page
    assert "it lasts | 1 | 1 | 11 min" in page
    assert "hangs" not in page


def test_nothing_to_run_is_an_error(tmp_path: Path) -> None:
    project(tmp_path, test_short=SHORT)
    command = [sys.executable, str(tmp_path / "tools" / "soak.py"), "-k", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "there is nothing to run" in done.stderr


@pytest.mark.parametrize("proof", soak.ALONE)
def test_what_runs_alone_is_there(proof: str) -> None:
    file, _, function = proof.partition("::")
    assert f"def {function}(" in (soak.ROOT / file).read_text()
