"""What a refused request gets: constant text that repeats nothing of the request."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from fanlight.web.headers import policy

if TYPE_CHECKING:
    from starlette.types import Send


class Refusal(NamedTuple):
    """A whole response, ready to send."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def problem(status: int, code: str, text: str, allow: tuple[str, ...] = ()) -> Refusal:
    """Answer a refusal for programs: JSON with a stable code and a sentence."""
    headers = [(b"content-type", b"application/json")]
    if allow:
        headers.append((b"allow", ", ".join(allow).encode()))
    body = json.dumps({"error": {"code": code, "message": text}}).encode()
    return Refusal(status, tuple(headers), body)


@cache
def closed(status: int) -> Refusal:
    """Answer the page for a person without a cookie: it says how to get one.

    Even the stylesheet is behind the gate, so this page brings its own; the policy names that one
    style by its hash and allows no other.
    """
    page = (files("fanlight.web") / "templates" / "closed.html").read_text("utf-8")
    style = page.partition("<style>")[2].partition("</style>")[0]
    pin = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    headers = (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy(pin)),
    )
    return Refusal(status, headers, page.encode())


async def bare(refusal: Refusal, send: Send) -> None:
    """Send a refusal; the connection is not reused."""
    length = (b"content-length", str(len(refusal.body)).encode())
    # An unread body would be taken for the next request.
    headers = [*refusal.headers, length, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})
