"""What was found in one block: spans of the buffer, as raw text or as events."""

from __future__ import annotations

from itertools import accumulate

from fanlight.event.event import UNTIMED, Event
from fanlight.event.schema import Schema
from fanlight.parsers.parser import ROW_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.event.event import Origin
    from fanlight.parsers import Sections
    from fanlight.pipeline.files.engines.patterns import Text

    Note = Callable[[str, bytes], None]
    from typing import cast
else:
    from fanlight.event.light import cast

PLAIN = Schema("log")
"""Of a line that its format cannot read: nothing but its raw text."""


class Found:
    """Events of one block; good until the next block is asked for, for the buffer is used again.

    Args:
        buffer: the block's.
        begin: where the block begins in it, and so `end`.
        spans: begin of each event, and place of the newline behind it; None for all of the block.
        line: number of the block's first line, 0 when nobody counts.

    Attributes:
        is_packed: nothing lies between the spans.
    """

    __slots__ = ("begin", "buffer", "end", "is_packed", "line", "spans")

    def __init__(
        self, buffer: bytearray, begin: int, end: int, spans: list[tuple[int, int]] | None, line: int
    ) -> None:
        self.buffer = buffer
        self.begin = begin
        self.end = end
        self.spans = spans
        self.line = line
        self.is_packed = False

    def __len__(self) -> int:
        return len(self.each())

    def each(self) -> list[tuple[int, int]]:
        """Answer the spans; of a whole block, its lines that are not blank."""
        if self.spans is None:
            self.spans = list(lines(self.buffer, self.begin, self.end))
        return self.spans

    def raw(self) -> bytes:
        """Answer the text of all, each with its newline."""
        buffer, spans = self.buffer, self.spans
        if spans is None:
            return bytes(memoryview(buffer)[self.begin : self.end])
        if self.is_packed and spans:
            return bytes(memoryview(buffer)[spans[0][0] : spans[-1][1] + 1])
        return b"".join([buffer[start : edge + 1] for start, edge in spans])

    def text(self) -> bytes:
        """Answer the text of all, without a newline behind the last."""
        if self.spans is None:
            return bytes(memoryview(self.buffer)[self.begin : self.end - 1])
        with memoryview(self.buffer) as view:
            return b"\n".join([view[start:edge] for start, edge in self.spans])

    def events(self, reader: Origin, note: Note | None = None) -> Iterator[Event]:
        """Yield the events, read; a line that cannot be read has nothing but its raw text.

        Args:
            reader: reads them.
            note: takes the reason and the text of a line that cannot be read, where nobody looked before.
        """
        number, at = self.line, self.begin
        if self.spans is not None:
            note = None
        for start, edge in self.each():
            if self.line:
                number += self.buffer.count(b"\n", at, start)
                at = start
            yield event_of(reader, bytes(self.buffer[start:edge]), number, note)

    def each_as(self, reader: Origin, show: Callable[[Event], Event]) -> Iterator[Found]:
        """Yield the events one by one, each with the text of what is shown of it."""
        number, at = self.line, self.begin
        for start, edge in self.each():
            if self.line:
                number += self.buffer.count(b"\n", at, start)
                at = start
            event = event_of(reader, bytes(self.buffer[start:edge]), number)
            shown = show(event)
            if shown is event:
                yield Found(self.buffer, start, edge + 1, [(start, edge)], number)
            else:
                text = bytearray((shown.raw or "").encode("utf-8", "surrogateescape") + b"\n")
                yield Found(text, 0, len(text), [(0, len(text) - 1)], number)


def kept(rows: list[bytes]) -> Found:
    """Answer some lines of a text that goes away, each without its newline."""
    buffer = bytearray(b"\n").join([*rows, b""])
    behind = list(accumulate([len(row) + 1 for row in rows]))
    found = Found(buffer, 0, len(buffer), list(zip([0, *behind], map((-1).__add__, behind), strict=False)), 0)
    found.is_packed = True
    return found


def event_of(reader: Origin, raw: bytes, number: int = 0, note: Note | None = None) -> Event:
    """Answer the event of a raw text, read, or with nothing but the text when it cannot be."""
    text = raw.rstrip(b"\r\n")
    event = Event.lazy(reader, text, number)
    try:
        reader.fill(event)
    except ValueError as error:
        if note is not None:
            note(str(error), text)
        return Event.of(PLAIN, [], UNTIMED, event.text, number)
    return event


def lines(buffer: Text, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the begin of each line that is not blank, and the place of its newline."""
    find = buffer.find
    at = begin
    while at < end:
        edge = find(b"\n", at, end)
        if edge - at > SHORT or buffer[at:edge].strip():
            yield at, edge
        at = edge + 1


def records(
    buffer: bytearray, begin: int, end: int, sections: Sections, *, keeps_rest: bool = True
) -> Iterator[tuple[int, int]]:
    """Yield the events of a table, whose cells may hold line ends: begin, and place of the last newline.

    Args:
        buffer: holds them.
        begin: of the first.
        end: of the last.
        sections: tells which line the next belongs to.
        keeps_rest: also what is not closed at the end.
    """
    find = buffer.find
    start = at = begin
    is_inside = False
    while at < end:
        edge = find(b"\n", at, end)
        if not is_inside and buffer.startswith(sections.mark, at, end):
            changed = sections.section(bytes(buffer[at:edge]).rstrip(b"\r"))
            if changed is not None:
                sections = cast("Sections", changed)
                start = at = edge + 1
                continue
        if is_inside or find(b'"', at, edge) >= 0:
            is_inside = sections.is_open(bytes(buffer[at:edge]), inside=is_inside)
        at = edge + 1
        if is_inside and edge - start < ROW_MAX:
            continue
        is_inside = False
        if edge - start > SHORT or buffer[start:edge].strip():
            yield start, edge
        start = at
    if keeps_rest and start < end:
        yield start, end - 1


SHORT = 64
"""Bytes of a line that is looked at for being blank; a longer one hardly is."""
