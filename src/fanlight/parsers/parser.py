"""The parser of every format: counts lines, holds events of several lines together, asks the query."""

from __future__ import annotations

from fanlight.errors import ParserError
from fanlight.event import types
from fanlight.event.event import UNTIMED, Event
from fanlight.event.schema import Schema
from fanlight.parsers.places import place_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import cast

    from fanlight.parsers import Format, Sections
    from fanlight.query.plan import Prefilter
    from fanlight.query.query import Query
else:
    from fanlight.event.light import cast

FAULT = Schema(
    "fault",
    ("line", "position", "reason", "raw"),
    (types.INT, types.INT, types.STRING, types.STRING),
)
END = Schema("end")
EVENT_MAX = 16 << 20
"""Bytes of an event of several lines; what follows begins an event of its own."""
ROW_MAX = 1 << 20
"""The same of a table's row, where a quote that nothing closes would take all that follows."""


class LineParser:
    """Reads one file of one format; not safe for several threads.

    Args:
        format: what the lines look like.

    Attributes:
        continuations: lines that were added to the event before them.
        blanks: lines that were empty.
        headings: lines that said what the lines below them hold.
    """

    def __init__(self, format: Format) -> None:  # noqa: A002 the thing's own word
        self.format = format
        self.name = format.name
        self.line_number = 0
        self.continuations = 0
        self.blanks = 0
        self.headings = 0
        self.reader = format.reader()
        self.held: list[bytes] = []
        self.held_bytes = 0
        self.held_line = 0
        self.is_closed = False
        self.sections = sections_of(format)
        self.is_inside = False
        self.asked: Query | None = None
        self.prefilter: Prefilter | None = None

    def parse(self, line: str | bytes, query: Query | None = None) -> list[Event]:
        """Answer the events that end with this line, faults among them; only those that a query selects.

        Raises:
            ParserError: it is closed.
        """
        if self.is_closed:
            raise ParserError(f"the parser of {self.name} is closed; a new one reads the next file")
        raw = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line
        raw = raw.rstrip(b"\r\n")
        self.line_number += 1
        if self.line_number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if self.sections is not None:
            return self.row(self.sections, raw, query)
        heads = self.format.heads
        if heads is None:
            if not raw.strip():
                self.blanks += 1
                return []
            return self.events(raw, self.line_number, query)
        if self.held and heads.match(raw) is None and self.held_bytes < EVENT_MAX:
            self.held.append(raw)
            self.held_bytes += len(raw) + 1
            self.continuations += 1
            return []
        if not self.held and not raw.strip():
            self.blanks += 1
            return []
        before = self.release(query)
        self.held = [raw]
        self.held_bytes = len(raw)
        self.held_line = self.line_number
        return before

    def turn(self, found: Format) -> list[Event]:
        """Go on with another format from the next line on; answer the event that was held back."""
        before = self.release(None)
        self.format, self.sections = found, sections_of(found)
        self.reader = found.reader()
        return before

    def row(self, sections: Sections, raw: bytes, query: Query | None) -> list[Event]:
        """Answer the events that end with a line of a format that lines of the file change."""
        if not self.held:
            changed = sections.section(raw)
            if changed is not None:
                self.headings += 1
                if changed is not self.format:
                    self.format, self.sections = changed, sections_of(changed)
                    self.reader = changed.reader()
                return []
            if not raw.strip():
                self.blanks += 1
                return []
            self.held_line, self.held_bytes = self.line_number, 0
        else:
            self.continuations += 1
        self.held.append(raw)
        self.held_bytes += len(raw) + 1
        if self.is_inside or b'"' in raw:
            self.is_inside = sections.is_open(raw, inside=self.is_inside)
        if self.is_inside and self.held_bytes < ROW_MAX:
            return []
        self.is_inside = False
        return self.release(query)

    def release(self, query: Query | None) -> list[Event]:
        """Answer the event that was held back."""
        if not self.held:
            return []
        raw = b"\n".join(self.held)
        self.held = []
        return self.events(raw, self.held_line, query)

    def events(self, raw: bytes, number: int, query: Query | None) -> list[Event]:
        """Answer the event of a text, or the fault that it is."""
        if query is not None and query.bounds() != (None, None):
            moment = self.format.moment(raw)
            # Before the body is read: most of a file is outside of the time that is asked for.
            if moment is not None and not query.selects(moment):
                return []
        if query is not None and not self.passes(raw, query):
            return []
        event = Event.lazy(self.reader, raw, number)
        try:
            event.read()
        except ValueError as error:
            return [fault(raw, number, str(error), place_of(error, self.format, raw))]
        if query is None:
            return [event]
        return [query.shown(event)] if query.matches(event) else []

    def passes(self, raw: bytes, query: Query) -> bool:
        """Tell whether a query may select a raw event, by the literals that it must hold."""
        if self.asked is not query:
            self.asked = query
            # What is shown as something else, or in another unit, may hold what the raw text does not.
            is_sound = not self.format.hidden and not self.format.has_scaled
            self.prefilter = query.literals() if is_sound else None
        if self.prefilter is None:
            return True
        escape = None if self.format.raw_is_text else getattr(self.format, "escape", b"\\")
        return self.prefilter.passes(raw, escape)

    def close(self, query: Query | None = None) -> list[Event]:
        """Answer what was held back, then the end of the stream; nothing the second time."""
        if self.is_closed:
            return []
        self.is_closed = True
        return [*self.release(query), Event.of(END, [], UNTIMED)]


def sections_of(found: Format) -> Sections | None:
    """Answer a format as one that lines of the file change; None when none does."""
    return cast("Sections", found) if hasattr(found, "section") else None


def fault(raw: bytes, number: int, reason: str, position: int = 0) -> Event:
    """Answer the event of a line that could not be read.

    Args:
        raw: the line, kept.
        number: of the line, from 1.
        reason: for people.
        position: in the line, from 0.
    """
    return Event.of(FAULT, [number, position, reason, raw.decode("utf-8", "surrogateescape")], UNTIMED)
