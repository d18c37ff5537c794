"""How a part of a file is looked at: which needles nominate its events, and what decides on those.

The first that holds is the way that is taken, chosen once by the part's first bytes:

| the query, over these lines                        | lines come from         | what decides                |
|----------------------------------------------------|-------------------------|-----------------------------|
| keywords, any of them enough, raw text is text     | `scan`                  | nothing more (`is_exact`)   |
| keywords, all wanted or unwanted, time is sure     | `scan`                  | `Texts.kept`                |
| any other that requires something                  | `scan`                  | `verdict`                   |
| a negation that needs a hit to refuse, plain lines | all but hits (`rest`)   | `verdict`, on hits alone    |
| nothing required, or hits are dense (`choose`)     | `every`                 | `verdict`, if any           |

A `verdict` is the raw text's (`Pushdown.verdict`), else `comparing`'s by groups, else the predicate's on
an event, each behind `timely` where the time is not sure. A mapped file (`kept`, see `Search.mapped`)
takes the first three ways, without a copy. What is added up goes on in `Selected.added`: `Objects` for
JSON, `Adding` for columns, else events.
"""

from __future__ import annotations

from fanlight.event.event import UNTIMED, Event
from fanlight.parsers.parser import sections_of
from fanlight.pipeline.files.compared import comparing
from fanlight.pipeline.files.engines.letters import SAMPLE
from fanlight.pipeline.files.engines.patterns import blank_scanner, newlines
from fanlight.pipeline.files.found import PLAIN, SHORT, Found, kept, lines, records
from fanlight.pipeline.files.pushdown import Pushdown, has_records
from fanlight.pipeline.files.scanners import scanner_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator
    from mmap import mmap

    from fanlight.parsers import Sections
    from fanlight.pipeline.files.engines.patterns import Scanner, Text
    from fanlight.pipeline.files.pushdown import Texts
    from fanlight.pipeline.files.scanners import Needle
    from fanlight.pipeline.files.search import Search
    from fanlight.query.query import Query

    Verdict = Callable[[bytes], bool]
    from typing import cast
else:
    from fanlight.event.light import cast

DENSE = 3
"""When one line of so many has a hit, an engine that is called back for each is not the quickest."""
SPARSE = 10
"""When only one of so many has, it is again."""


