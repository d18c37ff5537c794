"""`uniq client`: the first event of each value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.query.functions import hashable
from fanlight.query.match import value_of
from fanlight.query.plan import spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.words import Words


class Uniq:
    """The first event of each value of a property; those without it are left out."""

    def __init__(self, words: Words) -> None:
        self.path = words.path("uniq")

    def run(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the first events."""
        find = value_of(self.path)
        seen = set()
        for event in events:
            value = hashable(find(event))
            if value is not None and value not in seen:
                seen.add(value)
                yield event

    def fields(self) -> frozenset[str]:
        """Answer the names it looks up."""
        return spellings([self.path])

    def __str__(self) -> str:
        return f"uniq {self.path}"
