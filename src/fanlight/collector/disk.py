"""The file-system calls that durability hangs on, as one value that a test can replace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

FILE_MODE = 0o600
FOLDER_MODE = 0o700


class Disk(NamedTuple):
    """Calls with the meaning of their namesakes in `os`; `write` is `os.pwrite`."""

    open: Callable[[str, int, int], int] = os.open
    write: Callable[[int, memoryview, int], int] = os.pwrite
    fsync: Callable[[int], None] = os.fsync
    rename: Callable[[str, str], None] = os.rename
    unlink: Callable[[str], None] = os.unlink
    truncate: Callable[[int, int], None] = os.ftruncate
    close: Callable[[int], None] = os.close


def write_all(disk: Disk, fd: int, data: bytes, position: int) -> None:
    """Write all of `data` at a position of the file, in as many calls as it takes."""
    view = memoryview(data)
    while view:
        written = disk.write(fd, view, position)
        position += written
        view = view[written:]


def sync_folder(disk: Disk, path: str) -> None:
    """Make a directory's entries durable; without this a whole synced file can be gone."""
    sync_file(disk, path, os.O_DIRECTORY)


def sync_file(disk: Disk, path: str, flags: int = 0) -> None:
    """Make what was written to a file by anybody durable."""
    fd = disk.open(path, os.O_RDONLY | os.O_CLOEXEC | flags, 0)
    try:
        disk.fsync(fd)
    finally:
        disk.close(fd)


def make_folder(disk: Disk, path: str) -> None:
    """Make a directory for its owner alone, if it is missing, and its entry durable."""
    try:
        os.mkdir(path, FOLDER_MODE)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folder(disk, os.path.dirname(path))
        os.mkdir(path, FOLDER_MODE)
    sync_folder(disk, os.path.dirname(path))
