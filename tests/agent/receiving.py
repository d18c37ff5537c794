"""Servers for reports: the real one, and one that misbehaves as it is told."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import subprocess
import threading
import time
import zlib
from _thread import get_ident
from typing import TYPE_CHECKING, Any

import fanlight
from fanlight.recording.lanes import LANE, MUTED, Lane
from fanlight.recording.recorder import fresh_trace
from fanlight.server.server import Server
from fanlight.stores import open_store
from fanlight.web.app import create
from fanlight.web.gate import Gate
from fanlight.web.listen import Listening
from fanlight.wire.codec import decode
from fanlight.wire.messages import COMMIT, HELLO
from fanlight.wire.report import REPORT, split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKEN = "a-token-of-some-length"


class House:
    """A real server on a loopback port, with its store in memory."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        self.tcp = socket.create_server(("127.0.0.1", port))
        self.port = self.tcp.getsockname()[1]
        self.server = Server(open_store("memory:"), folder / "spool", lambda: None)
        gate = Gate(f"127.0.0.1:{self.port}")
        gate.report_digest = hashlib.sha256(TOKEN.encode()).digest()
        self.listening = Listening(create(self.server.answers, gate, inbox=self.server.inbox), [self.tcp])
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.server.start()
        self.thread.start()

    def serve(self) -> None:
        """Serve as the process of its own that a server is: the agent here is not to see its requests.

        The hooks for uvicorn and Starlette trace every application of this process. Each report would
        make a trace, and so another report. Where a trace is open, none begins; this one never ends.
        """
        around = fresh_trace("app.test", "house", "house", 0)
        lane = Lane()
        lane.trace = around
        lane.events, lane.seen = [], {}
        lane.owner = get_ident()
        lane.limit = MUTED
        around.lanes = [lane]
        LANE.set(lane)
        self.listening.run()

    @property
    def dsn(self) -> str:
        return f"http://{TOKEN}@127.0.0.1:{self.port}"

    def accepted(self, service: str = "shop") -> int:
        return self.server.inbox.ledger.accepted.get(service, 0)

    def stored(self, service: str = "shop") -> int:
        return self.server.store.ledger().get(service, 0)

    def end(self) -> None:
        self.listening.stop()
        self.thread.join(60)
        self.server.stop()


class Request:
    """One post as it came in."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        self.body = body

    def report(self) -> dict[str, Any]:
        return decode(REPORT, zlib.decompress(self.body, 31))

    def hello(self) -> dict[str, Any]:
        return decode(HELLO, self.report()["hello"])

    def commit(self) -> dict[str, Any]:
        (body,) = split(self.report()["records"])
        return decode(COMMIT, body)

    def traces(self) -> int:
        return sum(self.commit()["count_n"])

    def good(self) -> bytes:
        return reply(200, json.dumps({"sequence": self.report()["sequence"]}).encode())


def reply(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Door:
    """Answers each post as `behave(request, peer)` says: bytes to send, None to hang up.

    Args:
        behave: given each request and the connection.
        tls: a context to speak TLS with.
    """

    def __init__(
        self, behave: Callable[[Request, socket.socket], bytes | None], tls: ssl.SSLContext | None = None
    ) -> None:
        self.behave = behave
        self.tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self.changed = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer: socket.socket) -> None:
        try:
            if self.tls is not None:
                peer = self.tls.wrap_socket(peer, server_side=True)
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    more = peer.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, data = data.partition(b"\r\n\r\n")
                request = Request(head, b"")
                length = int(request.headers.get("content-length", 0))
                while len(data) < length:
                    more = peer.recv(65536)
                    if not more:
                        return
                    data += more
                request.body, data = data[:length], data[length:]
                with self.changed:
                    self.requests.append(request)
                    self.changed.notify_all()
                answer = self.behave(request, peer)
                if answer is None:
                    return
                peer.sendall(answer)
        except OSError:
            return
        finally:
            peer.close()

    def wait(self, n: int, timeout_s: float = 60.0) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= n, timeout_s), self.requests

    def end(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def certificate(folder: Path, name: str = "localhost") -> tuple[str, str]:
    """Make a self-signed certificate; answer the files of certificate and key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return str(cert), str(key)


def speaking_tls(folder: Path, name: str = "localhost") -> tuple[ssl.SSLContext, str]:
    """Answer a server's context and the file that clients check it by."""
    cert, key = certificate(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def until(condition: Callable[[], object], timeout_s: float = 40.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.01)


def one(title: str = "job", n: int = 1) -> None:
    for _ in range(n):
        with fanlight.trace(title), fanlight.span("a"):
            pass
