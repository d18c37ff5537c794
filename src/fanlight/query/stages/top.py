"""`top 10 endpoint`, `top 5 endpoint by p95(duration)`: the groups with the most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.query.functions import ordering
from fanlight.query.grouping import Function, Grouping, add_up, read_function
from fanlight.query.plan import spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.words import Words

DEFAULT = 10


class Top:
    """The largest groups, largest first; equal ones in the order of their values."""

    def __init__(self, words: Words) -> None:
        self.limit = words.number(DEFAULT)
        self.path = words.path("top")
        self.function = read_function(words) if words.took("by") else Function("count", None)

    def run(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the groups; events without the property are in none."""
        return self.largest(add_up((self.function,), Grouping((self.path,)), events))

    def largest(self, rows: Iterable[Event]) -> Iterator[Event]:
        """Yield the largest of some groups; they come in the groups' order."""
        there = [row for row in rows if row.value(self.path.text) is not None]
        name = str(self.function)
        there.sort(key=lambda row: ordering(row.value(name)), reverse=True)
        # Sorting backwards keeps equal rows in order, and what has no number comes first: it goes last.
        there.sort(key=lambda row: row.value(name) is None)
        return iter(there[: self.limit])

    def fields(self) -> frozenset[str]:
        """Answer the names it looks up."""
        path = self.function.path
        return spellings([self.path, path] if path else [self.path])

    def __str__(self) -> str:
        by = "" if str(self.function) == "count" else f" by {self.function}"
        return f"top {self.limit} {self.path}{by}"
