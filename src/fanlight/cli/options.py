"""Options that several commands share, and the settings they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fanlight import config

if TYPE_CHECKING:
    from collections.abc import Callable

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Answer a decorator that makes a command; its docstring is its help, examples first."""
    return click.command(name, context_settings=HELP)


def data(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--data DIR`."""
    return click.option(
        "--data",
        metavar="DIR",
        help="Data directory.  [FANLIGHT_DATA, else ~/.local/share/fanlight]",
    )(function)


def as_json(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


def settings(**flags: Any) -> config.Settings:
    """Answer the settings that hold with these options given; None counts as not given."""
    return config.load(flags)
