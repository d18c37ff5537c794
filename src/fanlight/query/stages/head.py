"""`head 20`: the first events."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.words import Words

DEFAULT = 10


class Head:
    """The first events; no more are read than that."""

    def __init__(self, words: Words) -> None:
        self.limit = words.number(DEFAULT)

    def run(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the first events."""
        return islice(events, self.limit)

    def fields(self) -> frozenset[str]:
        """Answer no name."""
        return frozenset()

    def __str__(self) -> str:
        return f"head {self.limit}"
