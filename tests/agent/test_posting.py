"""One post at a time: an answer is read as far as it is one, and no further than there is room."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from typing import Any

import pytest
from receiving import speaking_tls

from fanlight.agent.destination import parse
from fanlight.agent.posting import BODY_BYTES, HEAD_BYTES, TRAILERS, Answer, Poster, ProxyRefusal
from fanlight.agent.proxies import Proxy
from fanlight.agent.way import WRITE_BYTES, Way
from fanlight.recording.clock import clock

OK = b"HTTP/1.1 200 OK\r\n"
LONG = HEAD_BYTES + 2 * WRITE_BYTES
"""More than is read at once and then found to be too long."""
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def poster() -> Any:
    """A function that answers a poster to a port of this machine."""
    made: list[Poster] = []

    def to(port: int, scheme: str = "http", through: Proxy | None = None) -> Poster:
        made.append(Poster(parse(f"{scheme}://t@localhost:{port}"), lambda: through))
        return made[-1]

    yield to
    for each in made:
        each.close()


def posted(poster: Poster) -> Answer:
    return poster.post("/v1/report", {}, b"report", clock() + 20_000_000_000, bool)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"X: y\r\n" * (LONG // 6) + b"Content-Length: 0\r\n\r\n",
        CHUNKED + b"%x\r\n%s\r\n" % (BODY_BYTES // 2 + 1, bytes(BODY_BYTES // 2 + 1)) * 2 + b"0\r\n\r\n",
        CHUNKED + b"-1\r\n\r\n0\r\n\r\n",
        CHUNKED + b"1;" + b"x" * LONG + b"\r\na\r\n0\r\n\r\n",
        CHUNKED + b"0\r\n" + b"X: y\r\n" * (TRAILERS + 1) + b"\r\n",
        CHUNKED + b"1\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"one\r\na\r\n0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
    ],
    ids=["head", "pieces", "negative", "line", "trailers", "misfit", "no number", "stranger", "no status"],
)
def test_what_is_too_long_or_no_answer_is_an_error_and_ends_the_connection(answer, poster, door):
    there = door(lambda *_: answer)
    mine = poster(there.port)
    with pytest.raises(OSError, match=r"over|long|fit|end|sense|speak"):
        posted(mine)
    assert mine.way.peer is None
    assert mine.buffer == b""
    assert len(there.requests) == 1


def test_hundreds_of_answers_that_make_no_sense_leave_no_descriptor_and_no_thread_behind(
    poster, door, eventually
):
    def held() -> tuple[int, int]:
        return len(os.listdir("/dev/fd")), threading.active_count()

    there = door(lambda _, peer: peer.sendall(b"\xde\xad\xbe\xef" * 1000))
    before = held()
    to_it = poster(there.port)
    for _ in range(300):
        with pytest.raises((OSError, ValueError)):
            posted(to_it)
    # The other end is here, too, and ends a moment later.
    eventually(lambda: all(late <= early for late, early in zip(held(), before, strict=True)))


def test_what_comes_before_the_answer_is_passed_over(poster, door):
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    there = door(lambda *_: early + OK + b"Content-Length: 2\r\n\r\n{}")
    mine = poster(there.port)
    for _ in range(2):
        answer = posted(mine)
        assert (answer.status, answer.body) == (200, b"{}")
    assert there.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Connection: Close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"Content-Length: 2\r\n\r\n{}HTTP/1.1 500 smuggled\r\n\r\n",
    ],
    ids=["it says so", "an old one", "more than was asked for"],
)
def test_a_connection_that_is_over_is_not_used_again(answer, poster, door):
    there = door(lambda *_: answer)
    mine = poster(there.port)
    for _ in range(2):
        assert (posted(mine).status, mine.way.peer) == (200, None)
    assert there.connections == 2


def test_of_a_body_that_is_too_long_the_beginning_is_taken(poster, door):
    there = door(lambda *_: OK + b"Content-Length: %d\r\n\r\n" % (4 * BODY_BYTES) + b"x" * 4 * BODY_BYTES)
    mine = poster(there.port)
    assert posted(mine).body == b"x" * BODY_BYTES
    assert mine.way.peer is None


def test_what_got_the_number_of_our_descriptor_is_neither_written_to_nor_closed(poster, door):
    there = door(lambda *_: OK + b"Content-Length: 0\r\n\r\n")
    mine = poster(there.port)
    posted(mine)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        number = mine.way.peer.fileno()
        # As an application does that closes all descriptors and goes on.
        os.dup2(ours.fileno(), number)
        assert posted(mine).status == 200
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
        os.close(number)
    assert (there.connections, len(there.requests)) == (2, 2)


def test_a_proxy_that_speaks_before_its_turn_opens_no_way(poster, door):
    proxy = door(lambda *_: b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(ProxyRefusal):
        posted(poster(7700, "https", Proxy("127.0.0.1", proxy.port)))


def test_whose_certificate_is_not_trusted_hears_why(poster, tmp_path):
    context, _ = speaking_tls(tmp_path)
    heard = []

    def serve() -> None:
        peer, _ = listener.accept()
        with peer, pytest.raises(ssl.SSLError) as raised:
            context.wrap_socket(peer, server_side=True)
        heard.append(str(raised.value))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(ssl.SSLCertVerificationError):
            posted(poster(listener.getsockname()[1], "https"))
        server.join(60)
    assert len(heard) == 1
    assert "alert unknown ca" in heard[0]


def test_the_next_address_is_tried_and_names_are_asked_for_anew_when_none_answers():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        nobody, somebody = ((socket.AF_INET, each.getsockname()) for each in (deaf, listener))
        way = Way("")
        way.until_ns = clock() + 20_000_000_000
        way.addresses["reports.example", 7700] = [nobody, somebody]
        way.dial("reports.example", 7700)
        assert way.peer is not None
        assert way.peer.getpeername() == listener.getsockname()
        way.close()
        assert way.addresses
        way.addresses["reports.example", 7700] = [nobody]
        with pytest.raises(ConnectionRefusedError):
            way.dial("reports.example", 7700)
        assert not way.addresses
