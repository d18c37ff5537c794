"""Where in a line reading it failed."""

from __future__ import annotations

import re
from functools import lru_cache

from fanlight.event.lazy import lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TOLD = lazily(r"(?:position|byte|char) (\d{1,9})")
QUOTED = lazily(r"'([^'\\]+)'")
"""The text that was wrong, as reasons show it."""
CLOSED = {ord("("): 1, ord(")"): -1}


class LineError(ValueError):
    """A line that cannot be read.

    Args:
        reason: for people.
        position: in the line, from 0; None when whoever reads the reason has to find it out.
    """

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.position = position


def place_of(error: ValueError, format: Any, raw: bytes) -> int:  # noqa: A002 the thing's own word
    """Answer the position in an event's text where reading it failed.

    Args:
        error: that it failed with.
        format: that read it.
        raw: the text.
    """
    position: int | None = getattr(error, "position", None)
    if position is None and (told := TOLD.search(str(error))):
        position = int(told[1])
    elif position is None and (quoted := QUOTED.search(str(error))):
        at = raw.find(quoted[1].encode("utf-8", "surrogateescape"))
        position = at if at >= 0 else None
    if position is None:
        position = max((reached(each, raw) for each in sources(format)), default=0)
    return min(position, max(len(raw) - 1, 0))


def sources(format: Any) -> list[bytes]:  # noqa: A002 as above
    """Answer the regular expressions by which a format reads a line."""
    found = [
        getattr(getattr(part, "inner", part), "source", None) for part in getattr(format, "parts", [format])
    ]
    return [source for source in found if source is not None]


def reached(source: bytes, raw: bytes) -> int:
    """Answer how far a regular expression goes in a text that it does not match as a whole."""
    line = raw.partition(b"\n")[0]
    for pattern in beginnings(source):
        found = pattern.match(line)
        if found is not None:
            return found.end()
    return 0


@lru_cache(maxsize=64)
def beginnings(source: bytes) -> list[re.Pattern[bytes]]:
    """Answer the beginnings of a regular expression, the longest first: up to each group that has a name."""
    out: list[re.Pattern[bytes]] = []
    for found in reversed(list(re.finditer(rb"\(\?P<\w+>", source))):
        for end in (closing(source, found.start()), found.start()):
            if end is not None:
                # A beginning that is none, as behind half an alternative, says nothing.
                try:
                    out.append(re.compile(opened(source[:end])))
                except re.error:
                    continue
    return out


def closing(source: bytes, start: int) -> int | None:
    """Answer the place behind the parenthesis that closes the one at a place."""
    depth = 0
    for at, sign in signs(source[start:]):
        depth += sign
        if depth == 0:
            return start + at + 1
    return None


def opened(source: bytes) -> bytes:
    """Answer a beginning of a regular expression with what it leaves open closed."""
    return source + b")" * sum(sign for _, sign in signs(source))


def signs(source: bytes) -> list[tuple[int, int]]:
    """Answer the places of the parentheses of a regular expression: 1 opens, -1 closes."""
    out: list[tuple[int, int]] = []
    at, inside = 0, False
    while at < len(source):
        char = source[at]
        if char == 0x5C:
            at += 2
            continue
        if inside:
            inside = char != 0x5D
        elif char == 0x5B:
            inside = True
            # A bracket that stands first closes nothing.
            at += source[at + 1 : at + 2] == b"^"
            at += source[at + 1 : at + 2] == b"]"
        elif char in CLOSED:
            out.append((at, CLOSED[char]))
        at += 1
    return out
