"""CSV of RFC 4180, with a header."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from fanlight.formatters.cells import cells, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.event import Event

HELD = 1000
"""Events held back for the header, when nobody said which properties; later names have no column."""


class Csv:
    """Writes a header and rows."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        self.held: list[Event] = []
        self.header = ""
        if fields:
            self.header = row(fields)

    def event(self, event: Event) -> Iterator[str]:
        """Yield the row, and before the first one the header."""
        if not self.fields:
            self.held.append(event)
            if len(self.held) >= HELD:
                yield from self.release()
            return
        if self.header:
            yield self.header
            self.header = ""
        yield row([text_of(value, kind) for _, value, kind in cells(event, self.fields)])

    def release(self) -> Iterator[str]:
        """Yield what was held back, under a header of all its names."""
        self.fields = tuple(dict.fromkeys(name for event in self.held for name, _, _ in cells(event, ())))
        held, self.held = self.held, []
        if self.fields:
            yield row(self.fields)
            for event in held:
                yield from self.event(event)

    def end(self) -> Iterator[str]:
        """Yield what was held back; of no events, the header that is known."""
        if self.held:
            yield from self.release()
        elif self.header:
            yield self.header


def row(values: list[str] | tuple[str, ...]) -> str:
    """Answer one row with its line end."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()
