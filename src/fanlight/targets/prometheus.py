"""Prometheus: a page on a port of its own, for a server that scrapes it."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.config import is_loopback, read_address
from fanlight.config.options import Option
from fanlight.errors import ConfigError
from fanlight.targets.habits import Habits

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from fanlight.targets import Place

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PATHS = ("/", "/metrics")
STALE_S = 300.0
"""Age of the newest snapshots at which the page has none: Prometheus itself looks back that far."""
AT_ONCE = 16
"""Scrapes that are answered at once; a further one is refused."""
REQUEST_S = 5.0


class Scraped(ThreadingHTTPServer):
    """Listens, and holds the page.

    Args:
        address: host and port; 0 lets the system choose.
        names: further hosts that are answered to.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], names: Sequence[str]) -> None:
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        self.page: Any = ""
        self.made_s = float("-inf")
        self.free = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(address, Answer)
        port = self.server_address[1]
        own = ["127.0.0.1", "localhost", "[::1]"]
        if not is_loopback(address[0]) and address[0] not in ("", "0.0.0.0", "::"):  # noqa: S104 compared
            own.append(f"[{address[0]}]" if ":" in address[0] else address[0])
        self.hosts = {f"{host}:{port}" for host in own} | {name.lower() for name in names}

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, while there are few."""
        if not self.free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: socket.socket, client_address: Any) -> None:  # type: ignore[override]
        """Answer, and let the next one in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up."""


class Answer(BaseHTTPRequestHandler):
    """Answers one request, and closes the connection."""

    server: Scraped
    timeout = REQUEST_S

    def do_GET(self) -> None:
        """Answer the page in the notation that is asked for."""
        hosts = self.headers.get_all("host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            # A browser that was led here by a name of somebody else's sends that name.
            self.reply(403, TEXT, "This page does not answer to that name.\n")
        elif self.path.partition("?")[0] not in PATHS:
            self.reply(404, TEXT, "The page is /metrics.\n")
        else:
            strict = "application/openmetrics-text" in self.headers.get("accept", "")
            page = self.server.page if time.monotonic() - self.server.made_s < STALE_S else ""
            empty = "# EOF\n" if strict else ""
            text = getattr(page, "openmetrics", empty) if strict else str(page)
            self.reply(200, OPENMETRICS if strict else TEXT, text)

    do_HEAD = do_GET  # noqa: N815 the name that the library calls

    def reply(self, status: int, kind: str, text: str) -> None:
        """Send an answer."""
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-content-type-options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing: what a stranger sends is not for our log."""

    def version_string(self) -> str:
        """Answer what we call ourselves."""
        return "fanlight"


class Prometheus:
    """Keeps the newest page, for whoever scrapes it.

    Raises:
        ConfigError: the address is none, or others can reach it and nobody said that they may.
    """

    OPTIONS: ClassVar[dict[str, Option]] = {
        "address": Option("text", "127.0.0.1:9464", "HOST:PORT to listen on"),
        "exposed": Option("flag", False, "whether an address that other machines reach is wanted"),
        "host_names": Option("names", (), "further Host headers that are answered, each NAME:PORT or NAME"),
    }
    HABITS: ClassVar[Habits] = Habits("prometheus", only=True, per_worker=True)

    def __init__(self, options: Mapping[str, Any], _place: Place) -> None:
        try:
            self.address = read_address(options["address"])
        except ValueError:
            raise ConfigError(
                f"{options['address']!r} is no address of target 'prometheus'; expected HOST:PORT"
            ) from None
        if not options["exposed"] and not is_loopback(self.address[0]):
            raise ConfigError(
                f"{self.address} of target 'prometheus' can be reached from other machines\n"
                "  listen on 127.0.0.1, or say `exposed = true`"
            )
        self.names = options["host_names"]
        self.server: Scraped | None = None
        self.closed = False

    def send(self, messages: Sequence[Any]) -> None:
        """Show this page from now on; listen, if that was not to be had before.

        Raises:
            OSError: the port is somebody else's.
        """
        if self.closed:
            return
        if self.server is None:
            self.server = Scraped(self.address, self.names)
            threading.Thread(target=self.server.serve_forever, name="fanlight-scraped", daemon=True).start()
        self.server.page = messages[0] if messages else ""
        self.server.made_s = time.monotonic()

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before the first page."""
        return int(self.server.server_address[1]) if self.server is not None else 0

    def close(self) -> None:
        """Listen no more."""
        self.closed = True
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
