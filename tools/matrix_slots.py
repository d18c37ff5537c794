"""Watch a server's slots from outside while its requests are held, each for as long as one wants."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from fanlight.sources.slots import Slots
from fanlight.wire.slots import folders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fanlight.wire.readings import Readings, Worker

DEADLINE_S = 60.0
PAUSE_S = 0.02
ANSWER_S = 60.0

LINUX = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
KILLED = "SIGKILL" if LINUX >= (6, 15) else "killed"
"""Why a killed worker went: older kernels do not tell of one that its master has taken note of."""

SITE = """
import os, socket

def hold():
    with socket.socket(socket.AF_UNIX) as held:
        held.connect(os.environ["GATE"])
        held.recv(1)

def app(environ, start_response):
    if environ["PATH_INFO"] == "/hold":
        hold()
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""
ASGI_SITE = (
    SITE[: SITE.index("def app")]
    + """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/hold":
        hold()
    body = str(os.getpid()).encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""
)
"""Applications whose `/hold` blocks the thread that runs it until the gate is opened."""


class Gate:
    """What the requests to `/hold` wait at.

    Args:
        path: of its socket.

    Attributes:
        held: those that wait now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.held: list[socket.socket] = []
        self.is_open = False
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen(128)
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        """Take who comes, until closed."""
        with suppress(OSError):
            while True:
                one, _ = self.listening.accept()
                if self.is_open:
                    one.close()
                else:
                    self.held.append(one)

    def let_one(self) -> None:
        """Let the one pass that came first."""
        self.held.pop(0).close()

    def open(self) -> None:
        """Let everybody pass from now on."""
        self.is_open = True
        while self.held:
            self.let_one()

    def close(self) -> None:
        """Let everybody pass, and take nobody any more."""
        self.open()
        self.listening.close()


class Client:
    """One connection that asks for a path and does not wait for the answer."""

    def __init__(self, port: int, path: str) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), ANSWER_S)
        self.connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )

    def answer(self) -> bytes:
        """Answer the body, b"" when the connection ended without one."""
        parts = []
        with self.connection, suppress(ConnectionError):
            while part := self.connection.recv(1 << 16):
                parts.append(part)
        return b"".join(parts).partition(b"\r\n\r\n")[2]


def held(holds: Callable[[Readings], bool], found: Readings) -> bool:
    """Answer whether something holds of readings; nothing does of a worker that is not there yet."""
    try:
        return holds(found)
    except LookupError:
        return False


class Watch:
    """A reader of the slots in a runtime directory.

    Args:
        runtime: holds the collector's socket.
    """

    def __init__(self, runtime: Path) -> None:
        self.runtime = runtime
        self.source = Slots(str(runtime))

    def read(self) -> Readings:
        """Answer what there is now."""
        return self.source.read(time.monotonic_ns())

    def workers(self) -> tuple[Worker, ...]:
        """Answer the workers there are now."""
        return self.read().workers

    def until(self, holds: Callable[[Readings], bool], deadline_s: float = DEADLINE_S) -> Readings:
        """Answer the first readings for which something holds.

        Raises:
            TimeoutError: it never held; says what was read last.
        """
        end_s = time.monotonic() + deadline_s
        while not held(holds, found := self.read()):
            if time.monotonic() > end_s:
                raise TimeoutError(f"after {deadline_s} s: {found}")
            time.sleep(PAUSE_S)
        return found

    def again(self) -> None:
        """Let go of everything and begin anew, as another process would."""
        self.source.close()
        self.source = Slots(str(self.runtime))

    def close(self) -> None:
        """Let go, and leave no directory behind."""
        self.source.close()
        for folder in folders(str(self.runtime), os.geteuid()):
            shutil.rmtree(folder, ignore_errors=True)


def requests(readings: Readings) -> int:
    """Answer the requests that were ever answered, by those who live and those who are gone."""
    living = sum(worker.requests_count for worker in readings.workers)
    return living + sum(each.requests_count for each in readings.retired)
