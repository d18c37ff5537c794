"""What a target goes with: transform and formatter, rows and streams."""

from __future__ import annotations

from typing import NamedTuple


class Habits(NamedTuple):
    """What a target goes with unless it is told otherwise.

    Attributes:
        formatter, transform: names of theirs.
        only: whether no other formatter goes with it: it reads what that one makes.
        per_worker: whether it is given the rows of each worker besides those of the servers.
        labels: that formatters write for it.
        streams: whether it writes to the program's streams, which are handed over for it.
    """

    formatter: str = "passthrough"
    transform: str = "passthrough"
    only: bool = False
    per_worker: bool = False
    labels: tuple[str, ...] = ()
    streams: bool = False
