"""The search of one file's lines for words, where lines are all there is: nothing is read as an event.

FAST PATH: it answers what `Search` answers, of a query that only asks for words, in a file whose first
lines are sure to be of a format that shows its texts as they are. Everything else is left to that.
"""

from __future__ import annotations

import os
from stat import S_ISREG

from fanlight.pipeline.files.blocks import BOM, Blocks
from fanlight.pipeline.files.engines import texts
from fanlight.pipeline.files.engines.letters import finder
from fanlight.pipeline.files.engines.patterns import compiled
from fanlight.pipeline.files.glance import access_log
from fanlight.pipeline.files.mapped import Mapped
from fanlight.pipeline.files.source import FIRST, FIRST_LINES, Source, first_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.pipeline.files.engines.patterns import Scanner, Text
    from fanlight.query.plainly import Words


class Plainly:
    """The search of one file for words.

    Args:
        words: that are asked for.
        source: an opened file that can be sought.
        first: its first bytes.

    Attributes:
        count: lines found so far.
        cut: lines so far that were longer than is kept.
    """

    def __init__(self, words: Words, source: Source, first: bytes) -> None:
        self.source = source
        self.count = self.cut = 0
        all_of = [word.encode() for word in words.wanted]
        lowered = first.lower()
        # Of several that are all needed, the one that fewest lines have.
        needles = (
            [min(all_of, key=lowered.count)] if all_of else [word.lower().encode() for word in words.united]
        )
        self.wanted = all_of if len(all_of) > 1 else []
        self.unwanted = [word.encode() for word in words.unwanted]
        asked = [(needle, True) for needle in needles]
        self.scan: Scanner = texts.by_engine(asked, first) or compiled(asked) or finder(asked, first)

    def found(self) -> Iterator[bytes]:
        """Yield the lines that are selected, many at a time, each with its newline."""
        source = self.source
        assert source.size is not None
        mapped = Mapped(source.stream.fileno(), source.size)
        yield from mapped.looked(self.look)
        source.seek(mapped.place)
        blocks = Blocks(source)
        blocks.is_begin = mapped.place == 0
        for begin, end in blocks:
            yield self.look(blocks.buffer, begin, end)
        self.cut = blocks.cut

    def look(self, text: Text, begin: int, end: int) -> bytes:
        """Answer the lines of a piece that are selected."""
        hits = self.scan(text, begin, end)
        if not (self.wanted or self.unwanted):
            self.count += len(hits)
            return b"".join(runs(text, begin, hits))
        rfind = text.rfind
        lines = [text[rfind(b"\n", begin, edge) + 1 or begin : edge + 1] for edge in hits]
        for word in self.wanted:
            lines = [line for line in lines if word in line.lower()]
        for word in self.unwanted:
            lines = [line for line in lines if word not in line.lower()]
        self.count += len(lines)
        return b"".join(lines)


def runs(text: Text, begin: int, edges: list[int]) -> Iterator[bytes | bytearray]:
    """Yield the lines that end at some places; those side by side in one piece."""
    rfind = text.rfind
    low = high = begin
    for edge in edges:
        start = rfind(b"\n", high, edge) + 1 or high
        if start > high:
            yield text[low:high]
            low = start
        high = edge + 1
    yield text[low:high]


def opened(words: Words, path: str) -> Plainly | None:
    """Answer the search of a file; None when that is not this one's to make.

    Raises:
        OSError: it cannot be opened.
    """
    file = open(path, "rb", buffering=0)  # noqa: SIM115 the source's own, closed with it
    about = os.fstat(file.fileno())
    if S_ISREG(about.st_mode) and about.st_size:
        source = Source(path, file, about.st_size)
        first = source.read_at(0, FIRST)
        whole = len(first) == about.st_size or first.count(b"\n") > FIRST_LINES
        if whole and not first.startswith(BOM) and access_log(first_lines(first)):
            source.seek(0)
            return Plainly(words, source, first)
    file.close()
    return None
