"""Writes the spool: one segment at a time, each record durable before anybody hears of it.

Three rules keep every record whole and single, whatever call fails:

* A segment gets its name only once its header is durable, and is never taken up again after a
  start: nothing is appended behind a torn tail.
* A record that was written but not made durable is written again, the same bytes at the same
  place, until that is durable: no reader can meet it twice. Nor is it applied before: `settle` tells
  how far a segment is durable, and a segment is announced there before it has its name.
* A record that was not written to its end is cut off again; readers stop before it either way.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from fanlight.collector.disk import FILE_MODE, Disk, make_folder, sync_file, sync_folder, write_all
from fanlight.wire import settled, spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.wire.codec import Message

CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
REWRITE = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
UNNAMED = ".new"
"""Suffix of a segment whose header is not durable yet; left behind by a crash, it is nothing."""
NS = 1_000_000_000


class SpoolWriter:
    """Appends records; every failure is an OSError after which `append` is simply tried again.

    Args:
        directory: the spool.
        describe: answers the header's fields but number and time: what is known of all records
            that were appended before.
        clock: wall-clock ns since 1970.
        disk: the file-system calls.
        segment_bytes: a segment of this size is followed by the next,
        segment_s: and so is one of this age.

    Attributes:
        base: added to the epoch second that the first segment is numbered by, so that two spools may
            feed one store.
    """

    def __init__(
        self,
        directory: str,
        describe: Callable[[], Message],
        clock: Callable[[], int],
        disk: Disk | None = None,
        *,
        segment_bytes: int = 16 << 20,
        segment_s: float = 60.0,
    ) -> None:
        self.directory = directory
        self.describe = describe
        self.clock = clock
        self.disk = disk or Disk()
        self.segment_bytes = segment_bytes
        self.segment_ns = segment_s * NS
        self.base = 0
        self.number = 0
        self.fd = -1
        self.path = ""
        self.position = 0
        self.first = 0
        self.created_ns = 0
        self.entered = False
        self.unsettled: bytes | None = None
        self.durable = (0, 0)
        """The segment, and how many bytes of it, up to which all is durable."""
        self.told: Message | None = None
        """What the file says of it, None when that is not known."""
        self.used, self.segments, self.oldest = 0, 0, ""
        """Bytes and segments in the spool, as last measured and grown since; the oldest one's path."""

    def open(self) -> None:
        """Look at what is there; call once, under the lock."""
        make_folder(self.disk, self.directory)
        for name in os.listdir(self.directory):
            if name.endswith(UNNAMED):
                with suppress(OSError):
                    self.disk.unlink(os.path.join(self.directory, name))
            head = name.partition(".")[0]
            if head.isdecimal():
                self.number = max(self.number, int(head))
        self.measure()

    def append(self, body: bytes) -> None:
        """Append one record and make it durable; after an OSError, call again with the same body."""
        if self.fd >= 0 and self.unsettled is None and self.is_over():
            self.seal()
        if self.fd < 0:
            self.begin()
        if not self.entered:
            sync_folder(self.disk, self.directory)
            self.entered = True
        if self.unsettled not in (None, body):
            raise AssertionError("another record waits to be made durable")
        record = spool.pack_record(body)
        try:
            write_all(self.disk, self.fd, record, self.position)
        except OSError:
            if self.unsettled is None:
                # Gives a full disk its room back. Should it fail too, readers stop there anyway.
                with suppress(OSError):
                    self.disk.truncate(self.fd, self.position)
            raise
        self.unsettled = body
        self.disk.fsync(self.fd)
        self.unsettled = None
        self.position += len(record)
        self.durable = self.number, self.position
        self.used += len(record)

    def is_over(self) -> bool:
        """Answer whether the segment has had its time or its size."""
        age_ns = self.clock() - self.created_ns
        # A clock that was set back ends the segment too: an age below zero says nothing.
        return self.position >= self.segment_bytes or (self.has_records and not 0 <= age_ns < self.segment_ns)

    @property
    def has_records(self) -> bool:
        """Whether the open segment holds any record."""
        return self.fd >= 0 and self.position > self.first

    @property
    def is_empty(self) -> bool:
        """Whether, as last measured, nothing waits for the store but an open segment without records."""
        return self.segments <= int(self.fd >= 0 and not self.has_records)

    def begin(self) -> None:
        """Begin the next segment."""
        now_ns = self.clock()
        # An empty spool may stand before a store that has applied many: numbers never come again.
        number = self.number + 1 if self.number else self.base + now_ns // NS
        path = os.path.join(self.directory, spool.file_name(number))
        described = self.describe()
        header = spool.pack_header({"number": number, "created": now_ns, **described})
        totals = {name: value for name, value in described.items() if name in settled.SETTLED}
        try:
            fd = self.disk.open(path + UNNAMED, CREATE, FILE_MODE)
        except FileNotFoundError:
            make_folder(self.disk, self.directory)
            fd = self.disk.open(path + UNNAMED, CREATE, FILE_MODE)
        try:
            write_all(self.disk, fd, header, 0)
            self.disk.fsync(fd)
            self.publish({**totals, "number": number, "position": len(header)})
            self.disk.rename(path + UNNAMED, path)
        except OSError:
            with suppress(OSError):
                self.disk.unlink(path + UNNAMED)
            with suppress(OSError):
                self.disk.close(fd)
            raise
        self.number, self.path, self.fd = number, path, fd
        self.position = self.first = len(header)
        self.durable = number, len(header)
        self.created_ns, self.entered = now_ns, False
        self.used += len(header)
        self.segments += 1

    def settle(self, totals: Message) -> bool:
        """Tell the server that all that was appended is durable; answer whether it is told.

        What fails is made good by the next call.

        Args:
            totals: the fields of `settled.SETTLED` but number and position.
        """
        number, position = self.durable
        if self.unsettled is None and number:
            message = {**totals, "number": number, "position": position}
            if message == self.told and os.path.exists(os.path.join(self.directory, settled.NAME)):
                return True
            try:
                self.publish(message)
            except OSError:
                return False
        return True

    def adopt(self, path: str) -> None:
        """Make the newest segment of a predecessor durable, and tell so once its totals are known."""
        # It may have died between write and fsync: what is trusted now must outlast a power failure.
        sync_file(self.disk, path)
        self.durable = spool.number(path), os.stat(path).st_size

    def publish(self, message: Message) -> None:
        """Rewrite the file that says how far the spool is durable."""
        self.told = None
        fd = self.disk.open(os.path.join(self.directory, settled.NAME), REWRITE, FILE_MODE)
        try:
            write_all(self.disk, fd, settled.pack(message), 0)
        finally:
            self.disk.close(fd)
        self.told = message

    def seal(self) -> None:
        """Be done with the open segment; the next record begins another."""
        if self.fd >= 0:
            with suppress(OSError):
                self.disk.close(self.fd)
        self.fd, self.unsettled = -1, None

    def turn(self) -> None:
        """Begin another segment if the newest one has records, so that they may be deleted once applied."""
        # A predecessor's newest is as much in the way as our own.
        if self.unsettled is None and (self.has_records or (self.fd < 0 and self.segments)):
            self.seal()
            self.begin()

    def measure(self) -> None:
        """Look how much the spool holds, and whether the open segment is still in it."""
        used = segments = 0
        oldest = ""
        with suppress(FileNotFoundError), os.scandir(self.directory) as entries:
            for entry in entries:
                if entry.name == settled.NAME:
                    # Some hundred bytes that are rewritten all the time.
                    continue
                with suppress(FileNotFoundError):
                    used += entry.stat(follow_symlinks=False).st_size
                    if entry.name.endswith(spool.SUFFIX):
                        segments += 1
                        # Names are numbers of one width.
                        oldest = min(oldest or entry.path, entry.path)
        self.used, self.segments, self.oldest = used, segments, oldest
        if self.fd >= 0 and not is_same(self.fd, self.path):
            # Somebody deleted it: what would be appended now, nobody could read.
            self.seal()


def is_same(fd: int, path: str) -> bool:
    """Answer whether an open file is the one that stands at a path."""
    try:
        there = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(os.fstat(fd), there)
