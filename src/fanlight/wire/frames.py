"""Frames: eight bytes of header, then a message's body; nothing is allocated on a peer's word alone."""

from __future__ import annotations

from _struct import Struct

from fanlight.errors import WireError
from fanlight.wire.messages import PROTOCOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Frame = tuple[int, int, bytes]
    """Message type, the sender's protocol version, body."""

HELLO = 1
WELCOME = 2
TABLE = 3
BATCH = 4
ACK = 5
REFUSAL = 6
STATUS_REQUEST = 7
STATUS = 8
WATCH = 9
SNAPSHOTS = 10
"""What a body is: the schema of the same name in `messages`."""

HEADER = Struct("<IHH")
"""Body length in bytes, message type, protocol version."""

MAX_BODY = 8 << 20
"""Bytes that one body may have towards the collector."""


def frame(kind: int, body: bytes, version: int = PROTOCOL) -> bytes:
    """Answer a message as it travels.

    Args:
        kind: the message type, one of this module's constants.
        body: the encoded message.
        version: the protocol version to claim.

    Raises:
        WireError: the body is larger than any reader would take.
    """
    if len(body) > MAX_BODY:
        raise WireError(f"a body of {len(body)} bytes is over the limit of {MAX_BODY}")
    return HEADER.pack(len(body), kind, version) + body


def header(data: bytes | bytearray | memoryview, limit: int = MAX_BODY) -> tuple[int, int, int]:
    """Answer body length, message type and protocol version of the eight bytes that `data` begins with.

    Raises:
        WireError: the body would be larger than `limit` bytes.
    """
    length, kind, version = HEADER.unpack_from(data)
    if length > limit:
        raise WireError(f"a peer announces a body of {length} bytes; the limit is {limit}")
    return length, kind, version


class FrameReader:
    """Bytes in any pieces → whole frames; holds one incomplete frame at the most.

    Args:
        limit: bytes that one body may have; a header that claims more ends the reading.
    """

    def __init__(self, limit: int = MAX_BODY) -> None:
        self.limit = limit
        self.buffer = bytearray()

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Frame]:
        """Yield each frame that is whole once `data` has arrived.

        Frames that the caller does not take stay for the next call.

        Raises:
            WireError: a header claims a body over the limit; close the connection.
        """
        buffer = self.buffer
        buffer += data
        position = 0
        try:
            while len(buffer) - position >= HEADER.size:
                # A copy, since a traceback that held a view would keep the buffer from shrinking.
                length, kind, version = header(bytes(buffer[position : position + HEADER.size]), self.limit)
                start = position + HEADER.size
                if len(buffer) - start < length:
                    break
                with memoryview(buffer) as view:
                    body = bytes(view[start : start + length])
                position = start + length
                yield kind, version, body
        finally:
            del buffer[:position]

    @property
    def pending(self) -> int:
        """Bytes of an incomplete frame that wait for the rest."""
        return len(self.buffer)
