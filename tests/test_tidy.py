"""The house is tidy, and each gate that says so can fail."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tidy
import tidy_code
import tidy_text
import tidy_tree

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
HEADER = '"""A module."""\n'

FINE = HEADER + "LIMITS = {'lines': 400}\n\n\ndef answer() -> int:\n    return LIMITS['lines']\n"
PLANTED = {
    "file-lines": HEADER + "X = 1\n" * 400,
    "function-lines": HEADER + "def long() -> None:\n" + "    x = 1\n" * 60,
    "parameters": HEADER + "def wide(a, b, c, d, *, e, f, g): ...\n",
    "module-docstring": '"""A purpose that\nruns over the line."""\n',
    "banned-name": HEADER + "class LaneManager: ...\n",
    "broad-except": HEADER + "try:\n    x()\nexcept (OSError, Exception):\n    pass\n",
    "state": HEADER + "seen = []\n",
    "light-import": HEADER + "import json\n",
}
PLANTED_TOO = [
    ("banned-name", HEADER + "def parse_utils(): ...\n"),
    ("banned-name", HEADER + "class HTTPFactories: ...\n"),
    ("broad-except", HEADER + "try:\n    x()\nexcept:\n    pass\n"),
    ("broad-except", HEADER + "with suppress(BaseException):\n    x()\n"),
    ("light-import", HEADER + "def f():\n    from fanlight.query.nodes import And\n"),
    ("light-import", HEADER + "def f():\n    from fanlight import web\n"),
    ("light-import", HEADER + "import click\n"),
    ("light-import", HEADER + "import urllib.request\n"),
    ("module-docstring", "x = 1\n"),
    ("state", HEADER + "def f():\n    global x\n"),
    ("state", HEADER + "TABLE = {}\ndef f():\n    TABLE['a'] = 1\n"),
    ("state", HEADER + "TABLE: list[int] = []\ndef f():\n    TABLE.append(1)\n"),
    ("state", HEADER + "from threading import Lock\nLOCK = Lock()\n"),
]


def rules_broken(text: str, path: str = "src/fanlight/wire/planted.py") -> set[str]:
    return {found.rule for found in tidy_code.check(Path(path), text)}


def test_the_house_is_tidy() -> None:
    """Every rule holds but for the listed exceptions, and no listed exception is idle."""
    allowed = tidy.tomllib.loads(tidy.EXCEPTIONS.read_text())
    assert list(tidy.judge(tidy.violations(ROOT, tidy.tracked(ROOT)), allowed)) == []


@pytest.mark.parametrize(("rule", "text"), [*PLANTED.items(), *PLANTED_TOO])
def test_a_planted_defect_is_found(rule: str, text: str) -> None:
    assert rules_broken(text) == {rule}


def test_a_fine_module_is_let_through() -> None:
    assert rules_broken(FINE) == set()


def test_cleaning_up_and_raising_again_is_no_broad_except() -> None:
    assert rules_broken(HEADER + "try:\n    x()\nexcept BaseException:\n    y()\n    raise\n") == set()


def test_a_table_may_be_built_where_it_stands() -> None:
    assert rules_broken(HEADER + "TABLE = {}\nTABLE |= {1: 2}\nfor n in 3, 4:\n    TABLE[n] = 1\n") == set()


def test_what_runs_only_inside_a_function_or_for_the_type_checker_may_be_heavy() -> None:
    text = HEADER + "if TYPE_CHECKING:\n    import typing\ndef f():\n    import json\n"
    assert rules_broken(text) == set()


def test_rooms_away_from_the_application_may_import_what_they_need() -> None:
    assert rules_broken(HEADER + "import json\n", "src/fanlight/server/planted.py") == set()


@pytest.mark.parametrize("name", ["utils.py", "helpers/x.py", "_hidden.py"])
def test_a_file_name_that_says_nothing_is_found(name: str) -> None:
    assert rules_broken(HEADER, f"src/fanlight/server/{name}")


@pytest.mark.parametrize(
    "line", ["from unittest import mock", "monkeypatch.setattr('fanlight.agent.task.send', None)"]
)
def test_a_patch_of_our_own_names_in_a_test_is_found(line: str) -> None:
    assert rules_broken(HEADER + line + "\n", "tests/agent/test_planted.py") == {"mock"}


@pytest.mark.parametrize(
    ("rule", "path", "line"),
    [
        ("leftover", "docs/planted.md", "TO" + "DO: say more"),
        ("place", "src/fanlight/planted.py", "open('/ho" + "me/ann/x')"),
        ("place", "Makefile", "pip install --index-u" + "rl https://example"),
        ("unsafe-markup", "src/fanlight/web/static/planted.js", "cell.inner" + "HTML = name"),
        ("unsafe-markup", "src/fanlight/web/templates/planted.html", "{{ name |sa" + "fe }}"),
        ("suppression", "src/fanlight/planted.py", "x = 1  # no" + "qa: F401"),
        ("suppression", "src/fanlight/planted.py", "x = 1  # no" + "qa"),
        ("suppression", "src/fanlight/planted.py", "x = 1  # type: ig" + "nore"),
    ],
)
def test_a_planted_line_is_found(rule: str, path: str, line: str) -> None:
    assert [found.rule for found in tidy_text.check(Path(path), line)] == [rule]


def test_a_suppression_with_code_and_reason_is_let_through() -> None:
    line = "x = sql(y)  # no" + "qa: S608 the identifier comes from our own schema"
    assert list(tidy_text.check(Path("src/fanlight/x.py"), line)) == []


def test_an_idle_exception_and_one_without_a_reason_are_found() -> None:
    found = [tidy_code.Violation("state", "a.py", 3, "lane", "lane is state")]
    fine = {"state": {"a.py:lane": "the one lane of the process"}, "skips": {"x": ""}}
    assert list(tidy.judge(found, fine)) == []
    assert "no exception any more" in next(tidy.judge([], fine))
    assert "no reason" in next(tidy.judge(found, {"state": {"a.py": "because"}}))


def test_the_list_of_exceptions_is_sorted() -> None:
    listed = tidy.tomllib.loads(tidy.EXCEPTIONS.read_text())
    assert [*listed] == sorted(listed)
    assert all([*entries] == sorted(entries) for entries in listed.values())


def test_every_listed_skip_is_a_test_with_a_reason() -> None:
    for nodeid, reason in tidy.tomllib.loads(tidy.EXCEPTIONS.read_text()).get("skips", {}).items():
        file, _, name = nodeid.partition("::")
        assert not name or f"def {name.rpartition('::')[2]}(" in (ROOT / file).read_text(), nodeid
        assert len(reason.split()) > 3, nodeid


def plant(root: Path, files: dict[str, str]) -> list[Path]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return [Path(name) for name in files]


def test_a_room_missing_from_the_picture_and_one_drawn_without_being_are_found(tmp_path: Path) -> None:
    readme = "```\nsrc/fanlight/\n  errors.py  attic/   old things\n```\n"
    files = plant(tmp_path, {"README.md": readme, "src/fanlight/errors.py": "", "src/fanlight/web/x.py": ""})
    found = tidy_tree.readme_draws_the_tree(tmp_path, tidy_tree.rooms(files))
    assert {violation.name for violation in found} == {"attic", "web"}


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("{'b': 'fanlight.targets.b:B', 'a': 'fanlight.targets.a:A'}", ""),
        ("{'a': 'fanlight.targets.a:A'}", "b"),
        ("{'a': 'fanlight.targets.a:A', 'b': 'fanlight.targets.b:B', 'c': 'fanlight.targets.c:C'}", "c"),
        ("{}", ""),
    ],
)
def test_a_table_that_does_not_match_its_room_is_found(tmp_path: Path, table: str, name: str) -> None:
    room = "src/fanlight/targets"
    files = plant(
        tmp_path, {f"{room}/__init__.py": f"TABLE = {table}", f"{room}/a.py": "", f"{room}/b.py": ""}
    )
    assert [violation.name for violation in tidy_tree.tables(tmp_path, "targets", files)] == [name]


def test_a_public_name_that_is_a_room_is_found(tmp_path: Path) -> None:
    plant(tmp_path, {"src/fanlight/__init__.py": "PUBLIC = {'web': 'x', 'span': 'y'}\n__all__ = [*PUBLIC]"})
    assert [found.name for found in tidy_tree.public_names(tmp_path, {"web": True})] == ["web"]


def test_a_room_that_the_contracts_do_not_name_plainly_is_found() -> None:
    there = dict.fromkeys(tidy_tree.rooms(tidy.tracked(ROOT)), True)
    assert not list(tidy_tree.contracts_name_the_rooms(ROOT, there))
    without = {name: True for name in there if name != "web"}
    assert [found.name for found in tidy_tree.contracts_name_the_rooms(ROOT, without)] == ["web"]


def test_a_crowded_room_is_found() -> None:
    crowd = [tidy_tree.SOURCE / "web" / f"page{number}.py" for number in range(26)]
    assert list(tidy_tree.rooms_are_small(crowd))
    assert not list(tidy_tree.rooms_are_small(crowd[1:]))


def test_a_vendored_file_that_changed_is_found(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"let x").hexdigest()
    files = plant(tmp_path, {"web/vendor/x.js": "let x", "web/vendor/SHA256SUMS": f"{digest}  x.js\n"})
    assert not list(tidy_tree.pins(tmp_path, files))
    (tmp_path / files[0]).write_text("let y")
    assert list(tidy_tree.pins(tmp_path, files))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("D103", HEADER + "def public() -> None:\n    pass\n"),
        ("ANN201", HEADER + 'def public():\n    """Do it."""\n'),
        ("T201", HEADER + "print(1)\n"),
    ],
)
def test_ruff_judges_the_source(code: str, text: str) -> None:
    command = [
        BIN / "ruff",
        "check",
        "--output-format=concise",
        "--stdin-filename=src/fanlight/wire/x.py",
        "-",
    ]
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT, check=False)
    assert code in done.stdout


def test_mypy_judges_the_source_strictly(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("def f(x):\n    return x\n")
    config = f"--config-file={ROOT / 'pyproject.toml'}"
    command = [BIN / "mypy", config, f"--cache-dir={tmp_path / 'cache'}", planted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "no-untyped-def" in done.stdout


def scenery() -> dict[str, str]:
    """Answer what the contracts' own exceptions speak of: it has to be there, or they complain of that."""
    shared: dict[str, list[str]] = {}
    for contract in contracts():
        for exception in contract.get("ignore_imports", ()):
            _, room, part = exception.partition(" -> ")[2].split(".")
            shared.setdefault(room, []).append(part)
    files = {f"{room}/{part}.py": "" for room, parts in shared.items() for part in parts}
    return files | {
        f"{room}/one.py": "\n".join(f"import fanlight.{room}.{part}" for part in parts)
        for room, parts in shared.items()
    }


