"""`fanlight config show`: the value of every key, and who set it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from fanlight.cli import options, table
from fanlight.cli.terminal import clean, write_json
from fanlight.registry import suggestion

if TYPE_CHECKING:
    from fanlight.config import Settings

COLUMNS: tuple[table.Column, ...] = (("key", "left"), ("value", "left"), ("origin", "left"))


@options.command("config")
@click.argument("what", type=click.Choice(["show"]), expose_value=False)
@options.data
@options.as_json
def command(*, data: str | None, as_json: bool) -> None:
    """Say what is set here and who set it: an option, a variable, a line of a file, or nobody.

    \b
      fanlight config show
      FANLIGHT_ENV=production fanlight config show --json

    A fault in a file is an error that names its line; exit code 4.
    """  # noqa: D301 - click's mark for lines that stay as they are
    settings = options.settings(data=data)
    section = os.environ.get("FANLIGHT_ENV", "")
    hint(settings, section)
    if as_json:
        rows = [{"key": key, "value": settings.plain(key), "origin": origin} for key, _, origin in settings]
        write_json({"environment": section, "sections": settings.section_names(), "settings": rows})
        return
    table.show(COLUMNS, [[key, settings.shown(key), origin] for key, _, origin in settings])


def hint(settings: Settings, section: str) -> None:
    """Say that no file has the section that is asked for, where that may be a mistake."""
    names = settings.section_names()
    if section and names and section not in names:
        sys.stderr.write(f"no file has a section [env.{clean(section)}]{suggestion(section, names)}\n")
