"""`fanlight top`: workers, queues and endpoints on a terminal, as they go."""

from __future__ import annotations

import signal
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from fanlight.cli import endpoints, options, table
from fanlight.cli.client import Client
from fanlight.cli.failures import UsageError
from fanlight.cli.terminal import clean, is_terminal, write, write_json
from fanlight.cli.watching import instants
from fanlight.errors import UnreachableError
from fanlight.formatters.pairs import pairs, rfc3339
from fanlight.web import wording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import Console, RenderableType

    from fanlight.cli.table import Column
    from fanlight.wire.readings import Snapshot

    Section = tuple[Sequence[Column], list[list[str]], Sequence[str]]
    """Columns, cells, and the headings that a narrow terminal does without."""

EVERY_S = 2.0
ENDPOINTS = 10
UNKNOWN = "-"

SERVERS: tuple[Column, ...] = (
    ("service", "whole"),
    ("server", "whole"),
    ("worker", "right"),
    ("workers", "right"),
    ("busy", "right"),
    ("used", "right"),
    ("waiting", "right"),
    ("kernel", "right"),
    ("queue", "right"),
    ("drops", "right"),
    ("loop", "right"),
    ("oldest", "right"),
    ("requests", "right"),
    ("restarts", "right"),
)
DISPENSABLE = ("requests", "drops", "loop", "oldest", "restarts", "server")


@options.command("top")
@options.data
@options.as_json
@click.option("--every", type=click.FloatRange(0.1), metavar="SECONDS", help="Between two looks.  [2]")
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after so many looks.")
@click.option("--last", metavar="TIME", help="Time range of the endpoints: 15m, 24h.  [15m]")
def command(
    *, data: str | None, as_json: bool, every: float | None, count: int | None, last: str | None
) -> None:
    """Show what web servers' workers and queues are at, and the endpoints that hurt most.

    \b
      fanlight top
      fanlight top --every 1 --last 1h
      fanlight top --json | jq .servers

    Waiting is what no thread has begun: in the kernel's queue, in the server's own, as a task; it is
    uneven where some workers have room. Used is the share of the threads' time since the last look.
    Ctrl-C ends it. Where nobody looks, in a pipe or with --json, it is one look unless --count says more,
    two seconds after it began.
    """  # noqa: D301 - click's mark for lines that stay as they are
    if as_json and count is not None:
        raise UsageError("top: --json is one look, so --count is not for it")
    settings = options.settings(data=data)
    live = is_terminal() and not as_json and count is None
    looks = instants(settings, every or EVERY_S, None if live else (count or 1) + 1)
    # What was used is known from the second look on.
    looks = looks if live else islice(looks, 1, None)
    client = Client(settings["data"])

    def ask() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = client.get("/api/endpoints", {"last": last or "15m"})
        return rows

    if as_json:
        for snapshots in looks:
            write_json({"servers": [pairs(each, ["*"]) for each in snapshots], "endpoints": ask()})
    elif live:
        watch(looks, ask)
    else:
        for snapshots in looks:
            show(snapshots, ask())


def show(snapshots: Sequence[Snapshot], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one look as text."""
    for columns, cells, dispensable in sections(snapshots, rows):
        table.show(columns, cells, dispensable)
        write("")


def watch(looks: Iterator[Sequence[Snapshot]], ask: Callable[[], list[dict[str, Any]]]) -> None:
    """Show each look in the place of the one before, until Ctrl-C."""
    from rich.live import Live

    console = table.terminal()
    with Live(console=console, screen=True, auto_refresh=False) as screen:
        snapshots: Sequence[Snapshot] = ()
        rows: list[dict[str, Any]] = []
        trouble = ""

        def draw(*_: object) -> None:
            screen.update(picture(snapshots, rows, console, trouble), refresh=True)

        # A terminal that was made wider or narrower shows the same look anew, not only the next one.
        signal.signal(signal.SIGWINCH, draw)
        try:
            for latest in looks:
                snapshots, trouble = latest, ""
                try:
                    rows = ask()
                except UnreachableError as error:
                    # The server may be away for a moment, while the collector goes on.
                    trouble = str(error).partition("\n")[0]
                draw()
        except KeyboardInterrupt:
            return


def picture(
    snapshots: Sequence[Snapshot], rows: Sequence[Mapping[str, Any]], console: Console, trouble: str
) -> RenderableType:
    """Answer one look for the whole screen."""
    from rich.console import Group
    from rich.text import Text

    when = wording.clock(rfc3339(max((each.time_ns for each in snapshots), default=0)))
    head = f"fanlight top  {when} UTC" + (f"  {trouble}" if trouble else "")
    parts: list[RenderableType] = [Text(clean(head), style="bold")]
    for columns, cells, dispensable in sections(snapshots, rows):
        safe = [[clean(cell) for cell in row] for row in cells]
        parts += [Text(""), table.fitting(columns, safe, dispensable, console.width)]
    return Group(*parts)


def sections(snapshots: Sequence[Snapshot], rows: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    """Yield the tables of one look."""
    yield SERVERS, [server(each) for each in snapshots], DISPENSABLE
    if rows:
        columns: tuple[Column, ...] = (("service", "whole"), *endpoints.COLUMNS)
        cells = [[row["service"], *endpoints.cells(dict(row))] for row in rows[:ENDPOINTS]]
        yield columns, cells, endpoints.DISPENSABLE


def server(snapshot: Snapshot) -> list[str]:
    """Answer the cells of a server's or a worker's row; what is unknown is a dash, never 0."""
    values, labels = snapshot.values, snapshot.labels
    return [
        labels.get("service", ""),
        labels.get("server", "") + (f", master {labels['master']}" if "master" in labels else ""),
        labels.get("worker", ""),
        of(values, "workers.booted", "workers.total") + stalled(values),
        of(values, "workers.busy_threads", "workers.max_threads"),
        shown(values, "workers.utilisation", wording.share),
        shown(values, "requests.waiting", wording.count)
        + (" uneven" if values.get("workers.skewed") else ""),
        of(values, "sockets.backlog", "sockets.backlog_limit") + (" full" if is_full(values) else ""),
        shown(values, "queue.backlog", wording.count),
        shown(values, "sockets.drops", wording.count),
        shown(values, "loop.overdue", wording.duration),
        shown(values, "oldest.in_flight", wording.duration),
        shown(values, "workers.requests_count", wording.count),
        shown(values, "workers.restarts", wording.count),
    ]


def is_full(values: Mapping[str, float]) -> bool:
    """Answer whether as many connections wait as the kernel has room for."""
    limit = values.get("sockets.backlog_limit", 0)
    return bool(limit) and values.get("sockets.backlog", 0) >= limit


def stalled(values: Mapping[str, float]) -> str:
    """Answer how many of the workers are alive and say nothing, "" for none."""
    number = values.get("workers.stalled")
    return f" {wording.count(number)} stalled" if number else ""


def shown(values: Mapping[str, float], name: str, form: Callable[[float], str]) -> str:
    """Answer a value as people read it."""
    return form(values[name]) if name in values else UNKNOWN


def of(values: Mapping[str, float], part: str, whole: str) -> str:
    """Answer `part/whole`, as far as they are known."""
    if part not in values:
        return UNKNOWN
    return wording.count(values[part]) + (f"/{wording.count(values[whole])}" if whole in values else "")
