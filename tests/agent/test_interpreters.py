"""What lives in the application does so under every Python that is here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import interpreters

ROOT = Path(__file__).resolve().parents[2]
ROOMS = os.environ.get("FANLIGHT_TEST_ROOMS", "agent")
"""Whose tests run on each; `all` are those of everything that the application imports."""


def test_one_of_each_version_is_found_and_nothing_that_is_too_old_or_no_python(tmp_path):
    strange = tmp_path / "python3.99"
    strange.write_text("#!/bin/sh\necho pypy 3 99 0 /nowhere\n")
    strange.chmod(0o755)
    old = tmp_path / "python3.8"
    old.write_text("#!/bin/sh\necho cpython 3 8 1 /nowhere\n")
    old.chmod(0o755)
    here = Path(sys.executable)
    found = interpreters.interpreters([strange, old, tmp_path / "nothing", here, here])
    assert found == {sys.version_info[:3]: here}


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_the_tests_of_the_light_rooms_pass_on_every_interpreter_here(minor, record_property):
    found = interpreters.interpreters(interpreters.candidates())
    paths = [str(path) for version, path in found.items() if version[:2] == (3, minor)]
    if not paths:
        pytest.skip(f"there is no CPython 3.{minor} on this machine")
    rooms = [] if ROOMS == "all" else ["--rooms", ROOMS]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "interpreters.py"), *rooms, *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" passed") == len(paths)
    told = [f"{line.split()[0]} {line.partition(': ')[2]}" for line in done.stdout.splitlines()]
    record_property("measured", f"CPython {', '.join(told)}")