SABOTAGE = {
    "a target that imports a target": (
        {"targets/a.py": "import fanlight.targets.b", "targets/b.py": ""},
        "siblings",
    ),
    "a room against the stream": (
        {"web/planted.py": "import fanlight.cli.planted", "cli/planted.py": ""},
        "one-way",
    ),
    "a room in no layer": ({"attic/__init__.py": ""}, "one-way"),
    "a cycle inside a room": (
        {"web/one.py": "import fanlight.web.two", "web/two.py": "def f():\n    import fanlight.web.one"},
        "acyclic",
    ),
    "a library in the application": ({"wire/planted.py": "def f():\n    import numpy"}, "light"),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_import_linter_catches(what: str, tmp_path: Path) -> None:
    """A bare copy of the rooms with one planted import breaks exactly the contract that forbids it."""
    planted, contract = SABOTAGE[what]
    package = tmp_path / "fanlight"
    for room, is_folder in tidy_tree.rooms(tidy.tracked(ROOT)).items():
        plant(package, {f"{room}/__init__.py" if is_folder else f"{room}.py": HEADER})
    plant(package, {"__init__.py": HEADER, **scenery(), **planted})
    for name in planted:
        (package / name).with_name("__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    done = subprocess.run(
        [BIN / "lint-imports", "--no-cache", "--no-logo"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    names = {each["id"]: each["name"] for each in contracts()}
    broken = {key for key, name in names.items() if f"{name} BROKEN" in done.stdout}
    assert broken == {contract}, done.stdout + done.stderr


def contracts() -> list[dict[str, str]]:
    project = tidy.tomllib.loads((ROOT / "pyproject.toml").read_text())
    return list(project["tool"]["importlinter"]["contracts"])


def test_every_package_is_told_apart_from_a_folder_of_data() -> None:
    """A room is a package with its docstring; a folder without one would escape the contracts."""
    for name, is_folder in tidy_tree.rooms(tidy.tracked(ROOT)).items():
        if is_folder:
            assert ast.get_docstring(ast.parse((ROOT / tidy_tree.SOURCE / name / "__init__.py").read_text()))
