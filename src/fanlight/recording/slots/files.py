"""The files in which slots stand: made whole, in a directory that only their user can enter."""

from __future__ import annotations

import os
from time import time

from fanlight.wire import slots as layout
from fanlight.wire import trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence

LEFT_S = 86_400
"""A directory in which nothing came or went for so long is nobody's, unless a process lives that is in it."""
FILES = 256
"""Files of processes that are gone, from which on a new worker clears them away: no collector does."""


def prepare(folder: str, runtime: str) -> None:
    """Make a directory of slots, private to its owner, and clear away what nobody reads.

    Raises:
        OSError: it cannot be made, or is somebody else's, or others can enter it.
    """
    try:
        os.mkdir(folder, 0o700)
        os.symlink(os.path.realpath(runtime), os.path.join(folder, layout.HOME))
        clear_orphans(folder)
    except FileExistsError:
        found = os.lstat(folder)
        if found.st_mode & 0o170077 != 0o040000 or found.st_uid != os.geteuid():
            raise PermissionError(folder) from None
    if len(os.listdir(folder)) > FILES:
        clear(folder)


def clear(folder: str) -> bool:
    """Take the files of processes that are gone out of a directory; answer whether none of others is left."""
    left = False
    for name in os.listdir(folder):
        whose = layout.owner(name)
        if whose is None:
            continue
        if layout.is_alive(*whose):
            left = True
        else:
            os.unlink(os.path.join(folder, name))
    return not left


def clear_orphans(folder: str) -> None:
    """Take away the directories of slots, beside a new one, that nobody has come back to.

    Their runtime directory is gone, or nothing came or went in them for a day; and no process that lives
    has a file there.
    """
    place, own = os.path.split(folder)
    kin = own.rpartition("-")[0] + "-"
    for name in os.listdir(place) if own.startswith("fanlight-") else ():
        other = os.path.join(place, name)
        try:
            if name.startswith(kin) and is_left(other) and clear(other):
                for file in os.listdir(other):
                    os.unlink(os.path.join(other, file))
                os.rmdir(other)
        except OSError:
            # Somebody else is at it, or it is no directory of ours after all.
            continue


def is_left(folder: str) -> bool:
    """Answer whether a directory of slots was left: by its runtime directory, or by everybody for a day."""
    if not os.path.exists(os.path.join(folder, layout.HOME)):
        return True
    return os.lstat(folder).st_mtime < time() - LEFT_S


def shared(memory: bytearray, folder: str, name: str) -> MutableSequence[int]:
    """Answer a file's memory with this content; the file appears when all of it is there.

    Raises:
        OSError: there is no room, or a file of that name.
    """
    from mmap import mmap

    path = os.path.join(folder, name)
    half = os.path.join(folder, "." + name)
    # What a worker left half made that had this process's number and start can only be ours.
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(half, flags, 0o600)
    try:
        # Written out, not stretched: a store into memory that a full disk cannot give ends the process.
        os.write(descriptor, memory)
        # Fails where only a part found room.
        mapped = mmap(descriptor, len(memory))
        os.rename(half, path)
    except (OSError, ValueError):
        os.unlink(half)
        raise
    finally:
        os.close(descriptor)
    # Typed otherwise than it is: a view of memory has no length to change.
    cells: MutableSequence[int] = memoryview(mapped).cast("q")  # type: ignore[assignment]
    return cells


def lay_trail(path: str, follow: Callable[[memoryview], object]) -> None:
    """Lengthen a slot's file by a trail; where there is no room for one there is none.

    Args:
        path: of the file.
        follow: leaves the trail in the memory that it is given.
    """
    from mmap import mmap

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
        try:
            # Written out, as the slot was.
            os.pwrite(descriptor, bytes(trail.SIZE), layout.SIZE)
            mapped = mmap(descriptor, layout.SIZE + trail.SIZE)
        finally:
            os.close(descriptor)
    except (OSError, ValueError):
        return
    follow(memoryview(mapped)[layout.SIZE :])
