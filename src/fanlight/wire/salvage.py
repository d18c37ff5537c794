"""Reading on behind damage: the next whole record of a segment, wherever it begins."""

from __future__ import annotations

import os
from zlib import crc32

from fanlight.errors import WireError
from fanlight.wire import spool
from fanlight.wire.codec import read_length, read_varint, varint
from fanlight.wire.messages import COMMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Gap = tuple[int, int]
    """Where bytes begin and end that belong to no whole record, though one follows."""

FIRST_TAGS = bytes({varint(number << 3 | 2)[0] for number, _ in COMMIT.values()})
"""What the body of a COMMIT begins with: every field of it is length-delimited."""
MAX_RECORD = 64 << 20
"""Bytes of a record, at the most: a group is closed at some MiB, and one batch is no larger."""


def surviving(
    path: Path, position: int = 0, end: int | None = None
) -> Iterator[tuple[int, bytes, Gap | None]]:
    """Yield every whole record from `position` on: the position behind it, its body, the gap before it.

    Unlike `spool.records` it goes on behind damage, so what is read must not be written any more.

    Args:
        path: the segment file.
        position: bytes into the file; 0 begins behind the header.
        end: nothing is read from here on; None reads to the file's end.

    Raises:
        SpoolError: the header is not whole, or not of this version.
        OSError: the file cannot be read.
    """
    gap: Gap | None = None
    with path.open("rb") as file:
        at = spool.begin(file, path, position)
        while at >= 0:
            file.seek(at)
            while body := spool.read_record(file, end):
                at += spool.RECORD.size + len(body)
                yield at, body, gap
                gap = None
            begin, at = at, next_whole(path, at, end)
            gap = begin, at


def next_whole(path: Path, position: int, end: int | None = None) -> int:
    """Answer where behind `position` the next whole record begins, -1 when there is none.

    A damaged record that still says how long it is leads to the next one. Otherwise every byte is
    tried that could begin one, by its length, its first tag, its fields' lengths, and its checksum.
    """
    with path.open("rb") as file:
        there = os.fstat(file.fileno()).st_size if end is None else end
        if there <= position + spool.RECORD.size:
            return -1
        file.seek(position)
        data = memoryview(file.read() if end is None else file.read(max(0, end - position)))
    told: int = spool.RECORD.size + spool.RECORD.unpack_from(data)[0]
    if is_whole(data, told):
        return position + told
    import re

    nominee = re.compile(rb"(?s)(?=..[\x00-\xff][\x00-\x03].{4}[" + re.escape(FIRST_TAGS) + rb"])")
    for match in nominee.finditer(data, 1):
        if is_whole(data, match.start()):
            return position + match.start()
    return -1


def is_whole(data: memoryview, at: int) -> bool:
    """Answer whether a whole record begins at an offset of some bytes."""
    start = at + spool.RECORD.size
    if start >= len(data):
        return False
    length, checksum = spool.RECORD.unpack_from(data, at)
    if not 0 < length <= min(len(data) - start, MAX_RECORD):
        return False
    body = data[start : start + length]
    # The fields are walked first: random bytes end that after a few, where a checksum reads them all.
    return walks(body) and crc32(body) == checksum


def walks(body: memoryview) -> bool:
    """Answer whether bytes are fields of a protobuf message to their end."""
    position, end = 0, len(body)
    try:
        while position < end:
            tag, position = read_varint(body, position)
            if tag & 7 == 0:
                _, position = read_varint(body, position)
            else:
                length, position = read_length(body, position, tag & 7)
                position += length
    except WireError:
        return False
    return position == end
