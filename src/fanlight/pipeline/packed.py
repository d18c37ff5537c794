"""What is compressed: found by its first bytes, read to where it ends or to where it is damaged."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x2a\x4d\x18"
PIECE = 256 * 1024
FINER = 64


class Unpacked:
    """A stream of what another holds compressed; at damage it ends, so that what was before it is not lost.

    Args:
        stream: unpacks.
        errors: by which it tells of damage; those of the disk are others.
        frames: tell whether it came to its end, where it does not say so itself.
        can_seek: whether it can go back.

    Attributes:
        broken: what is to be said of damage.
    """

    def __init__(
        self,
        stream: Any,
        errors: tuple[type[Exception], ...],
        *,
        frames: Frames | None = None,
        can_seek: bool = False,
    ) -> None:
        self.stream = stream
        self.errors = errors
        self.can_seek = can_seek
        self.step = PIECE
        self.frames = frames
        self.count = 0
        self.broken: str | None = None

    def readinto(self, room: memoryview) -> int:
        """Read into a buffer; answer how many bytes, 0 at the end and at damage."""
        more = self.read(min(len(room), PIECE))
        room[: len(more)] = more
        return len(more)

    def read(self, size: int) -> bytes:
        """Answer some bytes, none at the end and at damage."""
        if self.broken is not None:
            return b""
        try:
            # One piece at a time: of several, those before the damage would be lost with it.
            more: bytes = getattr(self.stream, "read1", self.stream.read)(min(size, self.step))
        except self.errors as error:
            if self.step > 1 and self.can_seek:
                # Of the piece that the damage is in, what comes before it is read once more, by smaller ones.
                self.step //= FINER
                self.stream.seek(self.count)
                return self.read(size)
            more = b""
            self.broken = self.told("is cut off" if isinstance(error, EOFError) else "is damaged")
        self.count += len(more)
        if not more and self.broken is None and self.frames and not self.frames.is_whole:
            self.broken = self.told("is cut off")
        return more

    def seek(self, place: int) -> None:
        """Go on at a byte of the text."""
        self.stream.seek(place)
        self.count = place
        self.broken = None

    def told(self, what: str) -> str:
        """Answer what is said of damage."""
        return f"what is compressed there {what} behind {self.count:,} bytes of text; these were read"

    def close(self) -> None:
        """Let the stream go."""
        self.stream.close()


def unpacked(stream: Any, magic: bytes, path: str) -> Any:
    """Answer a stream of what a stream holds: itself, or without its compression.

    Args:
        stream: of the file or the pipe, at its first byte.
        magic: its first bytes.
        path: for people.

    Raises:
        MissingExtraError: a library is needed for it.
    """
    if magic.startswith(GZIP):
        import gzip
        import zlib

        errors = (EOFError, gzip.BadGzipFile, zlib.error)
        try:
            from isal import igzip, isal_zlib
        except ImportError:
            return Unpacked(gzip.GzipFile(fileobj=stream), errors, can_seek=stream.seekable())
        packed = igzip.IGzipFile(fileobj=stream)  # type: ignore[no-untyped-call]
        return Unpacked(packed, (*errors, isal_zlib.error), can_seek=stream.seekable())  # type: ignore[arg-type]  # its stubs call the class an instance
    if not magic.startswith(ZSTD):
        return stream
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdError, ZstdFile

        return Unpacked(ZstdFile(stream), (EOFError, ZstdError), can_seek=stream.seekable())
    try:
        import zstandard
    except ImportError:
        from fanlight.errors import MissingExtraError

        raise MissingExtraError(
            f"{path} is compressed with zstd, which needs a library that is not installed"
            "\n  pip install 'fanlight[fast]'"
        ) from None
    frames = Frames(stream)
    reader = zstandard.ZstdDecompressor().stream_reader(frames, read_across_frames=True)  # type: ignore[arg-type]  # what reads is enough
    return Unpacked(reader, (zstandard.ZstdError,), frames=frames)


class Frames:
    """zstd's frames as they are read: whether the last one came to its end, which its library does not tell.

    Args:
        stream: of the file or the pipe, at its first byte.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.head = b""
        self.has_checksum = False
        self.begin()

    def begin(self) -> None:
        """Go on with a frame."""
        self.next: Callable[[bytes], None] | None = self.opened
        self.wanted, self.skipped = len(ZSTD), 0

    @property
    def is_whole(self) -> bool:
        """Whether what was read ends with a frame; of what is none nothing can be said."""
        return self.next is None or (self.next == self.opened and not self.head and not self.skipped)

    def read(self, size: int) -> bytes:
        """Answer some bytes, and look at the heads of frames and blocks in them."""
        data: bytes = self.stream.read(size)
        at = 0
        while at < len(data) and self.next is not None:
            if self.skipped:
                step = min(self.skipped, len(data) - at)
                self.skipped -= step
            else:
                step = min(self.wanted - len(self.head), len(data) - at)
                self.head += data[at : at + step]
                if len(self.head) == self.wanted:
                    head, self.head = self.head, b""
                    self.next(head)
            at += step
        return data

    def opened(self, magic: bytes) -> None:
        """Take a frame's first bytes."""
        if magic == ZSTD:
            self.next, self.wanted = self.described, 1
        elif magic[1:] == SKIPPABLE and magic[0] >> 4 == 5:
            self.next, self.wanted = self.sized, 4
        else:
            self.next = None

    def sized(self, size: bytes) -> None:
        """Take the size of a frame that holds nothing of the text."""
        self.begin()
        self.skipped = int.from_bytes(size, "little")

    def described(self, byte: bytes) -> None:
        """Take what says how long the rest of a frame's head is."""
        flags = byte[0]
        is_single = bool(flags & 0x20)
        self.has_checksum = bool(flags & 4)
        sizes = (not is_single) + (0, 1, 2, 4)[flags & 3] + (int(is_single), 2, 4, 8)[flags >> 6]
        self.next, self.wanted, self.skipped = self.blocked, 3, sizes

    def blocked(self, head: bytes) -> None:
        """Take a block's head."""
        told = int.from_bytes(head, "little")
        # A block of one byte again and again has that byte alone.
        size = 1 if told >> 1 & 3 == 1 else told >> 3
        if told & 1:
            self.begin()
            size += 4 * self.has_checksum
        self.skipped = size

    def close(self) -> None:
        """Let the stream go."""
        self.stream.close()
