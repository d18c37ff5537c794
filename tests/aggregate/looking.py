"""Servers that are looked at, with a clock of their own."""

from __future__ import annotations

from typing import Any

from fanlight.aggregate.saturation import Saturation
from fanlight.wire.readings import Listener, Readings, Snapshot, Worker

S = 1_000_000_000
WALL_NS = 1_700_000_000 * S


def worker(slot: int = 0, pid: int = 0, **known: Any) -> Worker:
    """Answer a gunicorn worker of two threads, idle unless something else is said."""
    given = {"total": 2, "spawned_threads": 2, "max_threads": 2, "backlog": 0, "capacity": 2, **known}
    place = {"service": "shop", "server": "gunicorn", "kind": "gthread", "master": 10, "generation": 1}
    return Worker(**{**place, "slot": slot, "pid": pid or 100 + slot, "inodes": (7,), **given})


def listener(inode: int = 7, queued: int = 0, **known: Any) -> Listener:
    return Listener(inode, "tcp4", f"127.0.0.1:{8000 + inode}", queued, 128, **{"drops": 0, **known})


def wholes(snapshots: list[Snapshot]) -> list[Snapshot]:
    """Answer those of whole servers."""
    return [each for each in snapshots if "worker" not in each.labels]


class Machine:
    """A saturation with a clock of its own and one subscriber."""

    def __init__(self) -> None:
        self.saturation = Saturation("web-1")
        self.window = self.saturation.window()
        self.now_ns = 1000 * S

    def look(self, *workers: Worker, passed_s: float = 0.1, **rest: Any) -> None:
        self.now_ns += int(passed_s * S)
        given = {"listeners": (listener(),), **rest}
        self.saturation.look(Readings(workers=workers, **given), self.now_ns)

    def take(self) -> list[Snapshot]:
        return self.window.take(WALL_NS)

    def whole(self) -> dict[str, Any]:
        """Answer the values of the only server."""
        (found,) = wholes(self.take())
        return found.values
