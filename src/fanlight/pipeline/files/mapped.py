"""A file mapped into memory, piece by piece, so that nothing of it is copied.

A file that somebody truncates while it is mapped ends the process that looks at it. A read lease rules
that out: the kernel gives one only for a file that nobody writes to, and whoever wants to open it for
writing or to truncate it waits until the lease is given back. It is held for one piece at a time, for
as long as that is looked at and no longer: never while somebody waits for what was found.
"""

from __future__ import annotations

import os

try:
    import fcntl
    import mmap
except ImportError:  # pragma: no cover - a system without them
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    T = TypeVar("T")

PIECE = 8 << 20
"""Bytes that are mapped at a time; they count as held by the process."""
ALIGNED = 2 << 20
"""Where pieces begin: the kernel maps as much at once where that suits a huge page."""
WORTH = 1 << 20
"""Bytes of a file from which on mapping is worth what it takes."""
HARMLESS = 23
"""SIGURG: what a process is told by when a lease is wanted back. Nothing happens that nobody asked for."""
KINDS = frozenset({b"ext2", b"ext3", b"ext4", b"f2fs", b"tmpfs", b"xfs"})
"""File systems of which this kernel alone changes a file, so that its lease holds for everybody."""
MOUNTS = "/proc/self/mountinfo"


class Mapped:
    """The pieces of a file, each of whole lines.

    Args:
        descriptor: of a regular file, open for reading alone.
        size: of the file.
        place: where to begin.

    Attributes:
        place: behind the last whole line that was looked at; from there on the file is to be read.
    """

    def __init__(self, descriptor: int, size: int, place: int = 0) -> None:
        self.descriptor = descriptor
        self.size = size
        self.place = place

    def looked(self, look: Callable[[mmap.mmap, int, int], T]) -> Iterator[T]:
        """Yield what a look at each piece answers; ends where the file cannot be mapped, or has no more.

        Args:
            look: takes the mapped text, where the piece begins in it, and where it ends.
        """
        if fcntl is None or self.size - self.place < WORTH or not is_ours(self.descriptor):
            return
        while self.place < self.size:
            before = self.place
            found = self.look_on(look)
            if self.place == before:
                return
            yield found  # type: ignore[misc]

    def look_on(self, look: Callable[[mmap.mmap, int, int], T]) -> T | None:
        """Look at the next piece, with the lease; the place stays where there is none."""
        low = self.place & -ALIGNED
        size = min(PIECE, self.size - low)
        try:
            # Each time: who gives a lease back is told of the next by SIGIO again, which ends the process.
            fcntl.fcntl(self.descriptor, fcntl.F_SETSIG, HARMLESS)
            fcntl.fcntl(self.descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except (OSError, AttributeError):
            # Somebody writes to it, or it is another's, or on a file system without leases.
            return None
        try:
            # What was there before the lease may have gone.
            if os.fstat(self.descriptor).st_size < low + size:
                return None
            text = mmap.mmap(self.descriptor, size, prot=mmap.PROT_READ, offset=low)
            begin, end = self.place - low, text.rfind(b"\n") + 1
            if end <= begin:
                return None
            found = look(text, begin, end)
            # Not when a look is interrupted: what it held is let go of later, and would be in the way.
            text.close()
            self.place = low + end
            return found
        finally:
            fcntl.fcntl(self.descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def is_ours(descriptor: int) -> bool:
    """Tell whether this kernel alone changes a file."""
    device = os.fstat(descriptor).st_dev
    number = b"%d:%d" % (os.major(device), os.minor(device))
    try:
        with open(MOUNTS, "rb", buffering=0) as file:
            lines = file.readall().splitlines()
    except OSError:
        return False
    for line in lines:
        fields = line.split()
        if fields[2] == number:
            # Of the fields behind the dash, the first is the kind.
            return fields[fields.index(b"-", 6) + 1] in KINDS
    return False
