"""What a supervisor holds in a data directory, and takes anew when somebody pulled it away."""

from __future__ import annotations

import os
import time

from fanlight.errors import StoreError
from fanlight.pipeline.directory import prepare, run_file, take_lock
from fanlight.pipeline.listening import bind_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    Identity = tuple[int, int]

PATIENCE_S = 0.5
"""A command that asks whether anybody is here holds the lock for a moment; a supervisor for good."""
STEP_S = 0.02


class Hold:
    """The lock and the owner's socket of one data directory.

    Both keep their descriptor's number for good: children were told it.

    Args:
        data: the data directory.
        lock: descriptor that holds its lock.

    Attributes:
        owner: the listening socket of our own commands.
    """

    def __init__(self, data: str, lock: int) -> None:
        self.data = data
        self.lock = lock
        self.owner = bind_owner(data)
        self.place = identity(run_file(data, "server.sock"))

    def has_lock(self) -> bool:
        """Answer whether what is locked is still what stands at the path."""
        found = os.fstat(self.lock)
        return identity(run_file(self.data, "lock")) == (found.st_dev, found.st_ino)

    def has_socket(self) -> bool:
        """Answer whether commands that open the path reach our socket."""
        return identity(run_file(self.data, "server.sock")) == self.place

    def relock(self) -> None:
        """Take the lock anew, in a directory that may have to be made again.

        Raises:
            StoreError: another supervisor has it by now.
            OSError: there is no directory or lock to be had.
        """
        prepare(self.data)
        deadline_s = time.monotonic() + PATIENCE_S
        while (taken := take_lock(self.data)) is None:
            if time.monotonic() > deadline_s:
                lock = run_file(self.data, "lock")
                raise StoreError(f"{lock} was pulled away, and another Fanlight holds it now; leaving")
            time.sleep(STEP_S)
        os.dup2(taken, self.lock, inheritable=False)
        os.close(taken)

    def rebind(self) -> None:
        """Listen at the path again; who has the old socket hears nobody any more.

        Raises:
            OSError: the path cannot be had.
        """
        fresh = bind_owner(self.data)
        os.dup2(fresh.fileno(), self.owner.fileno(), inheritable=False)
        fresh.close()
        self.place = identity(run_file(self.data, "server.sock"))


def identity(path: str) -> Identity | None:
    """Answer device and inode of what stands at a path; None for nothing."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
