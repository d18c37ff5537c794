"""What workers that are gone have left behind: totals that only grow, and that a restart does not lose."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from fanlight.wire import slots as layout
from fanlight.wire.readings import Retired

if TYPE_CHECKING:
    from collections.abc import Iterable

MASTERS = 64
"""Masters that are gone whose totals are kept, the latest ones."""
FILE = "totals.json"
OURS = (FILE, FILE + ".new", layout.HOME)
"""What is in a directory of slots besides them."""


class Key(NamedTuple):
    """Whose totals: a slot of a server's under one master."""

    service: str
    server: str
    master: int
    generation: int
    slot: int


class Totals:
    """What the workers that had a slot, one after the other, have left behind."""

    __slots__ = ("busy_ns", "requests", "restarts")

    def __init__(self, requests: int = 0, busy_ns: int = 0, restarts: dict[str, int] | None = None) -> None:
        self.requests = requests
        self.busy_ns = busy_ns
        self.restarts = restarts or {}


class Book:
    """The totals, by whose they are, and the file that the next reader finds them in.

    Args:
        folders: the first one that takes the file has it.

    Attributes:
        done: files of workers that are in the totals and not taken away yet.
        torn: path of a file that cannot be read, "" for none.
    """

    def __init__(self, folders: Iterable[str]) -> None:
        self.paths = [os.path.join(folder, FILE) for folder in folders]
        self.totals: dict[Key, Totals] = {}
        self.done: dict[str, None] = {}
        self.torn = ""
        self.told: tuple[Retired, ...] | None = None
        for path in self.paths:
            try:
                self.recall(path)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, TypeError, KeyError):
                self.torn = path

    def recall(self, path: str) -> None:
        """Take over the totals that a reader before this one wrote."""
        with open(path, encoding="utf-8", opener=privately) as file:
            told = json.load(file)
        for key, requests, busy_ns, restarts in told["totals"]:
            self.totals[Key(*key)] = Totals(int(requests), int(busy_ns), dict(restarts))
        self.done.update(dict.fromkeys(told["done"]))

    def add(self, read: layout.Read, slot: int, busy_ns: int, ending: str = "") -> None:
        """Add what one worker has left; it went for a reason if its master stayed.

        Args:
            read: what it told last.
            slot: that it had.
            busy_ns: that it was busy for.
            ending: how its process ended, where that is known; what it said itself tells more.
        """
        service, server, _ = read.texts
        key = Key(service, server, *read.master, slot)
        self.told = None
        totals = self.totals.setdefault(key, Totals())
        totals.requests += read.requests
        totals.busy_ns += busy_ns
        if read.master != read.process and layout.is_alive(*read.master):
            reason = layout.REASONS.get(read.head[layout.STATE]) or ending or layout.KILLED
            totals.restarts[reason] = totals.restarts.get(reason, 0) + 1

    def retired(self) -> tuple[Retired, ...]:
        """Answer the totals: the same object as before while they are the same."""
        if self.told is None:
            self.told = tuple(
                Retired(*key[:4], each.requests, each.busy_ns, dict(each.restarts), key.slot)
                for key, each in self.totals.items()
            )
        return self.told

    @property
    def is_needed(self) -> bool:
        """Whether the totals are: a master lives whose workers left some."""
        return any(layout.is_alive(*key[2:4]) for key in self.totals)

    def write(self) -> None:
        """Write the totals down, without those of the masters that are gone longest and too many."""
        self.told = None
        masters = list(dict.fromkeys(key[2:4] for key in self.totals))
        over = {each for each in masters[:-MASTERS] if not layout.is_alive(*each)}
        self.totals = {key: each for key, each in self.totals.items() if key[2:4] not in over}
        told = {
            "totals": [
                [key, each.requests, each.busy_ns, each.restarts] for key, each in self.totals.items()
            ],
            "done": list(self.done),
        }
        for path in self.paths:
            try:
                with open(path + ".new", "w", encoding="utf-8", opener=privately) as file:
                    json.dump(told, file)
                os.replace(path + ".new", path)
            except OSError:
                continue
            return


def clear(folder: str, *, is_needed: bool) -> None:
    """Take a directory away that nobody needs: no process that lives has a file in it, nor totals there.

    A worker that comes meanwhile makes its file before this looks, and the directory stays, or makes the
    directory anew.

    Args:
        folder: of slots.
        is_needed: whether the totals are.
    """
    try:
        names = os.listdir(folder)
        if is_needed or any(name not in OURS and is_anyones(name) for name in names):
            return
        for name in names:
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    except OSError:
        # Not there, not ours, or somebody came.
        return


def is_anyones(name: str) -> bool:
    """Answer whether a file may be that of a process that lives, or is no slot at all."""
    whose = layout.owner(name)
    return whose is None or layout.is_alive(*whose)


def privately(path: str, flags: int) -> int:
    """Open a file that only its owner may read, and no link to another one."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
