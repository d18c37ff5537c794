"""The commands about log files beside `query`: parse, describe, formats, time-gaps."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LINES = [
    '10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /blue?a=1 HTTP/1.1" 200 17 "-" "curl"',
    '10.0.0.2 - ann [31/Jan/2026:12:00:01 +0000] "POST /red HTTP/1.1" 503 170 "-" "curl"',
    '10.0.0.3 - - [31/Jan/2026:12:00:02 +0000] "GET /blue HTTP/1.1" 404 0 "-" "Googlebot"',
]
DEADLINE_S = 120


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "access.log"
    path.write_text("\n".join(LINES) + "\n")
    return str(path)


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "fanlight", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    return done.stdout


def test_parse_accounts_for_every_line(tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    path.write_text('{"level": "error"}\n\nnonsense\n{"level": "info"}\n')
    assert run("parse", "--stats", str(path)).split("\n")[1].split()[1:] == [
        *("json", "4", "2", "0", "0", "1", "1")
    ]
    assert run("parse", "--errors", str(path)).startswith(f"{path}:3:5: no JSON")
    assert run("parse", str(path)) == '{"level": "error"}\n{"level": "info"}\n'


def test_lines_that_are_too_long_are_told_when_all_are_read(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_bytes(b"x" * (17 << 20) + b"\nshort\n")
    command = [sys.executable, "-m", "fanlight", "parse", "--stats", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert done.stderr == f"fanlight: {path}: a line was longer than 16 MiB and cut there\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["query", "parse"])
def test_a_reader_that_has_enough_is_told_alike(command: str, unbuffered: str, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("it broke\n" * 200_000)
    words = [command, *(["broke"] if command == "query" else []), str(path)]
    with subprocess.Popen(
        [sys.executable, "-m", "fanlight", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.wait(DEADLINE_S) == 141
        assert child.stderr.read() == b""


def test_a_directory_is_told_to_be_one(tmp_path: Path) -> None:
    for command, code in (("query error", 2), ("parse", 1)):
        words = [sys.executable, "-m", "fanlight", *command.split(), str(tmp_path)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        assert (done.returncode, done.stdout) == (code, "")
        assert "is a directory; name its files, as " in done.stderr


def test_describe_says_what_there_is(log: str) -> None:
    rows = [line.split() for line in run("describe", log).splitlines()]
    assert ["status", "int", "100%", "200"] in rows
    assert ["user", "string", "33%", "ann"] in rows


def test_formats_lists_names_and_titles() -> None:
    assert "combined  " in run("formats")


def test_time_gaps_finds_silence(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("2026-01-31 12:00:00Z a\n2026-01-31 12:00:01Z b\n2026-01-31 12:10:01Z c\n")
    rows = run("time-gaps", str(path)).splitlines()
    assert len(rows) == 2
    assert rows[1].split()[1:] == [
        "3",
        "2026-01-31T12:00:01.000+00:00",
        "2026-01-31T12:10:01.000+00:00",
        "600s",
    ]
