"""What a supervisor holds in a data directory, and takes anew when somebody pulled it away."""

from __future__ import annotations

import os
import time

from fanlight.errors import StoreError
from fanlight.pipeline.directory import prepare, run_file, take_lock, write_state
from fanlight.pipeline.listening import bind_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Identity = tuple[int, int]
    Version = tuple[int, int, int, int]

PATIENCE_S = 0.5
"""A command that asks whether anybody is here holds the lock for a moment; a supervisor for good."""
STEP_S = 0.02


class Hold:
    """The lock, the owner's socket and the state file of one data directory.

    The first two keep their descriptor's number for good: children were told it.

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
        self.written: Version | None = None

    def has_lock(self) -> bool:
        """Answer whether what is locked is still what stands at the path."""
        found = os.fstat(self.lock)
        return identity(run_file(self.data, "lock")) == (found.st_dev, found.st_ino)

    def has_socket(self) -> bool:
        """Answer whether commands that open the path reach our socket."""
        return identity(run_file(self.data, "server.sock")) == self.place

    def has_state(self) -> bool:
        """Answer whether the state file is as we wrote it; one that could not be written is not."""
        return self.written is not None and version(run_file(self.data, "fanlight.json")) == self.written

    def write(self, state: dict[str, Any]) -> None:
        """Write the state file.

        Raises:
            OSError: there is no room or no right; `has_state` is False until it was written.
        """
        self.written = None
        write_state(self.data, state)
        self.written = version(run_file(self.data, "fanlight.json"))

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


def version(path: str) -> Version | None:
    """Answer what changes whenever a file is replaced or written to; None for no file."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def identity(path: str) -> Identity | None:
    """Answer device and inode of what stands at a path; None for nothing."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
