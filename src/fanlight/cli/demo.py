"""`fanlight demo`: the sample shop."""

from __future__ import annotations

import click

from fanlight.cli import options
from fanlight.cli.failures import UsageError

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@options.command("demo")
@click.option("--for", "for_text", metavar="TIME", help="How long to send requests: 20s, 5m.  [until Ctrl-C]")
@click.option("--data", metavar="DIR", help="Data directory, kept afterwards.  [one that is removed]")
@options.as_json
def command(*, for_text: str | None, data: str | None, as_json: bool) -> int:
    """Run a sample shop under gunicorn and show what Fanlight sees of it.

    \b
      fanlight demo
      fanlight demo --for 20s --json

    Every request is sent by us and counted twice: by the sender and by Fanlight.
    """  # noqa: D301 - click's mark for lines that stay as they are
    from fanlight.demo import main

    return main(seconds(for_text) if for_text else None, as_json, data)


def seconds(text: str) -> float:
    """Answer the seconds of `20s`, `5m` or `20`.

    Raises:
        UsageError: it is no time.
    """
    number = text.rstrip("mshMSH ")
    unit = text[len(number) :].strip().lower() or "s"
    try:
        value = float(number) * UNITS_S[unit]
    except (ValueError, KeyError):
        value = 0.0
    if not 0 < value < 1e7:
        raise UsageError(f"demo: --for {text!r} is no length of time; expected one like 20s or 5m")
    return value
