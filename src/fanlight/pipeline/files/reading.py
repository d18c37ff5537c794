"""A file read from its first line to its last, every one accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight import parsers
from fanlight.parsers.parser import LineParser
from fanlight.parsers.stamps import TOLD_NO_YEAR
from fanlight.pipeline.files.blocks import Blocks
from fanlight.pipeline.files.search import SAMPLE
from fanlight.pipeline.files.source import first_lines, open_source
from fanlight.pipeline.files.years import again_of, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.event import Event
    from fanlight.parsers import Format
    from fanlight.pipeline.files.source import Source


class Reading:
    """The reading of one file.

    Args:
        path: of the file; `-` is standard input.
        name: of its format; None detects.
        zone: where times are meant that tell no offset.

    Attributes:
        confidence: of the format, 0 to 1; 1 when it was told.
        events: events so far, without faults.
        faults: lines so far that could not be read.
        cut: lines so far that were too long to be kept whole.
        broken: what is to be said of damage of a compressed file; None when there was none.
        parser: reads; there once the first event is.
    """

    def __init__(self, path: str, name: str | None, zone: str | None) -> None:
        self.path = path
        self.zone = zone
        self.confidence = 1.0
        self.events = 0
        self.faults = 0
        self.cut = 0
        self.broken: str | None = None
        self.name = name
        self.parser: LineParser | None = None

    def run(self) -> Iterator[Event]:
        """Yield events, faults among them."""
        source = open_source(self.path)
        if self.name is not None:
            self.parser = LineParser(parsers.named(self.name, self.zone, source.written_ns))
        try:
            for event in self.each(source):
                if event.kind == "fault":
                    self.faults += 1
                else:
                    self.events += 1
                yield event
        finally:
            self.broken = source.broken
            source.close()

    def each(self, source: Source) -> Iterator[Event]:
        """Yield what the parser answers, but for the end."""
        for begin, end, found in self.parts(source):
            if found is not None:
                if self.parser is None:
                    self.parser = LineParser(found)
                else:
                    yield from self.parser.turn(found)
                if source.size:
                    source.seek(begin)
            yield from self.part(source, None if end is None else end - begin)
        if self.parser is not None:
            yield from self.parser.close()[:-1]

    def parts(self, source: Source) -> list[tuple[int, int | None, Format | None]]:
        """Answer the parts of a file that have formats of their own; one with none for all of another."""
        source.settle(self.name, self.zone)
        if source.size or source.under is not None:
            found = self.parser.format if self.parser else self.fitting(self.sample(source), source)
            again = again_of(self.name or found.name, self.zone)
            is_told = not any(name in found.name for name in TOLD_NO_YEAR)
            eras = [] if is_told else parts(source, found, again)
            if source.size:
                source.seek(0)
            self.parser = None if eras else self.parser or LineParser(found)
            if eras:
                return [(begin, end, each) for begin, end, each in eras]
        return [(0, None, None)]

    def sample(self, source: Source) -> bytes:
        """Answer the first bytes of a file; a compressed one is opened another time for it."""
        if source.size:
            return source.read_at(0, SAMPLE)
        packed = open_source(source.name)
        try:
            return packed.read_at(0, SAMPLE)
        finally:
            packed.close()

    def fitting(self, sample: bytes, source: Source) -> Format:
        """Answer the format of a file's first bytes."""
        found, self.confidence = parsers.detect(first_lines(sample), self.zone, source.written_ns)
        return found

    def part(self, source: Source, limit: int | None) -> Iterator[Event]:
        """Yield what the parser answers to the lines from where a source stands."""
        blocks = Blocks(source, None, limit)
        for begin, end in blocks:
            if self.parser is None:
                self.parser = LineParser(
                    self.fitting(bytes(blocks.buffer[begin : min(end, begin + SAMPLE)]), source)
                )
            for line in bytes(blocks.buffer[begin : end - 1]).split(b"\n"):
                yield from self.parser.parse(line)
            self.cut = blocks.cut
