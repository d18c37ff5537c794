"""`timechart 5m count by service`: one function over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.query.grouping import Grouping, add_up, read_function, read_step
from fanlight.query.plan import spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.words import Words

DEFAULT_STEP = "1m"


class Timechart:
    """One event per step of time and group, oldest first; steps without events are left out."""

    def __init__(self, words: Words) -> None:
        step = DEFAULT_STEP
        if words.peek()[:1].isdigit():
            step = read_step(words, words.take())
        self.function = read_function(words)
        self.grouping = Grouping(words.paths("by") if words.took("by") else (), step)

    def run(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the steps."""
        return add_up((self.function,), self.grouping, events)

    def fields(self) -> frozenset[str]:
        """Answer the names it looks up."""
        path = self.function.path
        return spellings([*self.grouping.paths, path] if path else self.grouping.paths)

    def __str__(self) -> str:
        by = f" by {', '.join(map(str, self.grouping.paths))}" if self.grouping.paths else ""
        return f"timechart {self.grouping.step} {self.function}{by}"
