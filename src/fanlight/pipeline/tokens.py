"""The token that reports are posted with: a file that nobody else may read, made when it is missing."""

from __future__ import annotations

import os

from fanlight.errors import ConfigError

BYTES_MAX = 4_096
SHORTEST = 16
"""Characters of a token, at the least: shorter ones can be tried out."""


def report_digest(path: str) -> bytes:
    """Answer the SHA-256 of the token in a file, which is made with a random one if need be.

    Raises:
        ConfigError: the file is another user's, open to others, or holds no token.
        OSError: it cannot be read or made.
    """
    import hashlib

    return hashlib.sha256(report_token(path)).digest()


def report_token(path: str) -> bytes:
    """Answer the token in a file, as `report_digest`."""
    import secrets

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return read(path)
    with os.fdopen(descriptor, "wb") as file:
        token = secrets.token_urlsafe(32).encode()
        file.write(token + b"\n")
    return token


def read(path: str) -> bytes:
    """Answer the token that a file holds."""
    with open(path, "rb") as file:
        found = os.fstat(file.fileno())
        token = file.read(BYTES_MAX).strip()
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & 0o077:
        raise ConfigError(
            f"{path} holds the token of reports and is open to others, or another user's\n  chmod 600 {path}"
        )
    if len(token) < SHORTEST or not token.isascii() or len(token.split()) != 1:
        raise ConfigError(
            f"{path} holds no token: one is a line of {SHORTEST} or more ASCII characters without spaces"
        )
    return token
