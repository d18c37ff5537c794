"""The one way for content to reach a terminal: nothing in it can move a cursor or hide a word.

Endpoint names, SQL, exception texts and paths come from outside. A terminal obeys control bytes
wherever they come from, so every one of them is shown as a visible mark.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO


def marks() -> dict[int, str]:
    """Answer what is shown for every character that a terminal would obey."""
    table = {code: chr(0x2400 + code) for code in range(0x20)}
    table[0x7F] = "\u2421"
    # C1 controls, bidirectional overrides and isolates, line and paragraph separators, marks.
    for first, last in ((0x80, 0x9F), (0x202A, 0x202E), (0x2066, 0x2069), (0x2028, 0x2029), (0x200E, 0x200F)):
        for code in range(first, last + 1):
            table[code] = f"<U+{code:04X}>"
    for code in (0x061C, 0xFEFF):
        table[code] = f"<U+{code:04X}>"
    return table


MARKS = marks()


def clean(content: object) -> str:
    """Answer content as one line that is safe to show: control characters as visible marks."""
    text = str(content).translate(MARKS)
    # A half of a pair, from a broken encoding, could not be written at all.
    return text.encode("utf-8", "backslashreplace").decode()


def write(line: str, stream: TextIO | None = None) -> None:
    """Write one line of ours; what it quotes was cleaned where it was put in.

    Cleaned again, because a forgotten place must not matter; tabs and line ends are ours.
    """
    stream = sys.stdout if stream is None else stream
    safe = "\n".join("\t".join(clean(cell) for cell in row.split("\t")) for row in line.split("\n"))
    encoding = stream.encoding or "utf-8"
    stream.write(safe.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def write_json(document: Any) -> None:
    """Write exactly one JSON document to stdout, in ASCII: safe to look at, exact to read."""
    import json
    import re

    # JSON escapes all controls but this one.
    text = json.dumps(document, indent=2).replace("\x7f", "\\u007f")
    # A list of numbers on one line; strings hold no line end, so none of them can look like one.
    text = re.sub(r"\[\n\s+(-?\d[\d.,\s-]*)\n\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text)
    sys.stdout.write(text + "\n")


def is_terminal(stream: TextIO | None = None) -> bool:
    """Answer whether a person looks at a stream."""
    stream = sys.stdout if stream is None else stream
    return stream.isatty()


def has_colour(stream: TextIO | None = None) -> bool:
    """Answer whether colours are wanted: a terminal that can, and nobody who said no."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"
