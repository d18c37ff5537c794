"""The way from a request to its socket: found once, asked each time, left alone where there is none."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.recording.asgi import asgi
from fanlight.recording.exchange import REACH, TRIES, found_asgi, found_wsgi
from fanlight.recording.waiting.reach import DESCRIPTORS
from fanlight.recording.wsgi import wsgi

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's numbers are Linux's")
TICK_MS = 10
"""The kernel tells arrivals by its ticks; they are never longer."""


@pytest.fixture(autouse=True)
def reach() -> Iterator[None]:
    """Let each test find its own way."""
    REACH.__init__()  # type: ignore[misc]  # made anew where everybody has it
    yield
    REACH.__init__()  # type: ignore[misc]  # likewise


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Answer a client's and a server's end of a connection."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        listener.accept()[0] as server,
    ):
        yield client, server


def answer(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"ok"]


def call(environ: dict[str, Any]) -> None:
    wsgi(answer)({"REQUEST_METHOD": "GET", **environ}, lambda *_: None)


def environs(made: Any) -> dict[str, dict[str, Any]]:
    channel = SimpleNamespace(socket=made)
    channel.check = (lambda self: None).__get__(channel)
    return {
        "gunicorn": {"gunicorn.socket": made},
        "werkzeug": {"werkzeug.socket": made},
        "waitress": {"waitress.client_disconnected": channel.check},
    }


@pytest.mark.parametrize("server", ["gunicorn", "werkzeug", "waitress"])
def test_a_request_has_waited_since_its_last_bytes(server: str, pair: Any, caught: Any):
    client, made = pair
    client.sendall(b"x")
    time.sleep(0.05)
    for _ in range(2):
        call(environs(made)[server])
    first, second = (trace.waited_ms for trace in caught)
    assert 45 <= first <= second < 10_000
    # Bytes that come in between begin the count anew.
    before_s = time.monotonic()
    client.sendall(b"y")
    call(environs(made)[server])
    assert caught[-1].waited_ms <= (time.monotonic() - before_s) * 1000 + TICK_MS


def test_a_descriptor_is_asked_and_stays_open_for_whoever_has_its_number_next(pair: Any):
    _, made = pair
    number = made.fileno()
    asked = DESCRIPTORS[number]
    try:
        told = asked.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 56)
        assert struct.unpack_from("=B", told)[0] == 1
        assert made.getpeername()
        one, other = socket.socketpair()
        with one, other:
            # Another connection gets the number, as it does when the first is closed.
            os.dup2(one.fileno(), number)
            assert DESCRIPTORS[number] is asked
            assert asked.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_UNIX
    finally:
        DESCRIPTORS.pop(number).detach()


def test_a_server_that_hands_no_socket_on_is_asked_once(caught: Any):
    call({})
    assert REACH.wsgi is None
    call({})
    assert [trace.waited_ms for trace in caught] == [-1, -1]


def test_unix_sockets_are_given_up_after_a_few_requests(caught: Any):
    one, other = socket.socketpair()
    with one, other:
        for _ in range(TRIES - 1):
            call({"gunicorn.socket": one})
        assert REACH.wsgi is found_wsgi
        call({"gunicorn.socket": one})
        assert REACH.wsgi is None
        call({"gunicorn.socket": one})
    assert {trace.waited_ms for trace in caught} == {-1}


def test_a_unix_socket_beside_tcp_does_not_end_it(pair: Any, caught: Any):
    one, other = socket.socketpair()
    with one, other:
        call({"gunicorn.socket": one})
        call({"gunicorn.socket": pair[1]})
        for _ in range(TRIES):
            call({"gunicorn.socket": one})
        call({"gunicorn.socket": pair[1]})
    waited = [trace.waited_ms >= 0 for trace in caught]
    assert waited == [False, True, *[False] * TRIES, True]


@pytest.mark.parametrize("socket_like", [None, 7, object(), SimpleNamespace(getsockopt=lambda *_: b"short")])
def test_whatever_a_server_hands_on_no_request_suffers(socket_like: Any, caught: Any):
    for environ in environs(socket_like).values():
        call(environ)
    assert {trace.waited_ms for trace in caught} == {-1}


@pytest.mark.parametrize(
    ("environ", "stamp"),
    [
        ({}, None),
        ({"HTTP_X_REQUEST_START": "t=1"}, "t=1"),
        ({"HTTP_X_QUEUE_START": "2", "HTTP_X_AMZN_TRACE_ID": "Root=3"}, "2"),
        ({"HTTP_X_REQUEST_START": "", "HTTP_X_AMZN_TRACE_ID": "Root=3"}, "Root=3"),
    ],
)
def test_the_header_that_is_believed_first_is_kept_as_it_came(environ: Any, stamp: Any, caught: Any):
    call(environ)
    assert [trace.stamp for trace in caught] == [stamp]


async def ok(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def ask(headers: Any, receive: Any) -> None:
    async def send(message: Any) -> None:
        await asyncio.sleep(0)

    asyncio.run(asgi(ok)({"type": "http", "method": "GET", "headers": headers}, receive, send))


class Cycle:
    """As much of a server's as the way leads over."""

    def __init__(self, made: Any) -> None:
        self.transport = SimpleNamespace(get_extra_info={"socket": made}.get)

    async def receive(self) -> Any:
        return {"type": "http.request"}


def test_under_asgi_the_transport_is_asked(pair: Any, caught: Any):
    client, made = pair
    client.sendall(b"x")
    time.sleep(0.05)
    ask([], Cycle(made).receive)
    ask([], Cycle(made).receive)
    assert all(45 <= trace.waited_ms < 10_000 for trace in caught)
    assert REACH.asgi is not found_asgi


def test_under_asgi_a_server_of_another_kind_is_asked_once(caught: Any):
    async def receive() -> Any:
        return {}

    ask([], receive)
    assert REACH.asgi is None
    assert caught[0].waited_ms == -1


@pytest.mark.parametrize(
    ("headers", "stamp"),
    [
        ([(b"host", b"x"), (b"x-request-start", b"t=1")], b"t=1"),
        ([(b"x-queue-start", b"2"), (b"x-request-start", b"1"), (b"x-amzn-trace-id", b"3")], b"1"),
        ([(b"x-amzn-trace-id", b"3"), (b"x-queue-start", b"2")], b"3"),
        ([(b"x-request-start", b""), (b"x-queue-start", b"2")], b"2"),
        ([(b"X-Request-Start", b"1")], None),
        ([], None),
    ],
)
def test_under_asgi_headers_are_found_in_any_order(headers: Any, stamp: Any, caught: Any):
    ask(headers, Cycle(None).receive)
    assert [trace.stamp for trace in caught] == [stamp]
