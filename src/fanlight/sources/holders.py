"""Which processes hold a listening socket: through /proc/<pid>/fd, of the trees concerned only."""

from __future__ import annotations

import os
from time import monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    Held = Mapping[int, tuple[tuple[int, ...], str]]

PROCESSES = 512
"""Looked at, at most: those of the trees concerned."""
DESCRIPTORS = 1_024
"""Looked at in each process, from the lowest on: servers listen before they take connections."""
LOOK_NS = 2_000_000_000
"""A new listener, program or worker that tells of itself is noticed after this long at the latest,"""
FRESH_NS = 10_000_000_000
"""and after this long any process: then all are looked at again, however little changed."""
PROC = "/proc"


def tree(roots: Iterable[int], proc: str = PROC) -> list[int]:
    """Answer the processes and all that descend from them, each once, `PROCESSES` at most."""
    found: dict[int, None] = {}
    waiting = list(roots)
    while waiting and len(found) < PROCESSES:
        pid = waiting.pop()
        if pid not in found:
            found[pid] = None
            waiting += children(pid, proc)
    return list(found)


def children(pid: int, proc: str = PROC) -> list[int]:
    """Answer the children of a process, none when it is gone or the kernel does not tell them."""
    found: list[int] = []
    try:
        threads = os.listdir(f"{proc}/{pid}/task")
        for thread in threads[:PROCESSES]:
            with open(f"{proc}/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    except OSError:
        return found
    return found


class Holders:
    """Knows which processes of the trees concerned hold which sockets.

    Args:
        roots: answers the processes whose trees are concerned; none, and nothing is looked at.
        proc: where the kernel shows processes.
        clock: monotonic nanoseconds.

    Attributes:
        roots: as above; may be replaced.
        refused: processes of the last look whose descriptors are not ours to see.
    """

    __slots__ = (
        "checked_ns",
        "clock",
        "known",
        "looked_ns",
        "proc",
        "refused",
        "roots",
        "seen",
    )

    def __init__(
        self,
        roots: Callable[[], Collection[int]],
        proc: str = PROC,
        clock: Callable[[], int] = monotonic_ns,
    ) -> None:
        self.roots = roots
        self.proc = proc
        self.clock = clock
        self.known: Held = {}
        self.seen: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
        """Roots and inodes of the last look."""
        self.checked_ns = self.looked_ns = -FRESH_NS
        self.refused = 0

    def holders(self, inodes: Collection[int]) -> Held:
        """Answer the pids by inode, ascending, and the first one's program.

        An inode that nobody concerned holds is not in it.

        The answer is the same object as before while nothing changed.
        """
        now_ns = self.clock()
        # A fast path: asked ten times a second, it looks once, and mostly at what it found before.
        if now_ns - self.checked_ns < LOOK_NS:
            return self.known
        self.checked_ns = now_ns
        wanted = frozenset(inodes)
        seen = frozenset(self.roots() if wanted else ()), wanted
        # To walk the tree costs as much as some ten looks: only when what began or ended shows otherwise.
        if seen == self.seen and now_ns - self.looked_ns < FRESH_NS:
            return self.known
        self.looked_ns = now_ns
        self.seen = seen
        self.look(tree(seen[0], self.proc), wanted)
        return self.known

    def inode(self, pid: int, name: str) -> int:
        """Answer the inode of a process's descriptor that is a socket, else 0."""
        try:
            target = os.readlink(f"{self.proc}/{pid}/fd/{name}")
        except OSError:
            return 0
        return int(target[8:-1]) if target.startswith("socket:[") else 0

    def program(self, pid: int) -> str:
        """Answer the name that the kernel has of a process, "" when it is gone."""
        try:
            with open(f"{self.proc}/{pid}/comm", "rb") as file:
                return file.read(64).decode("utf-8", "backslashreplace").strip()
        except OSError:
            return ""

    def look(self, pids: Iterable[int], wanted: Collection[int]) -> None:
        """Look through the descriptors of processes for these inodes."""
        self.refused = 0
        found: dict[int, set[int]] = {}
        for pid in pids:
            try:
                names = sorted(os.listdir(f"{self.proc}/{pid}/fd"), key=int)
            except PermissionError:
                self.refused += 1
                continue
            except OSError:
                continue
            for name in names[:DESCRIPTORS]:
                inode = self.inode(pid, name)
                if inode in wanted:
                    found.setdefault(inode, set()).add(pid)
        known = {inode: (tuple(sorted(pids)), self.program(min(pids))) for inode, pids in found.items()}
        if known != self.known:
            self.known = known
