"""How far the spool is durable: a small file that the collector rewrites behind every fsync.

Whoever applies records reads the newest segment up to there and no further. A record that was
written but not made durable can be gone after a power failure and be sent again; it must not have
reached a store by then. The file itself is never synced: an old one says less, never too much, and
a segment that another one follows is durable as a whole.

Besides, it tells the totals, so that what damage took from the newest segment is known as lost.
"""

from __future__ import annotations

import os
from struct import Struct
from zlib import crc32

from fanlight.errors import WireError
from fanlight.wire.codec import TEXTS, U64, UINT, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.wire.codec import Message, Schema

NAME = "settled"
FRONT = Struct("<II")
"""Length of the body and its CRC32; what an earlier, longer one left behind follows."""
TRIES = 4
"""A reader may come in the middle of a write."""

TICK_NS = 50_000_000
"""A file's time is the kernel's last tick: what changed again within one may not show in it."""

SETTLED: Schema = {
    "number": (1, UINT),
    "position": (2, UINT),
    "service": (3, TEXTS),
    "accepted": (4, U64),
    "dropped": (5, U64),
}
"""`position` bytes of segment `number`, and all segments before it, are durable; `accepted` and
`dropped` are the totals with them, per `service`, as in a segment's header."""


def pack(message: Message) -> bytes:
    """Answer the file's bytes."""
    body = encode(SETTLED, message)
    return FRONT.pack(len(body), crc32(body)) + body


def read(directory: str | os.PathLike[str]) -> Message | None:
    """Answer what is durable; None when there is no such file, number 0 when it cannot be read."""
    for _ in range(TRIES):
        try:
            with open(os.path.join(directory, NAME), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return None
        if len(data) >= FRONT.size:
            length, checksum = FRONT.unpack_from(data)
            body = data[FRONT.size : FRONT.size + length]
            if len(body) == length and crc32(body) == checksum:
                try:
                    return decode(SETTLED, body)
                except WireError:
                    break
    return decode(SETTLED, b"")


def mark(directory: str | os.PathLike[str], now_ns: int) -> tuple[int, ...] | None:
    """Answer what is another one once more of a spool is durable, or a file of it came or went.

    That costs a tenth of reading what is durable. Without a directory it is empty; None where a
    change may not show: nobody tells what is durable, or that was told a moment ago.

    Args:
        directory: of the spool.
        now_ns: wall clock, since 1970.
    """
    try:
        folder = os.stat(directory)
    except FileNotFoundError:
        return ()
    try:
        file = os.stat(os.path.join(directory, NAME))
    except FileNotFoundError:
        return None
    if max(folder.st_mtime_ns, file.st_mtime_ns) + TICK_NS > now_ns:
        return None
    return folder.st_ino, folder.st_mtime_ns, file.st_ino, file.st_mtime_ns, file.st_size


def durable(directory: str | os.PathLike[str], number: int) -> int | None:
    """Answer up to where the newest segment may be read; None: to its end.

    Without the file the segment is an older collector's, which told nobody.
    """
    found = read(directory)
    if found is None or found["number"] > number:
        return None
    return found["position"] if found["number"] == number else 0
