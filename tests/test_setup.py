"""Setting up says what it cannot do itself, and does nothing twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import setup

ROOT = Path(__file__).resolve().parent.parent


def test_an_interpreter_that_is_too_old_is_told_how_to_name_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit) as left:
        setup.check_interpreter()
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert "needs Python 3.11 or newer" in said
    assert "3.9" in said
    assert "make PYTHON=" in said


def test_the_check_comes_before_anything_that_an_old_interpreter_cannot_read() -> None:
    """Annotations are not evaluated and tomllib is imported later, so 3.7 gets as far as the check."""
    text = (ROOT / "tools" / "setup.py").read_text()
    compile(text, "setup.py", "exec", dont_inherit=True)
    assert "from __future__ import annotations" in text
    assert "\nimport tomllib" not in text


def test_without_the_right_to_install_it_says_which_packages_and_how(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not setup.system(["chromium"], "testing the pages")
    said = capsys.readouterr().err
    assert "testing the pages needs system packages: chromium" in said
    assert "sudo apt-get install chromium" in said


def test_a_server_is_found_where_its_package_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "some-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert setup.server("some-server") == str(program)
    assert setup.server("no-such-server") == ""


def test_a_second_run_does_nothing_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stamp of the whole set-up also serves the demo's, which is a part of it."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    asked: list[list[str]] = []

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        (tmp_path / ".venv").mkdir(exist_ok=True)
        if "--target" in command:
            Path(command[command.index("--target") + 1]).mkdir(parents=True)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", pip)
    setup.install("develop", tmp_path)
    assert any(each.startswith("pytest") for command in asked for each in command)
    assert any(str(tmp_path / ".venv" / "versions" / "sqlalchemy-1.4") in command for command in asked)
    assert any(each.startswith("uwsgi") for command in asked for each in command)
    runs = len(asked)
    capsys.readouterr()
    setup.install("develop", tmp_path)
    setup.install("demo", tmp_path)
    assert (len(asked), capsys.readouterr().err) == (runs, "")
    changed = (tmp_path / "pyproject.toml").read_text().replace("pytest>=8", "pytest>=9")
    (tmp_path / "pyproject.toml").write_text(changed)
    setup.install("develop", tmp_path)
    # What is built is asked for again too; older libraries have their places.
    assert len(asked) == runs + 2


def test_an_unknown_purpose_is_an_error_that_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        setup.main("everything")
    assert "known: demo, develop" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", ["setup", "demo", "test", "check", "bench", "soak", "docs", "clean"])
def test_every_recipe_is_one_plain_line(recipe: str) -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    (start,) = [number for number, line in enumerate(lines) if line.startswith(f"{recipe}:")]
    body = [line for line in lines[start + 1 : start + 3] if line.startswith("\t")]
    assert len(body) == 1
    assert not body[0].endswith("\\")


def test_what_cannot_be_built_is_said_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    setup.build([sys.executable, "-c", "raise SystemExit(1)"], ["uwsgi>=2"])
    said = capfd.readouterr().err
    assert "building uwsgi>=2 needs system packages: gcc libc6-dev" in said
    assert "pip could not build uwsgi>=2" in said
