"""What servers are at, instant by instant, for commands that show it as it goes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from fanlight.cli.client import reach
from fanlight.cli.failures import say
from fanlight.errors import UnreachableError
from fanlight.pipeline.asking import watched
from fanlight.pipeline.directory import read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.config import Settings
    from fanlight.wire.readings import Snapshot

QUIET_S = 3.0
"""After which a person is told that there is nothing to tell."""
AWAY_S = 15.0
"""How long a collector may be away before it is given up: it is started again after a death."""
STEP_S = 0.25


def instants(settings: Settings, period_s: float, count: int | None = None) -> Iterator[list[Snapshot]]:
    """Yield the snapshots of each instant.

    Args:
        settings: which data directory.
        period_s: between two instants.
        count: after so many it ends; None for never.

    Raises:
        UnreachableError: no Fanlight runs there, or it stays away, or it reads no servers.
    """
    reach(settings, start=False)
    quiet = Quiet()
    told = 0
    seen_s = time.monotonic()
    while True:
        path = (read_state(settings["data"]) or {}).get("socket") or settings["socket"]
        try:
            for snapshots in watched(path, period_s, QUIET_S, quiet.say):
                seen_s = time.monotonic()
                quiet.over()
                yield snapshots
                told += 1
                if told == count:
                    return
        except OSError as error:
            if time.monotonic() - seen_s > AWAY_S:
                why = f"no collector answers at {path}: {error.strerror or error}"
                raise UnreachableError(why) from error
        time.sleep(STEP_S)


class Quiet:
    """Says once that there is nothing to tell, until there is something."""

    def __init__(self) -> None:
        self.said = False

    def say(self) -> None:
        """Tell a person why nothing comes."""
        if not self.said and sys.stderr.isatty():
            say("no web server is seen yet; start one with: fanlight run CMD")
        self.said = True

    def over(self) -> None:
        """Note that something was told."""
        self.said = False
