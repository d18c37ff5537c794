"""The style guide as a program: what ruff, mypy and import-linter cannot say, over the whole tree.

`python tools/tidy.py [PATH…]` prints one line per violation, of these paths when some are given.
The one list of exceptions, each with its reason, is tests/exceptions.toml; an exception that
nothing needs any more is a violation too.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import tidy_code
import tidy_text
import tidy_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tidy_code import Violation

ROOT = Path(__file__).resolve().parent.parent
EXCEPTIONS = ROOT / "tests" / "exceptions.toml"
OTHERS_RULES = {"skips"}
"""Sections of the list that another gate reads."""


def tracked(root: Path) -> list[Path]:
    """Answer the files of the project, relative to its root: what git tracks or would track."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(Path(name) for name in set(names) if name and (root / name).is_file())


def violations(root: Path, files: list[Path]) -> Iterator[Violation]:
    """Answer everything that is not tidy in a tree, exceptions or not."""
    for path in files:
        data = (root / path).read_bytes()
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        yield from tidy_text.check(path, text)
        if path.suffix == ".py":
            yield from tidy_code.check(path, text)
    yield from tidy_tree.check(root, files)


def judge(found: Iterable[Violation], allowed: dict[str, dict[str, str]]) -> Iterator[str]:
    """Answer what is left of the violations after the exceptions, and what is wrong with those.

    Args:
        found: every violation.
        allowed: rule to `path` or `path:name` to reason.
    """
    used: set[tuple[str, str]] = set()
    for violation in found:
        keys = {violation.path, f"{violation.path}:{violation.name}"} & set(allowed.get(violation.rule, ()))
        used |= {(violation.rule, key) for key in keys}
        if not keys:
            yield f"{violation.path}:{violation.line}: [{violation.rule}] {violation.text}"
    for rule, entries in allowed.items():
        for key, reason in entries.items():
            if rule in OTHERS_RULES:
                continue
            if (rule, key) not in used:
                yield f"tests/exceptions.toml: [{rule}] {key!r} is no exception any more; take it out"
            if len(reason.split()) < 3:
                yield f"tests/exceptions.toml: [{rule}] {key!r} has no reason that a stranger understands"


def main(only: list[str]) -> int:
    """Print what is left; answer the exit status."""
    allowed = tomllib.loads(EXCEPTIONS.read_text())
    lines = [
        line
        for line in judge(violations(ROOT, tracked(ROOT)), allowed)
        if not only or line.startswith(tuple(only))
    ]
    print("\n".join(lines) if lines else "tidy")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
