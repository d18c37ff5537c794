"""Lines on the stdout or stderr of the program that `fanlight run` became, from the collector.

Somebody else's descriptor: it may be closed at the other end, full, or a terminal that is gone, and
its flags belong to the program too. So nothing is set on it, and no write may wait.
"""

from __future__ import annotations

import os
import select
from typing import Any

from fanlight.config.options import Option

TO = ("stdout", "stderr")
LONGEST = 4096
"""Bytes of a line that a pipe takes whole or not at all (`PIPE_BUF`)."""


class Stream:
    """One inherited descriptor; -1 where none was handed over.

    Args:
        descriptor: stays open as long as the collector runs.

    Attributes:
        dropped: lines that could not be written.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.dropped = 0

    def write(self, line: str) -> bool:
        """Write a line whole, or drop and count it; answer whether it was written.

        Args:
            line: without its end; cut at 4,095 bytes.
        """
        data = line.encode("utf-8", "replace").replace(b"\n", b" ")[: LONGEST - 1] + b"\n"
        try:
            if self.has_room():
                os.write(self.descriptor, data)
                return True
        except (OSError, ValueError):
            # Nobody reads it any more: the program's pipe is closed, its terminal gone.
            pass
        self.dropped += 1
        return False

    def has_room(self) -> bool:
        """Answer whether a line can be written without waiting."""
        if self.descriptor < 0:
            return False
        poll = select.poll()
        poll.register(self.descriptor, select.POLLOUT)
        return any(events & select.POLLOUT for _, events in poll.poll(0))


def stream_of(options: Any, streams: Any) -> Stream:
    """Answer the stream that the option `to` names, of those that were handed over."""
    return Stream(streams.get(options["to"], -1))


def to(default: str) -> Option:
    """Answer the option that says which of the two."""
    return Option("text", default, "which of the program's streams", TO)


def write_all(stream: Stream, lines: list[str]) -> None:
    """Write lines.

    Raises:
        OSError: some could not be written, which are dropped.
    """
    before = stream.dropped
    for line in lines:
        stream.write(line)
    if lost := stream.dropped - before:
        why = "is full or closed" if stream.descriptor >= 0 else "was not handed over"
        raise OSError(f"the stream of the program {why}; {lost} of {len(lines)} lines dropped")


def text_of(message: Any) -> str:
    """Answer a message as a line: a snapshot in a text's place as Python shows its values."""
    return message if isinstance(message, str) else str(getattr(message, "values", message))
