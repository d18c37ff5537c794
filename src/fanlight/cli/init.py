"""`fanlight init`: a settings file in which every line is a comment until you want it."""

from __future__ import annotations

import os
import sys
from textwrap import wrap
from typing import Any

import click

from fanlight import config
from fanlight.cli import options
from fanlight.errors import ConfigError

NAME = "fanlight.toml"
WIDTH = 96

HEAD = """\
# Settings of Fanlight for what runs in this directory and below. Each line says the default;
# take the # away to change one. `fanlight config show` says what holds, and who said so.
"""

UNASKED = """
# What follows holds only when you trust this directory, as `trust` in your own
# ~/.config/fanlight/fanlight.toml or FANLIGHT_TRUST does: a file that comes with a repository may
# not choose where anything is written or sent. A token belongs into FANLIGHT_DSN, not here.
"""

SECTION = """
# What differs where FANLIGHT_ENV=production is set:
# [env.production]
# service = "shop-production"
"""

EXAMPLES = {
    "data": "/var/lib/shop/fanlight",
    "dsn": "unix:///run/fanlight/collector.sock",
    "report.ca_file": "/etc/ssl/certs/internal.pem",
    "report.token_file": "/etc/fanlight/report.token",
    "release": "2026-11-21.1",
    "service": "shop",
    "socket": "/run/shop/collector.sock",
    "store": "duckdb:/var/lib/shop/store",
    "strategy": "embedded",
}
"""What stands for a default that is none, or that follows from another key."""


UNITS = ((30, "GiB"), (20, "MiB"), (10, "KiB"), (0, "B"))


@options.command("init")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the file instead of writing it.")
def command(*, to_stdout: bool) -> None:
    """Write a commented fanlight.toml into this directory. One that is there stays as it is.

    \b
      fanlight init
      fanlight init --stdout > deploy/fanlight.toml
    """  # noqa: D301 - click's mark for lines that stay as they are
    text = content()
    if to_stdout:
        sys.stdout.write(text)
        return
    path = os.path.join(os.getcwd(), NAME)
    create(path, text)
    sys.stderr.write(f"{path} is written; every line of it is a comment yet\n")


def create(path: str, text: str) -> None:
    """Write a file that is not there.

    Raises:
        ConfigError: it is there, even as a link to nothing, or the project has its settings elsewhere.
    """
    shared = config.project_file(os.path.dirname(path))
    if shared and shared != path:
        raise ConfigError(
            f"{shared} sets Fanlight up already, and {path} would hide all of it; nothing is written"
        )
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} is there already; nothing is written\n  fanlight init --stdout") from None


def content() -> str:
    """Answer the file: every key as a comment that says its default, and a section."""
    unasked = [name for name, key in config.KEYS.items() if key.project]
    trusted = [name for name in config.KEYS if name not in unasked and name != "trust"]
    # Of keys that are tables elsewhere, the dotted form can stand alone on a line.
    return "".join([HEAD, *map(entry, unasked), UNASKED, *map(entry, trusted), SECTION])


def entry(name: str) -> str:
    """Answer one key: a sentence, and a line to take the # from."""
    key = config.KEYS[name]
    said = "".join(f"# {line}\n" for line in wrap(key.about, WIDTH))
    written = next((alias for alias, meant in config.ALIASES.items() if meant == name), name)
    return f"\n{said}# {written} = {toml(EXAMPLES.get(name, key.default), key.kind)}\n"


def toml(value: Any, kind: str) -> str:
    """Answer a value as TOML has it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml(each, kind) for each in value)}]"
    if kind == "bytes":
        return f'"{binary(value)}"'
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else f'"{value}"'


def binary(size: int) -> str:
    """Answer a size in the largest unit that it is a whole number of."""
    fits = (f"{size >> power}{unit}" for power, unit in UNITS if size % (1 << power) == 0)
    return next(fits)
