"""`stats count(), p95(duration) by endpoint, time:1m`: what groups of events add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.query.grouping import Grouping, add_up, read_functions, read_grouping
from fanlight.query.plan import spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.words import Words


class Stats:
    """One event per group, in the groups' order."""

    def __init__(self, words: Words) -> None:
        self.functions = read_functions(words)
        self.grouping = read_grouping(words) if words.took("by") else Grouping(())

    def run(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the groups."""
        return add_up(self.functions, self.grouping, events)

    def fields(self) -> frozenset[str]:
        """Answer the names it looks up."""
        looked = [each.path for each in self.functions if each.path]
        return spellings([*looked, *self.grouping.paths])

    def __str__(self) -> str:
        by = f" by {self.grouping}" if str(self.grouping) else ""
        return f"stats {', '.join(str(each) for each in self.functions)}{by}"
