"""Tables: coloured and fitted on a terminal, aligned text with nothing cut off elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from fanlight.cli.terminal import clean, has_colour, is_terminal, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    Column = tuple[str, Literal["left", "whole", "right", "cut"]]
    """Heading, and alignment. On a terminal `left` may take several lines, `whole` is left on one line,
    and so is `cut`, which ends with an ellipsis where the others need the room."""


NARROWEST = 20
"""Characters that a column keeps however narrow the terminal."""
WIDEST = 100
"""Characters that a column of `cut` cells is padded to elsewhere."""
LINE = 40
"""Characters from which on a text may well take several lines."""
GAP = 2
"""Spaces between columns."""


def show(columns: Sequence[Column], rows: Sequence[Sequence[str]], dispensable: Sequence[str] = ()) -> None:
    """Write a table to stdout; cells are content and made harmless here.

    Args:
        columns: left to right.
        rows: a cell for each column.
        dispensable: headings that a narrow terminal does without, the first one first.
    """
    safe = [[clean(cell) for cell in row] for row in rows]
    if is_terminal():
        fitted(columns, safe, dispensable)
    else:
        for line in aligned(columns, safe):
            write(line)


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Answer the lines of a plain table, two spaces between columns.

    Nothing is cut, but one long cell does not push the rest of all lines out of sight.
    """
    lines = [[heading.upper() for heading, _ in columns], *rows]
    needed = [
        min(width, WIDEST) if side == "cut" else width
        for width, (_, side) in zip(widths(columns, rows), columns, strict=True)
    ]
    return [
        "  ".join(
            cell.rjust(width) if side == "right" else cell.ljust(width)
            for cell, width, (_, side) in zip(line, needed, columns, strict=True)
        ).rstrip()
        for line in lines
    ]


def fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]], dispensable: Sequence[str]) -> None:
    """Write a table as wide as the terminal."""
    console = terminal()
    console.print(fitting(columns, rows, dispensable, console.width))


def terminal() -> Console:
    """Answer the terminal that stdout is."""
    from rich.console import Console

    return Console(
        file=sys.stdout,
        no_color=not has_colour(),
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def fitting(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], dispensable: Sequence[str], wide: int
) -> Table:
    """Answer a table that fits into so many characters; cells were made harmless before."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold" if has_colour() else "")
    left_out = list(dispensable)
    while left_out and readable(columns, rows) > wide:
        columns, rows = without(left_out.pop(0), columns, rows)
    widest = widths(columns, rows)
    for (heading, side), width in zip(columns, widest, strict=True):
        # What is cut leaves the others whole.
        room = wide - sum(widest) + width - GAP * (len(columns) - 1)
        table.add_column(
            heading,
            justify="right" if side == "right" else "left",
            overflow="ellipsis" if side in ("cut", "whole") else "fold",
            no_wrap=side != "left",
            width=min(width, max(room, NARROWEST)) if side == "cut" else None,
        )
    for row in rows:
        # Text objects, never strings: a string could hold rich's own markup.
        table.add_row(*(Text(cell) for cell in row))
    return table


def widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    """Answer what each column needs to stand on one line."""
    lines = ([heading for heading, _ in columns], *rows)
    return [max(len(line[place]) for line in lines) for place in range(len(columns))]


def readable(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> int:
    """Answer how wide a table has to be for everything but long texts to stand on one line."""
    needed = zip(widths(columns, rows), columns, strict=True)
    return sum(min(width, LINE) if side == "left" else width for width, (_, side) in needed) + GAP * (
        len(columns) - 1
    )


def without(
    name: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]
) -> tuple[list[Column], list[list[str]]]:
    """Answer a table that lacks the column of a heading."""
    kept = [place for place, (heading, _) in enumerate(columns) if heading != name]
    return [columns[place] for place in kept], [[row[place] for place in kept] for row in rows]
