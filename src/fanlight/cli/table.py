"""Tables: coloured and fitted on a terminal, aligned text with nothing cut off elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from fanlight.cli.terminal import clean, has_colour, is_terminal, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    Column = tuple[str, Literal["left", "right", "cut"]]
    """Heading, and alignment; `cut` is left, and on a terminal one line that ends with an ellipsis."""


NARROWEST = 20
"""Characters that a column keeps however narrow the terminal."""


def show(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Write a table to stdout; cells are content and made harmless here."""
    safe = [[clean(cell) for cell in row] for row in rows]
    if is_terminal():
        fitted(columns, safe)
    else:
        for line in aligned(columns, safe):
            write(line)


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Answer the lines of a plain table, two spaces between columns."""
    lines = [[heading.upper() for heading, _ in columns], *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return [
        "  ".join(
            cell.rjust(width) if side == "right" else cell.ljust(width)
            for cell, width, (_, side) in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in lines
    ]


def fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Write a table as wide as the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(
        file=sys.stdout,
        no_color=not has_colour(),
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )
    table = Table(box=None, pad_edge=False, header_style="bold" if has_colour() else "")
    widest = [
        max(len(line[i]) for line in ([heading for heading, _ in columns], *rows))
        for i in range(len(columns))
    ]
    for (heading, side), width in zip(columns, widest, strict=True):
        # What is cut leaves the others whole; two spaces stand between columns.
        room = console.width - sum(widest) + width - 2 * (len(columns) - 1)
        table.add_column(
            heading,
            justify="right" if side == "right" else "left",
            overflow="ellipsis" if side == "cut" else "fold",
            no_wrap=side != "left",
            width=min(width, max(room, NARROWEST)) if side == "cut" else None,
        )
    for row in rows:
        # Text objects, never strings: a string could hold rich's own markup.
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
