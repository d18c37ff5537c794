"""Text for people: an event as it wants to be shown, else its properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.formatters.cells import cells, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.event import Event


class Text:
    """Writes lines: values of the wanted properties with two blanks between, or the event's own text."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields

    def event(self, event: Event) -> Iterator[str]:
        """Yield the line, or the lines that the event was read from."""
        if self.fields:
            yield (
                "  ".join(text_of(value, kind) or "-" for _, value, kind in cells(event, self.fields)) + "\n"
            )
            return
        own = event.preferred_representation()
        if own is None:
            own = "  ".join(f"{name}={text_of(value, kind)}" for name, value, kind in cells(event, ()))
        if own:
            yield own + "\n"

    def end(self) -> Iterator[str]:
        """Yield nothing."""
        yield from ()