class Look:
    """How the blocks of one part are looked at: decided once, on its first bytes."""

    def __init__(self, search: Search, buffer: Text, sample: tuple[int, int], *, is_sure: bool) -> None:
        self.search = search
        self.query = search.query
        self.format = search.format
        self.is_sure = is_sure
        self.sections = sections_of(self.format)
        self.heads: re.Pattern[bytes] | None = self.format.heads
        push = Pushdown(self.query, self.format)
        conjuncts = [] if search.wishes.invert else push.conjuncts
        self.scan: Scanner | None = None
        self.needles: tuple[Needle, ...] = ()
        if conjuncts:
            few = bytes(buffer[sample[0] : min(sample[1], sample[0] + SAMPLE)])
            scanners = [scanner_of(list(some), few) for some in conjuncts]
            # Which one lets fewest lines through is known by trying.
            begin, end = sample
            # A scanner is given whole lines.
            end = max(buffer.rfind(b"\n", begin, end) + 1, begin)
            hits = [0] if len(scanners) == 1 else [len(scan(buffer, begin, end)) for scan, _ in scanners]
            best = hits.index(min(hits))
            self.scan, search.engine = scanners[best]
            self.needles = conjuncts[best]
            search.needles = [needle.pattern.decode("latin-1") for needle in conjuncts[best]]
        self.refuse: Scanner | None = None
        if not conjuncts and self.is_plain(search):
            assert self.query.node is not None
            refused = push.refusing(self.query.node, invert=search.wishes.invert)
            if refused:
                few = bytes(buffer[sample[0] : min(sample[1], sample[0] + SAMPLE)])
                self.refuse, search.engine = scanner_of(list(refused), few)
                self.blank = blank_scanner()
                search.needles = [needle.pattern.decode("latin-1") for needle in refused]
        self.sparse, self.engine = self.scan, search.engine
        self.verdict = self.verdict_of(push)
        self.texts: Texts | None = None
        if push.texts is not None and is_sure and not search.wishes.invert and self.heads is None:
            self.texts = push.texts.beside(self.needles)
        if self.refuse is not None:
            search.decides = f"a line with none of them is selected; of the others {search.decides}"

    def is_plain(self, search: Search) -> bool:
        """Tell whether every line is an event, the query alone decides on it, and nobody wants its number."""
        is_line = self.heads is None and self.sections is None and not has_records(self.format)
        # Who wants to see lines that cannot be read wants all of them looked at.
        is_asked = search.wishes.counts_lines or search.wishes.keeps_unread
        return is_line and self.is_sure and self.query.node is not None and not is_asked

    def found(self, buffer: bytearray, begin: int, end: int, number: int) -> Found | None:
        """Answer what is selected of a block; None when nothing is."""
        if self.refuse is not None:
            return self.rest(self.refuse, buffer, begin, end)
        spans = self.spans(buffer, begin, end)
        return Found(buffer, begin, end, spans, number) if spans is None or spans else None

    def rest(self, refuse: Scanner, buffer: bytearray, begin: int, end: int) -> Found | None:
        """Answer a block without what is not selected, for which a line needs a hit.

        FAST PATH: of a query that refuses, as `NOT word`, most lines are never looked at one by one.
        """
        verdict, rfind = self.verdict, buffer.rfind
        assert verdict is not None
        hits = refuse(buffer, begin, end)
        # A line of blanks is no event.
        blank = self.blank(buffer, begin, end)
        hits = sorted({*hits, *blank}) if blank else hits
        if len(hits) * 1024 > end - begin and len(hits) * DENSE > newlines(buffer, begin, end):
            # From here on every line is decided on, for most of them have a hit.
            self.refuse = None
        pieces: list[memoryview] = []
        at = begin
        with memoryview(buffer) as view:
            for edge in hits:
                start = max(rfind(b"\n", begin, edge) + 1, begin)
                line = stripped(view, start, edge)
                if (edge - start <= SHORT and not line.strip()) or not verdict(line):
                    pieces.append(view[at:start])
                    at = edge + 1
            if at == begin:
                return Found(buffer, begin, end, None, 0)
            pieces.append(view[at:end])
            text = bytearray().join(pieces)
        return Found(text, 0, len(text), None, 0) if text else None

    def verdict_of(self, push: Pushdown) -> Verdict | None:
        """Answer what decides on a raw event; None when whatever is nominated is selected."""
        invert = self.search.wishes.invert
        if push.is_exact and not invert and self.scan is not None:
            inner: Verdict | None = None
            self.search.decides = "a line with one of them is selected, with no further look"
        elif self.query.node is None:
            inner = None
            self.search.decides = "time alone decides" if not self.is_sure else "all lines are selected"
        elif push.verdict is not None:
            inner = push.verdict
            self.search.decides = "the raw text decides"
        else:
            inner = self.judge()
            names = ", ".join(sorted(self.query.fields())) or "all properties"
            self.search.decides = f"the predicate decides on {names}"
        found = inner if self.is_sure else self.timely(inner)
        if not invert:
            return found
        return (lambda _: False) if found is None else (lambda raw: not found(raw))

    def judge(self) -> Verdict:
        """Answer the predicate over raw text: read as an event of only what the query asks for."""
        names = None if self.query.node is None else self.query.fields()
        # A keyword looks at all there is.
        reader = self.format.reader(None if looks_everywhere(self.query) else names)
        select, note = self.query.select, self.search.note
        is_read_first = has_records(self.format)

        def verdict(raw: bytes) -> bool:
            event = Event.lazy(reader, raw, 0)
            try:
                if is_read_first:
                    event.read()
                return select(event)
            except ValueError as error:
                note(str(error), raw)
                return select(Event.of(PLAIN, [], UNTIMED, raw))

        return comparing(self.query, self.format, verdict) or verdict

    def timely(self, inner: Verdict | None) -> Verdict:
        """Answer a verdict that is about the time first."""
        reader = self.format.reader(frozenset({"time"}))
        moment, selects = self.format.moment, self.query.selects
        keeps, is_exact = self.search.wishes.keeps_untimed, self.format.raw_is_text

        def time_of(raw: bytes) -> int | None:
            if is_exact:
                return moment(raw)
            event = Event.lazy(reader, raw, 0)
            try:
                return event.time_ns
            except ValueError:
                return None

        def verdict(raw: bytes) -> bool:
            when = time_of(raw)
            if when is None:
                return keeps and (inner is None or inner(raw))
            return selects(when) and (inner is None or inner(raw))

        return verdict

    def spans(self, buffer: Text, begin: int, end: int) -> list[tuple[int, int]] | None:
        """Answer where the selected events of a block are; None when all of it is."""
        if self.sections is not None and buffer.find(b'"', begin, end) >= 0:
            return self.decided(buffer, self.recorded(self.sections, cast("bytearray", buffer), begin, end))
        if self.scan is None:
            if self.verdict is None and self.heads is None:
                return None
            return self.decided(buffer, self.every(buffer, begin, end))
        hits = self.scan(buffer, begin, end)
        self.choose(hits, buffer, begin, end)
        if self.heads is not None:
            return self.decided(buffer, self.around(buffer, begin, end, hits))
        rfind = buffer.rfind
        if self.verdict is None:
            # A fast path: -1 becomes 0, which is the begin of a buffer that begins there.
            found = [(rfind(b"\n", begin, edge) + 1, edge) for edge in hits]
            if begin and found and found[0][0] == 0:
                found[0] = (begin, found[0][1])
            return found
        spans = [(max(rfind(b"\n", begin, edge) + 1, begin), edge) for edge in hits]
        return self.decided(buffer, spans) if self.texts is None else self.texts.kept(buffer, spans)

    def kept(self, text: mmap, begin: int, end: int) -> Found:
        """Answer the selected lines of a piece of a text that goes away.

        FAST PATH: a line is copied once, for whoever decides on it and for whoever wants to have it.
        """
        verdict = self.verdict
        if verdict is None or self.texts is not None or self.scan is None:
            return kept([text[start:edge] for start, edge in self.spans(text, begin, end) or ()])
        hits = self.scan(text, begin, end)
        self.choose(hits, text, begin, end)
        rfind = text.rfind
        rows = [text[max(rfind(b"\n", begin, edge) + 1, begin) : edge] for edge in hits]
        return kept([row for row in rows if verdict(row[:-1] if row[-1:] == b"\r" else row)])

    def choose(self, hits: list[int], buffer: Text, begin: int, end: int) -> None:
        """Choose what the next block is searched with, from how many lines of this one had a hit.

        FAST PATH: an engine that calls back for every hit is the quickest where hits are rare. Where
        they are not, asking every line at once is. For texts alone that does not hold.
        """
        if self.verdict is None or all(needle.literal for needle in self.needles):
            return
        is_first = self.scan is self.sparse
        if is_first and len(hits) * 1024 < end - begin:
            return
        count = newlines(buffer, begin, end)
        if not is_first:
            self.scan = self.sparse if len(hits) * SPARSE < count else self.scan
        elif len(hits) * DENSE > count:
            self.scan = None
            self.search.engine = f"{self.engine}, until hits were dense,"

    def every(self, buffer: Text, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield all events of a block."""
        if self.sections is not None:
            return records(cast("bytearray", buffer), begin, end, self.sections)
        return lines(buffer, begin, end) if self.heads is None else self.events(buffer, begin, end)

    def recorded(
        self, sections: Sections, buffer: bytearray, begin: int, end: int
    ) -> Iterator[tuple[int, int]]:
        """Yield the events of a table that have a line with a hit, or all."""
        found = records(buffer, begin, end, sections)
        if self.scan is None:
            yield from found
            return
        hits = self.scan(buffer, begin, end)
        at = 0
        for start, edge in found:
            while at < len(hits) and hits[at] < start:
                at += 1
            if at < len(hits) and hits[at] <= edge:
                yield start, edge

    def decided(self, buffer: Text, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Answer the spans that the verdict selects."""
        verdict = self.verdict
        if verdict is None:
            return list(spans)
        with memoryview(buffer) as view:
            return [(start, edge) for start, edge in spans if verdict(stripped(view, start, edge))]

    def events(self, buffer: Text, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the events of several lines of a block."""
        assert self.heads is not None
        match, find = self.heads.match, buffer.find
        start = at = begin
        while at < end:
            edge = find(b"\n", at, end)
            if at > start and match(buffer, at, edge):
                yield start, at - 1
                start = at
            at = edge + 1
        if start < end:
            yield start, end - 1

    def around(self, buffer: Text, begin: int, end: int, hits: list[int]) -> Iterator[tuple[int, int]]:
        """Yield the events of several lines that have a line with a hit."""
        assert self.heads is not None
        match, find, rfind = self.heads.match, buffer.find, buffer.rfind
        done = begin - 1
        for hit in hits:
            if hit <= done:
                continue
            start = max(rfind(b"\n", begin, hit) + 1, begin)
            while start > begin and match(buffer, start, end) is None:
                start = max(rfind(b"\n", begin, start - 1) + 1, begin)
            edge = hit
            while edge + 1 < end and match(buffer, edge + 1, end) is None:
                edge = find(b"\n", edge + 1, end)
            done = edge
            yield start, edge


def stripped(view: memoryview, start: int, edge: int) -> bytes:
    """Answer the bytes of a span, without a carriage return at its end."""
    raw = bytes(view[start:edge])
    return raw[:-1] if raw.endswith(b"\r") else raw


def looks_everywhere(query: Query) -> bool:
    """Answer whether a part of the query looks at all properties, or at them by number or in others."""
    from fanlight.query.nodes import And, Keyword, Not, Or, Pattern

    pending = [query.node]
    while pending:
        node = pending.pop()
        if isinstance(node, Keyword | Pattern):
            return True
        if isinstance(node, And | Or):
            pending += node.parts
        elif isinstance(node, Not):
            pending.append(node.part)
    return any(name.startswith(("#", "span.")) for name in query.fields())
