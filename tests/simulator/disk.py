"""A disk that tears, refuses and forgets, in front of a real directory."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

from fanlight.collector.disk import Disk
from fanlight.wire import settled

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

BAD = ".bad"


class Crash(BaseException):
    """The process is gone, in the middle of what it did."""


class Odds(NamedTuple):
    """How often each call of the collector goes wrong, between 0 and 1."""

    crash: float
    fail: float


class File:
    """What of a file would be there after a power failure; `name` is its last one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.durable = b""


class SimDisk:
    """The collector's calls, made on the directory; and the model of what they make durable.

    Args:
        folder: the spool.
        chance: decides.
        odds: of crash and failure.
        between: called before every call, as a process beside this one would come between.
    """

    def __init__(self, folder: str, chance: Random, odds: Odds, between: Callable[[], None]) -> None:
        self.folder = folder
        self.chance = chance
        self.odds = odds
        self.between = between
        self.files: dict[str, File] = {}
        self.entries: dict[str, File] = {}
        self.open_files: dict[int, File | None] = {}

    def calls(self) -> Disk:
        """Answer the calls as the collector takes them."""
        return Disk(self.open, self.write, self.fsync, self.rename, self.unlink, self.truncate, self.close)

    def step(self) -> None:
        """Let the call go wrong, perhaps."""
        self.between()
        drawn = self.chance.random()
        if drawn < self.odds.crash:
            raise Crash
        if drawn < self.odds.crash + self.odds.fail:
            code = self.chance.choice([errno.EIO, errno.ENOSPC])
            raise OSError(code, os.strerror(code))

    def open(self, path: str, flags: int, mode: int) -> int:
        self.step()
        fd = os.open(path, flags, mode)
        name = os.path.basename(path)
        if path == self.folder:
            self.open_files[fd] = None
        else:
            if name not in self.files or flags & os.O_TRUNC:
                self.files[name] = File(name)
            self.open_files[fd] = self.files[name]
        return fd

    def write(self, fd: int, view: memoryview, position: int) -> int:
        try:
            self.step()
        except (Crash, OSError):
            os.pwrite(fd, view[: self.chance.randrange(len(view) + 1)], position)
            raise
        # Any write may be short.
        part = len(view) if self.chance.random() < 0.9 else self.chance.randrange(1, len(view) + 1)
        return os.pwrite(fd, view[:part], position)

    def fsync(self, fd: int) -> None:
        self.step()
        file = self.open_files[fd]
        if file is None:
            self.sync(self.folder)
        else:
            with open(f"/proc/self/fd/{fd}", "rb") as there:
                file.durable = there.read()
        if self.chance.random() < self.odds.crash:
            raise Crash

    def sync(self, _folder: str) -> None:
        """Make the directory's entries durable, as the server does, too."""
        self.entries = {name: self.known(name) for name in sorted(os.listdir(self.folder))}

    def known(self, name: str) -> File:
        """Answer the file behind a name; the server sets some aside under another one."""
        return self.files.get(name) or self.files[name.removesuffix(BAD)]

    def rename(self, old: str, new: str) -> None:
        self.step()
        os.rename(old, new)
        file = self.files.pop(os.path.basename(old))
        file.name = os.path.basename(new)
        self.files[file.name] = file

    def unlink(self, path: str) -> None:
        self.step()
        os.unlink(path)

    def truncate(self, fd: int, length: int) -> None:
        self.step()
        os.ftruncate(fd, length)

    def close(self, fd: int) -> None:
        # A close that fails has closed all the same.
        self.open_files.pop(fd, None)
        os.close(fd)
        self.step()

    def bury(self) -> None:
        """Close what a dead process had open."""
        for fd in self.open_files:
            os.close(fd)
        self.open_files.clear()

    def lose_power(self) -> None:
        """Leave of the directory what was made durable, and of the rest what chance will have."""
        self.bury()
        now = {name: self.content(name) for name in sorted(os.listdir(self.folder))}
        left: dict[str, bytes] = {}
        for name in sorted({*now, *self.entries}):
            # An entry that was made or removed since the last sync of the directory: either way.
            if (name in now) != (name in self.entries) and self.chance.random() < 0.5:
                continue
            if name.removesuffix(BAD) in left:
                continue
            file = self.entries[name] if name in self.entries else self.known(name)
            left[name] = self.torn(file.durable, now.get(name, file.durable), name)
        for name in now:
            os.unlink(os.path.join(self.folder, name))
        self.files.clear()
        for name, data in left.items():
            with open(os.path.join(self.folder, name), "wb") as there:
                there.write(data)
            self.files[name] = File(name)
            self.files[name].durable = data
        self.entries = dict(self.files)

    def content(self, name: str) -> bytes:
        with open(os.path.join(self.folder, name), "rb") as there:
            return there.read()

    def torn(self, durable: bytes, written: bytes, name: str) -> bytes:
        """Answer what is left of a file: all that was synced, and any part of what was written since."""
        tail = written[len(durable) :]
        cut = self.chance.randrange(len(tail) + 1)
        fate = self.chance.randrange(4)
        if fate == 0 or name == settled.NAME:
            return durable + tail[:cut]
        if fate == 1:
            return durable + tail
        if fate == 2:
            return durable + tail[:cut] + bytes(len(tail) - cut)
        return durable + self.chance.randbytes(cut) + tail[cut:]
