"""Searches files: needles nominate, the predicate decides, what is selected goes to whoever asked.

The walk: `source` opens, `window` finds the bytes of a time, `blocks` reads and cuts, `scanners`
nominate, here is decided. Nothing that is not nominated is ever read as an event.
"""

from __future__ import annotations

from collections import Counter

from fanlight import parsers
from fanlight.errors import ParserError
from fanlight.event.event import Event
from fanlight.parsers.parser import sections_of
from fanlight.parsers.stamps import TOLD_NO_YEAR, Stamps
from fanlight.pipeline.files.blocks import BOM, LINE_MAX, Blocks
from fanlight.pipeline.files.glance import access_log
from fanlight.pipeline.files.look import Look
from fanlight.pipeline.files.mapped import Mapped
from fanlight.pipeline.files.scanners import WHERE_IT_LIES
from fanlight.pipeline.files.source import FIRST, FIRST_LINES, first_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from fanlight.parsers import Format, Sections
    from fanlight.pipeline.files.found import Found
    from fanlight.pipeline.files.source import Source
    from fanlight.pipeline.files.window import Window
    from fanlight.pipeline.files.years import Part, Turn
    from fanlight.query.query import Query

TURNED = (
    "times tell no year, and begin again later on: lines before are of an earlier year than was assumed;"
    " of a file every year is told"
)
UNREAD_MAX = 1000
"""Lines that could not be read which are kept to be shown."""
SAMPLE = 256 * 1024
"""Bytes on which it is measured which of several conjuncts nominates fewest."""


class Wishes:
    """How files are searched, beside the query.

    Args:
        format: name of the format of all files; None detects.
        zone: where times are meant that tell no offset.
        invert: what the query does not select.
        keeps_untimed: events without a time pass time bounds.
        counts_lines: line numbers are asked for.
        is_strict: every line is read, and the first that cannot be is an error.

    Attributes:
        fields: names that are wanted of the selected events; none: all.
        keeps_unread: lines looked at that could not be read are kept, the first thousand.
    """

    def __init__(
        self,
        *,
        format: str | None = None,  # noqa: A002 the thing's own word
        zone: str | None = None,
        invert: bool = False,
        keeps_untimed: bool = True,
        counts_lines: bool = False,
        is_strict: bool = False,
    ) -> None:
        self.format = format
        self.zone = zone
        self.invert = invert
        self.keeps_untimed = keeps_untimed
        self.counts_lines = counts_lines or is_strict
        self.is_strict = is_strict
        self.fields: tuple[str, ...] = ()
        self.keeps_unread = False


