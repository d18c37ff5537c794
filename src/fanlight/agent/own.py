"""Listening sockets of this process, each asked itself: no netlink, which may be forbidden here."""

from __future__ import annotations

import _socket
import os

from fanlight.wire.listening import asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from fanlight.wire.readings import Listener


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
