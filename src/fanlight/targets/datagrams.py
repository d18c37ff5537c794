"""Datagrams of lines: to a port or a unix socket, several lines in each as far as they fit."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from fanlight.config import read_address
from fanlight.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

UNIX = "unix:"
UDP_BYTES = 1432
"""What an Ethernet frame takes over every usual way."""
UDS_BYTES = 8192


class Datagrams:
    """A socket that is opened when there is something to send, and anew after a failure.

    Args:
        address: `HOST:PORT`, or `unix:/path` of a datagram socket.
        timeout_s: how long one datagram may wait for room.
        what: who sends, for people.

    Raises:
        ConfigError: the address reads as neither.
    """

    def __init__(self, address: str, timeout_s: float, what: str) -> None:
        self.path = ""
        self.host, self.port = "", 0
        if address.startswith(UNIX):
            self.path = address.removeprefix(UNIX)
            # unix:///run/x.sock as well.
            self.path = f"/{self.path.lstrip('/')}" if self.path.startswith("/") else self.path
        try:
            if not self.path:
                self.host, self.port = read_address(address)
        except ValueError:
            expected = "expected HOST:PORT, or unix:/path/of.sock"
            raise ConfigError(f"{address!r} is no address of target {what!r}; {expected}") from None
        self.timeout_s = timeout_s
        self.socket: socket.socket | None = None

    def send(self, lines: Sequence[str]) -> None:
        """Send lines, each whole.

        Raises:
            OSError: nobody is there, or there is no room; what was not sent yet is lost.
            ValueError: a line is longer than a datagram may be; the others were sent.
        """
        limit = UDS_BYTES if self.path else UDP_BYTES
        encoded = [line.encode() for line in lines]
        try:
            if self.socket is None:
                self.socket = self.open()
            for datagram in packed([line for line in encoded if len(line) <= limit], limit):
                self.socket.send(datagram)
            refused(self.socket)
        except OSError:
            self.close()
            raise
        if too_long := sum(len(line) > limit for line in encoded):
            raise ValueError(f"{too_long} lines are longer than the {limit} bytes of a datagram")

    def open(self) -> socket.socket:
        """Answer a connected socket: only such a one tells when nobody listens."""
        if self.path:
            family, target = socket.AF_UNIX, self.path
        else:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
            family, target = found[0][0], found[0][4]  # type: ignore[assignment]  # the family's own shape
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.settimeout(self.timeout_s)
            opened.connect(target)
        except OSError:
            opened.close()
            raise
        return opened

    def close(self) -> None:
        """End the connection, if there is one."""
        opened, self.socket = self.socket, None
        if opened is not None:
            with suppress(OSError):
                opened.close()


def refused(opened: socket.socket) -> None:
    """Raise that nobody listens, if the kernel knows it: on this machine it does at once.

    Otherwise the next datagram would be answered so, and the last one never.
    """
    if error := opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(error, os.strerror(error))


def packed(lines: Sequence[bytes], limit: int) -> Iterator[bytes]:
    """Yield datagrams of lines, each with its line end, none longer than the limit.

    A line that with its end would be a byte too long stands alone and without.
    """
    held = b""
    for line in lines:
        if held and len(held) + len(line) + 1 > limit:
            yield held
            held = b""
        if len(line) + 1 > limit:
            yield line
        else:
            held += line + b"\n"
    if held:
        yield held
