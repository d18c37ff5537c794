"""Raw: the lines that an event was read from, as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.event import Event


class Raw:
    """Writes raw text; an event that was read from none writes nothing."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields

    def event(self, event: Event) -> Iterator[str]:
        """Yield the lines."""
        raw = event.raw
        if raw is not None:
            yield raw + "\n"

    def end(self) -> Iterator[str]:
        """Yield nothing."""
        yield from ()
