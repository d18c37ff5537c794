"""Batches: events side by side, for those that can do more with columns than with one event after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.event.event import Event


class Batch:
    """Some events of the same names.

    Args:
        names: of the properties in their order, the time first when there is one.
        types: of each, where a value does not show it.
        columns: of each property, the values; None where an event has none, ns for a time.
        make: answers the events.
    """

    __slots__ = ("columns", "make", "names", "types")

    def __init__(
        self,
        names: tuple[str, ...],
        types: tuple[str, ...],
        columns: list[list[Any]],
        make: Callable[[list[list[Any]]], Iterator[Event]],
    ) -> None:
        self.names = names
        self.types = types
        self.columns = columns
        self.make = make

    def events(self) -> Iterator[Event]:
        """Yield the events."""
        return self.make(self.columns)


class Batched:
    """A stream of events, some of them in batches.

    Attributes:
        mixed: events and batches; whoever goes through it cannot go through the events any more.
    """

    def __init__(self, mixed: Iterator[Event | Batch]) -> None:
        self.mixed = mixed
        self.rest: Iterator[Event] | None = None

    def __iter__(self) -> Iterator[Event]:
        for each in self.mixed:
            if isinstance(each, Batch):
                yield from each.events()
            else:
                yield each

    def __next__(self) -> Event:
        if self.rest is None:
            self.rest = iter(self)
        return next(self.rest)
