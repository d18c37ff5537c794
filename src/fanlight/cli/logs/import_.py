"""`fanlight import FILE…`: log files kept beside the traces, each line once however often it is imported."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from fanlight.cli import options, table
from fanlight.cli.client import reach
from fanlight.cli.terminal import clean, is_terminal, write, write_json
from fanlight.pipeline.files.portions import Portions, known
from fanlight.query.asof import KIND
from fanlight.server.imports import written
from fanlight.stores.imports import Imported

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.cli.client import Client

PATH = "/v1/import"
PATIENT_S = 0.5
"""A bar is shown when it takes longer than this."""
WIDTH = 30
COLUMNS: tuple[table.Column, ...] = (
    ("file", "left"),
    ("format", "left"),
    ("new events", "right"),
    ("kept", "right"),
    ("lines", "right"),
    ("unreadable", "right"),
)


@options.command("import")
@options.data
@options.as_json
@click.argument("files", nargs=-1, required=True)
@click.option("--as", "name", metavar="NAME", help="Format of the files.  [detected]")
@click.option("--tz", metavar="ZONE", help="Where times are meant that tell no offset.  [this machine's]")
@click.option("--metrics", is_flag=True, help="The events are readings, which queries add to traces.")
def command(
    *, data: str | None, as_json: bool, metrics: bool, files: tuple[str, ...], **how: str | None
) -> None:
    """Keep log files beside the traces, so that one query asks both.

    \b
      fanlight import access.log app.log.1.gz
      fanlight query 'error last:24h'
      fanlight import --metrics telemetry.jsonl

    A file is known again by its content, wherever it is: importing it again brings what is new in it, and
    after an interruption what was missing. Imported events stay for `store.import_days`.
    """  # noqa: D301 - click's mark for lines that stay as they are
    client = reach(options.settings(data=data), start=True)
    rows = []
    for path in files:
        bar = Bar(path)
        portions = Portions(recognised(client, path), how["name"], how["tz"], KIND if metrics else None)
        rows.append(one(client, path, portions, bar.show))
        bar.end()
    if as_json:
        write_json(rows)
    else:
        table.show(COLUMNS, [[str(cell) for cell in list(row.values())[: len(COLUMNS)]] for row in rows])
    for row in rows:
        if row["broken"]:
            said = f"{row['file']}: {row['broken']}; import it again when it is whole"
            write(f"fanlight: {clean(said)}", sys.stderr)
        elif row["left_bytes"]:
            said = f"{row['file']}: its last line has no end yet and is left for the next time"
            write(f"fanlight: {clean(said)}", sys.stderr)


def recognised(client: Client, path: str) -> Imported:
    """Answer a file as the store knows it."""
    return known(path, [Imported(**each) for each in client.get(PATH)["files"]])


def one(client: Client, path: str, portions: Portions, show: Callable[[Portions], None]) -> dict[str, Any]:
    """Import one file from where it is kept up to; answer its row."""
    before = portions.file
    for piece in portions:
        portions.went(Imported(**client.send(PATH, written(piece))["file"]))
        show(portions)
    after = portions.file
    return {
        "file": path,
        "format": after.format,
        "new": after.events - before.events,
        "kept": after.events,
        "lines": after.lines,
        "unreadable": portions.faults,
        "left_bytes": portions.left,
        "broken": portions.broken,
    }


class Bar:
    """How far a file is, on a terminal, when it takes a while.

    Args:
        path: of the file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.begun_s = time.monotonic()
        self.is_shown = False

    def show(self, portions: Portions) -> None:
        """Show how far it is."""
        if not is_terminal(sys.stderr) or time.monotonic() - self.begun_s < PATIENT_S:
            return
        self.is_shown = True
        size = portions.size
        share = min(portions.file.position / size, 1.0) if size else 0.0
        full = "#" * round(WIDTH * share)
        far = f"[{full:<{WIDTH}}] {share:4.0%}" if size else f"{portions.file.position / 1e6:,.1f} MB"
        sys.stderr.write(f"\r\x1b[K{clean(self.path)}  {far}  {portions.file.events:,} events")
        sys.stderr.flush()

    def end(self) -> None:
        """Take it away."""
        if self.is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
