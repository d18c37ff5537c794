"""Where bytes come from: a file, plain or compressed, or a pipe, which is read a little ahead."""

from __future__ import annotations

import os
import sys
import time

from fanlight.pipeline.packed import unpacked

# A search for words loads this, and does without `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedReader, RawIOBase
    from typing import Any

STDIN = "-"
REOPENED = "/dev/stdin"
"""Opens anew the file that standard input is."""
AHEAD = 8 << 20
"""Bytes of a pipe whose times tell no year that are read before the first is looked at."""
AHEAD_S = 0.25
"""How long whoever looks waits for them."""
IDLE_S = 0.25
"""Nothing coming for that long, what has come is all that there is of an event."""
PIECE = 64 * 1024


class Source:
    """Bytes to be read into a buffer.

    Args:
        name: for people.
        stream: has `readinto`.
        size: bytes, where bytes can be sought; None where they can only be read on.
        under: the compressed file that the stream reads from.
    """

    def __init__(self, name: str, stream: Any, size: int | None, under: Any = None) -> None:
        self.name = name
        self.under = under
        self.stream = stream
        self.size = size
        self.written_ns: int | None = None
        """When it was last written; None when that is not known, or now."""
        self.is_idle = False
        """Whether a read gave nothing because nothing has come yet; a followed file and a pipe are."""

    def readinto(self, room: memoryview) -> int:
        """Read into a buffer; answer how many bytes, 0 at the end."""
        return int(self.stream.readinto(room) or 0)

    @property
    def broken(self) -> str | None:
        """What is to be said of damage of what it holds compressed."""
        return getattr(self.stream, "broken", None)

    def settle(self, name: str | None, zone: str | None) -> None:
        """Get to know the end, where a format's times depend on it; only what is piped in has to."""

    def seek(self, offset: int) -> None:
        """Go on reading at a byte."""
        self.stream.seek(offset)

    def read_at(self, offset: int, size: int) -> bytes:
        """Answer some bytes from a place, fewer at the end; where reading goes on is undefined."""
        self.stream.seek(offset)
        found = b""
        while len(found) < size:
            more = self.stream.read(size - len(found))
            if not more:
                break
            found += more
        return found

    def close(self) -> None:
        """Let the file go; standard input stays."""
        if self.stream is not sys.stdin.buffer:
            self.stream.close()
        if self.under is not None:
            self.under.close()


FIRST = 32 * 1024
"""Bytes in which there mostly are as many lines as a format is detected from."""
FIRST_LINES = 64
"""Lines that a format is detected from."""


def first_lines(sample: bytes) -> list[bytes]:
    """Answer the first lines of a file's first bytes, as a format is detected from them."""
    first = sample.removeprefix(b"\xef\xbb\xbf").split(b"\n", FIRST_LINES + 1)
    # The last may be cut; when it is the only one it is all there is.
    return [row.rstrip(b"\r") for row in (first[:FIRST_LINES] if len(first) > 1 else first)]


def open_source(path: str) -> Source:
    """Open a file, `-` for standard input; what is compressed shows by its first bytes.

    Raises:
        OSError: it cannot be opened.
        MissingExtraError: it is compressed in a way that needs a library.
    """
    if path == STDIN:
        path = redirected() or path
    if path == STDIN:
        return piped("standard input", sys.stdin.buffer)
    # Without pathlib, whose import costs a tenth of a small search.
    plain = open(path, "rb", buffering=0)  # noqa: SIM115 the source's own, closed with it
    try:
        size = size_of(plain)
        if size is None:
            from io import BufferedReader

            return piped(path, BufferedReader(plain))
        magic = plain.read(4) or b""
        plain.seek(0)
        stream = unpacked(plain, magic, path)
    except BaseException:
        plain.close()
        raise
    found = Source(path, plain, size) if stream is plain else Source(path, stream, None, plain)
    found.written_ns = os.fstat(plain.fileno()).st_mtime_ns
    return found


def size_of(plain: RawIOBase) -> int | None:
    """Answer how many bytes a file has, from whose begin on it is read; None where only reading tells."""
    try:
        return plain.seek(0, 2) - plain.seek(0)
    except OSError:
        # A pipe, or what the kernel makes up while it is read, as in /proc.
        return None


