"""`fields endpoint, duration`: some properties only, in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.event.event import TIME, UNTIMED, Event
from fanlight.event.property import Property
from fanlight.query.match import own, value_of
from fanlight.query.plan import spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.query.words import Words


class Fields:
    """The same events with some of their properties; a timed one keeps its time when asked for it."""

    def __init__(self, words: Words) -> None:
        self.paths = words.paths("fields")

    def run(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events; a property that one lacks is left out."""
        finders = [(path.text, own(path), value_of(path)) for path in self.paths]
        timed = any(path.text == TIME for path in self.paths)
        for event in events:
            cut = Event(kind=event.kind, time=event.time if timed and event.is_timed else UNTIMED)
            for name, look, find in finders:
                if name == TIME:
                    continue
                found = look(event)
                value = found[0] if found else find(event)
                if value is not None:
                    unit, kind = (found[1], found[2]) if found else (None, None)
                    cut.set(Property(name, value, kind, unit))
            yield cut

    def fields(self) -> frozenset[str]:
        """Answer the names it looks up."""
        return spellings(self.paths)

    def __str__(self) -> str:
        return f"fields {', '.join(map(str, self.paths))}"
