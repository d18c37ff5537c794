"""Tables: aligned columns, numbers to the right, two blanks between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.formatters.cells import cells, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.event import Event

HELD = 10_000
"""Events that the widths are taken from; those behind them are aligned as far as they fit."""
MARKS = {code: chr(0x2400 + code) for code in range(0x20)}
"""A cell is one line."""


class Table:
    """Holds events back, for the widths of the columns."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        self.is_own = not fields
        self.held: list[Event] = []
        self.widths: list[int] = []
        self.sides: list[bool] = []

    def event(self, event: Event) -> Iterator[str]:
        """Yield the rows, once there are enough to know the widths."""
        if self.widths:
            yield self.line(self.texts(event))
            return
        self.held.append(event)
        if len(self.held) >= HELD:
            yield from self.release()

    def release(self) -> Iterator[str]:
        """Yield header and rows of what was held back."""
        if not self.fields:
            names = (name for event in self.held for name, _, _ in cells(event, ()))
            self.fields = tuple(dict.fromkeys(names))
        if not self.fields:
            self.held = []
            return
        rows = [self.texts(event) for event in self.held]
        header = [name.upper() for name in self.fields]
        columns = list(zip(*([header, *rows]), strict=True))
        self.widths = [max(map(len, column), default=0) for column in columns]
        values = [
            [value for _, value, _ in cells(event, self.fields, is_own=self.is_own)] for event in self.held
        ]
        self.sides = [
            all(value is None or isinstance(value, int | float) for value in column)
            for column in zip(*values, strict=True)
        ]
        self.held = []
        for cells_of in (header, *rows):
            yield self.line(cells_of)

    def texts(self, event: Event) -> list[str]:
        """Answer the cells of a row."""
        found = cells(event, self.fields, is_own=self.is_own)
        return [text_of(value, kind).translate(MARKS) for _, value, kind in found]

    def line(self, texts: list[str]) -> str:
        """Answer a row with its line end."""
        placed = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(texts, self.widths, self.sides, strict=True)
        )
        return "  ".join(placed).rstrip() + "\n"

    def end(self) -> Iterator[str]:
        """Yield what was held back."""
        if self.held:
            yield from self.release()
