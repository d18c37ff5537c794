"""One query over some files: what was selected, as raw text, as events, or through the query's stages."""

from __future__ import annotations

from fanlight.pipeline.files.pushdown import has_records
from fanlight.pipeline.files.search import Search
from fanlight.pipeline.files.source import open_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fanlight.event.event import Event, Origin
    from fanlight.parsers import Format
    from fanlight.pipeline.files.found import Found
    from fanlight.pipeline.files.search import Wishes
    from fanlight.pipeline.files.source import Source
    from fanlight.query.query import Query
    from fanlight.query.stages import Stage


def in_time_order(paths: list[str], wishes: Wishes) -> list[str]:
    """Answer files in the order given, but the parts of one rotated log in the order of time."""
    from fanlight.pipeline.files.rotation import ordered

    return ordered(paths, wishes.format, wishes.zone)


ADDING_UP = ("stats", "top", "timechart")
"""Stages that answer groups, so that of an event only what they look up is read."""


class Answer:
    """The answer of some files, in their order; the parts of a rotated log in the order of time.

    Args:
        query: asks.
        paths: of files; `-` is standard input.
        wishes: the rest.
        opened: opens a path.
        is_endless: files are followed, so that all of them have to be read at once.

    Attributes:
        searches: one a file, as far as files were begun.
    """

    def __init__(
        self,
        query: Query,
        paths: list[str],
        wishes: Wishes,
        opened: Callable[[str], Source] = open_source,
        *,
        is_endless: bool = False,
    ) -> None:
        self.query = query
        self.paths = paths if is_endless or len(paths) < 2 else in_time_order(paths, wishes)
        self.is_endless = is_endless
        self.wishes = wishes
        self.opened = opened
        self.searches: list[Search] = []

    def found(self) -> Iterator[Found]:
        """Yield what is selected, block by block; stages are not run."""
        for _, found in self.parts():
            yield found

    def parts(self) -> Iterator[tuple[Search, Found]]:
        """Yield what is selected with the search that found it, file by file, or as it comes."""
        if self.is_endless and len(self.paths) > 1:
            from fanlight.pipeline.files.together import together

            yield from together([self.part(path) for path in self.paths])
            return
        for path in self.paths:
            yield from self.part(path)

    def part(self, path: str) -> Iterator[tuple[Search, Found]]:
        """Yield what is selected of one file."""
        try:
            yield from self.part_of(self.opened(path))
        except OSError as error:
            # What is read does not know what it is called; our own errors say it.
            if error.errno and not error.filename:
                error.filename = path
            raise

    def part_of(self, source: Source) -> Iterator[tuple[Search, Found]]:
        """Yield what is selected of a source, which is closed then."""
        try:
            search = Search(self.query, source, self.wishes)
            self.searches.append(search)
            for found in search.run():
                if has_records(search.format) and not self.wishes.invert:
                    for each in found.each_as(search.format.reader(), self.query.shown):
                        yield search, each
                else:
                    yield search, found
        finally:
            source.close()

    def selected(self, names: frozenset[str] | None = None) -> Iterator[Event]:
        """Yield the selected events, with all their properties or with some."""
        return self.read(self.parts(), names)

    def read(self, parts: Iterable[tuple[Search, Found]], names: frozenset[str] | None) -> Iterator[Event]:
        """Yield the events of what was found."""
        readers: dict[Search, tuple[Format, Origin]] = {}
        for search, found in parts:
            known, reader = readers.get(search, (None, None))
            # A heading may have changed what lines hold.
            if reader is None or known is not search.format:
                reader = search.format.reader(names)
                readers[search] = search.format, reader
            yield from found.events(reader, search.note)

    def events(self, fields: tuple[str, ...] = ()) -> Iterable[Event]:
        """Answer the events of the answer: what the stages make of the selected ones.

        Args:
            fields: names that are asked for afterwards; none: all.
        """
        stages = self.query.stages
        names: frozenset[str] | None = None
        if stages and str(stages[0]).split(" ")[0] in ADDING_UP:
            from fanlight.pipeline.files.adding import Selected

            names = self.query.fields()
            events: Iterable[Event] = Selected(self, names)
            return run(stages, events)
        if not stages and fields:
            names = asked_for(fields)
        return run(stages, self.selected(names))


def asked_for(fields: tuple[str, ...]) -> frozenset[str] | None:
    """Answer the properties by which the wanted ones are found; None for all."""
    from fanlight.query.nodes import Path
    from fanlight.query.plan import spellings

    return None if any(name.startswith("#") for name in fields) else spellings(map(Path, fields))


def run(stages: tuple[Stage, ...], events: Iterable[Event]) -> Iterable[Event]:
    """Answer what stages make of events."""
    for stage in stages:
        events = stage.run(events)
    return events
