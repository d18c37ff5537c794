"""The sockets people reach us by, bound once by the supervisor so that they outlive the server.

A server that is restarted finds its requests waiting in the backlog: no address changes, no
connection is refused in between.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import contextmanager, suppress

from fanlight.config import SOCKET_LIMIT, Address
from fanlight.errors import ConfigError
from fanlight.pipeline.directory import run_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


BACKLOG = 128
STEP_S = 0.02


def bind_page(address: Address, *, any_port: bool, wait_s: float = 0.0) -> socket.socket:
    """Answer the listening TCP socket of page and API.

    Args:
        address: host and port; port 0 takes a free one.
        any_port: take a free port when the wanted one is in use, rather than fail.
        wait_s: how long it may stay in use before that.

    Raises:
        ConfigError: the port is taken, or the address is not of this machine.
    """
    host, port = address
    if host == "localhost":
        host = "127.0.0.1"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without it a restart would wait a minute for connections that are long closed.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bind(listener, (host, port), time.monotonic() + wait_s)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not any_port:
                raise
            listener.close()
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.bind((host, 0))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(refusal(address, error)) from error
    return listener


def bind(listener: socket.socket, place: tuple[str, int], until_s: float) -> None:
    """Bind a socket; a place in use is tried again until that time of the monotonic clock."""
    while True:
        try:
            listener.bind(place)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= until_s:
                raise
            time.sleep(STEP_S)
        else:
            return


def refusal(address: Address, error: OSError) -> str:
    """Answer why an address cannot be listened on, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"{address} is taken by another program\n"
            f"  choose another port with --listen {Address((address[0], address[1] + 1))}, "
            f"or any free one with --listen {Address((address[0], 0))}"
        )
    return f"cannot listen on {address}: {error.strerror or error}\n  choose another with --listen HOST:PORT"


def bound_address(listener: socket.socket) -> str:
    """Answer where a TCP socket listens, as a Host header writes it."""
    host, port = listener.getsockname()[:2]
    return str(Address((host, port)))


def bind_owner(data: str) -> socket.socket:
    """Answer the listening unix socket of our own commands; whoever can open it is the owner."""
    path = run_file(data, "server.sock")
    with suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with reachable(path) as name:
            listener.bind(name)
        os.chmod(path, 0o600)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def connect_owner(data: str, timeout_s: float) -> socket.socket:
    """Answer a connection to the server of a data directory.

    Raises:
        OSError: nothing listens there.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        with reachable(run_file(data, "server.sock")) as name:
            connection.connect(name)
    except OSError:
        connection.close()
        raise
    return connection


def is_running(data: str) -> bool:
    """Answer whether a supervisor holds the data directory's socket open."""
    try:
        connect_owner(data, 1.0).close()
    except OSError:
        return False
    return True


@contextmanager
def reachable(path: str) -> Iterator[str]:
    """Give a name for a socket that is short enough: its path, or its last part from within.

    A deep data directory has no shorter spelling, and the limit is on the text, not on the path.
    """
    if len(os.fsencode(path)) <= SOCKET_LIMIT:
        yield path
        return
    back = os.open(".", os.O_RDONLY)
    try:
        os.chdir(os.path.dirname(path))
        yield os.path.basename(path)
    finally:
        os.fchdir(back)
        os.close(back)


def check_socket(path: str) -> None:
    """Refuse a collector's socket path that the system could not bind.

    Raises:
        ConfigError: it is too long; names the option that helps.
    """
    length = len(os.fsencode(path))
    if length > SOCKET_LIMIT:
        raise ConfigError(
            f"the socket path has {length} bytes, and a unix socket's may have {SOCKET_LIMIT}: {path}\n"
            "  name a shorter one with --socket PATH or FANLIGHT_SOCKET, or a shorter --data DIR"
        )
