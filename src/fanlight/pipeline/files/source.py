"""Where bytes come from: a file, plain or compressed, or standard input."""

from __future__ import annotations

import os
import sys

# A search for words loads this, and does without `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STDIN = "-"
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


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
        """Whether a read gave nothing because nothing has come yet; only a followed file is."""

    def readinto(self, room: memoryview) -> int:
        """Read into a buffer; answer how many bytes, 0 at the end."""
        return int(self.stream.readinto(room) or 0)

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


def open_source(path: str) -> Source:
    """Open a file, `-` for standard input; what is compressed shows by its first bytes.

    Raises:
        OSError: it cannot be opened.
        MissingExtraError: it is compressed in a way that needs a library.
    """
    if path == STDIN:
        stream: Any = sys.stdin.buffer
        return Source("standard input", unpacked(stream, stream.peek(4)[:4], path), None)
    # Without pathlib, whose import costs a tenth of a small search.
    plain = open(path, "rb", buffering=0)  # noqa: SIM115 the source's own, closed with it
    try:
        if not plain.seekable():
            return Source(path, plain, None)
        magic = plain.read(4) or b""
        plain.seek(0)
        stream = unpacked(plain, magic, path)
    except BaseException:
        plain.close()
        raise
    if stream is plain:
        found = Source(path, plain, plain.seek(0, 2) - plain.seek(0))
    else:
        found = Source(path, stream, None, plain)
    found.written_ns = os.fstat(plain.fileno()).st_mtime_ns
    return found


def unpacked(stream: Any, magic: bytes, path: str) -> Any:
    """Answer a stream of what a stream holds: itself, or without its compression."""
    if magic.startswith(GZIP):
        try:
            from isal import igzip
        except ImportError:
            import gzip

            return gzip.GzipFile(fileobj=stream)
        return igzip.IGzipFile(fileobj=stream)  # type: ignore[no-untyped-call]
    if magic == ZSTD:
        if sys.version_info >= (3, 14):
            from compression.zstd import ZstdFile

            return ZstdFile(stream)
        try:
            import zstandard
        except ImportError:
            from fanlight.errors import MissingExtraError

            raise MissingExtraError(
                f"{path} is compressed with zstd, which needs a library that is not installed"
                "\n  pip install 'fanlight[fast]'"
            ) from None
        return zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
    return stream


FIRST = 32 * 1024
"""Bytes in which there mostly are as many lines as a format is detected from."""
FIRST_LINES = 64
"""Lines that a format is detected from."""


def first_lines(sample: bytes) -> list[bytes]:
    """Answer the first lines of a file's first bytes, as a format is detected from them."""
    first = sample.removeprefix(b"\xef\xbb\xbf").split(b"\n", FIRST_LINES + 1)
    # The last may be cut; when it is the only one it is all there is.
    return [row.rstrip(b"\r") for row in (first[:FIRST_LINES] if len(first) > 1 else first)]
