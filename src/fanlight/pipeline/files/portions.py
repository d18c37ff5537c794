"""A file in pieces, each of whole events, so that what is kept of one is always known to the byte."""

from __future__ import annotations

import os
import time
from hashlib import blake2b
from stat import S_ISREG
from typing import TYPE_CHECKING

from fanlight import parsers
from fanlight.errors import ParserError
from fanlight.event.event import UNTIMED, Event
from fanlight.event.packing import pack
from fanlight.parsers.parser import LineParser, sections_of
from fanlight.parsers.stamps import TOLD_NO_YEAR
from fanlight.pipeline.files.blocks import BOM
from fanlight.pipeline.files.found import PLAIN
from fanlight.pipeline.files.source import first_lines, open_source
from fanlight.pipeline.files.years import again_of, parts
from fanlight.stores.imports import Imported, Piece

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.packing import Packed
    from fanlight.parsers import Format
    from fanlight.pipeline.files.source import Source
    from fanlight.pipeline.files.years import Part

BLOCK = 256 * 1024
HEAD = 4096
"""Bytes that tell a file, at its begin and before the place up to which it is kept."""
TELLING = 1024
"""Bytes of a begin from which on it tells a file wherever that is; a shorter one may be chance."""
EVENTS, BYTES = 5_000, 2 << 20
"""Size of a piece: events, and bytes of their lines."""
STILL_S = 60.0
"""A file that was written this lately may go on in the middle of its last line."""


class Stream:
    """A file's bytes from its begin, unpacked, with those before the place up to which it was read.

    Args:
        path: of a file; standard input has no place to come back to.

    Raises:
        ParserError: it is no file.
    """

    def __init__(self, path: str) -> None:
        status = os.stat(path)
        if not S_ISREG(status.st_mode):
            raise ParserError(f"{path} is no file: what is imported has to be there to be read again")
        self.source: Source = open_source(path)
        self.position = 0
        self.last = b""
        self.buffer = bytearray(BLOCK)
        self.inode = f"{status.st_dev}:{status.st_ino}"
        self.is_still = self.source.size is None or time.time() - status.st_mtime > STILL_S

    def read(self, most: int = BLOCK) -> bytes:
        """Answer the next bytes, none at the end."""
        with memoryview(self.buffer) as view, view[: min(most, BLOCK)] as part:
            count = self.source.readinto(part)
        data = bytes(self.buffer[:count])
        self.position += count
        self.last = (self.last + data)[-HEAD:]
        return data

    def skip(self, to: int) -> None:
        """Go on behind a byte; the last bytes before it are read."""
        if self.source.size is not None and to > HEAD and self.position == 0:
            self.source.seek(to - HEAD)
            self.position = to - HEAD
        while self.position < to and self.read(to - self.position):
            pass

    def close(self) -> None:
        """Let the file go."""
        self.source.close()


def digest(data: bytes) -> str:
    """Answer what tells bytes from others."""
    return blake2b(data, digest_size=16).hexdigest()


def known(path: str, files: list[Imported]) -> Imported:
    """Answer the file at a path as a store knows it, or as one that is new, with id 0.

    The same file is one whose begin and whose bytes before the place up to which it is kept are the
    same: renamed, copied or packed it is told as well, unless it is too short to tell.
    """
    stream = Stream(path)
    try:
        head = b""
        while len(head) < HEAD and (more := stream.read(HEAD - len(head))):
            head += more
        inode = stream.inode
    finally:
        stream.close()
    for each in sorted(files, key=lambda file: -file.position):
        if each.head_bytes > len(head) or digest(head[: each.head_bytes]) != each.head:
            continue
        if (each.inode == inode or each.head_bytes >= TELLING) and tail_at(path, each.position) == each.tail:
            return each._replace(name=os.path.abspath(path), inode=inode)
    return Imported(0, os.path.abspath(path), "", inode, digest(head), len(head))


def tail_at(path: str, position: int) -> str:
    """Answer the digest of the bytes before a place; "" when the file ends before."""
    stream = Stream(path)
    try:
        stream.skip(position)
        return digest(stream.last) if stream.position == position else ""
    finally:
        stream.close()


def headed(path: str, to: int, found: Format) -> Format:
    """Answer a format with what the headings of a file say before a place."""
    stream = Stream(path)
    try:
        rest = b""
        while stream.position < to and (more := stream.read(to - stream.position)):
            lines, _, rest = (rest + more).rpartition(b"\n")
            for line in lines.split(b"\n"):
                sections = sections_of(found)
                if sections is not None and line.startswith(sections.mark):
                    found = sections.section(line.removeprefix(BOM).rstrip(b"\r")) or found
    finally:
        stream.close()
    return found


