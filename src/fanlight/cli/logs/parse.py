"""`fanlight parse FILE…`: every line of a file as an event, and what could not be read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fanlight.cli import options, table
from fanlight.cli.logs.answering import put
from fanlight.cli.terminal import clean
from fanlight.formatters import TABLE, formatter
from fanlight.pipeline.files.reading import Reading
from fanlight.pipeline.files.search import cut_lines

if TYPE_CHECKING:
    from fanlight.event.event import Event


@options.command("parse")
@click.argument("files", nargs=-1, required=True)
@click.option("--as", "name", metavar="NAME", help="Format of the files.  [detected]")
@click.option("--tz", metavar="ZONE", help="Where times are meant that tell no offset.  [this machine's]")
@click.option(
    "--format", "shape", type=click.Choice(sorted(TABLE)), default="jsonl", help="Of the answer.  [jsonl]"
)
@click.option("--stats", is_flag=True, help="Only count: lines, events, continuations, blanks, faults.")
@click.option("--errors", is_flag=True, help="Only the lines that cannot be read, with the reason.")
def command(
    *, files: tuple[str, ...], name: str | None, tz: str | None, shape: str, stats: bool, errors: bool
) -> None:
    """Read files and write every event.

    \b
      fanlight parse access.log | jq .status
      fanlight parse --stats access.log app.log.gz
      fanlight parse --errors app.log

    Lines are events, continuations of one, blank, or faults: `--stats` shows that none is lost.
    """  # noqa: D301 - click's mark for lines that stay as they are
    rows = []
    writer = formatter(shape)
    for path in files:
        reading = Reading(path, name, tz)
        for event in reading.run():
            if event.kind == "fault":
                if errors:
                    put([written(path, event)])
            elif not stats and not errors:
                put(writer.event(event))
        rows.append(counts(path, reading))
        if reading.broken:
            sys.stderr.write(f"fanlight: {clean(path)}: {reading.broken}\n")
        if reading.cut:
            sys.stderr.write(f"fanlight: {clean(path)}: {cut_lines(reading.cut)}\n")
    if stats:
        table.show(COLUMNS, rows)
    elif not errors:
        put(writer.end())


def written(path: str, fault: Event) -> str:
    """Answer what is told of a line that cannot be read: where, why, and the line."""
    place = fault.value("position") + 1
    return f"{path}:{fault.value('line')}:{place}: {fault.value('reason')}: {fault.value('raw')}\n"


COLUMNS: tuple[table.Column, ...] = (
    ("file", "left"),
    ("format", "left"),
    *((name, "right") for name in ("lines", "events", "continuations", "headings", "blank", "faults")),
)


def counts(path: str, reading: Reading) -> list[str]:
    """Answer the row of one file."""
    parser = reading.parser
    if parser is None:
        return [path, "", *("0",) * 6]
    told = (parser.continuations, parser.headings, parser.blanks, reading.faults)
    numbers = (parser.line_number, reading.events, *told)
    return [path, parser.name, *(f"{number:,}" for number in numbers)]
