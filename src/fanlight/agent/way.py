"""The way to a server: names, connections, TLS, with short waits only.

Sockets are the system's own, also where gevent or another library replaced them: a thread of ours
waits here, not a request. TLS works on memory, so that its waits are these as well.
"""

from __future__ import annotations

import os
from _socket import AF_UNSPEC, AI_NUMERICHOST, SO_ERROR, SOCK_STREAM, SOL_SOCKET, getaddrinfo, socket
from errno import EINPROGRESS

from fanlight.agent.unpatched import allocate_lock, start_new_thread
from fanlight.recording.clock import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import MemoryBIO, SSLContext, SSLObject
    from typing import Any

SLICE_S = 0.05
"""Longest single wait."""
CONNECT_S = 5.0
"""How long one address may take to answer before the next one is tried."""
WRITE_BYTES = 64 << 10
POLLOUT = 4


class Yielded(Exception):  # noqa: N818 not an error: somebody else wants to go on
    """Somebody else wants the turn."""


class Way:
    """A connection that comes and goes.

    Args:
        ca_file: authorities that a certificate is checked by; "" for the machine's own.

    Attributes:
        peer: the socket; None while there is no connection.
        until_ns: `clock()` when whatever waits gives up.
        yields: answers whether somebody else wants the turn.
    """

    __slots__ = (
        *("addresses", "ca_file", "context", "identity", "incoming", "outgoing", "peer", "tls"),
        *("until_ns", "yields"),
    )

    def __init__(self, ca_file: str) -> None:
        self.ca_file = ca_file
        self.peer: socket | None = None
        self.identity = (0, 0)
        self.context: SSLContext | None = None
        self.tls: SSLObject | None = None
        self.incoming: MemoryBIO | None = None
        self.outgoing: MemoryBIO | None = None
        self.addresses: dict[tuple[str, int], list[tuple[int, Any]]] = {}
        self.until_ns = 0
        self.yields: Callable[[], bool] = bool

    def close(self) -> None:
        """End the connection, if there is one; says nothing to the other end, whose it may not be."""
        peer, self.peer = self.peer, None
        self.tls = self.incoming = self.outgoing = None
        if peer is not None:
            if self.is_ours(peer):
                peer.close()
            else:
                peer.detach()

    def is_ours(self, peer: socket) -> bool:
        """Answer whether our descriptor still is the connection, not something the application opened."""
        try:
            found = os.fstat(peer.fileno())
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self.identity

    def dial(self, host: str, port: int) -> None:
        """Connect to a name's first address that answers."""
        failure: OSError = TimeoutError("no address answers")
        for family, address in self.resolve(host, port):
            peer = socket(family, SOCK_STREAM)
            try:
                self.reach(peer, address)
            except OSError as error:
                peer.close()
                failure = error
                continue
            except BaseException:
                peer.close()
                raise
            own = os.fstat(peer.fileno())
            self.peer, self.identity = peer, (own.st_dev, own.st_ino)
            return
        # What a name stood for may be another machine by now.
        self.addresses.clear()
        raise failure

    def reach(self, peer: socket, address: Any) -> None:
        """Connect a socket to an address, waiting in slices."""
        from select import poll

        peer.setblocking(False)
        code = peer.connect_ex(address)
        waiting = poll()
        waiting.register(peer.fileno(), POLLOUT)
        last_ns = clock() + int(CONNECT_S * 1e9)
        while code == EINPROGRESS:
            if clock() > last_ns:
                raise TimeoutError("it does not answer")
            self.check()
            if waiting.poll(SLICE_S * 1000):
                code = peer.getsockopt(SOL_SOCKET, SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        peer.settimeout(SLICE_S)

    def resolve(self, host: str, port: int) -> list[tuple[int, Any]]:
        """Answer a name's addresses. The system's resolver knows no deadline, so a thread waits for it."""
        known = self.addresses.get((host, port)) or near(host, port)
        if known:
            return known
        found: list[tuple[int, Any]] = []
        failed: list[OSError] = []
        done = allocate_lock()
        done.acquire()

        def ask() -> None:
            try:
                for family, _, _, _, address in getaddrinfo(host, port, AF_UNSPEC, SOCK_STREAM):
                    found.append((family, address))
            except OSError as error:
                failed.append(error)
            except UnicodeError:
                failed.append(OSError(f"{host!r} is no name"))
            done.release()

        try:
            start_new_thread(ask, ())
        except RuntimeError as error:
            raise OSError(f"no thread to look a name up: {error}") from None
        while not done.acquire(True, SLICE_S):
            self.check()
        if failed or not found:
            raise OSError(f"the name {host} is not known: {failed[0] if failed else 'no address'}")
        self.addresses[host, port] = found
        return found

    def encrypt(self, host: str) -> None:
        """Speak TLS from here on, with whom the certificate is of; there is no way to go without."""
        import ssl

        if self.context is None:
            self.context = ssl.create_default_context(cafile=self.ca_file or None)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.incoming.write(self.receive())
            except ssl.SSLError:
                # The alert that says why is for the other end's log.
                self.flush()
                raise
        self.flush()
        self.tls = tls

    def check(self) -> None:
        """Raise when the time is over, or somebody wants the turn."""
        if clock() >= self.until_ns:
            raise TimeoutError("it takes too long")
        if self.yields():
            raise Yielded

    def write(self, data: bytes) -> None:
        """Send bytes, encrypted where they belong."""
        if self.tls is None:
            self.send(data)
            return
        view = memoryview(data)
        while view:
            view = view[self.tls.write(view[:WRITE_BYTES]) :]
            self.flush()

    def flush(self) -> None:
        """Send what TLS wants sent."""
        assert self.outgoing is not None
        self.send(self.outgoing.read())

    def send(self, data: bytes) -> None:
        """Put bytes on the wire."""
        assert self.peer is not None
        view = memoryview(data)
        while view:
            self.check()
            try:
                view = view[self.peer.send(view[:WRITE_BYTES]) :]
            except (TimeoutError, BlockingIOError):
                continue

    def receive(self) -> bytes:
        """Answer what arrived next on the wire.

        Raises:
            EOFError: the other end hung up.
        """
        assert self.peer is not None
        while True:
            self.check()
            try:
                data = self.peer.recv(WRITE_BYTES)
            except (TimeoutError, BlockingIOError):
                continue
            if not data:
                raise EOFError("no answer")
            return data

    def more(self) -> bytes:
        """Answer what arrived next, decrypted where that belongs.

        Raises:
            EOFError: the other end hung up.
        """
        if self.tls is None:
            return self.receive()
        import ssl

        assert self.incoming is not None
        while True:
            try:
                data = self.tls.read(WRITE_BYTES)
            except ssl.SSLWantReadError:
                self.flush()
                self.incoming.write(self.receive())
                continue
            except ssl.SSLZeroReturnError:
                data = b""
            if not data:
                raise EOFError("no answer")
            return data


def near(host: str, port: int) -> list[tuple[int, Any]]:
    """Answer the addresses of this machine, or of what is an address: no other machine needs to be asked.

    So no thread is needed; while the interpreter ends, Python 3.12 lets none begin.
    """
    flags = 0 if host == "localhost" else AI_NUMERICHOST
    try:
        found = getaddrinfo(host, port, AF_UNSPEC, SOCK_STREAM, 0, flags)
    except (OSError, UnicodeError):
        return []
    return [(family, address) for family, _, _, _, address in found]
