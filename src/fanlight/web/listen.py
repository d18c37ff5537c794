"""uvicorn, set so that nothing it adds weakens the gate."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    import uvicorn
    from starlette.types import ASGIApp


class Listening:
    """A uvicorn server over sockets that are already bound; `run()` blocks, `stop()` ends it.

    Args:
        app: the guarded application.
        sockets: bound stream sockets: the browser's loopback port and our own `server.sock`.
    """

    def __init__(self, app: ASGIApp, sockets: list[socket.socket]) -> None:
        import uvicorn

        config = uvicorn.Config(
            app,
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
            h11_max_incomplete_event_size=16 * 1024,
        )
        self.server: uvicorn.Server = uvicorn.Server(config)
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
        self.server.should_exit = True


def ignore(number: int, frame: object) -> None:
    """Take a signal and do nothing."""
