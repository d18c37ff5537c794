"""What targets deliver to in tests: real sockets and servers on loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Datagrams:
    """A socket that remembers nothing: each datagram is taken when it is asked for."""

    def __init__(self, path=None):
        if path is None:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(str(path))
            self.address = f"unix:{path}"
        self.socket.settimeout(60)

    def take(self):
        return self.socket.recv(65536)

    def close(self):
        self.socket.close()


class Posts(ThreadingHTTPServer):
    """Remembers what was posted; answers `status` and `said`."""

    daemon_threads = True

    def __init__(self):
        self.got = []
        self.status = 204
        self.said = b""
        super().__init__(("127.0.0.1", 0), Post)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"


class Post(BaseHTTPRequestHandler):
    """Takes one post."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        if self.server.status in (301, 302, 307):
            self.send_header("location", f"{self.server.address}/elsewhere")
        self.send_header("content-length", str(len(self.server.said)))
        self.end_headers()
        self.wfile.write(self.server.said)

    def log_message(self, *_):
        pass


@contextmanager
def posts():
    """A web server that takes posts."""
    server = Posts()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def free_port():
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
