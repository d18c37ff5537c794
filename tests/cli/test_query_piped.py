"""`fanlight query` of what is piped in: read where it is named, and answered as it comes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LINES = [
    "Jan 31 12:00:00 host app[7]: blue",
    "Jan 31 12:00:01 host app[7]: red",
    "Jan 31 12:00:02 host app[7]: blue",
]
DEADLINE_S = 120


def asked(*arguments: str, stdin: bytes = b"", code: int = 0) -> tuple[bytes, str]:
    """Answer what a query writes to stdout and to stderr."""
    command = [sys.executable, "-m", "fanlight", "query", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout, done.stderr.decode()


def test_standard_input_is_a_file() -> None:
    content = "\n".join(LINES).encode()
    assert asked("-n", "blue", "-", stdin=content)[0] == LINES[1].encode() + b"\n"


def test_each_event_that_is_piped_in_is_written_when_it_comes() -> None:
    for form in ("raw", "jsonl", "text"):
        command = [sys.executable, "-m", "fanlight", "query", "--format", form, "blue", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for line in (LINES[0], LINES[2]):
                process.stdin.write(line.encode() + b"\n")
                process.stdin.flush()
                assert b"blue" in process.stdout.readline()
            process.stdin.close()
            assert process.wait(DEADLINE_S) == 0


def test_a_file_on_standard_input_is_as_old_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "syslog"
    path.write_text("Jan 31 12:00:00 host app[7]: blue\n")
    os.utime(path, (1_710_000_000, 1_710_000_000))
    command = [sys.executable, "-m", "fanlight", "query", "blue", "-", "-F", "time", "--tz", "UTC"]
    with path.open() as file:
        done = subprocess.run(command, stdin=file, capture_output=True, timeout=DEADLINE_S, check=True)
    assert done.stdout.startswith(b"2024-01-31T12:00:00")


def test_what_is_piped_in_and_not_named_is_told(tmp_path: Path) -> None:
    told = "what is piped in is not read; name it as -"
    nowhere = ("--data", str(tmp_path / "nowhere"))
    assert told in asked("blue", *nowhere, stdin=b"blue\n", code=3)[1]
    assert told not in asked("blue", *nowhere, code=3)[1]
