"""`fanlight telemetry`: what web servers' workers and queues are at, as it goes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from fanlight.cli import options
from fanlight.cli.failures import UsageError
from fanlight.cli.terminal import write, write_json
from fanlight.cli.watching import instants
from fanlight.errors import UnreachableError
from fanlight.formatters.pairs import pairs
from fanlight.pipeline.outlets import COMMON, Chain, known_options
from fanlight.pipeline.saturation import chosen
from fanlight.targets.lines import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fanlight.wire.readings import Snapshot


@options.command("telemetry")
@options.data
@options.as_json
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after so many instants.")
@click.option(
    "--every",
    type=click.FloatRange(0.1),
    metavar="SECONDS",
    help="Between two of them.  [as often as targets get them]",
)
@click.option("--format", "formatter", metavar="F", help="json, logfmt, passthrough or prometheus.  [logfmt]")
@click.option("--transform", "transforms", multiple=True, metavar="T", help="One transform, or several.")
@click.option("--to", "target", metavar="TARGET", help="Deliver to a target instead of printing.")
@click.option("--option", "given", multiple=True, metavar="NAME=VALUE", help="An option of one of these.")
@click.option("--per-worker", is_flag=True, help="Also a row for each worker.")
def command(*, data: str | None, as_json: bool, count: int | None, every: float | None, **more: Any) -> None:
    """Print what web servers' workers and queues are at, every five seconds, until Ctrl-C.

    \b
      fanlight telemetry
      fanlight telemetry --count 1 --json
      fanlight telemetry --format json --transform cloudwatch
      fanlight telemetry --to dogstatsd --option address=127.0.0.1:8125 --option tags=env:test
      fanlight telemetry --to log --transform redact --transform l2met

    What it prints is for nobody else: targets of the settings get the same as ever. --json prints one
    document when --count instants are there, one unless it says more. What is told of a time, such as
    workers.utilisation and queue.time, begins with the command and comes with the second instant.
    """  # noqa: D301 - click's mark for lines that stay as they are
    if as_json and (more["formatter"] or more["transforms"] or more["target"]):
        raise UsageError("telemetry: --json has a shape of its own; leave out --format, --transform and --to")
    chain = Chain(entry(more), {"stdout": 1, "stderr": 2})
    settings = options.settings(data=data)
    asked = instants(settings, every or settings["telemetry.frequency_s"], count or (1 if as_json else None))
    told = (chosen(snapshots, settings["telemetry.metrics"]) for snapshots in asked)
    if as_json:
        found = [[pairs(each, ["*"]) for each in rows(snapshots, more)] for snapshots in told]
        write_json(found)
        return
    for snapshots in told:
        if more["target"]:
            deliver(chain, snapshots, more["target"])
        else:
            for message in chain.messages(snapshots):
                write(text_of(message).rstrip("\n"))
            # Whoever reads a pipe wants it now.
            sys.stdout.flush()
    chain.target.close()


def deliver(chain: Chain, snapshots: Sequence[Snapshot], name: str) -> None:
    """Deliver the snapshots of an instant to a target.

    Raises:
        UnreachableError: the target did not take them.
        BrokenPipeError: whoever reads our own output has left.
    """
    try:
        chain.deliver(snapshots)
    except BrokenPipeError:
        raise
    except Exception as error:
        why = (isinstance(error, OSError) and error.strerror) or f"{type(error).__name__}: {error}"
        raise UnreachableError(
            f"target {name!r} did not take what was sent: {why}; look at its --option values and at "
            "whoever listens there, or leave out --to to see what would be sent"
        ) from error


def rows(snapshots: Sequence[Snapshot], more: dict[str, Any]) -> list[Snapshot]:
    """Answer the rows that are wanted."""
    return [each for each in snapshots if more["per_worker"] or "worker" not in each.labels]


def entry(more: dict[str, Any]) -> dict[str, Any]:
    """Answer the options as an entry of the settings.

    Raises:
        UsageError: an option without its value.
    """
    found: dict[str, Any] = {"type": more["target"] or "stream"}
    if more["per_worker"]:
        found["per_worker"] = True
    if more["formatter"]:
        found["formatter"] = more["formatter"]
    if more["transforms"]:
        found["transform"] = list(more["transforms"])
    if not more["target"]:
        found = {"formatter": "logfmt", "transform": ["passthrough"], **found}
        if found["formatter"] in ("json", "logfmt") and not more["transforms"]:
            found["labels"] = ["*"]
    for text in more["given"]:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"telemetry: --option {text!r} wants NAME=VALUE")
        found[name] = read(value, found, name)
    return found


def read(text: str, found: dict[str, Any], name: str) -> Any:
    """Answer an option's value from its text: as its kind is read, a list by its commas."""
    option = known_options(found).get(name, COMMON["type"])
    if option.kind == "names":
        return [part for part in text.split(",") if part]
    if option.kind == "text":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
