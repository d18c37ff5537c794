"""`fanlight endpoints`: every endpoint, how slow it is and why, the most harmful first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from fanlight.cli import options, table
from fanlight.cli.client import reach
from fanlight.cli.terminal import write, write_json
from fanlight.errors import FanlightError
from fanlight.registry import suggestion
from fanlight.web import wording

if TYPE_CHECKING:
    from fanlight.cli.client import Client
    from fanlight.cli.table import Column

COLUMNS: tuple[Column, ...] = (
    ("endpoint", "left"),
    ("segment", "whole"),
    ("typical", "right"),
    ("problem", "right"),
    ("p99", "right"),
    ("rpm", "right"),
    ("requests", "right"),
    ("errors", "right"),
    ("pain", "right"),
)
DISPENSABLE = ("p99", "rpm", "requests")
"""What a narrow terminal does without: what hurts, and how, stands in the others."""


@options.command("endpoints")
@options.data
@options.as_json
@click.option("--last", metavar="TIME", help="Time range up to now: 15m, 24h, 7d.  [1h]")
@click.option("--from", "begin", metavar="TIME", help="Begin: 2026-01-31T14:05:00Z, or seconds since 1970.")
@click.option("--to", "end", metavar="TIME", help="End, written likewise.")
@click.option("--service", metavar="NAME", help="Only this service.")
@click.option("--env", metavar="NAME", help="Only this environment, such as production.")
def command(
    *, data: str | None, as_json: bool, begin: str | None, end: str | None, **more: str | None
) -> None:
    """List endpoints, the most harmful first: rate times excess over what is typical.

    \b
      fanlight endpoints
      fanlight endpoints --last 24h --service shop
      fanlight endpoints --json | jq '.[0]'

    Typical is the median, problem the 95th percentile. Every request is counted. A terminal that is too
    narrow for all columns does without p99, rpm and requests.
    """  # noqa: D301 - click's mark for lines that stay as they are
    query = {"last": more["last"], "from": begin, "to": end, "service": more["service"], "env": more["env"]}
    client = reach(options.settings(data=data), start=True)
    rows: list[dict[str, Any]] = client.get("/api/endpoints", query)
    if not rows and more["service"]:
        check_service(client, more["service"])
    if as_json:
        write_json(rows)
        return
    if not rows:
        # Data there is none, so stdout stays empty.
        hint = "" if any((more["last"], begin, end)) else "; --last 24h looks further back"
        write(f"no request in this time{hint}", sys.stderr)
        return
    services = {row["service"] for row in rows}
    several = len(services) > 1
    columns = (("service", "whole"), *COLUMNS) if several else COLUMNS
    table.show(columns, [([row["service"]] if several else []) + cells(row) for row in rows], DISPENSABLE)
    findings = [(row, finding) for row in rows for finding in row["findings"]]
    if findings:
        write("")
    for row, finding in findings:
        write(sentence(row, finding))


def check_service(client: Client, name: str) -> None:
    """Refuse a service that never sent anything; one that is only quiet has no rows, which is an answer.

    Raises:
        FanlightError: names the nearest one.
    """
    known = list(client.get("/api/status")["services"])
    if name not in known:
        near = suggestion(name, known) if known else "; none has sent anything yet"
        raise FanlightError(f"unknown service {name!r}{near}")


def cells(row: dict[str, Any]) -> list[str]:
    """Answer one endpoint's cells."""
    return [
        row["endpoint"],
        row["segment"],
        *(wording.duration(row[name]) for name in ("p50", "p95", "p99")),
        wording.rate(row["rpm"]),
        wording.count(row["count"]),
        wording.count(row["errors"]) if row["errors"] else "",
        wording.number(row["pain"]),
    ]


def sentence(row: dict[str, Any], finding: dict[str, Any]) -> str:
    """Answer what is wrong with an endpoint, and where in the code."""
    what = finding["title"] or finding["description"] or finding["kind"]
    words = (
        f"{row['endpoint']}: {finding['kind']}, {what} about {wording.short(finding['repeats_mean'])} times"
        f" in {wording.share(finding['share'])} of the requests, {wording.duration(finding['total'])} of each"
    )
    return f"{words}\n  at {finding['location']}" if finding["location"] else words
