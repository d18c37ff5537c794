"""Which changes of files on disk count as another version of the running program."""

import importlib
import os
import sys

import pytest

from fanlight.pipeline.renewal import WHOLE, OwnFiles


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with one module, imported from a folder of the test's own."""
    folder = tmp_path / "renewed"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("renewed.part")
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "renewed"]:
        del sys.modules[name]


def replace(path, text):
    """Put another file in the place of one, as an installer does."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, path)


def test_files_that_stay_are_not_renewed(package):
    files = OwnFiles(str(package))
    assert [files.are_renewed() for _ in range(3)] == [False] * 3


def test_a_replaced_file_counts_once_it_stands_still(package):
    files = OwnFiles(str(package))
    replace(package / "part.py", "VALUE = 2\n")
    assert [files.are_renewed() for _ in range(3)] == [False, True, True]


def test_while_files_still_come_nothing_counts(package):
    files = OwnFiles(str(package))
    for number in range(4):
        replace(package / "part.py", f"VALUE = {number}\n" * (number + 1))
        assert not files.are_renewed()
    assert files.are_renewed()


def test_a_package_that_is_taken_away_is_not_renewed(package):
    files = OwnFiles(str(package))
    for path in package.glob("*.py"):
        path.unlink()
    assert [files.are_renewed() for _ in range(3)] == [False] * 3


def test_a_module_that_the_next_version_lacks_counts(package):
    files = OwnFiles(str(package))
    (package / "part.py").unlink()
    assert [files.are_renewed() for _ in range(2)] == [False, True]


def test_a_file_that_no_module_came_from_counts_for_nothing(package):
    files = OwnFiles(str(package))
    replace(package / "never_imported.py", "VALUE = 3\n")
    assert [files.are_renewed() for _ in range(3)] == [False] * 3


def test_a_module_loaded_later_is_watched_from_then_on(package):
    (package / "late.py").write_text("VALUE = 1\n")
    files = OwnFiles(str(package))
    importlib.import_module("renewed.late")
    assert not files.are_renewed()
    replace(package / "late.py", "VALUE = 2\n")
    assert [files.are_renewed() for _ in range(2)] == [False, True]


def test_files_are_asked_seldom_while_their_directories_stay_and_one_that_is_written_to_counts(
    package, monkeypatch
):
    files = OwnFiles(str(package))
    asked = []
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **how: asked.append(str(path)) or stat(path, **how))
    assert not any(files.are_renewed() for _ in range(2 * WHOLE))
    own = [path for path in asked if path.endswith("part.py")]
    # The first look, and every fifth.
    assert len(own) == 3
    with (package / "part.py").open("a") as file:
        file.write("MORE = 2\n")
    assert [files.are_renewed() for _ in range(WHOLE + 1)] == [False] * WHOLE + [True]
