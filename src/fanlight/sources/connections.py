"""Connections that a worker has accepted and not come to: what the kernel tells when the worker cannot.

A blocked event loop reads nothing, so requests lie in the sockets that it took on before; some servers
hold them where nobody can count. Each connection's own numbers tell whether its request was answered.
"""

from __future__ import annotations

import os
import socket
from struct import Struct
from time import perf_counter_ns

from fanlight.sources.netlink import (
    INET_BODY_BYTES,
    INET_REQUEST,
    LISTEN,
    NO_COOKIE,
    NUMBER,
    Netlink,
    attributes,
    inet_request,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

ESTABLISHED, CLOSE_WAIT = 1, 8
INET_INFO = 2
"""Attribute `INET_DIAG_INFO`: the connection's TCP_INFO."""
BYTECODE = 1
AT_LEAST, AT_MOST = 2, 3
"""Operations of the kernel's filter on the local port, `INET_DIAG_BC_S_GE` and `…_S_LE`."""
PORT = Struct("!H")
PORT_AT, QUEUE_AT, INODE_AT = 4, 56, 68
LAST_SENT_AT, LAST_RECEIVED_AT, RECEIVED_AT, SEGMENTS_SENT_AT = 44, 52, 128, 156
INFO_BYTES = 160
LONG = Struct("=Q")
OPERATION = Struct("=BBH")

SHARE = 50
"""A look that took long is made again after so many times as long: two per cent of a core at the most."""
DESCRIPTORS = 4_096
"""Of one worker, looked at."""


class Connections:
    """Looks at the connections of workers.

    Args:
        netlink: what asks the kernel.
    """

    def __init__(self, netlink: Netlink | None = None) -> None:
        self.netlink = netlink or Netlink()
        self.ports: dict[int, int] = {}
        self.again_ns = 0
        self.last: dict[int, tuple[int, int]] | None = None

    def look(
        self, workers: Collection[tuple[int, Iterable[int]]], now_ns: int
    ) -> dict[int, tuple[int, int]] | None:
        """Answer by pid how many connections hold something unread, and how many are still to be answered.

        Args:
            workers: the pid of each, and the inodes of the sockets that it listens on.
            now_ns: monotonic.

        Returns:
            None when the kernel does not tell, or a worker's sockets are not TCP.
        """
        if not workers:
            return {}
        if now_ns < self.again_ns:
            return self.last
        start_ns = perf_counter_ns()
        try:
            self.last = self.looked(workers)
        except OSError:
            self.last = None
        self.again_ns = now_ns + SHARE * (perf_counter_ns() - start_ns)
        return self.last

    def looked(self, workers: Collection[tuple[int, Iterable[int]]]) -> dict[int, tuple[int, int]] | None:
        """Answer as `look` does.

        Raises:
            OSError: the kernel does not tell.
        """
        wanted = {inode for _, inodes in workers for inode in inodes}
        if not wanted <= self.ports.keys():
            self.ports = listening(self.netlink)
        if not wanted or not wanted <= self.ports.keys():
            return None
        waiting: dict[int, tuple[bool, bool]] = {}
        for port in {self.ports[inode] for inode in wanted}:
            for family in (socket.AF_INET, socket.AF_INET6):
                for payload in self.netlink.dump(request(family, port)):
                    told = state(payload)
                    if told is not None:
                        waiting[told[0]] = told[1:]
        found = {}
        for pid, _ in workers:
            own = [waiting[inode] for inode in held(pid) if inode in waiting] if waiting else []
            found[pid] = (sum(unread for unread, _ in own), sum(pending for _, pending in own))
        return found

    def close(self) -> None:
        """Let go of the socket."""
        self.netlink.close()


def listening(netlink: Netlink) -> dict[int, int]:
    """Answer the port of each listening TCP socket, by inode.

    Raises:
        OSError: the kernel does not tell.
    """
    return {
        NUMBER.unpack_from(payload, INODE_AT)[0]: PORT.unpack_from(payload, PORT_AT)[0]
        for family in (socket.AF_INET, socket.AF_INET6)
        for payload in netlink.dump(inet_request(family))
        if len(payload) >= INET_BODY_BYTES and payload[1] == LISTEN
    }


def request(family: int, port: int, states: int = 1 << ESTABLISHED | 1 << CLOSE_WAIT) -> bytes:
    """Answer what asks for the connections of a local port in some states, open ones, with their TCP_INFO."""
    identity = bytes(40) + NUMBER.pack(NO_COOKIE) * 2
    asked = INET_REQUEST.pack(family, socket.IPPROTO_TCP, 1 << (INET_INFO - 1), 0, states, identity)
    # Each operation is followed by its number, and leads four bytes beyond the end when it does not hold.
    program = b"".join(
        OPERATION.pack(code, 8, left + 4) + OPERATION.pack(0, 0, port)
        for code, left in ((AT_LEAST, 16), (AT_MOST, 8))
    )
    return asked + Struct("=HH").pack(4 + len(program), BYTECODE) + program


def state(payload: bytes) -> tuple[int, bool, bool] | None:
    """Answer inode, whether something is unread and whether an answer is still to come; None for none.

    A connection whose last bytes came in is to be answered; one whose last bytes went out is not.
    """
    if len(payload) < INET_BODY_BYTES:
        return None
    inode = NUMBER.unpack_from(payload, INODE_AT)[0]
    # Without one it is still in the listener's queue, which counts it.
    if not inode:
        return None
    is_unread = NUMBER.unpack_from(payload, QUEUE_AT)[0] > 0
    for kind, start, end in attributes(payload, INET_BODY_BYTES):
        if kind == INET_INFO and end - start >= INFO_BYTES:
            sent, received = (
                NUMBER.unpack_from(payload, start + at)[0] for at in (LAST_SENT_AT, LAST_RECEIVED_AT)
            )
            has_sent = NUMBER.unpack_from(payload, start + SEGMENTS_SENT_AT)[0] > 0
            # The end that the client sent counts as a byte.
            has_received = LONG.unpack_from(payload, start + RECEIVED_AT)[0] > (payload[1] == CLOSE_WAIT)
            return inode, is_unread, is_unread or (has_received and (not has_sent or received < sent))
    return inode, is_unread, is_unread


def held(pid: int) -> set[int]:
    """Answer the inodes of the sockets that a process has open.

    Raises:
        OSError: it is not ours to see, or gone.
    """
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd")[:DESCRIPTORS]:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found
