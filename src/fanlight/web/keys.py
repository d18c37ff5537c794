"""One-time codes, and the cookies that they are exchanged for; only digests are kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT_MAX = 100
"""Codes, and cookies, that are remembered; the oldest goes first. A bound, not a policy."""

LIFETIME_S = 60.0
"""How long the code of `fanlight open` may wait for its one use."""


class Keys:
    """Who may look: codes that die on use, and the browsers that used one.

    Both are random and only their SHA-256 is kept, so neither a core dump nor a debugger's view of
    this object opens the page. Nothing is written to disk: a new server wants a new link.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.codes: dict[bytes, float | None] = {}
        self.cookies: dict[bytes, None] = {}

    def code(self, lifetime_s: float | None = LIFETIME_S) -> str:
        """Answer a new one-time code; `lifetime_s=None` lives until it is used."""
        code = secrets.token_urlsafe(32)
        self.codes[digest(code)] = None if lifetime_s is None else self.clock() + lifetime_s
        forget_oldest(self.codes)
        return code

    def exchange(self, code: str) -> str | None:
        """Answer a new cookie for a code and forget the code; None when it is no code or too late."""
        known = find(self.codes, digest(code))
        if known is None:
            return None
        expires_s = self.codes.pop(known)
        if expires_s is not None and self.clock() > expires_s:
            return None
        cookie = secrets.token_urlsafe(32)
        self.cookies[digest(cookie)] = None
        forget_oldest(self.cookies)
        return cookie

    def admits(self, cookie: str) -> bool:
        """Answer whether this cookie was given out here."""
        return find(self.cookies, digest(cookie)) is not None


def digest(secret: str) -> bytes:
    """Answer what is kept of a secret; any text has one, also what no header may hold."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def find(known: dict[bytes, float | None] | dict[bytes, None], wanted: bytes) -> bytes | None:
    """Answer the entry equal to `wanted`; looks at every one, in constant time each."""
    found = None
    for entry in list(known):
        if hmac.compare_digest(entry, wanted):
            found = entry
    return found


def forget_oldest(known: dict[bytes, float | None] | dict[bytes, None]) -> None:
    """Keep the newest entries only."""
    while len(known) > KEPT_MAX:
        known.pop(next(iter(known)))
