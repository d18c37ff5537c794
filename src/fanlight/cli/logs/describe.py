"""`fanlight describe FILE…`: which properties the events of a file have."""

from __future__ import annotations

from collections import Counter

import click

from fanlight.cli import options, table
from fanlight.formatters.cells import text_of
from fanlight.pipeline.files.reading import Reading

EXAMPLE = 60
"""Characters of an example."""


@options.command("describe")
@click.argument("files", nargs=-1, required=True)
@click.option("--as", "name", metavar="NAME", help="Format of the files.  [detected]")
@click.option("--tz", metavar="ZONE", help="Where times are meant that tell no offset.  [this machine's]")
@click.option("--lines", type=int, default=100_000, help="Events looked at, of each file.  [100000]")
def command(*, files: tuple[str, ...], name: str | None, tz: str | None, lines: int) -> None:
    """Say which properties events have: type, unit, share of the events, an example.

    \b
      fanlight describe access.log
    """  # noqa: D301 - click's mark for lines that stay as they are
    count = 0
    seen: Counter[tuple[str, str, str]] = Counter()
    examples: dict[str, str] = {}
    for path in files:
        for event in Reading(path, name, tz).run():
            if event.kind == "fault":
                continue
            count += 1
            for each in event:
                if each.value is not None:
                    seen[each.name, each.type, each.unit or ""] += 1
                    if each.name not in examples:
                        examples[each.name] = text_of(each.value, each.type)[:EXAMPLE]
            if count >= lines * (files.index(path) + 1):
                break
    rows = [
        [found, kind, unit, f"{times / count:.0%}", examples[found]]
        for (found, kind, unit), times in seen.items()
    ]
    columns: tuple[table.Column, ...] = (
        *((heading, "left") for heading in ("name", "type", "unit")),
        ("share", "right"),
        ("example", "cut"),
    )
    table.show(columns, rows)
