"""Takes what contenders send, in a process of its own, and counts the spans or traces.

Speaks OTLP over HTTP, ddtrace's trace intake and Fanlight's frames; keeps nothing. Prints its port
when ready, answers `GET /received` with the counts, and ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fanlight.wire import codec, messages

HEADER = struct.Struct("<IHH")
HELLO, WELCOME, BATCH, ACK = 1, 2, 4, 5

# One writer per contender and a fresh sink per cell, so plain counting is safe.
RECEIVED: Counter[str] = Counter()


class Intake(BaseHTTPRequestHandler):
    """The HTTP side: `/v1/traces` is OTLP, `/v0.…/traces` is ddtrace's."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(RECEIVED if self.path == "/received" else {})

    def do_POST(self) -> None:
        body = self.body()
        if self.path == "/v1/traces":
            RECEIVED["otlp"] += otlp_spans(body)
            self.answer(None)
        elif self.path.endswith("/traces"):
            RECEIVED["ddtrace"] += int(self.headers.get("X-Datadog-Trace-Count", 0))
            self.answer({"rate_by_service": {}})
        else:
            self.answer({})

    do_PUT = do_POST  # noqa: N815 http.server calls it by this name

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, document: object) -> None:
        data = b"" if document is None else json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf" if document is None else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def otlp_spans(body: bytes) -> int:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest.FromString(body)
    return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)


def frames(connection: socket.socket) -> None:
    """Acknowledge one agent's batches as a collector does, without keeping them."""
    with connection, connection.makefile("rb") as stream:
        while header := stream.read(HEADER.size):
            length, kind, version = HEADER.unpack(header)
            body = stream.read(length)
            if kind == HELLO:
                welcome = {"protocol": messages.PROTOCOL, "version": "sink"}
                reply(connection, WELCOME, codec.encode(messages.WELCOME, welcome), version)
            elif kind == BATCH:
                batch = codec.decode(messages.BATCH, body)
                RECEIVED["fanlight"] += len(batch["span_kind"])
                RECEIVED["fanlight.bytes"] += length
                reply(connection, ACK, codec.encode(messages.ACK, {"sequence": batch["sequence"]}), version)


def reply(connection: socket.socket, kind: int, body: bytes, version: int) -> None:
    connection.sendall(HEADER.pack(len(body), kind, version) + body)


def accept(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=frames, args=(connection,), daemon=True).start()


def main() -> None:
    os.umask(0o077)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Intake)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
