"""The kernel's table of sockets over netlink (sock_diag): requests, dumps, and what goes wrong with them.

One socket is kept open; another process, as after a fork, opens its own. A dump is all of it or an
`OSError`: what was cut off, mixed up or interrupted by a change of the table is never half an answer.
"""

from __future__ import annotations

import os
import socket
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SOCK_DIAG = 4
"""NETLINK_SOCK_DIAG."""
BY_FAMILY = 20
REQUEST_AND_DUMP = 0x301
DUMP_INTERRUPTED = 0x10
NOOP, ERROR, DONE, OVERRUN = 1, 2, 3, 4

LISTEN = 10
"""Number of the TCP state, which unix sockets use too."""
INET_BODY_BYTES = 72
UNIX_BODY_BYTES = 16
INET_MEMORY, UNIX_NAME, UNIX_QUEUE = 7, 0, 4
"""Attributes: `INET_DIAG_SKMEMINFO`, `UNIX_DIAG_NAME`, `UNIX_DIAG_RQLEN`."""
DROPS_AT = 32
"""Bytes into the memory attribute: its ninth number."""

HEAD = Struct("=IHHII")
ATTRIBUTE = Struct("=HH")
CODE = Struct("=i")
NUMBER = Struct("=I")
INET_REQUEST = Struct("=BBBBI48s")
UNIX_REQUEST = Struct("=BBHIIII")
NO_COOKIE = 0xFFFFFFFF

BUFFER_BYTES = 65_536
"""The kernel makes no message of a dump longer than 32 KiB."""
ATTEMPTS = 3
WAIT_S = 1
MESSAGES = 10_000
"""Of one dump: far more than any table of listeners has."""


def inet_request(family: int) -> bytes:
    """Answer what asks for the TCP listeners of an address family, with their drops."""
    states, extension = 1 << LISTEN, 1 << (INET_MEMORY - 1)
    identity = bytes(40) + NUMBER.pack(NO_COOKIE) * 2
    return INET_REQUEST.pack(family, socket.IPPROTO_TCP, extension, 0, states, identity)


def unix_request() -> bytes:
    """Answer what asks for the listening unix sockets, with their names and queues."""
    show = 1 << UNIX_NAME | 1 << UNIX_QUEUE
    return UNIX_REQUEST.pack(socket.AF_UNIX, 0, 0, 1 << LISTEN, 0, show, NO_COOKIE) + NUMBER.pack(NO_COOKIE)


def attributes(payload: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield kind, start and end of each attribute behind a message's fixed part.

    Raises:
        OSError: one reaches beyond the message.
    """
    end = len(payload)
    while start + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(payload, start)
        if length < ATTRIBUTE.size or start + length > end:
            raise broken("an attribute is longer than its message")
        yield kind, start + ATTRIBUTE.size, start + length
        start += length + 3 & ~3


def broken(what: str) -> OSError:
    """Answer the error of an answer that makes no sense."""
    from errno import EBADMSG

    return OSError(EBADMSG, f"the kernel's table of sockets cannot be read: {what}")


class Netlink:
    """Asks the kernel for dumps of its socket tables.

    Args:
        namespace: path of another network namespace, such as `/proc/7/ns/net`, whose sockets are
            asked for; "" for our own. Entering it takes CAP_SYS_ADMIN.

    Attributes:
        interrupted: dumps asked for again because the table changed meanwhile.
    """

    __slots__ = ("buffer", "interrupted", "namespace", "owner", "sequence", "socket")

    def __init__(self, namespace: str = "") -> None:
        self.namespace = namespace
        self.socket: socket.socket | None = None
        self.owner = 0
        self.sequence = 0
        self.interrupted = 0
        self.buffer = bytearray(BUFFER_BYTES)

    def open(self) -> socket.socket:
        """Answer this process's socket."""
        if self.socket is not None and self.owner == os.getpid():
            return self.socket
        # The one inherited over a fork is the parent's too: each would read the other's answers.
        self.close()
        if self.namespace:
            from fanlight.sources.namespaces import within

            made = within(self.namespace, connected)
        else:
            made = connected()
        self.socket, self.owner = made, os.getpid()
        return made

    def close(self) -> None:
        """Let go of the socket; the next dump opens another."""
        made, self.socket = self.socket, None
        if made is not None:
            made.close()

    def dump(self, request: bytes) -> list[bytes]:
        """Answer the payloads of all the messages that a request is answered with.

        Raises:
            OSError: the kernel refuses, does not answer within a second, or its table changed during
                each of three dumps.
        """
        try:
            for _ in range(ATTEMPTS):
                found = self.attempt(request)
                if found is not None:
                    return found
                self.interrupted += 1
        except OSError:
            # What is left of this answer must not be taken for the next one's.
            self.close()
            raise
        raise InterruptedError(f"the kernel's table of sockets changed during each of {ATTEMPTS} dumps")

    def attempt(self, request: bytes) -> list[bytes] | None:
        """Answer one dump; None when the table changed meanwhile."""
        made = self.open()
        self.sequence = sequence = self.sequence + 1 & 0x7FFFFFFF
        made.send(HEAD.pack(HEAD.size + len(request), BY_FAMILY, REQUEST_AND_DUMP, sequence, 0) + request)
        found: list[bytes] = []
        changed = False
        buffer = self.buffer
        while True:
            count, _, flags, sender = made.recvmsg_into([buffer])
            # Only the kernel's own messages: any process may send to this socket.
            if sender[0]:
                continue
            if flags & socket.MSG_TRUNC:
                raise broken(f"a message is longer than {BUFFER_BYTES} bytes")
            done, interrupted = self.take(count, found)
            changed |= interrupted
            if done:
                return None if changed else found
            if len(found) > MESSAGES:
                raise broken(f"it has more than {MESSAGES} listeners")

    def take(self, count: int, found: list[bytes]) -> tuple[bool, bool]:
        """Append the payloads in the buffer; answer whether they end the dump, and its interruption."""
        buffer, unpack, head = self.buffer, HEAD.unpack_from, HEAD.size
        start, interrupted = 0, False
        while start + head <= count:
            length, kind, flags, sequence, _ = unpack(buffer, start)
            end = start + length
            if length < head or end > count:
                raise broken("a message is cut off")
            # An older answer: of a dump that was given up.
            if sequence == self.sequence:
                interrupted |= bool(flags & DUMP_INTERRUPTED)
                if kind == BY_FAMILY:
                    found.append(bytes(buffer[start + head : end]))
                elif kind in (ERROR, DONE):
                    refused(buffer, start + head, end)
                    return True, interrupted
                elif kind == OVERRUN:
                    raise broken("messages were lost")
            start += length + 3 & ~3
        if start < count:
            raise broken("a message is cut off")
        return False, interrupted


def refused(buffer: bytearray, start: int, end: int) -> None:
    """Raise what the kernel says at the end of a dump, if it is not that all went well."""
    code = CODE.unpack_from(buffer, start)[0] if end - start >= CODE.size else 0
    if code < 0:
        raise OSError(-code, f"the kernel refuses to list sockets: {os.strerror(-code)}")


def connected() -> socket.socket:
    """Answer a new socket to the kernel's tables.

    Raises:
        OSError: this system has none, or forbids it.
    """
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        from errno import EAFNOSUPPORT

        raise OSError(EAFNOSUPPORT, "this system has no netlink")
    made = socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, SOCK_DIAG)
    try:
        # Not `settimeout`, which would cost a poll before each read.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, Struct("@ll").pack(WAIT_S, 0))
        made.connect((0, 0))
    except BaseException:
        made.close()
        raise
    return made
