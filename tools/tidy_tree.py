"""Rules about the whole tree: rooms and their tables, the README's picture, vendored files."""

from __future__ import annotations

import ast
import hashlib
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from tidy_code import LIGHT, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

PLURAL = ("instruments", "normalizers", "sources", "parsers", "transforms", "formatters", "targets", "stores")
FILES_IN_A_ROOM = 25
SOURCE = Path("src/fanlight")
PINS = "SHA256SUMS"


def check(root: Path, files: list[Path]) -> Iterator[Violation]:
    """Answer the violations of the tree; `files` are relative to `root`."""
    there = rooms(files)
    yield from rooms_are_small(files)
    yield from readme_draws_the_tree(root, there)
    yield from contracts_name_the_rooms(root, there)
    yield from public_names(root, there)
    yield from pins(root, files)
    for room in PLURAL:
        if room in there:
            yield from tables(root, room, files)


def rooms(files: list[Path]) -> dict[str, bool]:
    """Answer what stands directly under src/fanlight: name to whether it is a folder."""
    inside = [path.relative_to(SOURCE) for path in files if path.is_relative_to(SOURCE)]
    found = {path.parts[0]: True for path in inside if len(path.parts) > 1 and path.suffix == ".py"}
    single = {path.stem: False for path in inside if len(path.parts) == 1 and path.suffix == ".py"}
    return {name: folder for name, folder in sorted((single | found).items()) if not name.startswith("__")}


def rooms_are_small(files: list[Path]) -> Iterator[Violation]:
    """A folder of code holds no more files than one takes in; past that a sub-room is due."""
    count: dict[Path, int] = {}
    for path in files:
        if path.suffix == ".py" and path.is_relative_to(SOURCE):
            count[path.parent] = count.get(path.parent, 0) + 1
    for folder, number in count.items():
        if number > FILES_IN_A_ROOM:
            text = f"{number} files, more than {FILES_IN_A_ROOM}: time for a sub-room"
            yield Violation("room-files", str(folder), 1, "", text)


def readme_draws_the_tree(root: Path, there: dict[str, bool]) -> Iterator[Violation]:
    """The picture in the README shows the rooms that exist, all of them and no others."""
    readme = (root / "README.md").read_text()
    picture = re.search(r"^src/fanlight/\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    drawn = set(re.findall(r"\b([a-z_]+)(?:/|\.py)", picture[1])) if picture else set()
    for name in sorted(drawn ^ set(there)):
        if name.startswith("__"):
            continue
        text = (
            f"the picture has {name}, the tree has not" if name in drawn else f"{name} is not in the picture"
        )
        yield Violation("readme-tree", "README.md", 1, name, text)


def contracts_name_the_rooms(root: Path, there: dict[str, bool]) -> Iterator[Violation]:
    """Rooms that exist are named plainly in the import contracts; only absent ones are optional."""
    config = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    contract = {each["id"]: each for each in config}
    for layer in contract["one-way"]["layers"]:
        for optional, name in re.findall(r"(\(?)(\w+)\)?", layer):
            if bool(optional) == (name in there):
                text = f"{name} is {'there: no parentheses' if optional else 'not there: parentheses'}"
                yield Violation("contracts", "pyproject.toml", 1, name, text)
    for room in sorted(LIGHT & set(there)):
        if f"fanlight.{room}" not in contract["light"]["source_modules"]:
            text = f"the contract 'light' does not name fanlight.{room}"
            yield Violation("contracts", "pyproject.toml", 1, room, text)


def public_names(root: Path, there: dict[str, bool]) -> Iterator[Violation]:
    """No public name equals a room's: `fanlight.x` is either a thing to call or a place to look."""
    path = SOURCE / "__init__.py"
    for name in sorted(exported(ast.parse((root / path).read_text())) & set(there)):
        yield Violation("public-name", str(path), 1, name, f"{name} is a public name and a room")


def exported(tree: ast.Module) -> set[str]:
    """Answer the names of a module's `__all__`: literals, or the keys of the table it is made of."""
    literals: dict[str, ast.expr] = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            literals[target.id] = node.value
    value = literals.get("__all__")
    names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)} if value else set()
    held = [value] if value else []
    held += [literals[name] for name in names if name in literals]
    return {
        text.value
        for each in held
        for text in ast.walk(each)
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    }


def tables(root: Path, room: str, files: list[Path]) -> Iterator[Violation]:
    """A plural room's table is sorted and names every file of the room, and nothing else."""
    path = SOURCE / room / "__init__.py"
    found = tables_of(ast.parse((root / path).read_text()), room)
    if not found:
        yield Violation("table", str(path), 1, "", f"no table of name to 'fanlight.{room}.…:attribute'")
        return
    if any(list(table) != sorted(table) for table in found):
        yield Violation("table", str(path), 1, "", "the table is not sorted by name")
    listed = {where.partition(":")[0].split(".")[2] for table in found for where in table.values()}
    inside = [each.relative_to(SOURCE / room) for each in files if each.is_relative_to(SOURCE / room)]
    there = {each.parts[0].removesuffix(".py") for each in inside if each.suffix == ".py"} - {"__init__"}
    for name in sorted(listed ^ there):
        text = f"{name} is in the table, not in the room" if name in listed else f"{name} is not in the table"
        where = path if name in listed else SOURCE / room / name
        yield Violation("table", str(where), 1, name, text)


def tables_of(tree: ast.Module, room: str) -> list[dict[str, str]]:
    """Answer the room's tables: the module-level dicts whose values all point into the room."""
    found = []
    for node in tree.body:
        value = getattr(node, "value", None)
        if not isinstance(value, ast.Dict) or not value.values:
            continue
        try:
            table = ast.literal_eval(value)
        except ValueError:
            continue
        if all(isinstance(where, str) and where.startswith(f"fanlight.{room}.") for where in table.values()):
            found.append(dict(table))
    return found


def pins(root: Path, files: list[Path]) -> Iterator[Violation]:
    """A file that others wrote is byte for byte the one whose SHA-256 stands beside it."""
    for path in files:
        if "vendor" not in path.parts or path.name == PINS:
            continue
        sums = root / path.parent / PINS
        pinned = dict(line.split()[::-1] for line in sums.read_text().splitlines()) if sums.exists() else {}
        digest = hashlib.sha256((root / path).read_bytes()).hexdigest()
        if pinned.get(path.name) != digest:
            yield Violation("pins", str(path), 1, "", f"{PINS} beside it does not have {digest}")
