"""Bytes written whole, to a standard output that may have no buffer."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


def write_whole(out: BinaryIO, text: bytes | memoryview) -> None:
    """Write all of some bytes.

    With PYTHONUNBUFFERED a write takes only what there is room for when the reader leaves, and says
    nothing; it is the next one that fails.
    """
    rest = memoryview(text)
    while rest:
        rest = rest[out.write(rest) :]
