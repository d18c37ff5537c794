"""`POST /v1/report`: the door for processes that aggregate by themselves; no browser comes through it."""

from __future__ import annotations

import hashlib
import hmac
import json
import zlib
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fanlight.errors import FanlightError, WireError
from fanlight.web import api
from fanlight.web.refusal import Refusal, problem
from fanlight.wire.report import BODY_MAX, CLOCK, CONTENT_TYPE, PATH, REPORT_MAX

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["BODY_MAX", "PATH", "refusal", "take"]

SCHEME = b"bearer "
RETRY_S = 5
"""When somebody whose report found no room may come again."""
CLOCK_DIGITS = 20
STEP = 1 << 20


def refusal(headers: list[tuple[bytes, bytes]], digest: bytes) -> Refusal | None:
    """Answer why these headers do not let a report in, None when they do.

    Args:
        headers: the request's.
        digest: SHA-256 of the token; empty when there is none, and then nobody gets in.
    """
    if any(name in (b"origin", b"cookie") or name.startswith(b"sec-fetch-") for name, _ in headers):
        return problem(403, "browser", "Reports come from programs, not from pages.")
    given = [value for name, value in headers if name == b"authorization"]
    if len(given) != 1 or given[0][: len(SCHEME)].lower() != SCHEME:
        return challenge("A report wants one header: Authorization: Bearer TOKEN.")
    token = hashlib.sha256(given[0][len(SCHEME) :].strip()).digest()
    if not digest or not hmac.compare_digest(token, digest):
        return challenge("This is not the token that the server's report.token_file holds.")
    return None


def challenge(text: str) -> Refusal:
    """Answer a refusal that asks for a token."""
    refused = problem(401, "token", text)
    return refused._replace(headers=(*refused.headers, (b"www-authenticate", b'Bearer realm="fanlight"')))


async def take(inbox: Any, request: Request) -> Response:
    """Answer a report: the sequence that is on disk, or what is wrong with it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != CONTENT_TYPE:
        return api.refuse(415, "type", f"A report is of type {CONTENT_TYPE}.")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity"):
        return api.refuse(415, "encoding", "A report is gzipped, or as it is.")
    clock = request.headers.get(CLOCK, "")
    told_ns = int(clock) if clock.isascii() and clock.isdigit() and len(clock) < CLOCK_DIGITS else None
    body = await request.body()
    # The disk is waited for, so this is no work for the loop.
    return await run_in_threadpool(keep, inbox, body, encoding == "gzip", told_ns)


def keep(inbox: Any, body: bytes, zipped: bool, told_ns: int | None) -> Response:
    """Give a report to the inbox; answer how that went."""
    try:
        data = unzipped(body) if zipped else body
        sequence = inbox.take(data, told_ns)
    except WireError as error:
        return api.refuse(400, "report", f"The body is no report: {error}.")
    except OverflowError:
        return api.refuse(413, "size", f"The body unpacks to more than {REPORT_MAX >> 20} MiB.")
    except (FanlightError, OSError) as error:
        what = str(error) if isinstance(error, FanlightError) else error.strerror or "it cannot be written"
        response = api.refuse(503, "room", f"Not taken now: {what}.")
        response.headers["retry-after"] = str(RETRY_S)
        return response
    return Response(json.dumps({"sequence": sequence}), media_type="application/json")


def unzipped(body: bytes) -> bytes:
    """Answer what a gzipped body holds.

    Raises:
        WireError: it is not gzipped, or cut off.
        OverflowError: it holds more than a report may; found out before that is in memory.
    """
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    parts: list[bytes] = []
    size = 0
    try:
        while body and not unpacker.eof:
            part = unpacker.decompress(body, STEP)
            size += len(part)
            if size > REPORT_MAX:
                raise OverflowError
            parts.append(part)
            body = unpacker.unconsumed_tail
    except zlib.error as error:
        raise WireError(f"it is not gzipped: {error}") from error
    if not unpacker.eof or unpacker.unused_data:
        raise WireError("what is gzipped is cut off, or something stands behind it")
    return b"".join(parts)
