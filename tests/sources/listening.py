"""Real sockets that something waits at, and the system's own tool to compare with."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fanlight.sources.listeners import Listeners
    from fanlight.wire.readings import Listener


class Bench:
    """Opens listeners and connections, and closes them all."""

    def __init__(self) -> None:
        self.stack = contextlib.ExitStack()

    def listen(self, family: int, address: Any, limit: int, *options: tuple[int, int, int]) -> socket.socket:
        """Answer a socket that listens and never accepts."""
        made = self.stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        for option in options:
            made.setsockopt(*option)
        made.bind(address)
        made.listen(limit)
        return made

    def tcp(self, limit: int = 64) -> socket.socket:
        return self.listen(socket.AF_INET, ("127.0.0.1", 0), limit)

    def connect(self, address: Any, times: int, family: int = socket.AF_INET) -> None:
        """Connect without waiting for anybody to take it."""
        for _ in range(times):
            made = self.stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            made.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                made.connect(address)


def read(listeners: Listeners, now_ns: int | None = None) -> tuple[Listener, ...]:
    """Answer what there is now."""
    return listeners.read(time.monotonic_ns() if now_ns is None else now_ns).listeners


def of(found: Iterable[Listener], made: socket.socket) -> Listener:
    """Answer the one reading of a socket."""
    [one] = [each for each in found if each.inode == os.fstat(made.fileno()).st_ino]
    return one


def read_when(
    listeners: Listeners, good: Callable[[tuple[Listener, ...]], bool], within_s: float = 60
) -> tuple[Listener, ...]:
    """Answer the first reading that is as awaited, or the last one."""
    end = time.monotonic() + within_s
    while True:
        found = read(listeners)
        if good(found) or time.monotonic() > end:
            return found
        time.sleep(0.01)


def ss() -> str:
    """Answer the path of `ss`, the oracle."""
    found = shutil.which("ss", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if not found:
        pytest.skip("ss (iproute2) is not installed")
    return found


def queues_by_ss(*options: str) -> dict[int, tuple[int, int]]:
    """Answer what `ss` says of each listener's queue and limit, by inode."""
    told = subprocess.run([ss(), "-Hlne", *options], capture_output=True, text=True, check=True, timeout=60)
    queues = {}
    for line in told.stdout.splitlines():
        words = line.split()
        if "LISTEN" not in words:
            # Unix datagrams are listed, too, and have no queue of connections.
            continue
        at = words.index("LISTEN")
        if "x" in options[0]:
            # The inode stands behind the name, where a port would.
            inode = int(words[at + 4])
        else:
            [inode] = [int(word[4:]) for word in words if word.startswith("ino:")]
        queues[inode] = (int(words[at + 1]), int(words[at + 2]))
    return queues
