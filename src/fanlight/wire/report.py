"""A report: what is posted to a server by somebody who aggregated by himself.

`POST /v1/report` carries one REPORT, gzipped or not. Its `records` are records of the spool as they
stand in a segment: a length, a CRC32, and a COMMIT. The answer tells the sequence up to which this
client's reports are on the server's disk; a report that is repeated is told, not applied again.
"""

from __future__ import annotations

from zlib import crc32

from fanlight.errors import WireError
from fanlight.wire.codec import BLOB, TEXTS, U64, UINT
from fanlight.wire.spool import RECORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.wire.codec import Schema

PATH = "/v1/report"
CONTENT_TYPE = "application/x-fanlight-report"
CLOCK = "fanlight-clock"
"""Header that tells the sender's wall clock, ns since 1970, as it sends: no part of the body, which
is sent again unchanged."""

BODY_MAX = 8 << 20
"""Bytes of a posted body,"""
REPORT_MAX = 32 << 20
"""and of the REPORT that it unpacks to."""

REPORT: Schema = {
    "hello": (1, BLOB),
    "sequence": (2, UINT),
    "dropped_reason": (3, TEXTS),
    "dropped_count": (4, U64),
    "records": (5, BLOB),
}
"""`hello` is a HELLO, whose `client` counts its reports by `sequence`, from 1, with gaps or without;
`dropped_…` are totals of traces that this client lost since it began."""


def split(records: bytes) -> Iterator[bytes]:
    """Yield the bodies of records that stand one behind the other.

    Raises:
        WireError: one is not whole.
    """
    view, at = memoryview(records), 0
    while at < len(view):
        if len(view) - at < RECORD.size:
            raise WireError(f"{len(view) - at} bytes behind the last record are none")
        length, checksum = RECORD.unpack_from(view, at)
        at += RECORD.size
        body = bytes(view[at : at + length])
        if not length or len(body) != length or crc32(body) != checksum:
            raise WireError("a record is cut off or damaged: its checksum does not hold")
        yield body
        at += length
