"""Blocks: a file through one buffer that is used again and again, cut where events begin.

FAST PATH: copying blocks together cost more than searching them. What is copied is the piece behind
the last whole event, to the buffer's front.
"""

from __future__ import annotations

# A search for words loads this, and does without `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from fanlight.parsers import Sections
    from fanlight.pipeline.files.source import Source

BLOCK = 512 * 1024
LINE_MAX = 16 << 20
"""Bytes of the longest line that is kept; the rest of a longer one is left out, and counted."""
BOM = b"\xef\xbb\xbf"


class Blocks:
    """Yields the begin and the end, in `buffer`, of bytes that hold whole events.

    The last byte of what is yielded is a newline; it is added behind the last line of a file without.

    Args:
        source: read from where it stands.
        heads: what an event's first line begins with; None when every line is an event.
        limit: bytes to be read at most; None for all.

    Attributes:
        buffer: the bytes of the block that was yielded last.
        cut: lines that were longer than is kept.
        scanned: bytes read.
    """

    def __init__(
        self, source: Source, heads: re.Pattern[bytes] | None = None, limit: int | None = None
    ) -> None:
        self.source = source
        self.heads = heads
        self.limit = limit
        self.sections: Sections | None = None
        """Tells which lines belong together, where no look at a line's beginning does."""
        self.buffer = bytearray(BLOCK)
        self.cut = 0
        self.scanned = 0
        self.is_cutting = False
        self.is_begin = True
        """Whether the first byte that is read may be of a byte order mark."""

    def __iter__(self) -> Iterator[tuple[int, int]]:
        filled = 0
        while True:
            if filled == len(self.buffer):
                if filled >= LINE_MAX:
                    yield from self.too_long(filled)
                    filled = 0
                else:
                    self.buffer.extend(bytes(len(self.buffer)))
            count = self.read(filled)
            if count == 0 and not self.source.is_idle:
                break
            begin = self.begin(filled, count)
            filled += count
            # Nothing has come for a while: what is there is all that the last event will have.
            end = self.end(begin, filled, is_last=self.source.is_idle)
            if end > begin:
                yield begin, end
            if end:
                self.buffer[: filled - end] = self.buffer[end:filled]
                filled -= end
        if filled:
            yield from self.rest(filled)

    def read(self, filled: int) -> int:
        """Read behind what is there; answer how many bytes."""
        room = len(self.buffer) - filled
        if self.limit is not None:
            room = min(room, self.limit - self.scanned)
        if room <= 0:
            return 0
        with memoryview(self.buffer) as view, view[filled : filled + room] as part:
            count = self.source.readinto(part)
        self.scanned += count
        return count

    def begin(self, filled: int, count: int) -> int:
        """Answer where the first line of the buffer begins: behind a byte order mark, or what was cut off."""
        if self.is_cutting:
            edge = self.buffer.find(b"\n", 0, filled + count)
            self.is_cutting = edge < 0
            return filled + count if edge < 0 else edge + 1
        is_first = self.is_begin and self.scanned == filled + count and self.buffer.startswith(BOM)
        return len(BOM) if is_first else 0

    def end(self, begin: int, filled: int, *, is_last: bool = False) -> int:
        """Answer behind the last whole event, 0 when there is none."""
        if begin >= filled:
            return filled
        edge = self.buffer.rfind(b"\n", begin, filled) + 1
        if self.sections is not None and edge and not is_last and self.buffer.find(b'"', begin, edge) >= 0:
            from fanlight.pipeline.files.found import records

            whole = 0
            for _, last in records(self.buffer, begin, edge, self.sections, keeps_rest=False):
                whole = last + 1
            return whole
        if self.heads is None or is_last or not edge:
            return edge
        # The last event may have lines that are still to come: it begins at the last head.
        start = edge
        while start > begin:
            start = self.buffer.rfind(b"\n", begin, start - 1) + 1
            if start == 0:
                start = begin
            if self.heads.match(self.buffer, start, edge):
                return start if start > begin else 0
        return 0

    def too_long(self, filled: int) -> Iterator[tuple[int, int]]:
        """Yield what is kept of a line, or an event, that is longer than that."""
        edge = self.buffer.rfind(b"\n", 0, filled)
        if edge < 0:
            self.cut += 1
            self.is_cutting = True
            self.buffer[filled - 1] = 0x0A
        else:
            # An event of too many lines: what is left of its last line is dropped with it.
            self.cut += 1
            self.is_cutting = True
            filled = edge + 1
        yield 0, filled

    def rest(self, filled: int) -> Iterator[tuple[int, int]]:
        """Yield what stands behind the last cut, with a newline at its end."""
        if self.is_cutting:
            return
        begin = self.begin(0, filled)
        if self.buffer[filled - 1] != 0x0A:
            self.buffer[filled:] = b"\n"
            filled += 1
        if filled > begin:
            yield begin, filled
