"""gevent's WSGI server: each request of a plain application counts once, streamed and broken ones too."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from gevent import pywsgi
from gevent import socket as cooperative

from fanlight.recording.wsgi import wsgi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Seen


def plain(environ: Any, start_response: Any) -> Any:
    if environ["PATH_INFO"] == "/broken":
        raise ValueError("no such order")
    start_response("200 OK", [("Content-Type", "text/csv")])
    return streamed() if environ["PATH_INFO"] == "/stream" else [b"1\n"]


def streamed() -> Iterator[bytes]:
    yield b"1\n"
    yield b"2\n"


def spoken(app: Any, *paths: str, **options: Any) -> list[bytes]:
    """Answer the status of each response, one connection each."""
    server = pywsgi.WSGIServer(("127.0.0.1", 0), app, log=None, error_log=io.StringIO(), **options)
    server.start()
    statuses = []
    for path in paths:
        with cooperative.create_connection(("127.0.0.1", server.server_port)) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda at=client: at.recv(4096), b""))
            statuses.append(answer.split()[1])
    server.stop()
    return statuses


def test_each_request_of_a_plain_application_is_a_trace(seen: Seen) -> None:
    assert spoken(plain, "/orders/7", "/stream", "/broken") == [b"200", b"200", b"500"]
    assert [(trace.endpoint, trace.status, trace.segment) for trace in seen] == [
        ("<unmatched>", 200, "csv"),
        ("<unmatched>", 200, "csv"),
        ("<unmatched>", 0, ""),
    ]
    assert seen[2].error == ("ValueError", "no such order")


def test_an_application_that_is_traced_already_counts_once(seen: Seen) -> None:
    assert spoken(wsgi(plain), "/orders/7") == [b"200"]
    assert len(seen) == 1


class Room:
    """An application that knows more than to answer, as those with websockets do."""

    protocol = "chat"

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        return [] if "room.opened" in environ else plain(environ, start_response)


class Opening(pywsgi.WSGIHandler):
    """A handler that opens websockets by itself, as gevent-websocket's does."""

    def run_application(self) -> None:
        if self.environ["PATH_INFO"] != "/room":
            super().run_application()
            return
        self.start_response(f"101 {self.server.application.protocol}", [])
        self.result = self.application({**self.environ, "room.opened": True}, self.start_response)
        self.process_result()


def test_an_application_with_websockets_is_still_found_and_they_are_no_requests(seen: Seen) -> None:
    server = pywsgi.WSGIServer(("127.0.0.1", 0), room := Room(), handler_class=Opening)
    assert server.application is room
    assert spoken(room, "/room", "/orders/7", handler_class=Opening) == [b"101", b"200"]
    assert seen.endpoints() == [("<unmatched>", 200)]
