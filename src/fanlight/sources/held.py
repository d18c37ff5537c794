"""A worker's file and what the kernel tells of its process, held open: to find them by name costs more."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from fanlight.sources.noted import BEAT_AT, BEAT_END, is_but_a_beat
from fanlight.wire import slots as layout
from fanlight.wire import trail

if TYPE_CHECKING:
    from fanlight.wire.readings import Worker

STATE_BYTES = 128
"""Of what the kernel tells of a process: far more than its number, name and state."""
FIRST_BYTES = layout.HEAD_WORDS * layout.WORD + layout.BLOCK_BYTES
"""What is read of a file, unless so many requests went on at once that there is more."""


class File:
    """A worker's file, held open.

    Attributes:
        pid, started: of the process.
        slot: its number; the file has it too, for the next reader.
        gone: readable once the process is gone; None where the system has no such thing.
        proc: what the kernel tells of the process, held open; None where it does not.
        spent_ns: the busy time told last, below which the next one is not.
        seen: its bytes when it was read last; but for the beat they were so at `stamp_ns` for the first time.
        told: what they tell, None before.
        due_ns: when the loop's next beat was due in them; none has one that is not above 0.
        idle: the worker as answered last, if it tells the same while its bytes are the same.
        quiet: whether nothing is to be answered anew while its bytes are the same.
    """

    __slots__ = (
        "at",
        "descriptor",
        "due_ns",
        "gone",
        "idle",
        "pid",
        "proc",
        "quiet",
        "seen",
        "slot",
        "spent_ns",
        "stalled",
        "stamp_ns",
        "started",
        "told",
    )

    def __init__(self, folder: str, name: str, descriptor: int, owner: tuple[int, int]) -> None:
        self.at = os.path.join(folder, name)
        self.descriptor = descriptor
        self.pid, self.started = owner
        self.slot = -1
        self.gone: int | None = None
        self.proc: int | None = None
        self.spent_ns = self.stamp_ns = self.due_ns = 0
        self.seen = b""
        self.told: layout.Read | None = None
        self.idle: tuple[int | None, bool, Worker] | None = None
        self.stalled = self.quiet = False

    def read(self, now_ns: int) -> layout.Read:
        """Answer what the file tells now.

        Raises:
            ValueError: it is no slot of ours; says why in a word.
        """
        data = os.pread(self.descriptor, FIRST_BYTES, 0)
        # A fast path: few are so busy that more than the first block of places was ever taken.
        if len(data) == FIRST_BYTES and any(data[-layout.PLACE_WORDS * layout.WORD :]):
            data = os.pread(self.descriptor, layout.SIZE, 0)
        if data != self.seen or self.told is None:
            has_beat = self.due_ns > 0
            if not is_but_a_beat(data, self.seen):
                self.stamp_ns, self.idle = now_ns, None
            self.seen, self.told = data, None
            self.told = layout.parse(data)
            self.due_ns = self.told.head[layout.DUE]
            if has_beat != (self.due_ns > 0):
                self.idle = None
        if 0 < self.due_ns < now_ns:
            self.idle = None
        return self.told

    def is_quiet(self, now_ns: int) -> bool:
        """Answer whether nothing is to be answered anew.

        Raises:
            OSError: it cannot be read.
        """
        if not self.quiet:
            return False
        data = os.pread(self.descriptor, len(self.seen), 0)
        if data == self.seen:
            return not 0 < self.due_ns < now_ns
        due_ns = int.from_bytes(data[BEAT_AT:BEAT_END], "little", signed=True)
        has_come_by = self.due_ns > 0 and due_ns >= now_ns
        return has_come_by and self.idle is not None and is_but_a_beat(data, self.seen)

    def trail(self) -> bytes:
        """Answer what stands behind the slot, b"" where nothing does."""
        try:
            return os.pread(self.descriptor, trail.SIZE, layout.SIZE)
        except OSError:
            return b""

    def is_stopped(self) -> bool:
        """Answer whether the process was stopped: it lives, and does nothing until it is told to go on."""
        try:
            told = b"" if self.proc is None else os.pread(self.proc, STATE_BYTES, 0)
        except OSError:
            return False
        # The program's name stands in parentheses and may hold anything, parentheses too.
        return told[told.rfind(b")") + 2 :][:1] in (b"T", b"t")

    def close(self) -> None:
        """Let go of file and process."""
        for descriptor in (self.descriptor, self.gone, self.proc):
            if descriptor is not None:
                os.close(descriptor)


def refusal(file: File, read: layout.Read, namespace: int) -> str:
    """Answer in a word why a file is no slot for us, "" when it is one."""
    if not stat.S_ISREG(os.fstat(file.descriptor).st_mode):
        return "foreign"
    # Where pids are others', its number means somebody else here, or nobody.
    if read.head[layout.NAMESPACE] != namespace:
        return "namespace"
    return "" if read.process == (file.pid, file.started) else "foreign"
