"""What has to be as it was for a read to be answered like the one before; looked at ten times a second."""

from __future__ import annotations

import os

from fanlight.wire import slots as layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fanlight.sources.held import File

BEAT_AT = layout.DUE * layout.WORD
BEAT_END = BEAT_AT + layout.WORD


class Noted:
    """What was found by one read.

    Args:
        ended: answers what processes ended.

    Attributes:
        until_ns: it is true at the most so long; 0 while nothing is noted.
        still: descriptor and bytes of the file of each worker that writes nothing while nobody asks it.
        beating: descriptor, number of bytes and those before and behind the beat, of each event loop's.
    """

    __slots__ = ("beating", "ended", "still", "until_ns")

    def __init__(self, ended: Callable[[int], object]) -> None:
        self.ended = ended
        self.until_ns = 0
        self.still: list[tuple[int, bytes]] = []
        self.beating: list[tuple[int, int, bytes, bytes]] = []

    def note(self, until_ns: int, files: Iterable[File]) -> None:
        """Note what was found; the arguments are as the attributes."""
        self.until_ns = until_ns
        self.still, self.beating = [], []
        for each in files:
            if each.due_ns > 0:
                parts = each.seen[:BEAT_AT], each.seen[BEAT_END:]
                self.beating.append((each.descriptor, len(each.seen), *parts))
            else:
                self.still.append((each.descriptor, each.seen))

    def holds(self, now_ns: int) -> bool:
        """Answer whether no process ended, and no worker does or tells anything else."""
        # A fast path, ten times a second: nothing here that a moment of sleep would make dear.
        if now_ns >= self.until_ns or self.ended(0):
            return False
        read = os.pread
        try:
            for descriptor, seen in self.still:
                if read(descriptor, len(seen), 0) != seen:
                    return False
            for descriptor, size, before, behind in self.beating:
                data = read(descriptor, size, 0)
                # A loop that comes by as it meant to does nothing else than to say so.
                is_beat = data.startswith(before) and data.endswith(behind)
                if not is_beat or int.from_bytes(data[BEAT_AT:BEAT_END], "little") < now_ns:
                    return False
        except OSError:
            return False
        return True


def is_but_a_beat(data: bytes, seen: bytes) -> bool:
    """Answer whether a loop came by at the most, and nothing else happened, since some bytes were seen."""
    return len(data) == len(seen) and data[:BEAT_AT] == seen[:BEAT_AT] and data[BEAT_END:] == seen[BEAT_END:]
