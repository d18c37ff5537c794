"""Which release of the application runs: what the environment says, else the commit in .git."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DIGITS = 12
"""Of a commit, as people write it."""
HEX = frozenset("0123456789abcdef")
LINKS = 5
"""References to references that are followed."""
FILE_BYTES = 4 << 20
PARENTS = 40


def release(environ: Mapping[str, str], directory: str | None = None) -> str:
    """Answer the release, "" when nobody knows. No program is run for it.

    Args:
        environ: `FANLIGHT_RELEASE` is taken as it is.
        directory: where the search for .git begins, upward; the current one when None.
    """
    given = environ.get("FANLIGHT_RELEASE", "").strip()
    if given:
        return given
    try:
        repository = find(directory or os.getcwd())
        return commit(repository) if repository else ""
    except (OSError, ValueError):
        # No right to look, a directory that is gone, or a path that is none: it is not known then.
        return ""


def find(directory: str) -> str:
    """Answer the nearest repository's directory, upward, "" when there is none."""
    folder = os.path.abspath(directory)
    for _ in range(PARENTS):
        found = os.path.join(folder, ".git")
        if os.path.isfile(found):  # of a work tree or submodule: it says where the repository is
            kind, _, path = text(found).partition(":")
            return os.path.join(folder, path.strip()) if kind == "gitdir" else ""
        if os.path.isdir(found):
            return found
        if folder == os.path.dirname(folder):
            break
        folder = os.path.dirname(folder)
    return ""


def commit(repository: str) -> str:
    """Answer the commit that HEAD is at, "" where the form of the files is none that we know."""
    shared = os.path.join(repository, text(os.path.join(repository, "commondir")).strip())
    name = "HEAD"
    for _ in range(LINKS):
        # HEAD is the work tree's own; branches are shared between work trees.
        found = (
            text(os.path.join(repository, name)) or text(os.path.join(shared, name)) or packed(shared, name)
        )
        kind, _, target = found.strip().partition(": ")
        if kind != "ref":
            sha = found.strip()
            return sha[:DIGITS] if len(sha) >= 40 and HEX.issuperset(sha) else ""
        if ".." in target or not target.startswith("refs/"):
            return ""
        name = target
    return ""


def packed(repository: str, name: str) -> str:
    """Answer what packed-refs says of a reference."""
    for line in text(os.path.join(repository, "packed-refs")).splitlines():
        sha, _, known = line.partition(" ")
        if known == name:
            return sha
    return ""


def text(path: str) -> str:
    """Answer a small file's text, "" when it is not there."""
    try:
        # What is no regular file, a pipe above all, could keep us waiting.
        if not os.path.isfile(path):
            return ""
        with open(path, "rb") as file:
            return file.read(FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
