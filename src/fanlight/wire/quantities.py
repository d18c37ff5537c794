"""What kind of number a reading's value is, for whoever writes it down for others."""

from __future__ import annotations

COUNTERS = frozenset({"sockets.drops", "workers.requests_count", "workers.restarts"})
"""Values that only grow as long as their labels stay, besides those by reason."""
DURATIONS = frozenset({"loop.overdue", "oldest.in_flight", "queue.time"})
"""Values in nanoseconds."""

RESTARTS = "workers.restarts."
"""Begins the names of restarts by reason, each a total of its own."""

LABELS = ("service", "host", "server", "worker_class", "master", "worker")
"""What tells snapshots from one another."""

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Quantity(str):
    """A number with its unit glued to it, such as `12.5ms`; written without quotes where numbers are."""

    __slots__ = ()


def is_total(name: str) -> bool:
    """Answer whether a value only grows as long as its labels stay."""
    return name in COUNTERS or name.startswith(RESTARTS)


def worker_name(name: str, labels: dict[str, str]) -> str:
    """Answer what a value is called where rows of a server and of its workers stand under names alone.

    Otherwise whoever adds up all rows of a name counts every worker twice: of one worker,
    `workers.busy_threads` is `worker.busy_threads` and `queue.backlog` is `worker.queue.backlog`.
    """
    return f"worker.{name.removeprefix('workers.')}" if "worker" in labels else name


SERIES = 10_000
"""Totals that are remembered; a worker that is gone leaves some behind."""


class Totals:
    """What was added to each total since it was last seen."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen: dict[tuple[str, ...], float] = {}

    def added(self, name: str, labels: dict[str, str], total: float) -> float | None:
        """Answer what was added; None when it is seen for the first time: nobody knows since when.

        Args:
            name: of the value.
            labels: of its snapshot.
            total: a value in `COUNTERS`; one that fell began anew.
        """
        key = (name, *(part for pair in sorted(labels.items()) for part in pair))
        before = self.seen.pop(key, None)
        if len(self.seen) >= SERIES:
            # The one that nobody has told of for longest.
            del self.seen[next(iter(self.seen))]
        self.seen[key] = total
        if before is None:
            return None
        return total - before if total >= before else total