class Search:
    """The search of one source.

    Args:
        query: selects.
        source: opened; closed by whoever opened it.
        wishes: the rest.

    Attributes:
        format: what the lines look like; known when the first block is there.
        confidence: of that, 0 to 1; 1 when it was told.
        unread: reason and text of such lines, where they are kept.
        faults: reason to lines looked at that could not be read.
        engine: what nominates; "" when every line is looked at.
        window: the bytes of the time asked for; None when all are read.
        scanned: bytes read.
    """

    def __init__(self, query: Query, source: Source, wishes: Wishes) -> None:
        self.query = query
        self.source = source
        self.wishes = wishes
        self.faults: Counter[str] = Counter()
        self.unread: list[tuple[str, bytes]] = []
        self.engine = ""
        self.needles: list[str] = []
        self.window: Window | None = None
        self.scanned = 0
        self.turn: Turn | None = None
        self.first: list[bytes] = []
        self.is_found = False
        self.cut = 0
        self.decides = "nothing was looked at"
        self.format: Format
        self.confidence = 1.0
        if wishes.format is not None:
            self.format = parsers.named(wishes.format, wishes.zone, source.written_ns)

    def run(self) -> Iterator[Found]:
        """Yield what is selected, block by block; a block without any is left out."""
        has_bounds = self.query.bounds() != (None, None)
        self.source.settle(self.wishes.format, self.wishes.zone)
        if self.source.size is not None:
            self.fit(self.sample())
            eras = self.eras()
            if eras:
                yield from self.each_year(eras, is_sure=not has_bounds)
                return
            # A heading further up would say what the lines of a window hold.
            if has_bounds and not self.wishes.invert and not self.is_sectioned:
                from fanlight.pipeline.files.window import window_of

                self.window = window_of(
                    self.source, self.format, self.query.bounds(), Stamps(self.wishes.zone).zone
                )
            self.source.seek(0)
        elif self.source.under is not None:
            from fanlight.pipeline.files.source import open_source

            packed = open_source(self.source.name)
            try:
                self.fit(packed.read_at(0, FIRST))
            finally:
                packed.close()
            eras = self.eras()
            if eras:
                yield from self.each_year(eras, is_sure=not has_bounds)
                return
        if self.window is None:
            yield from self.part(None, None, is_sure=not has_bounds)
            return
        begin, end, sure_begin, sure_end = self.window
        line = 1 + self.lines_before(begin) if self.wishes.counts_lines else 0
        for first, last, is_sure in (
            (begin, sure_begin, False),
            (sure_begin, sure_end, self.wishes.keeps_untimed),
            (sure_end, end, False),
        ):
            if last > first:
                self.source.seek(first)
                line = yield from self.part(last - first, line, is_sure=is_sure)

    def sample(self) -> bytes:
        """Answer as many of the first bytes as a format is detected from."""
        found = self.source.read_at(0, FIRST)
        # Long lines: a few of them tell little, and one that is cut nothing.
        return found if found.count(b"\n") > FIRST_LINES else self.source.read_at(0, SAMPLE)

    def eras(self) -> list[Part]:
        """Answer the parts of a file of several years whose times tell none; nothing of any other."""
        if not any(name in self.format.name for name in TOLD_NO_YEAR):
            return []
        from fanlight.pipeline.files.years import again_of, parts

        again = again_of(self.wishes.format or self.format.name, self.wishes.zone)
        return parts(self.source, self.format, again)

    def each_year(self, eras: list[Part], *, is_sure: bool) -> Iterator[Found]:
        """Yield what is selected of a file of several years, whose times tell none."""
        line = 1 if self.wishes.counts_lines else 0
        for begin, end, found in eras:
            self.format = found
            if self.source.size is not None:
                self.source.seek(begin)
            line = yield from self.part(end - begin, line, is_sure=is_sure)

    def lines_before(self, place: int) -> int:
        """Answer how many lines are before a place."""
        self.source.seek(0)
        blocks = Blocks(self.source, None, place)
        return sum(blocks.buffer.count(b"\n", begin, end) for begin, end in blocks)

    def fit(self, sample: bytes) -> None:
        """Find the format in the first bytes, or let them say what they may of the one that was told."""
        lines = self.first = first_lines(sample)
        if hasattr(self, "format"):
            self.format = parsers.fitted(self.format, lines)
            return
        zone, written_ns = self.wishes.zone, self.source.written_ns
        if name := access_log(lines):
            # FAST PATH: to try all formats takes longer than to search a small file.
            self.format = parsers.named(name, zone, written_ns)
            self.confidence = self.format.said
        else:
            self.format, self.confidence = parsers.detect(lines, zone, written_ns)

    @property
    def is_sectioned(self) -> bool:
        """Whether what lines hold may change further down."""
        sections = sections_of(self.format)
        return sections is not None and sections.mark == b"#"

    def sectioned(self, buffer: bytearray, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of a block between headings, each when `format` is the one of its lines."""
        sections = sections_of(self.format)
        start = at = closed = begin
        is_inside = False
        while sections is not None and at < end:
            if not buffer.startswith(sections.mark, at, end):
                at = buffer.find(b"\n" + sections.mark, at, end) + 1
                if not at:
                    break
            edge = buffer.find(b"\n", at, end)
            is_inside = is_open_at(sections, (buffer, closed, at), inside=is_inside)
            closed = at
            changed = None if is_inside else sections.section(bytes(buffer[at:edge]).rstrip(b"\r"))
            if changed is not None:
                closed = edge + 1
                if at > start:
                    yield start, at
                start = edge + 1
                self.format, sections = changed, sections_of(changed)
            at = edge + 1
        if start < end:
            yield start, end

    def part(self, limit: int | None, line: int | None, *, is_sure: bool) -> Generator[Found, None, int]:
        """Yield what is selected of a part of the source, and return the number of the line behind it.

        Args:
            limit: bytes; None for all there are.
            line: number of its first line.
            is_sure: every event of it is within the time asked for.
        """
        heads = self.format.heads if hasattr(self, "format") else None
        look = (yield from self.mapped(is_sure=is_sure)) if limit is None else None
        before = self.scanned
        blocks = Blocks(self.source, heads, limit)
        blocks.is_begin = before == 0
        if hasattr(self, "format"):
            blocks.sections = sections_of(self.format)
        number = (line or 1) if self.wishes.counts_lines else 0
        for first, last in blocks:
            if self.source.size is None:
                self.come(blocks, first, last, is_first=look is None)
            counted = first
            for begin, end in self.sectioned(blocks.buffer, first, last):
                if look is None or look.format is not self.format:
                    look = Look(self, blocks.buffer, (begin, min(end, begin + SAMPLE)), is_sure=is_sure)
                if number:
                    number += blocks.buffer.count(b"\n", counted, begin)
                    counted = begin
                if self.wishes.is_strict:
                    self.check(blocks.buffer, list(look.every(blocks.buffer, begin, end)), (begin, number))
                found = look.found(blocks.buffer, begin, end, number)
                self.scanned, self.cut = before + blocks.scanned, blocks.cut
                if found is not None:
                    self.is_found = True
                    yield found
            blocks.sections = sections_of(self.format)
            if number:
                number += blocks.buffer.count(b"\n", counted, last)
        self.scanned, self.cut = before + blocks.scanned, blocks.cut
        return number

    def come(self, blocks: Blocks, first: int, last: int, *, is_first: bool) -> None:
        """Look at a block of what can only be read on, before anything is looked for in it."""
        if is_first:
            self.fit(bytes(blocks.buffer[first : min(last, first + SAMPLE)]))
            blocks.heads = self.format.heads
            if any(name in self.format.name for name in TOLD_NO_YEAR):
                from fanlight.pipeline.files.years import Turn

                self.turn = Turn(self.format)
        if self.turn is not None:
            self.turn.look(bytes(blocks.buffer[first : last - 1]))

    def mapped(self, *, is_sure: bool) -> Generator[Found, None, Look | None]:
        """Yield what is selected as long as the file can be mapped and hits are rare; the rest is to be read.

        FAST PATH: a file that is read is copied.
        """
        source = self.source
        if not source.size or self.wishes.counts_lines or self.format.heads or sections_of(self.format):
            return None
        sample = source.read_at(0, SAMPLE)
        source.seek(0)
        look = Look(self, sample, (0, len(sample)), is_sure=is_sure)
        if look.scan is None or look.engine not in WHERE_IT_LIES:
            return look
        file = Mapped(source.stream.fileno(), source.size, len(BOM) if sample.startswith(BOM) else 0)
        for found in file.looked(look.kept):
            self.scanned = file.place
            if found.spans:
                self.is_found = True
                yield found
            if look.scan is not look.sparse:
                break
        source.seek(self.scanned)
        return look

    def check(self, buffer: bytearray, spans: list[tuple[int, int]], start: tuple[int, int]) -> None:
        """Read every event of a block.

        Raises:
            ParserError: the first one that cannot be read; says where.
        """
        reader = self.format.reader()
        begin, number = start
        for first, edge in spans:
            raw = bytes(buffer[first:edge]).rstrip(b"\r")
            try:
                reader.fill(Event.lazy(reader, raw, 0))
            except ValueError as error:
                from fanlight.parsers.places import place_of

                line = number + buffer.count(b"\n", begin, first)
                place = f"{self.source.name}:{line}:{place_of(error, self.format, raw) + 1}"
                raise ParserError(
                    f"{place}: {error}\n  without --strict such lines are counted and kept"
                ) from None

    def note(self, reason: str, raw: bytes) -> None:
        """Enter a line looked at that could not be read."""
        self.faults[reason] += 1
        if self.wishes.keeps_unread and len(self.unread) < UNREAD_MAX:
            self.unread.append((reason, raw))

    def notes(self) -> list[str]:
        """Answer what a person has to know about the answer of this source."""
        name = self.source.name
        told = [f"{name}: {self.source.broken}"] if self.source.broken else []
        for reason, count in self.faults.most_common(3) if self.faults else ():
            told.append(f"{name}: {count:,} of the lines looked at: {reason}")
        if self.wishes.keeps_unread:
            told += [f"{name}: {why}: {raw.decode('utf-8', 'replace')}" for why, raw in self.unread]
        elif self.faults:
            told.append(f"{name}: --errors shows them; `fanlight parse --errors` all there are")
        if self.turn is not None and self.turn.is_seen:
            told.append(f"{name}: {TURNED}")
        if self.cut:
            told.append(f"{name}: {cut_lines(self.cut)}")
        if hasattr(self, "format") and (self.wishes.fields or self.query.fields()):
            from fanlight.pipeline.files.lacking import lacking

            why = lacking(self.query, self.format, self.first, self.wishes.fields, is_empty=not self.is_found)
            told += [f"{name}: {each}" for each in why]
        return told

    def plan(self) -> list[str]:
        """Answer what was pushed down, and how much was read."""
        size = "" if self.source.size is None else f" of {self.source.size:,}"
        found = getattr(self, "format", None)
        told = [
            f"plan: {self.source.name}: format {found.name if found else '?'}, {self.confidence:.0%} sure",
            f"plan: {self.source.name}: {self.scanned:,}{size} bytes read",
        ]
        if self.window is not None:
            told.append(f"plan: time: bytes {self.window.begin:,} to {self.window.end:,} by binary search")
        if self.engine:
            told.append(f"plan: {self.engine} nominates lines with {' or '.join(self.needles)}")
        else:
            told.append("plan: every line is looked at")
        told.append(f"plan: {self.decides}")
        return told


def cut_lines(count: int) -> str:
    """Answer what is said of lines that were too long."""
    lines = "a line was" if count == 1 else f"{count:,} lines were"
    return f"{lines} longer than {LINE_MAX >> 20} MiB and cut there"


def is_open_at(sections: Sections, lines: tuple[bytearray, int, int], *, inside: bool) -> bool:
    """Tell whether a place is within a cell in quotes.

    Args:
        sections: tells of each line.
        lines: a buffer, where the first line begins, and the place behind the last.
        inside: where the first line begins already is.
    """
    buffer, at, end = lines
    while at < end and (inside or buffer.find(b'"', at, end) >= 0):
        edge = buffer.find(b"\n", at, end)
        inside = sections.is_open(bytes(buffer[at:edge]), inside=inside)
        at = edge + 1
    return inside


ALWAYS = frozenset({"time", "raw", "line", "kind"})
