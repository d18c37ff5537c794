"""Listening sockets of the servers seen, borrowed for a moment each: where the kernel's tables are forbidden.

A sandbox may forbid netlink. A socket's own numbers tell queue and limit too, and the kernel hands a copy of
another process's descriptor to whoever may trace that process. The copy is closed before the next one is
asked for, so nobody's port stays open for our sake.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from fanlight.sources.holders import PROC, Holders, tree
from fanlight.wire.listening import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fanlight.wire.readings import Listener

GET_DESCRIPTOR = 438
"""Number of the system call `pidfd_getfd`, the same on every machine."""
LOOK_NS = 2_000_000_000
"""A new listener is noticed after this long at the latest."""
DESCRIPTORS = 1_024
"""Looked at in each process, from the lowest on: servers listen before they take connections."""
OTHERS = 10_000
"""Sockets remembered that do not listen."""


class Borrowed:
    """Asks the listening TCP sockets in some processes' trees.

    Attributes:
        places: of each listener: who holds it, as which descriptor.
        others: sockets that are no such listeners.
    """

    def __init__(self) -> None:
        self.places: dict[int, list[tuple[int, int]]] = {}
        self.others: set[int] = set()
        self.looked_ns = -LOOK_NS
        self.holders = Holders(tuple)
        self.call: Callable[[int, int], int] | None = None

    def read(self, roots: Callable[[], Collection[int]], now_ns: int) -> list[Listener]:
        """Answer the listeners that there are now.

        Args:
            roots: answers the processes whose trees are concerned.
            now_ns: monotonic.
        """
        if now_ns - self.looked_ns >= LOOK_NS:
            self.looked_ns = now_ns
            self.look(tree(roots()))
        found = []
        for inode, places in list(self.places.items()):
            told = next(filter(None, (self.ask(inode, *place) for place in places)), None)
            if told is None:
                # Closed, or its process is gone.
                del self.places[inode]
                continue
            pids = tuple(sorted({pid for pid, _ in places}))
            found.append(told._replace(pids=pids, program=self.holders.program(pids[0])))
        return found

    def look(self, pids: Collection[int]) -> None:
        """Look which sockets of processes listen."""
        if len(self.others) > OTHERS:
            self.others.clear()
        places: dict[int, list[tuple[int, int]]] = {}
        for pid in pids:
            try:
                names = sorted(os.listdir(f"{PROC}/{pid}/fd"), key=int)[:DESCRIPTORS]
            except OSError:
                continue
            for name in names:
                inode = self.holders.inode(pid, name)
                if inode and inode not in self.others:
                    places.setdefault(inode, []).append((pid, int(name)))
        for inode, held in places.items():
            if inode not in self.places and self.ask(inode, *held[0]) is None:
                self.others.add(inode)
        self.places = {inode: held for inode, held in places.items() if inode not in self.others}

    def ask(self, inode: int, pid: int, descriptor: int) -> Listener | None:
        """Answer what one socket tells; None for one that is gone, does not listen or is not to be had."""
        try:
            copy = socket.socket(fileno=self.copied(pid, descriptor))
        except OSError:
            return None
        with copy:
            try:
                # Another file may have the number by now.
                return asked(inode, copy) if os.fstat(copy.fileno()).st_ino == inode else None
            except OSError:
                return None

    def copied(self, pid: int, descriptor: int) -> int:
        """Answer a copy of another process's descriptor.

        Raises:
            OSError: it is gone, or tracing that process is not allowed.
        """
        process = os.pidfd_open(pid)
        try:
            import ctypes

            if self.call is None:
                library = ctypes.CDLL(None, use_errno=True)
                self.call = lambda pidfd, number: library.syscall(GET_DESCRIPTOR, pidfd, number, 0)
            made = self.call(process, descriptor)
            if made < 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
            return made
        finally:
            os.close(process)