def redirected() -> str | None:
    """Answer a path to the file that standard input is; None when it is none, or was begun already."""
    try:
        descriptor = sys.stdin.buffer.fileno()
        is_file = os.path.isfile(REOPENED) and os.lseek(descriptor, 0, os.SEEK_CUR) == 0
    except (OSError, ValueError):
        return None
    # Elsewhere than on Linux the path shares its place with whoever else has it open.
    return REOPENED if is_file and sys.platform == "linux" and os.access(REOPENED, os.R_OK) else None


def piped(name: str, stream: Any) -> Source:
    """Answer the source of a stream that can only be read on."""
    inside = unpacked(stream, stream.peek(4)[:4], name)
    return Piped(name, stream, None if inside is stream else inside)


class Piped(Source):
    """A source that can only be read on, as it comes.

    Args:
        name: for people.
        stream: of the pipe; what it has in its buffer is taken over.
        unpacked: reads what the stream holds compressed; None where it is not.
    """

    def __init__(self, name: str, stream: BufferedReader, unpacked: RawIOBase | None = None) -> None:
        super().__init__(name, stream, None)
        self.pipe = stream
        self.unpacked = unpacked
        self.descriptor = stream.fileno()
        self.ahead = bytearray(stream.read1() if unpacked is None and stream.peek(1) else b"")
        self.is_ended = False
        self.has_news = True

    def readinto(self, room: memoryview) -> int:
        """Read what has come, waiting for it; 0 once when nothing more comes for a while, and at the end."""
        if self.size is not None:
            return super().readinto(room)
        count = min(len(self.ahead), len(room))
        room[:count] = self.ahead[:count]
        del self.ahead[:count]
        if not count and not self.is_ended and not self.comes(IDLE_S if self.has_news else None):
            self.has_news, self.is_idle = False, True
            return 0
        self.has_news, self.is_idle = True, False
        # A pipe gives little at a time, so whatever has come is taken.
        while count < len(room) and not self.is_ended and (not count or self.comes(0)):
            count += self.take(room[count:])
        return count

    def take(self, room: memoryview) -> int:
        """Read what is there, waiting when nothing is; answer how many bytes, 0 at the end."""
        if self.unpacked is not None:
            more = self.unpacked.readinto(room) or 0
        else:
            more = os.readv(self.descriptor, [room])
        self.is_ended = not more
        return more

    def comes(self, wait_s: float | None) -> bool:
        """Answer whether something can be read, or the end, within some time."""
        if self.unpacked is not None:
            # What it holds already nobody can see from outside.
            return True
        import select

        look = select.poll()
        look.register(self.descriptor, select.POLLIN)
        return bool(look.poll(None if wait_s is None else wait_s * 1000))

    def close(self) -> None:
        """Let the pipe go; standard input stays."""
        super().close()
        if self.pipe is not sys.stdin.buffer:
            self.pipe.close()

    @property
    def broken(self) -> str | None:
        """What is to be said of damage of what it holds compressed."""
        return getattr(self.unpacked, "broken", None)

    def read_ahead(self, size: int, wait_s: float) -> float:
        """Read until there are some bytes, the pipe ends, or nobody waits any longer.

        Args:
            size: bytes.
            wait_s: how long what is not there yet is waited for.

        Returns:
            How much of that is left.
        """
        while wait_s > 0 and len(self.ahead) < size and not self.is_ended:
            begin_s = time.monotonic()
            is_there = self.unpacked is None and self.comes(0)
            if is_there or self.comes(wait_s):
                room = bytearray(PIECE)
                self.ahead += room[: self.take(memoryview(room))]
            # A machine that is busy with other things takes nothing from what may still come.
            if not is_there:
                wait_s -= time.monotonic() - begin_s
        return wait_s

    def settle(self, name: str | None, zone: str | None) -> None:
        """Get to know the end, where the years of the times depend on it and it is near.

        Args:
            name: of the format; None detects.
            zone: where times are meant that tell no offset.
        """
        from fanlight import parsers
        from fanlight.parsers.stamps import TOLD_NO_YEAR

        left_s = self.read_ahead(FIRST, AHEAD_S)
        found = name or parsers.detect(first_lines(bytes(self.ahead[:FIRST])), zone, None)[0].name
        if not any(each in found for each in TOLD_NO_YEAR):
            return
        self.read_ahead(AHEAD, left_s)
        if self.is_ended and self.ahead:
            from tempfile import TemporaryFile

            # Now it is a file like any other, which is of now.
            self.stream = TemporaryFile(buffering=0)  # noqa: SIM115 closed by the source
            self.stream.write(self.ahead)
            self.stream.seek(0)
            self.size = len(self.ahead)
