"""`tail 20`: the last events."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.words import Words

DEFAULT = 10


class Tail:
    """The last events, in their order; no more are held than that."""

    def __init__(self, words: Words) -> None:
        self.limit = words.number(DEFAULT)

    def run(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the last events."""
        return iter(deque(events, self.limit))

    def fields(self) -> frozenset[str]:
        """Answer no name."""
        return frozenset()

    def __str__(self) -> str:
        return f"tail {self.limit}"