class Portions:
    """The pieces of one file from the place on up to which it is kept.

    Args:
        file: as the store knows it.
        name: of its format; None for the one it had, or detects it.
        zone: where times are meant that tell no offset.
        kind: that the events are kept as; None for the one they were read as.

    Attributes:
        position: bytes read.
        size: of the file, None when it is packed.
        faults: lines that could not be read; they are kept with nothing but their text.
        left: bytes of a last line without an end in a file that may be going on, or of a last event before
            damage; left for the next time.
        broken: what is to be said of damage of a packed file; None when there was none.
    """

    def __init__(
        self, file: Imported, name: str | None = None, zone: str | None = None, kind: str | None = None
    ) -> None:
        self.file = file
        self.kind = kind
        self.name = name or file.format or None
        self.zone = zone
        self.position = file.position
        self.size: int | None = None
        self.faults = self.left = 0
        self.broken: str | None = None
        self.eras: list[Part] = []
        self.window = bytearray()
        self.base = 0
        """Place in the file of the window's first byte; it holds the bytes since shortly before the piece."""

    def __iter__(self) -> Iterator[Piece]:
        stream = Stream(self.file.name)
        self.size = stream.source.size
        try:
            stream.skip(self.file.position)
            self.window += stream.last
            self.base = stream.position - len(stream.last)
            yield from self.pieces(stream)
        finally:
            stream.close()

    def pieces(self, stream: Stream) -> Iterator[Piece]:
        """Yield pieces until the file ends."""
        parser: LineParser | None = None
        events: list[Packed] = []
        held_at = size = 0
        for at, raw in self.lines(stream):
            if parser is None:
                parser = self.parser(stream)
            while self.eras and at >= self.eras[0].begin:
                events += map(self.packed, parser.turn(self.eras.pop(0).format))
            found = parser.parse(raw)
            if parser.held and parser.held_line == parser.line_number:
                held_at = at
            events += map(self.packed, found)
            size += len(raw)
            if len(events) >= EVENTS or (events and size >= BYTES):
                # What is held back belongs to the next piece, which begins with it.
                lines = parser.held_line - 1 if parser.held else parser.line_number
                behind = held_at if parser.held else min(at + len(raw) + 1, stream.position)
                yield self.piece(behind, lines, events)
                events, size = [], 0
        if parser is None:
            return
        lines = parser.line_number
        if self.broken and parser.held:
            # Once it is whole, the event may have further lines.
            self.left, lines = stream.position - held_at, parser.held_line - 1
        else:
            events += map(self.packed, parser.close()[:-1])
        behind = stream.position - self.left
        if behind > self.file.position:
            yield self.piece(behind, lines, events)

    def lines(self, stream: Stream) -> Iterator[tuple[int, bytes]]:
        """Yield each line with the place where it begins."""
        at = stream.position
        while data := stream.read():
            self.window += data
            self.position = stream.position
            while (edge := self.window.find(b"\n", at - self.base)) >= 0:
                behind = self.base + edge + 1
                yield at, bytes(self.window[at - self.base : edge])
                at = behind
        self.broken = stream.source.broken
        if stream.position > at and stream.is_still and not self.broken:
            yield at, bytes(self.window[at - self.base :])
        else:
            self.left = stream.position - at

    def parser(self, stream: Stream) -> LineParser:
        """Answer the parser of the file's format, which goes on counting lines."""
        written_ns = stream.source.written_ns
        if self.name is None:
            sample = bytes(self.window[self.file.position - self.base :])
            # A line that was read in part looks like none of its format.
            sample = sample[: sample.rfind(b"\n") + 1] or sample
            found, _ = parsers.detect(first_lines(sample), self.zone, written_ns)
        else:
            found = parsers.named(self.name, self.zone, written_ns)
        if self.file.position and sections_of(found) is not None:
            found = headed(self.file.name, self.file.position, found)
        self.file = self.file._replace(format=self.name or found.name)
        if any(name in found.name for name in TOLD_NO_YEAR):
            self.eras = parts(stream.source, found, again_of(self.file.format, self.zone))
            if stream.source.size:
                stream.source.seek(stream.position)
        parser = LineParser(found)
        parser.line_number = self.file.lines
        return parser

    def packed(self, event: Event) -> Packed:
        """Answer an event to keep: of a line that cannot be read, its text."""
        if event.kind == "fault":
            self.faults += 1
            return pack(Event.of(PLAIN, [], UNTIMED, event.value("raw"), event.value("line")))
        return pack(event, self.kind)

    def piece(self, behind: int, lines: int, events: list[Packed]) -> Piece:
        """Answer a piece; the next one begins behind it."""
        end = behind - self.base
        found = Piece(self.file, digest(bytes(self.window[max(end - HEAD, 0) : end])), behind, lines, events)
        kept = max(end - HEAD, 0)
        del self.window[:kept]
        self.base += kept
        self.file = self.file._replace(position=behind, lines=lines)
        return found

    def went(self, kept: Imported) -> None:
        """Go on with the file as the store knows it now."""
        self.file = kept
