"""Stack traces of Python and Java in the text of an event: where one begins, and what it says.

A trace becomes an event of kind `stack-trace`: `exception` its class, `message`, `stack` its frames as
text, and the traces behind it as events of the same kind, `cause`, `context`, `suppressed`, `parts`.
To add a language: a file here with `BEGIN` and `read`, and one line in `LANGUAGES`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from fanlight.event import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from fanlight.event.event import Event

LANGUAGES = ("python", "java")
KIND = "stack-trace"


@cache
def languages() -> tuple[ModuleType, ...]:
    """Answer the modules of the languages; most searches read no stack trace and load none."""
    return tuple(import_module(f"fanlight.parsers.stacks.{name}") for name in LANGUAGES)


NAMES = {"exception": types.STRING, "stack": types.EVENT}
"""What an event with a stack trace has, to its type: the class, and the trace itself."""
WITHIN = frozenset(
    {*NAMES, "cause", "context", "suppressed", "parts", "function", "file", "source-line", "message"}
)
"""What a query may look up that only a stack trace has, or that a stack trace has too."""


def begin(text: bytes) -> tuple[int, ModuleType] | None:
    """Answer where in an event's text the first line of a stack trace begins, and the language.

    The place is one of a newline: a trace that begins in the first line itself begins behind it.
    """
    for language in languages():
        place = language.begin(text)
        if place >= 0:
            return place, language
    return None


def read(text: bytes, language: ModuleType, head: bytes) -> Event:
    """Answer the event of a stack trace.

    Args:
        text: from the newline before its first line on.
        language: whose it is.
        head: what stands before it in the same event; it may name the exception.
    """
    lines = text.decode("utf-8", "surrogateescape").replace("\r", "").split("\n")[1:]
    found: Event = language.read(lines, head.rpartition(b"\n")[2].decode("utf-8", "surrogateescape"))
    return found


def where(frame: str) -> tuple[str | None, str | None, int | None]:
    """Answer function, file and line of a frame of Java, as far as it tells them."""
    name, opening, place = frame.removeprefix("at ").partition("(")
    if not opening:
        return None, None, None
    # A module, as of java.base/java.lang.Thread.run, is no part of the function's name, nor of the file's.
    file, _, number = place.partition(")")[0].rpartition("/")[2].partition(":")
    whole = int(number) if number.isascii() and number.isdigit() and len(number) < 18 else None
    return name.rpartition("/")[2] or None, file or None, whole
