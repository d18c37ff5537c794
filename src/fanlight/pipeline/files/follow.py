"""Follows a file that is being written: through renames, truncation, and times when it is not there."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from fanlight.pipeline.files.source import GZIP, ZSTD, Source

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S = 0.25
NEWLINE = 0x0A


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

    def readinto(self, room: memoryview) -> int:
        """Read what has come, waiting for it; 0 once when nothing more comes for a while."""
        while True:
            count = int(self.stream.readinto(room) or 0)
            if count:
                self.place += count
                self.last = room[count - 1]
                self.has_news, self.is_idle = True, False
                return count
            if self.is_replaced():
                if self.last != NEWLINE:
                    # The old file's last line gets no more: the new file's first is another.
                    room[0] = self.last = NEWLINE
                    self.is_idle = False
                    return 1
                continue
            if self.has_news:
                self.has_news, self.is_idle = False, True
                return 0
            self.wait(POLL_S)

    def is_replaced(self) -> bool:
        """Answer whether there is another file to read from, and go to its beginning."""
        mine = os.fstat(self.stream.fileno())
        if mine.st_size < self.place:
            # Copied and truncated: the same file, begun again.
            self.stream.seek(0)
            self.place = 0
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
        self.place = 0
        return True
