"""`fanlight time-gaps FILE…`: where a file is silent, or goes back in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fanlight.cli import options, table
from fanlight.cli.failures import UsageError
from fanlight.event.units import parse_quantity, written_duration
from fanlight.pipeline.files.reading import Reading

if TYPE_CHECKING:
    from fanlight.event.times import Time


@options.command("time-gaps")
@click.argument("files", nargs=-1, required=True)
@click.option("--over", default="1m", metavar="TIME", help="Shortest silence that counts: 30s, 1h.  [1m]")
@click.option("--as", "name", metavar="NAME", help="Format of the files.  [detected]")
@click.option("--tz", metavar="ZONE", help="Where times are meant that tell no offset.  [this machine's]")
def command(*, files: tuple[str, ...], over: str, name: str | None, tz: str | None) -> None:
    """List the silences of a file: from, to, how long, the line behind.

    \b
      fanlight time-gaps app.log --over 5m

    A negative gap is a line that is earlier than one before it by more than that.
    """  # noqa: D301 - click's mark for lines that stay as they are
    least = parse_quantity(over)
    if least is None or least[1] != "ns":
        raise UsageError(f"time-gaps: {over!r} is no length of time; write 250ms, 30s, 1h")
    rows = []
    for path in files:
        latest: Time | None = None
        for event in Reading(path, name, tz).run():
            when = event.time
            if when is None:
                continue
            if latest is not None and abs(when.ns - latest.ns) >= least[0]:
                gap = written_duration(when.ns - latest.ns)
                rows.append([path, str(event.line), str(latest), str(when), gap])
            latest = when if latest is None or when.ns > latest.ns else latest
    columns: tuple[table.Column, ...] = (
        ("file", "left"),
        ("line", "right"),
        ("from", "left"),
        ("to", "left"),
        ("gap", "right"),
    )
    table.show(columns, rows)
