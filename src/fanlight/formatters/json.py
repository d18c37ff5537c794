"""One JSON document: a list of objects, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.formatters.cells import encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.event import Event


class Json:
    """Writes a list."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        self.is_empty = True

    def event(self, event: Event) -> Iterator[str]:
        """Yield the object, and what stands before it."""
        yield ("[\n" if self.is_empty else ",\n") + encoded(event, self.fields)
        self.is_empty = False

    def end(self) -> Iterator[str]:
        """Yield the end of the list."""
        yield "[]\n" if self.is_empty else "\n]\n"
