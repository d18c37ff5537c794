"""Java's stack traces: causes, suppressed exceptions, frames left out, also those that begin at the root."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fanlight.parsers.stacks import where
from fanlight.parsers.stacks.frames import DEEP, Thrown

if TYPE_CHECKING:
    from fanlight.event.event import Event

FRAME = re.compile(rb"\n[ \t]*(?:at [^\s(.]+\.[^\s(]+\([^\n]*\)|\.\.\. \d+ (?:more|common frames omitted))")
"""A frame with what precedes it, by which a trace is found."""
CLASS = r"(?:[^\W\d][\w$]*\.)*[^\W\d][\w$]*"
HEADER = re.compile(
    rf"(\s*)(Caused by: |Suppressed: |Wrapped by: )?(?:Exception in thread \"[^\"]*\" )?({CLASS})(?:: (.*))?"
)
LED = re.compile(
    rb"\s*(?:Caused by: |Exception in thread \"[^\"]*\" )?"
    rb"([^\W\d][\w$]*(?:\.[^\W\d][\w$]*)*)(?::[ \r]|:?\r?$)"
)
"""A line that may name an exception, in group 1."""
TAIL = re.compile(r"(?:^|.*?[:\s])((?:[^\W\d][\w$]*\.)+[^\W\d][\w$]*)(?:: (.*))?$")
"""An exception behind a message in the same line."""
BACK = 200
"""Lines that a message between an exception's name and its first frame may have."""


def begin(text: bytes) -> int:
    """Answer the newline before the line that names the exception, -1 when there is no trace.

    Where no line before the first frame names one, the first line does, and the trace begins behind it.
    """
    found = FRAME.search(text)
    if found is None:
        return -1
    place = end = found.start()
    nearest = -1
    for _ in range(BACK):
        place = text.rfind(b"\n", 0, end)
        if place < 0:
            break
        led = LED.match(text, place + 1, end)
        if led is not None and b"." in led[1]:
            return place
        # A class in no package is one word; only directly above the frames is that a name.
        if led is not None and nearest < 0 and end == found.start():
            nearest = place
        end = place
    return nearest if nearest >= 0 else found.start()


def read(lines: list[str], head: str) -> Event:
    """Answer the event of a trace, the outermost exception."""
    roots: list[tuple[int, Thrown, int]] = []
    below: list[tuple[str, Thrown, Thrown]] = []
    if FRAME.match(b"\n" + lines[0].encode("utf-8", "surrogateescape")) is not None:
        found = TAIL.match(head)
        roots.append((0, Thrown(found[1] if found else None, [found[2] or ""] if found else []), 0))
    root = roots[0][1] if roots else Thrown(None)
    for line in lines:
        named = HEADER.fullmatch(line)
        if named is not None and (named[2] or not roots) and (not roots or roots[-1][2] < DEEP):
            made = Thrown(named[3], [named[4] or ""])
            root = made if not roots else hang((len(named[1]), named[2], made), root, (roots, below))
            # What wraps those before it makes them all one deeper.
            roots.append((len(named[1]), made, roots[-1][2] + 1 if roots else 0))
        elif roots and (roots[-1][1].frames or FRAME.match(b"\n" + line.encode("utf-8", "surrogateescape"))):
            framed(roots[-1][1], line)
        elif roots:
            roots[-1][1].message.append(line)
    # The innermost first, for an event holds events.
    for name, outer, inner in reversed(below):
        held = inner.event()
        if name == "suppressed":
            outer.behind.setdefault(name, []).insert(0, held)  # type: ignore[union-attr]
        else:
            outer.behind[name] = held
    return root.event()


def hang(
    given: tuple[int, str, Thrown],
    root: Thrown,
    known: tuple[list[tuple[int, Thrown, int]], list[tuple[str, Thrown, Thrown]]],
) -> Thrown:
    """Put an exception where its indentation says; answer the outermost one.

    Args:
        given: its indentation, how it is introduced, and itself.
        root: the outermost so far.
        known: indentation, exception and depth of those that are open; relation, outer, inner of all read.
    """
    indent, led, made = given
    opened, below = known
    if led == "Wrapped by: ":
        # From the root on: what comes later wraps what came before.
        below.insert(0, ("cause", made, root))
        return made
    is_suppressed = led == "Suppressed: "
    while len(opened) > 1 and opened[-1][0] > indent - is_suppressed:
        if opened[-1][0] == indent and not is_suppressed:
            break
        opened.pop()
    below.append(("suppressed" if is_suppressed else "cause", opened[-1][1], made))
    return root


def framed(made: Thrown, line: str) -> None:
    """Add a line of the frames; the first tells where it was thrown."""
    made.frames.append(line.strip())
    if len(made.frames) == 1:
        made.where = where(line.strip())
