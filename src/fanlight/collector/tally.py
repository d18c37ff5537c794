"""What was lost or ignored, per service, in a file beside the spool's segments, for the next collector.

Without it these counts would begin anew with each collector, while what was accepted goes on. The file is
rewritten once a second where something has come. What living processes had told less than that before a
collector was killed they tell again, and what those that are gone have left stays until it is in the file.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from fanlight.collector.disk import FILE_MODE

if TYPE_CHECKING:
    from fanlight.collector.ledger import Ledger

NAME = "lost"
MAX_BYTES = 16 << 20
"""Of the file: ten thousand clients, each with some reasons, have less."""

Counts = dict[str, dict[str, int]]


class Tally:
    """Keeps a ledger's losses.

    Args:
        ledger: whose.
        directory: the spool, whose lock is held.
    """

    def __init__(self, ledger: Ledger, directory: str) -> None:
        self.ledger = ledger
        self.path = os.path.join(directory, NAME)
        self.kept = 0

    def restore(self) -> None:
        """Go on with what the collector before this one had counted, behind `Ledger.restore`.

        What is no such file, whatever it holds, is as none: these are counts for people.
        """
        try:
            with open(self.path, "rb") as file:
                found = json.loads(file.read(MAX_BYTES))
            lost, dropped = checked(found["lost"]), checked(found["clients"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return
        self.ledger.lost = lost
        for name, reasons in dropped.items():
            # Also of one whose batch was not on disk yet: it sends that again, with the same counts.
            self.ledger.client(name).dropped = reasons
        self.kept = self.total()

    def keep(self) -> bool:
        """Write the counts down if something has come; answer whether they are there, else try again."""
        total = self.total()
        if total == self.kept:
            return True
        clients = self.ledger.clients.items()
        told = {
            "lost": self.ledger.lost,
            "clients": {name: client.dropped for name, client in clients if client.dropped},
        }
        half = f"{self.path}.new"
        with suppress(OSError):
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(told, file)
            os.rename(half, self.path)
            self.kept = total
        return self.kept == total

    def total(self) -> int:
        """Answer how much was ever counted: it only grows."""
        return sum(sum(reasons.values()) for reasons in self.ledger.lost.values())


def checked(found: Counts) -> Counts:
    """Answer counts by name and reason.

    Raises:
        TypeError: they are none.
    """
    for name, reasons in found.items():
        for reason, count in reasons.items():
            if type(name) is not str or type(reason) is not str or type(count) is not int or count < 0:
                raise TypeError(name)
    return found
