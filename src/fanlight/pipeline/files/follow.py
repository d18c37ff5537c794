"""Follows a file that is being written: through renames, truncation, and times when it is not there."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from fanlight.pipeline.files.source import Source
from fanlight.pipeline.packed import GZIP, ZSTD

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S = 0.25
NEWLINE = 0x0A
KNOWN_BYTES = 256
"""First and last bytes by which a file is known again."""


class Followed(Source):
    """A source without an end.

    Args:
        path: of the file; asked again, for another file may stand there.
        wait: waits some seconds; raises to end.

    Raises:
        OSError: it cannot be opened, or is compressed.
    """

    def __init__(self, path: str, wait: Callable[[float], None] = time.sleep) -> None:
        super().__init__(path, open(path, "rb", buffering=0), None)  # noqa: SIM115 closed by the source
        if os.pread(self.stream.fileno(), 4, 0).startswith((GZIP, ZSTD)):
            self.stream.close()
            raise OSError(f"{path} is compressed, so nothing is added to it; ask it without --follow")
        self.path = path
        self.wait = wait
        self.place = 0
        self.last = NEWLINE
        self.has_news = False
        self.is_awake = False
        self.begin_again()

    def begin_again(self) -> None:
        """Read on at the file's beginning, of which nothing is known yet."""
        self.stream.seek(0)
        self.place = 0
        self.head = self.tail = b""
        self.written_ns = 0

    def readinto(self, room: memoryview) -> int:
        """Read what has come, waiting for it; 0 once when nothing more comes for a while."""
        while True:
            awake, self.is_awake = self.is_awake, False
            if awake and self.is_refilled():
                self.begin_again()
                if self.ends_line(room):
                    return 1
            count = int(self.stream.readinto(room) or 0)
            if count:
                self.learn(room, count)
                self.last = room[count - 1]
                self.has_news, self.is_idle = True, False
                return count
            if self.is_replaced():
                if self.ends_line(room):
                    return 1
                continue
            if self.has_news:
                self.has_news, self.is_idle = False, True
                return 0
            self.wait(POLL_S)
            self.is_awake = True

    def learn(self, room: memoryview, count: int) -> None:
        """Enter what was read: by its first and its last bytes the file is known again."""
        if len(self.head) < KNOWN_BYTES and self.place < KNOWN_BYTES:
            self.head += bytes(room[: min(count, KNOWN_BYTES - len(self.head))])
        self.place += count
        self.tail = (self.tail + bytes(room[max(count - KNOWN_BYTES, 0) : count]))[-KNOWN_BYTES:]

    def ends_line(self, room: memoryview) -> bool:
        """End a line that gets no more, for another file's is read next; answer whether there was one."""
        if self.last == NEWLINE:
            return False
        room[0] = self.last = NEWLINE
        self.is_idle = False
        return True

    def is_refilled(self) -> bool:
        """Tell whether the same file was emptied and filled again to where it was, or beyond, meanwhile."""
        file = self.stream.fileno()
        now = os.fstat(file)
        if now.st_mtime_ns == self.written_ns or now.st_size < self.place:
            return False
        self.written_ns = now.st_mtime_ns
        ends = os.pread(file, len(self.tail), self.place - len(self.tail))
        return ends != self.tail or os.pread(file, len(self.head), 0) != self.head

    def is_replaced(self) -> bool:
        """Answer whether there is another file to read from, and go to its beginning."""
        mine = os.fstat(self.stream.fileno())
        if mine.st_size < self.place:
            # Copied and truncated: the same file, begun again.
            self.begin_again()
            return True
        try:
            there = os.stat(self.path)
            if (there.st_ino, there.st_dev) == (mine.st_ino, mine.st_dev):
                return False
            fresh = open(self.path, "rb", buffering=0)  # noqa: SIM115 closed by the source
        except FileNotFoundError:
            return False
        # What was written between the last read and the rename.
        if self.stream.read(1):
            self.stream.seek(self.place)
            fresh.close()
            return True
        self.stream.close()
        self.stream = fresh
        self.begin_again()
        return True
