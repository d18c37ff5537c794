"""The engine that finds many patterns at once, where it is installed: loaded and asked."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from mmap import mmap
    from typing import Any

    Text = bytes | bytearray | mmap
    Scanner = Callable[[Text, int, int], list[int]]
    """(text, begin, end) to the places of the newlines of lines with a hit, ascending."""

PACKAGE, MODULE = "hyperscan", "hyperscan._hs_ext"


def loaded() -> Any:
    """Answer the engine's module; None when it is not installed.

    FAST PATH: the package around the module loads `typing`, which costs a search of one word more than
    all of its own modules do.
    """
    if PACKAGE not in sys.modules:
        if MODULE in sys.modules:
            return sys.modules[MODULE]
        from _frozen_importlib import module_from_spec
        from _frozen_importlib_external import PathFinder

        package = PathFinder.find_spec(PACKAGE)
        if package is None:
            return None
        spec = PathFinder.find_spec(MODULE, package.submodule_search_locations)
        if spec is not None and spec.loader is not None:
            module = module_from_spec(spec)
            try:
                spec.loader.exec_module(module)
            except ImportError:
                return None
            sys.modules[MODULE] = module
            return module
    try:
        import hyperscan
    except ImportError:
        return None
    return hyperscan


def compiled(needles: list[tuple[bytes, bool]]) -> Scanner | None:
    """Answer a scanner for patterns; None when the engine is not there or cannot take them.

    Args:
        needles: patterns over bytes, and whether case does not matter.
    """
    engine = loaded()
    if engine is None:
        return None
    database = engine.Database()
    flags = [
        engine.HS_FLAG_MULTILINE | (engine.HS_FLAG_CASELESS if ignores_case else 0)
        for _, ignores_case in needles
    ]
    try:
        database.compile(
            expressions=[pattern for pattern, _ in needles],
            ids=list(range(len(needles))),
            elements=len(needles),
            flags=flags,
        )
    except engine.error:
        return None
    return scanner(database)


def scanner(database: Any) -> Scanner:
    """Answer the scanner of a compiled database."""
    run = database.scan

    def scan(text: Text, begin: int, end: int) -> list[int]:
        ends: list[int] = []
        add = ends.append

        # Every end of a match is told; one a line is enough.
        def hit(_: int, __: int, to: int, ___: int, ____: Any) -> None:
            add(to)

        with memoryview(text) as view, view[begin:end] as part:
            run(part, match_event_handler=hit)
        hits: list[int] = []
        find = text.find
        edge = -1
        for to in ends:
            if to + begin > edge + 1:
                # The byte before the end is in the line.
                edge = find(b"\n", to + begin - 1, end)
                hits.append(edge)
        return hits

    return scan


def newlines(text: Text, begin: int, end: int) -> int:
    """Answer how many lines end in a piece of a text."""
    if isinstance(text, bytes | bytearray):
        return text.count(b"\n", begin, end)
    return text[begin:end].count(b"\n")


BLANK = rb"\n[\n\r\t\x0b\x0c ]"
"""A line's end, and behind it what a line of blanks begins with."""


def blank_scanner() -> Scanner:
    """Answer what finds lines that begin as one of blanks does."""
    behind = compiled([(BLANK, False)])
    if behind is None:
        import re

        search = re.compile(BLANK).finditer

        def behind(text: Text, begin: int, end: int) -> list[int]:
            return [text.find(b"\n", hit.start() + 1, end) for hit in search(text, begin, end)]

    def scan(text: Text, begin: int, end: int) -> list[int]:
        hits = behind(text, begin, end)
        return [text.find(b"\n", begin, end), *hits] if text[begin : begin + 1].isspace() else hits

    return scan
