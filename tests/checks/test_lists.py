"""Each list in this folder names what is expected of us, and each entry its tests, or why there is none.

An entry is a table: `says`, one sentence, and `tests`, ids as pytest takes them, or `reason`, why it
has no test. A test that is renamed or taken out fails here until the list follows.
"""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = sorted(Path(__file__).parent.glob("*.toml"))
FIELDS = {"says", "tests", "reason"}


@cache
def named(path: Path) -> frozenset[str]:
    """Answer the names of the test functions in a file, none when there is no such file."""
    if not path.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(path.read_text()))
    return frozenset(
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def wrong(name: str, entry: dict[str, object], root: Path = ROOT) -> list[str]:
    """Answer what is wrong with an entry, in sentences."""
    found = [f"{name}: unknown field {field!r}" for field in entry.keys() - FIELDS]
    if not str(entry.get("says", "")).strip():
        found.append(f"{name}: says nothing")
    tests = entry.get("tests", [])
    if not tests and len(str(entry.get("reason", "")).split()) < 5:
        found.append(f"{name}: neither a test nor a reason that a stranger understands")
    for identity in tests:  # type: ignore[attr-defined]  # a list of text
        path, _, test = identity.partition("::")
        if test not in named(root / path):
            found.append(f"{name}: there is no test {identity}")
    return found


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_entry_has_its_tests_or_its_reason(path):
    entries = tomllib.loads(path.read_text())
    assert entries
    assert [text for name, entry in entries.items() for text in wrong(name, entry)] == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"reason": "because nobody could ever try"}, "says nothing"),
        ({"says": "a"}, "neither"),
        ({"says": "a", "reason": "no way"}, "neither"),
        ({"says": "a", "tests": ["tests/checks/test_lists.py::test_of_yesterday"]}, "no test"),
        ({"says": "a", "tests": ["tests/checks/test_nowhere.py::test_a"]}, "no test"),
        ({"says": "a", "reason": "because nobody could ever try", "test": "x"}, "unknown field"),
    ],
)
def test_an_entry_can_be_wrong(entry, said):
    (text,) = wrong("entry", entry)
    assert said in text


def test_the_promises_about_recording_are_numbered_without_a_gap():
    entries = tomllib.loads((Path(__file__).parent / "recording.toml").read_text())
    assert [int(name.partition("-")[0]) for name in entries] == list(range(1, len(entries) + 1))
