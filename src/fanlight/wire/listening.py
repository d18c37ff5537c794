"""A listening socket asked itself: by the process that has it, or by the collector where it may borrow it."""

from __future__ import annotations

import _socket
from struct import Struct

from fanlight.wire.readings import Listener

LISTEN = 10
INFO_BYTES = 32
QUEUE_AT = 24
QUEUE = Struct("=II")
"""`tcpi_unacked` and `tcpi_sacked`, which are queue and limit while a socket listens."""


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
