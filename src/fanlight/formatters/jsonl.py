"""JSON lines: an object a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.formatters.cells import encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.event import Event


class Jsonl:
    """Writes objects."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields

    def event(self, event: Event) -> Iterator[str]:
        """Yield the object."""
        yield encoded(event, self.fields) + "\n"

    def end(self) -> Iterator[str]:
        """Yield nothing."""
        yield from ()
