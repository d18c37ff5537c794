"""One query over some files: what was selected, as raw text, as events, or through the query's stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.pipeline.files.search import Search
from fanlight.pipeline.files.source import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.event.event import Event
    from fanlight.pipeline.files.found import Found
    from fanlight.pipeline.files.search import Wishes
    from fanlight.pipeline.files.source import Source
    from fanlight.query.query import Query

ADDING_UP = ("stats", "top", "timechart")
"""Stages that answer groups, so that of an event only what they look up is read."""


class Answer:
    """The answer of some files, in their order.

    Args:
        query: asks.
        paths: of files; `-` is standard input.
        wishes: the rest.
        opened: opens a path.

    Attributes:
        searches: one a file, as far as files were begun.
    """

    def __init__(
        self,
        query: Query,
        paths: list[str],
        wishes: Wishes,
        opened: Callable[[str], Source] = open_source,
    ) -> None:
        self.query = query
        self.paths = paths
        self.wishes = wishes
        self.opened = opened
        self.searches: list[Search] = []

    def found(self) -> Iterator[Found]:
        """Yield what is selected, block by block; stages are not run."""
        for path in self.paths:
            source = self.opened(path)
            try:
                search = Search(self.query, source, self.wishes)
                self.searches.append(search)
                yield from search.run()
            finally:
                source.close()

    def selected(self, names: frozenset[str] | None = None) -> Iterator[Event]:
        """Yield the selected events, with all their properties or with some."""
        reader = None
        search: Search | None = None
        for found in self.found():
            if search is not self.searches[-1]:
                search = self.searches[-1]
                reader = search.format.reader(names)
            assert reader is not None
            yield from found.events(reader)

    def events(self, fields: tuple[str, ...] = ()) -> Iterator[Event]:
        """Yield the events of the answer: what the stages make of the selected ones.

        Args:
            fields: names that are asked for afterwards; none: all.
        """
        stages = self.query.stages
        names: frozenset[str] | None = None
        if stages and str(stages[0]).split(" ")[0] in ADDING_UP:
            names = self.query.fields()
        elif not stages and fields:
            # A dotted name goes into a map, whose own name is the part before the dots.
            names = frozenset(fields) | {name.partition(".")[0] for name in fields}
        events = self.selected(names)
        for stage in stages:
            events = stage.run(events)
        return events
