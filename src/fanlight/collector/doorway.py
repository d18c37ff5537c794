"""The unix socket that agents connect to: made for one user, kept in its place, guarded by uid."""

from __future__ import annotations

import os
import socket
import stat
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from fanlight.collector.disk import FILE_MODE, FOLDER_MODE
from fanlight.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PATH = 107
"""Bytes of a unix socket's path on Linux."""
BACKLOG = 512
LOCAL_PEERCRED = 1
"""macOS: the option, at level 0, that answers a peer's `struct xucred`."""


class Doorway:
    """Listens at a path.

    Args:
        path: of the socket.
        allowed_uids: who may connect besides our own user.

    Attributes:
        listener: the listening socket; None while the path cannot be had.
    """

    def __init__(self, path: str, allowed_uids: Iterable[int] = ()) -> None:
        self.path = path
        self.allowed = {os.geteuid(), *allowed_uids}
        self.listener: socket.socket | None = None
        self.identity: tuple[int, int] | None = None

    def open(self) -> None:
        """Listen; a dead socket at the path is replaced.

        Raises:
            ConfigError: the path is too long, in a foreign directory, or taken.
            OSError: the socket cannot be made.
        """
        if len(os.fsencode(self.path)) > MAX_PATH:
            raise ConfigError(
                f"the socket's path {self.path!r} has {len(os.fsencode(self.path))} bytes; {MAX_PATH} is "
                "the most that the system takes: choose a shorter one with --socket"
            )
        folder = os.path.dirname(self.path) or "."
        os.makedirs(folder, FOLDER_MODE, exist_ok=True)
        owner = os.stat(folder).st_uid
        if owner not in (os.geteuid(), 0):
            raise ConfigError(f"the socket's directory {folder} belongs to uid {owner}, so it is not used")
        self.clear()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(self.path)
            os.chmod(self.path, FILE_MODE)
            listener.listen(BACKLOG)
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
        self.listener, self.identity = listener, identity(self.path)

    def clear(self) -> None:
        """Remove what a dead process left at the path.

        Raises:
            ConfigError: something else is there, or somebody listens.
        """
        try:
            mode = os.lstat(self.path).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise ConfigError(f"{self.path} is no socket, so it is not replaced; move it away")
        if is_alive(self.path):
            raise ConfigError(f"another process listens at {self.path}; stop it, or choose another --socket")
        with suppress(FileNotFoundError):
            os.unlink(self.path)

    def is_in_place(self) -> bool:
        """Answer whether what stands at the path is what we listen on."""
        return self.listener is not None and identity(self.path) == self.identity

    def accept(self) -> tuple[socket.socket, bool] | None:
        """Answer the next peer and whether it may come in; None when nobody waits.

        Raises:
            OSError: there are no descriptors left.
        """
        if self.listener is None:
            return None
        try:
            peer, _ = self.listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return None
        peer.setblocking(False)
        uid = peer_uid(peer)
        return peer, uid is None or uid in self.allowed

    def close(self) -> None:
        """Listen no more; remove the socket if it is still ours."""
        if self.listener is None:
            return
        if self.is_in_place():
            with suppress(OSError):
                os.unlink(self.path)
        self.listener.close()
        self.listener = None


def identity(path: str) -> tuple[int, int] | None:
    """Answer device and inode of what stands at a path; None for nothing."""
    try:
        there = os.lstat(path)
    except OSError:
        return None
    return there.st_dev, there.st_ino


def is_alive(path: str) -> bool:
    """Answer whether somebody listens on the socket at a path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


def peer_uid(peer: socket.socket) -> int | None:
    """Answer the uid of the process at the other end; None where the system cannot tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is not None:
        return int(struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, option, 12))[1])
    try:
        return int(struct.unpack_from("=II", peer.getsockopt(0, LOCAL_PEERCRED, 76))[1])
    except OSError:
        # The socket's 0700 directory is what keeps others out then.
        return None
