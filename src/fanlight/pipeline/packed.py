"""What is compressed: found by its first bytes, read to where it ends or to where it is damaged."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
HEAD = 18
"""Bytes of a frame of zstd in which it says how much it holds."""
PIECE = 256 * 1024
FINER = 64


class Unpacked:
    """A stream of what another holds compressed; at damage it ends, so that what was before it is not lost.

    Args:
        stream: unpacks.
        errors: by which it tells of damage; those of the disk are others.
        size: bytes that it has to give, None where nothing tells.
        can_seek: whether it can go back.

    Attributes:
        broken: what is to be said of damage.
    """

    def __init__(
        self,
        stream: Any,
        errors: tuple[type[Exception], ...],
        *,
        size: int | None = None,
        can_seek: bool = False,
    ) -> None:
        self.stream = stream
        self.errors = errors
        self.can_seek = can_seek
        self.step = PIECE
        self.size = size
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
        if not more and self.broken is None and self.size is not None and self.count < self.size:
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
        magic: its first bytes; those of a whole head where it can be sought.
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
    # A frame that ends too early is told by nothing else than the size in its head.
    size = zstandard.get_frame_parameters(magic).content_size if len(magic) == HEAD else None
    reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
    size = None if size == zstandard.CONTENTSIZE_UNKNOWN else size
    return Unpacked(reader, (zstandard.ZstdError,), size=size)
