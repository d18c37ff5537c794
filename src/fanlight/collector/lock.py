"""The spool's lock: one collector at a time, and nothing is read before it is held."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from fanlight.collector.disk import FILE_MODE
from fanlight.collector.spool import is_same
from fanlight.errors import SpoolError

if TYPE_CHECKING:
    from collections.abc import Callable

STEP_S = 0.05


class Lock:
    """An flock on a file, held from `take` until the process ends or `release`.

    Args:
        path: the lock file; it is never deleted, for nobody can know that it is still theirs.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = -1

    def take(self, wait_s: float, give_up: Callable[[], bool]) -> bool:
        """Take the lock, waiting for a predecessor that is about to leave; answer whether it is held.

        Args:
            wait_s: how long to wait.
            give_up: asked while waiting; True ends it.

        Raises:
            SpoolError: another process still holds it after `wait_s`.
        """
        deadline = time.monotonic() + wait_s
        while not self.try_take():
            if time.monotonic() >= deadline:
                holder = self.holder()
                raise SpoolError(
                    f"the spool {os.path.dirname(self.path)} is in use by another collector"
                    f"{holder and f' (pid {holder})'}; stop it, or choose another data directory"
                )
            if give_up():
                return False
            time.sleep(STEP_S)
        return True

    def try_take(self) -> bool:
        """Answer whether the lock is held now."""
        fd = self.open()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        # Deleted and made anew between open and flock: then this locks nothing that others see.
        if not is_same(fd, self.path):
            os.close(fd)
            return False
        self.release()
        self.fd = fd
        with suppress(OSError):
            os.ftruncate(fd, 0)
            os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        return True

    def open(self) -> int:
        """Answer the lock file's descriptor; a file system that is read-only can be locked too."""
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        except OSError as error:
            with suppress(OSError):
                return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            raise SpoolError(f"the lock {self.path} cannot be opened: {error.strerror}") from error

    def is_held(self) -> bool:
        """Answer whether what is locked is still what stands at the path."""
        return self.fd >= 0 and is_same(self.fd, self.path)

    def holder(self) -> str:
        """Answer the pid that the lock file names, or an empty string."""
        try:
            with open(self.path, encoding="ascii", errors="replace") as file:
                return file.read(20).strip()
        except OSError:
            return ""

    def release(self) -> None:
        """Let go."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
