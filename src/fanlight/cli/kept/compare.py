"""`fanlight compare`: two times or two releases side by side, and what got slower."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from fanlight.cli import options, table
from fanlight.cli.client import reach
from fanlight.cli.failures import UsageError
from fanlight.cli.terminal import clean, write, write_json
from fanlight.web.pages import compare as page

if TYPE_CHECKING:
    from fanlight.cli.table import Column

    Json = dict[str, Any]

COLUMNS: tuple[Column, ...] = (("", "whole"), ("before", "right"), ("now", "right"), ("change", "right"))
ASKED = ("last", "service", "endpoint", "segment", "env", "against", "against_from", "against_to")
"""Options that the address of the page has under the same names."""


@options.command("compare")
@options.data
@options.as_json
@click.argument("releases", nargs=-1, metavar="[RELEASE RELEASE]")
@click.option("--last", metavar="TIME", help="The later time, up to now: 15m, 24h, 7d.  [1h]")
@click.option(
    "--from", "begin", metavar="TIME", help="Its begin: 2026-01-31T14:05:00Z, or seconds since 1970."
)
@click.option("--to", "end", metavar="TIME", help="Its end, written likewise.")
@click.option(
    "--against",
    type=click.Choice(["before", "day", "week"]),
    help="With the time right before it, or a day or a week earlier.  [before]",
)
@click.option("--against-from", metavar="TIME", help="Or with any other time: its begin")
@click.option("--against-to", metavar="TIME", help="and its end.")
@click.option("--service", metavar="NAME", help="Which service.  [the one with most requests]")
@click.option("--endpoint", metavar="NAME", help="Only this endpoint of it.")
@click.option("--segment", metavar="NAME", help="Only this kind of answer of it: html, json, error.")
@click.option("--env", metavar="NAME", help="Only this environment, such as production.")
@click.option("--where", metavar="QUERY", help="Only requests that this query selects.")
def command(*, data: str | None, as_json: bool, releases: tuple[str, ...], **more: str | None) -> None:
    """Show two times or two releases side by side, and what got slower.

    \b
      fanlight compare
      fanlight compare --last 24h --against week --service shop
      fanlight compare 2026.9.1 2026.9.2 --endpoint 'POST /checkout'

    Of two releases the times count in which each ran alone. What got slower is told by kind of work, with
    the share of the slowdown that it explains.
    """  # noqa: D301 - click's mark for lines that stay as they are
    if len(releases) not in (0, 2):
        raise UsageError("compare: one release is compared with another: fanlight compare 2026.9.1 2026.9.2")
    earlier, later = releases or (None, None)
    query = {name: more[name] for name in ASKED} | {"from": more["begin"], "to": more["end"]}
    query |= {"q": more["where"], "release": later, "against_release": earlier}
    client = reach(options.settings(data=data), start=True)
    found: Json = client.get("/api/compare", query)
    if as_json:
        write_json(found)
        return
    if not found["before"]["count"] and not found["after"]["count"]:
        write("no request in either time; --last 24h compares longer ones", sys.stderr)
        return
    show(found)


def show(found: Json) -> None:
    """Write a comparison: its outcome, the numbers, what got slower and what faster."""
    whose = " ".join(clean(found[name]) for name in ("service", "endpoint", "segment") if found[name])
    write(f"{whose}: {page.sentence(found)}")
    for name, side in zip(found["names"], ("before", "after"), strict=True):
        write(f"  {clean(name)}: {found[side]['from']} to {found[side]['to']}")
    for words in page.basis(found):
        write(words, sys.stderr)
    write("")
    names = ("label", "before", "after", "change")
    table.show(COLUMNS, [[row[name] for name in names] for row in page.numbers(found)])
    # Beside nothing, everything there is would be told as new.
    if found["before"]["count"] and found["after"]["count"]:
        tell("slower", page.changes(found["changes"], 1))
        tell("faster", page.changes(found["changes"], -1))


def tell(what: str, changes: list[Json]) -> None:
    """Write what got slower or faster, what explains most of it first."""
    write(f"\nWhat got {what}:" if changes else f"\nNothing got {what}.")
    for each in changes:
        title = clean(each["title"])
        write(f"  {each['share']:>5}  {each['amount']} a request  {title} ({clean(each['sentence'])})")
        for further in (each["location"], each["sent"].brief):
            if further:
                write(f"         {clean(further)}")
