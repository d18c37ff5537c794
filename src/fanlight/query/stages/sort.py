"""`sort -duration`: events in the order of a property."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.query.functions import MISSING, ordering
from fanlight.query.match import value_of
from fanlight.query.plan import spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.words import Words


class Sort:
    """Events by a property, upward, or downward behind `-`; those without it come last."""

    def __init__(self, words: Words) -> None:
        self.down = words.peek().startswith("-")
        if self.down:
            words.at = words.text.index("-", words.at) + 1
        self.path = words.path("sort")

    def run(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events; equal ones stay in order."""
        find = value_of(self.path)
        keyed = [(ordering(find(event)), event) for event in events]
        there = [pair for pair in keyed if pair[0][0] < MISSING]
        there.sort(key=lambda pair: pair[0], reverse=self.down)
        rest = [pair for pair in keyed if pair[0][0] == MISSING]
        return (event for _, event in there + rest)

    def fields(self) -> frozenset[str]:
        """Answer the names it looks up."""
        return spellings([self.path])

    def __str__(self) -> str:
        return f"sort {'-' if self.down else ''}{self.path}"
