"""Python's tracebacks: chains, groups of exceptions with their margins, notes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fanlight.parsers.stacks.frames import DEEP, Thrown

if TYPE_CHECKING:
    from fanlight.event.event import Event

HEAD = "Traceback (most recent call last):"
BEGIN = re.compile(rb"\n(?:  \+ Exception Group )?Traceback \(most recent call last\):")
CHAINS = {
    "The above exception was the direct cause of the following exception:": "cause",
    "During handling of the above exception, another exception occurred:": "context",
}
THROWN = re.compile(r"((?:[^\W\d]\w*\.)*(?:<locals>\.)?[^\W\d]\w*)(?:: (.*))?")
FRAME = re.compile(r'  File "(.*)", line (\d+)(?:, in (.*))?')
FIRST_PART = re.compile(r"\+-\+-{8,} 1 -{8,}")
NEXT_PART = re.compile(r"  \+-{8,} (?:\d+|\.\.\.) -{8,}")
LAST_PART = re.compile(r"  \+-{16,}")


def begin(text: bytes) -> int:
    """Answer the newline before the first line of a traceback, -1 when there is none."""
    found = BEGIN.search(text)
    return -1 if found is None else found.start()


def read(lines: list[str], head: str) -> Event:  # noqa: ARG001 as any language's
    """Answer the event of a traceback, the exception that was raised last."""
    return chain(lines, DEEP)


def chain(lines: list[str], deep: int) -> Event:
    """Answer the event of tracebacks below one another, each the reason of the next."""
    links: list[tuple[str, list[str]]] = []
    own: list[str] = []
    is_group = False
    for line in lines:
        if not line.startswith("  "):
            is_group = False
        if line.startswith("  + Exception Group"):
            is_group = True
        plain = unmargined(line) if is_group else line
        name = CHAINS.get(plain) if plain[:1] in "TD" else None
        if name is not None:
            links.append((name, own))
            own = []
        else:
            own.append(plain)
    before: Event | None = None
    name = ""
    # The last is the outermost; from too long a chain its innermost go.
    links = links[-deep:] if deep else []
    for place, (following, part) in enumerate(links):
        before = traceback(part, (name, before), deep - len(links) + place)
        name = following
    return traceback(own, (name, before), deep)


def unmargined(line: str) -> str:
    """Answer a line of a group's traceback as it would stand without its margin of two columns and `| `."""
    return line[4:] if line[2:4] in ("| ", "+ ", "|", "+") else line[2:]


def traceback(lines: list[str], before: tuple[str, Event | None], deep: int) -> Event:
    """Answer the event of one traceback.

    Args:
        lines: from `Traceback` on; an exception that was never raised has none but its own.
        before: what the exception before it is to this one, and that.
        deep: groups in groups that may still be opened.
    """
    made = Thrown(None)
    rest = iter(lines)
    for line in rest:
        found = THROWN.fullmatch(line) if line[:1] not in (" ", "") and not line.endswith(HEAD) else None
        if found is not None:
            made.kind = found[1]
            made.message = [found[2] or ""]
            break
        if line and not line.endswith(HEAD):
            made.frames.append(line)
            place = FRAME.fullmatch(line)
            if place is not None:
                made.where = (place[3], place[1], int(place[2]) if len(place[2]) < 18 else None)
    for line in rest:
        if deep and FIRST_PART.fullmatch(line):
            made.behind["parts"] = [chain(part, deep - 1) for part in parts(rest, made.message)]
        else:
            made.message.append(line)
    if before[1] is not None:
        made.behind[before[0]] = before[1]
    return made.event()


def parts(rest: object, behind: list[str]) -> list[list[str]]:
    """Answer the lines of each part of a group, without their margin; what follows goes `behind`."""
    found: list[list[str]] = [[]]
    for line in rest:  # type: ignore[attr-defined]
        if LAST_PART.fullmatch(line):
            break
        if NEXT_PART.fullmatch(line):
            found.append([])
        elif line.startswith("  "):
            found[-1].append(unmargined(line))
        else:
            behind.append(line)
    return found
