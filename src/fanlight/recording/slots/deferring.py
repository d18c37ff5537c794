"""Whether a listening socket has the kernel hold connections back until they say something."""

from __future__ import annotations

import os


def defers(descriptor: int) -> bool:
    """Answer whether a listening socket has the kernel wait for a connection's first bytes."""
    import _socket

    option: int | None = getattr(_socket, "TCP_DEFER_ACCEPT", None)
    if option is None:
        return False
    try:
        copied = os.dup(descriptor)
    except OSError:
        return False
    try:
        opened = _socket.socket(fileno=copied)
    except OSError:
        os.close(copied)
        return False
    try:
        return opened.getsockopt(_socket.IPPROTO_TCP, option) > 0
    except OSError:
        # Not TCP.
        return False
    finally:
        opened.close()
