"""Layouts of log lines: what logging libraries write, element by element, as one regular expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from fanlight.event import types
from fanlight.parsers.fields import Field, group_of
from fanlight.parsers.grouped import PatternFormat
from fanlight.parsers.stamps import CLOCK, HTTPD, ISO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fanlight.event.stamps import Moment

LEVELS = (
    rb"(?:TRACE|DEBUG|INFO|NOTICE|WARNING|WARN|ERROR|CRITICAL|FATAL|SUCCESS|NOTSET|SEVERE|CONFIG|FINEST|FINER"
    rb"|FINE|OFF|ALL|ALERT|EMERG|PANIC|Level \d+)"
)
SHORT = rb"[^\n]{0,300}?"
"""Some text that ends where the next element begins. Its length is bounded, and so is the time to find it."""
LONG = rb".*?"
LAST = rb".*"
STAMP = ISO + rb"|" + HTTPD + rb"|(?:\d\d/\d\d/\d\d )?" + CLOCK
"""A time of any shape that `Stamps.any` reads."""


class Element(NamedTuple):
    """One element of a layout."""

    name: str
    """Of the property; "" when it is none."""
    pattern: bytes = SHORT
    type: str = types.STRING
    unit: str | None = None
    before: bytes = b""
    """What may be padded in front of it, as a pattern."""
    after: bytes = b""
    """The same behind it."""


def padded(element: Element, width: str) -> Element:
    """Answer an element with the blanks that a width such as `-5` or `20` may put beside it."""
    if not width.lstrip("-+0"):
        return element
    return element._replace(after=rb" *") if width.startswith("-") else element._replace(before=rb" *")


class Layout:
    """A layout that is being turned into a pattern.

    Args:
        parts: elements, and the text between them.
    """

    def __init__(self, parts: Sequence[str | Element]) -> None:
        self.fields: list[Field] = []
        self.pattern = b""
        self.head: bytes | None = None
        self.has_time = False
        self.until_time: bytes | None = None
        self.has_message = False
        is_thrown = any(isinstance(part, Element) and part.name == "exception" for part in parts)
        for place, part in enumerate(parts):
            if isinstance(part, str):
                self.pattern += re.escape(part.encode())
                continue
            is_last = not any(parts[place + 1 :])
            if part.pattern == LONG and not is_thrown:
                # What stands behind the message is the text's last: else what looks so in it would end it.
                part = part._replace(pattern=LAST)  # noqa: PLW2901 the same element
            self.add(part, is_last=is_last)
        if self.has_message:
            self.pattern += rb"\s*\Z"

    def add(self, element: Element, *, is_last: bool) -> None:
        """Put an element behind what is there."""
        is_time = element.type == types.TIMESTAMP and not self.has_time
        if element.pattern in (LONG, LAST) and not self.has_message:
            self.has_message = True
            if self.head is None:
                self.head = self.pattern
        pattern = element.pattern
        if is_last:
            pattern = rb"[^\n]*" if pattern == SHORT else pattern
        is_known = any(field.name == element.name for field in self.fields)
        named = element.name and not is_known and (is_time or element.type != types.TIMESTAMP)
        group = rb"(?P<%s>" % group_of(element.name).encode() if named else rb"(?:"
        self.pattern += element.before + group + pattern + rb")" + element.after
        if is_time:
            self.has_time = True
            self.head = self.until_time = self.pattern
        elif named:
            self.fields.append(Field(element.name, element.type, element.unit, empty=(b"",)))

    def format(self, name: str, title: str, stamp: Callable[[bytes], Moment] | None) -> PatternFormat:
        """Answer the format; lines that do not begin as the layout does belong to the event before."""
        head = re.sub(rb"\(\?P<\w+>", b"(?:", self.head or b"")
        return PatternFormat(
            name,
            self.pattern,
            tuple(self.fields),
            stamp if self.has_time else None,
            title=title,
            heads=re.compile(head) if head else None,
            until_time=self.until_time,
        )
