"""Spool segments: the header's and the records' bytes, and the reader that every process shares.

A segment is a header and then records. The header is the magic, version, length and CRC32 of a
`SEGMENT` message; a record is the length and CRC32 of a `COMMIT` body, then that body. Only the
collector writes segments; whoever reads one stops at the first record that is not whole.
"""

from __future__ import annotations

import os
from struct import Struct
from zlib import crc32

from fanlight.errors import SpoolError, WireError
from fanlight.wire.codec import TEXTS, U64, UINT, decode, encode
from fanlight.wire.messages import COMMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from fanlight.wire.codec import Message, Schema

MAGIC = b"FNLSPOOL"
VERSION = 1
SUFFIX = ".seg"

FRONT = Struct("<8sIII")
"""Magic, version, length of the header's body, CRC32 of what stands before it and of the body."""
RECORD = Struct("<II")
"""Length of the record's body and its CRC32."""

MAX_HEADER = 16 << 20
"""Bytes of a header's body, at the most: 10,000 clients and 1,000 services take less than one MiB."""

SEGMENT: Schema = {
    "number": (1, UINT),
    "created": (2, UINT),
    "service": (3, TEXTS),
    "accepted": (4, U64),
    "dropped": (5, U64),
    "client": (6, TEXTS),
    "client_sequence": (7, U64),
    "client_seen": (8, U64),
    "written": (9, U64),
}
"""A segment's header: what the collector knew when it began the segment.

* `number` is the file name's; `created` wall-clock ns since 1970.
* `service`, `accepted`, `dropped`: traces accepted so far and, of those, traces whose details were
  dropped while the spool was nearly full. `written`: bytes of records so far, of the same services.
* `client`, `client_sequence`, `client_seen`: the last batch on disk of each client of the last
  hour, and when (wall-clock ns) it was.
"""


def segments(directory: str | os.PathLike[str]) -> list[Path]:
    """Answer the spool's segment files, oldest first; an absent directory has none."""
    from pathlib import Path

    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    found = [name for name in names if name.endswith(SUFFIX) and name[: -len(SUFFIX)].isdecimal()]
    return [Path(directory, name) for name in sorted(found, key=number)]


def number(path: str | os.PathLike[str]) -> int:
    """Answer the segment number that a file name carries."""
    return int(os.path.basename(path).partition(".")[0])


def file_name(number: int) -> str:
    """Answer the file name of a segment."""
    return f"{number:012d}{SUFFIX}"


def pack_header(message: Message) -> bytes:
    """Answer the bytes that a segment begins with."""
    body = encode(SEGMENT, message)
    front = FRONT.pack(MAGIC, VERSION, len(body), 0)[:-4]
    return front + crc32(body, crc32(front)).to_bytes(4, "little") + body


def pack_record(body: bytes) -> bytes:
    """Answer a record's bytes: its frame, then the body."""
    return RECORD.pack(len(body), crc32(body)) + body


def header(path: str | os.PathLike[str]) -> Message:
    """Answer a segment's header as a `SEGMENT` message.

    Raises:
        SpoolError: the file does not begin with a whole header that this version can read.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        return read_header(file, path)[0]


def records(
    path: str | os.PathLike[str], position: int = 0, end: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield the whole records from `position` on, each as the position behind it and its body.

    Ends at the first record that is not whole: the end, a torn tail, or one that is being written.

    Args:
        path: the segment file.
        position: bytes into the file, as yielded before; 0 begins behind the header.
        end: where reading ends at the latest; None: where the file does.

    Raises:
        SpoolError: the header is not whole, or not of this version.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        position = begin(file, path, position)
        while body := read_record(file, end):
            position += RECORD.size + len(body)
            yield position, body


def read(path: str | os.PathLike[str], position: int = 0) -> Iterator[tuple[int, Message]]:
    """Yield the whole records from `position` on, each as the position behind it and its COMMIT.

    Like `records`; besides, a record whose CRC holds but which is no COMMIT is a SpoolError.
    """
    for after, body in records(path, position):
        try:
            yield after, decode(COMMIT, body)
        except WireError as error:
            raise SpoolError(f"{path}: the record that ends at byte {after} is no commit: {error}") from error


def rest(path: str | os.PathLike[str], position: int) -> str:
    """Answer what stands at `position`, where reading ended: "", "torn" or "damaged".

    "torn" is what an interrupted write leaves: a record cut off by the file's end, or zeros only.
    "damaged" is anything else, so a record of full length whose bytes are not those written.
    """
    with open(path, "rb") as file:
        file.seek(position)
        front = file.read(RECORD.size)
        if not front:
            return ""
        length = RECORD.unpack(front)[0] if len(front) == RECORD.size else 1
        left = os.fstat(file.fileno()).st_size - position - RECORD.size
        if length:
            return "damaged" if length <= left else "torn"
        while front and not front.strip(b"\0"):
            front = file.read(1 << 20)
    return "damaged" if front else "torn"


def begin(file: BinaryIO, path: str | os.PathLike[str], position: int) -> int:
    """Go to a position of an open segment, or behind its header when that is 0; answer where it is."""
    if position:
        # Whoever knows a position has been through the header.
        return file.seek(position)
    return read_header(file, path)[1]


def read_header(file: BinaryIO, path: str | os.PathLike[str]) -> tuple[Message, int]:
    """Answer the header of an open segment, and the position of its first record."""
    front = file.read(FRONT.size)
    if len(front) < FRONT.size:
        raise SpoolError(f"{path}: {len(front)} bytes are no segment header; it takes {FRONT.size} and more")
    magic, version, length, checksum = FRONT.unpack(front)
    if magic != MAGIC:
        raise SpoolError(f"{path}: begins with {magic!r}, so it is no spool segment")
    if version != VERSION:
        raise SpoolError(f"{path}: is of spool version {version}; this Fanlight reads version {VERSION}")
    # The claim is compared with what is there before anything is allocated for it.
    there = os.fstat(file.fileno()).st_size - FRONT.size
    body = file.read(length) if length <= min(there, MAX_HEADER) else b""
    if len(body) != length or crc32(body, crc32(front[:-4])) != checksum:
        raise SpoolError(f"{path}: the header is damaged: its checksum does not hold")
    try:
        return decode(SEGMENT, body), FRONT.size + length
    except WireError as error:
        raise SpoolError(f"{path}: the header is damaged: {error}") from error


def read_record(file: BinaryIO, end: int | None = None) -> bytes:
    """Answer the body of the record at the file's position, or b"" when none is whole before `end`."""
    front = file.read(RECORD.size)
    if len(front) < RECORD.size:
        return b""
    length, checksum = RECORD.unpack(front)
    # Eight zero bytes would be an empty record with a right checksum: a zeroed tail, not data.
    if not length or length > (os.fstat(file.fileno()).st_size if end is None else end) - file.tell():
        return b""
    body = file.read(length)
    return body if len(body) == length and crc32(body) == checksum else b""
