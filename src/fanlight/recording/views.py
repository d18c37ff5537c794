"""Where templates lie: a title is a path below the root that a loader searches, never an absolute one."""

from __future__ import annotations

import os

from fanlight.recording.location import PACKAGES, relative

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ELSEWHERE = "<template elsewhere>"
"""Title of a template whose path is below no root that we know."""
LOADERS = 100
"""Loaders of loaders that are looked at."""


def below(path: str, roots: Iterable[str]) -> str:
    """Answer a template's path below the first root that holds it; as it is, when none does."""
    for root in roots:
        beginning = os.path.join(os.path.abspath(root), "")
        if path.startswith(beginning) and len(beginning) > 1:
            return path[len(beginning) :]
    return path


def title(name: str) -> str:
    """Answer a template's name for people: of an absolute path what is below the project or a package."""
    if not os.path.isabs(name):
        return name
    name = os.path.normpath(name)
    # An environment lies within its project, more often than not.
    for part in PACKAGES:
        _, installed, place = name.rpartition(part)
        if installed:
            return place
    found = relative(name)
    return ELSEWHERE if os.path.isabs(found) else found


def roots(loader: Any) -> list[str]:
    """Answer the directories that a loader searches, and those that it asks, of any library.

    Jinja2 calls them `searchpath`, of a package `_template_root`; Flask asks an application's and its
    blueprints' `jinja_loader`; Django's loaders answer `get_dirs()`.
    """
    found: list[str] = []
    pending, seen = [loader], 0
    while pending and seen < LOADERS:
        each, seen = pending.pop(0), seen + 1
        if each is None:
            continue
        application = getattr(each, "app", None)
        holders = (application, *dict(getattr(application, "blueprints", None) or {}).values())
        pending += [getattr(holder, "jinja_loader", None) for holder in holders]
        pending += list(getattr(each, "loaders", None) or ())
        pending += list((getattr(each, "mapping", None) or {}).values())
        found += map(os.fspath, getattr(each, "searchpath", None) or ())
        found += [root for root in (getattr(each, "_template_root", None),) if isinstance(root, str)]
        if hasattr(each, "get_dirs"):
            found += map(os.fspath, each.get_dirs())
    return found


def named(name: Any, loader: Any) -> Any:
    """Answer what to call a template that a loader found; a name that is no absolute path stays.

    Args:
        name: the library's name for it, perhaps none.
        loader: whose directories count first.
    """
    # A fast path: loaders name a template by its place below them, nearly always.
    if not isinstance(name, str) or name[:1] != os.sep:
        return name
    try:
        return below(os.path.normpath(name), roots(loader))
    except Exception:
        # A loader of the application's own may look like anything.
        return name
