"""`fanlight query -F`: which properties are shown, and what is said of those that nothing has."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LINES = """\
10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /blue HTTP/1.1" 200 17 "-" "curl"
10.0.0.3 - - [31/Jan/2026:12:00:02 +0000] "GET /blue HTTP/1.1" 404 0 "-" "Googlebot"
"""
NESTED = '{"level": "info", "http": {"status": 200, "peer": {"ip": "::1"}}}\n'


def ask(tmp_path: Path, lines: str, *arguments: str) -> tuple[str, str]:
    """Answer what a query of some lines writes to stdout and to stderr."""
    path = tmp_path / "some.log"
    path.write_text(lines)
    command = [sys.executable, "-m", "fanlight", "query", "--format", "csv", *arguments, path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("fields", "first", "lines"),
    [
        ("#1,#0", "10.0.0.1,2026-01-31T12:00:00.000+00:00", LINES),
        ("Status_Code,kind,line", "200,log,1", LINES),
        ("http.status,http.peer.ip,level", "200,::1,info", NESTED),
    ],
)
def test_properties_are_named_as_in_a_query(tmp_path: Path, fields: str, first: str, lines: str) -> None:
    out, told = ask(tmp_path, lines, "-F", fields)
    assert out.splitlines()[:2] == [fields, first]
    assert told == ""
    # What a stage is asked for has the same values, though a name of its own may be another.
    assert out.splitlines()[1] == ask(tmp_path, lines, f"| fields {fields}", "-F", fields)[0].splitlines()[1]


def test_a_wanted_property_that_the_format_lacks_is_told(tmp_path: Path) -> None:
    out, told = ask(tmp_path, LINES, "-F", "statuz,status")
    assert out == "statuz,status\n,200\n,404\n"
    assert "no event has 'statuz': the format combined has none; it has agent, bytes, client" in told
    assert told.endswith("did you mean 'status'?\n")
    assert told.count("\n") == 1


def test_what_a_stage_makes_is_not_looked_for_in_the_format(tmp_path: Path) -> None:
    assert ask(tmp_path, LINES, "| stats count by path", "-F", "count") == ("count\n2\n", "")


def test_what_every_event_has_is_not_said_to_be_missing(tmp_path: Path) -> None:
    assert ask(tmp_path, LINES, "kind:log", "--count") == ("2\n", "")
    assert ask(tmp_path, LINES, "kind:trace", "--count") == ("0\n", "")
