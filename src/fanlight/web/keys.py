"""One-time codes, and the cookies that they are exchanged for; only digests are kept."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT_MAX = 100
"""Codes, and cookies, that are remembered; the oldest goes first. A bound, not a policy."""

LIFETIME_S = 60.0
"""How long the code of `fanlight open` may wait for its one use."""


COOKIE_LIFETIME_S = 7 * 86_400
"""How long a browser that was let in stays so, whatever is restarted; then it wants a new link."""


class Keys:
    """Who may look: codes that die on use, and the browsers that used one.

    Both are random and only their SHA-256 is kept, so neither a core dump nor a debugger's view of
    this object opens the page. Nor does the file, in which only cookies' digests are: it lets an open
    page go on when the server is restarted or another version takes its place.

    Args:
        clock: monotonic seconds, for codes.
        path: of the file that cookies' digests are kept in; None keeps them as long as this object.
        wall: seconds since 1970, for cookies.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        path: str | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.path = path
        self.wall = wall
        self.codes: dict[bytes, float | None] = {}
        self.cookies = {} if path is None else read(path)
        """Digest to when it was given out, on `wall`."""

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
        self.cookies[digest(cookie)] = int(self.wall())
        forget_oldest(self.cookies)
        if self.path is not None:
            # Without the file the cookie is good as long as this server.
            with suppress(OSError):
                write(self.path, self.cookies)
        return cookie

    def admits(self, cookie: str) -> bool:
        """Answer whether this cookie was given out here, or by a server before, not too long ago.

        A clock that is put right by seconds or hours shuts nobody out.
        """
        known = find(self.cookies, digest(cookie))
        return known is not None and abs(self.wall() - self.cookies[known]) < COOKIE_LIFETIME_S


def read(path: str) -> dict[bytes, int]:
    """Answer the digests of a file; what is no such line is passed over, no file holds none."""
    try:
        with open(path, "rb") as file:
            lines = file.read(KEPT_MAX * 128).split(b"\n")
    except OSError:
        return {}
    found = [re.fullmatch(rb"([0-9a-f]{64}) ([0-9]{1,12})", line) for line in lines]
    return {bytes.fromhex(each[1].decode()): int(each[2]) for each in found if each}


def write(path: str, cookies: dict[bytes, int]) -> None:
    """Put digests into a file that nobody else may read, whole or not at all."""
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{each.hex()} {given_s}\n" for each, given_s in cookies.items())
    os.replace(path + ".new", path)


def digest(secret: str) -> bytes:
    """Answer what is kept of a secret; any text has one, also what no header may hold."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def find(known: dict[bytes, float | None] | dict[bytes, int], wanted: bytes) -> bytes | None:
    """Answer the entry equal to `wanted`; looks at every one, in constant time each."""
    found = None
    for entry in list(known):
        if hmac.compare_digest(entry, wanted):
            found = entry
    return found


def forget_oldest(known: dict[bytes, float | None] | dict[bytes, int]) -> None:
    """Keep the newest entries only."""
    while len(known) > KEPT_MAX:
        known.pop(next(iter(known)))
