"""Listening sockets of this process, each asked itself: no netlink, which may be forbidden here."""

from __future__ import annotations

import _socket
import os
from struct import Struct

from fanlight.wire.readings import Listener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

LISTEN = 10
INFO_BYTES = 32
QUEUE_AT = 24
QUEUE = Struct("=II")
"""`tcpi_unacked` and `tcpi_sacked`, which are queue and limit while a socket listens."""


def own(inodes: Collection[int]) -> dict[int, Listener]:
    """Answer the listeners of this process that have these inodes, none on unix."""
    found: dict[int, Listener] = {}
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return found
    for name in names:
        try:
            inode = os.fstat(int(name)).st_ino
            if inode not in inodes or inode in found:
                continue
            # A copy: what is made of it is closed, and the server's own stays open.
            copied = _socket.socket(fileno=os.dup(int(name)))
            try:
                told = asked(inode, copied)
            finally:
                copied.close()
        except OSError:
            continue
        if told is not None:
            found[inode] = told
    return found


def asked(inode: int, listening: _socket.socket) -> Listener | None:
    """Answer one socket as a listener; None for one that does not listen, or is not TCP.

    Raises:
        OSError: it does not tell.
    """
    option = getattr(_socket, "TCP_INFO", None)
    if option is None or listening.family not in (_socket.AF_INET, _socket.AF_INET6):
        return None
    info = listening.getsockopt(_socket.IPPROTO_TCP, option, INFO_BYTES)
    # In any other state these numbers mean something else.
    if len(info) < INFO_BYTES or info[0] != LISTEN:
        return None
    queued, limit = QUEUE.unpack_from(info, QUEUE_AT)
    host, port = listening.getsockname()[:2]
    if listening.family == _socket.AF_INET:
        return Listener(inode, "tcp4", f"{host}:{port}", queued, limit)
    return Listener(inode, "tcp6", f"[{host}]:{port}", queued, limit)
