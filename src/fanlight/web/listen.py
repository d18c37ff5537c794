"""uvicorn, set so that nothing it adds weakens the gate."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import FrameType

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BACKLOG = 128
QUIET_S = 60.0


class Calm(logging.Filter):
    """Lets a message pass once a minute, without a traceback when the system is out of something.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.clock = clock
        self.said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Answer whether a record is written."""
        text = record.getMessage().partition("\n")[0]
        now = self.clock()
        if now - self.said_at.get(text, -QUIET_S) < QUIET_S:
            return False
        # Messages with addresses in them would pile up.
        self.said_at = {} if len(self.said_at) > 100 else self.said_at
        self.said_at[text] = now
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OSError):
            record.msg, record.args = f"fanlight server: {text}: {error.strerror}", ()
            record.exc_info = record.exc_text = None
        return True


class Patient(uvicorn.Server):
    """A uvicorn server that waits to be told to end, and does not ask itself ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.told = asyncio.Event()

    async def main_loop(self) -> None:
        """Wait until somebody calls `end`."""
        self.loop = asyncio.get_running_loop()
        # Whoever came before the loop was there to be woken.
        while not await self.on_tick(0):
            await self.told.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal as uvicorn does, and wake up for it."""
        super().handle_exit(sig, frame)
        self.end()

    def end(self) -> None:
        """Let the server close; safe from any thread and from a signal handler."""
        self.should_exit = True
        if self.loop is not None:
            # A loop that is closed has ended.
            with suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.told.set)


class Leaving:
    """The application, which also answers a request that is cancelled because the server ends.

    Args:
        app: else a cancelled request of it would be told as a defect, with its traceback.
        is_ending: tells whether the server is to end.
    """

    def __init__(self, app: ASGIApp, is_ending: Callable[[], bool]) -> None:
        self.app = app
        self.is_ending = is_ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with 503 if the server ends first."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except asyncio.CancelledError:
            if begun or not self.is_ending():
                raise
            headers = [(b"retry-after", b"1"), (b"content-length", b"0"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body"})


class Listening:
    """A uvicorn server over sockets that are already bound; `run()` blocks, `stop()` ends it.

    Args:
        app: the guarded application.
        sockets: bound stream sockets: the browser's loopback port and our own `server.sock`.
    """

    def __init__(self, app: ASGIApp, sockets: list[socket.socket]) -> None:
        config = uvicorn.Config(
            Leaving(app, lambda: self.server.should_exit),
            # h11 refuses double Host headers and shows absolute targets as they came.
            http="h11",
            ws="none",
            lifespan="off",
            # Request lines hold one-time codes: they are never logged.
            access_log=False,
            log_config=None,
            # A header may not change who the client is.
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
            # That often a loop without descriptors tries to accept in vain before it rests.
            backlog=BACKLOG,
            h11_max_incomplete_event_size=16 * 1024,
        )
        logging.getLogger("asyncio").addFilter(Calm(time.monotonic))
        self.server = Patient(config)
        self.sockets = sockets

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or `stop()`, and return after any of them."""
        if threading.current_thread() is not threading.main_thread():
            self.server.run(sockets=self.sockets)
            return
        # uvicorn raises the signal once more when it has closed, for whoever handled it before; the
        # default would end the process before its own clearing up.
        kept = {name: signal.signal(name, ignore) for name in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.server.run(sockets=self.sockets)
        finally:
            for name, handler in kept.items():
                signal.signal(name, handler)

    def stop(self) -> None:
        """Ask `run()` to return; safe from any thread."""
        self.server.end()


def ignore(number: int, frame: object) -> None:
    """Take a signal and do nothing."""
