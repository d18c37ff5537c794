"""`fanlight open`: the page in a browser."""

from __future__ import annotations

import sys
from html import escape
from typing import TYPE_CHECKING

import click

from fanlight.cli import options
from fanlight.cli.client import reach
from fanlight.cli.terminal import write, write_json
from fanlight.pipeline.directory import owner_only, run_file

if TYPE_CHECKING:
    from fanlight.config import Settings


@options.command("open")
@options.data
@options.as_json
@click.option("--print", "print_only", is_flag=True, help="Print the one-time link instead.")
def command(*, data: str | None, as_json: bool, print_only: bool) -> None:
    """Open the page in a browser, let in by a one-time link.

    \b
      fanlight open
      fanlight open --print

    The link works once, within 60 seconds. Starts the server when only its data is there.
    """  # noqa: D301 - click's mark for lines that stay as they are
    settings = options.settings(data=data)
    url: str = reach(settings, start=True).post("/api/link")["url"]
    if as_json:
        write_json({"url": url})
    elif print_only or not browse(settings, url):
        write(url)


def browse(settings: Settings, url: str) -> bool:
    """Open a browser on a page of our own that goes on to the link; answer whether there is one.

    The link itself would stand in the browser's arguments, which every user of the machine reads.
    """
    import webbrowser

    path = run_file(settings["data"], "open.html")
    with open(path, "w", encoding="utf-8", opener=owner_only) as file:
        file.write(
            "<!doctype html><meta charset=utf-8><meta name=referrer content=no-referrer>"
            f'<meta http-equiv=refresh content="0; url={escape(url)}"><title>Fanlight</title>'
            f'<a href="{escape(url)}">Fanlight</a>\n'
        )
    opened = webbrowser.open(f"file://{path}")
    if opened:
        write(f"opened {url.partition('/login')[0]} in the browser", sys.stderr)
    return opened
