"""With CI=true a test that did not run did not pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

PLANTED = """\
import pytest
def test_that_runs(): pass
def test_that_is_skipped(): pytest.skip("no browser here")
@pytest.mark.xfail(strict=True)
def test_that_is_known_to_fail(): assert False
"""
WHOLE_FILE = "import pytest\npytest.importorskip('there_is_no_such_module')\n"


def run(folder: Path, text: str, listed: str, ci: str) -> str:
    """Answer the last line of a run of one planted file under our conftest."""
    shutil.copy(HERE / "conftest.py", folder)
    (folder / "exceptions.toml").write_text(f"[skips]\n{listed}\n")
    (folder / "test_planted.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("listed", "ci", "line"),
    [
        ("", "true", "1 failed, 1 passed, 1 xfailed"),
        ("", "", "1 passed, 1 skipped, 1 xfailed"),
        ('"test_planted.py::test_that_is_skipped" = "no browser"', "true", "1 passed, 1 skipped, 1 xfailed"),
    ],
)
def test_a_skip_passes_only_when_it_is_listed(tmp_path: Path, listed: str, ci: str, line: str) -> None:
    assert run(tmp_path, PLANTED, listed, ci).startswith(line)


@pytest.mark.parametrize(
    ("listed", "line"), [("", "1 error"), ('"test_planted.py" = "no such module"', "1 skipped")]
)
def test_a_skipped_file_passes_only_when_it_is_listed(tmp_path: Path, listed: str, line: str) -> None:
    assert run(tmp_path, WHOLE_FILE, listed, "true").startswith(line)


def test_no_test_sees_the_developer_s_home_or_settings(home: Path) -> None:
    assert Path.home() == home
    assert not [name for name in os.environ if name.startswith("FANLIGHT_") and "_TEST_" not in name]
