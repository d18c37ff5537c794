"""What a panel is copied as: its address, a command that tells the same, its JSON, and curl's line."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.web.parameters import Asked


class Panel(NamedTuple):
    """A panel's copies; None where there is none of a kind."""

    address: str
    command: str | None
    json: str
    curl: str | None


def panels(
    asked: Asked, json: str, commands: Mapping[str, str | None], socket: str | None
) -> dict[str, Panel]:
    """Answer the copies of a page's panels, by their anchors.

    Args:
        asked: the page.
        json: address of the JSON that says what the page shows.
        commands: anchor to the command line that tells the same in a terminal.
        socket: path of the owner's socket, for curl; None where there is none.
    """
    # A name says nothing over a unix socket; curl wants one.
    curl = socket and shlex.join(["curl", "--unix-socket", socket, f"http://localhost{json}"])
    return {
        anchor: Panel(f"{asked.link()}#{anchor}", command, json, curl) for anchor, command in commands.items()
    }


def command(*words: str, asked: Asked) -> str:
    """Answer a command line of ours with the parameters of a page that it takes."""
    names = ("last", "from", "to", "service", "env")
    given = [part for name in names if asked.get(name) for part in (f"--{name}", asked.get(name))]
    return shlex.join(["fanlight", *words, *given])
