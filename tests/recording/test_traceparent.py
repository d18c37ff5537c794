"""The id that a request brings along, and the one that its own requests take with them."""

from __future__ import annotations

import asyncio
import string
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.recording.asgi import asgi
from fanlight.recording.blocks import trace
from fanlight.recording.recorder import SWITCH
from fanlight.recording.traceparent import identity, known, outgoing, read
from fanlight.recording.wsgi import wsgi

IDENT = 0x4BF92F3577B34DA6A3CE929D0E0E4736
PARENT = "00f067aa0ba902b7"
HEADER = f"00-{IDENT:032x}-{PARENT}-01"


@pytest.mark.parametrize(
    "text",
    [
        HEADER,
        HEADER.encode(),
        f"00-{IDENT:032x}-{PARENT}-00",
        f"cc-{IDENT:032x}-{PARENT}-01",
        f"cc-{IDENT:032x}-{PARENT}-01-what-will-be-someday",
    ],
)
def test_a_header_of_this_and_of_later_versions_tells_the_id(text):
    assert read(text) == IDENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        b"",
        "garbage",
        HEADER[:-1],
        HEADER + "0",
        f"{HEADER}-more",
        HEADER.upper(),
        f"{HEADER},{HEADER}",
        f" {HEADER}",
        f"ff-{IDENT:032x}-{PARENT}-01",
        f"cc-{IDENT:032x}-{PARENT}-01.more",
        f"cc-{IDENT:032x}-{PARENT}-01-" + "x" * 1000,
        f"00-{0:032x}-{PARENT}-01",
        f"00-{IDENT:032x}-{0:016x}-01",
        f"00-+{IDENT:031x}-{PARENT}-01",
        f"00-{'1_' * 16}-{PARENT}-01",
        f"00-{'٣' * 32}-{PARENT}-01",
        HEADER.replace("-", "_"),
        b"\xff" * 55,
        17,
        None,
        [HEADER],
    ],
)
def test_anything_else_tells_none(text):
    assert read(text) == 0


@given(st.one_of(st.text(), st.binary(), st.text(string.hexdigits + "-", min_size=50, max_size=60)))
def test_no_header_raises(text):
    assert 0 <= read(text) < 1 << 128


def wsgi_request(header: Any = None) -> str:
    sent = []

    def app(environ, start_response):
        sent.append(outgoing())
        start_response("200 OK", [])
        return [b""]

    environ = {"REQUEST_METHOD": "GET"} | ({} if header is None else {"HTTP_TRACEPARENT": header})
    assert wsgi(app)(environ, lambda *_: None) == [b""]
    return sent[0]


def asgi_request(headers: Any) -> str:
    sent = []

    async def app(scope, receive, send):
        sent.append(outgoing())
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    async def send(message):
        del message

    scope = {"type": "http", "method": "GET", "headers": headers}
    asyncio.run(asgi(app)(scope, None, send))
    return sent[0]


def test_a_request_keeps_the_id_that_it_brings(caught):
    sent = [
        wsgi_request(HEADER),
        asgi_request([(b"host", b"shop"), (b"traceparent", HEADER.encode())]),
        asgi_request(((b"traceparent", HEADER.encode()),)),
    ]
    assert [known(each) for each in caught] == [IDENT] * 3
    for header in sent:
        assert read(header) == IDENT
        # The request that it makes has another parent than itself.
        assert PARENT not in header
        assert header.endswith("-01")


@pytest.mark.parametrize("header", ["", "garbage", HEADER.upper(), "00-" + "0" * 52])
def test_a_request_with_garbage_gets_an_id_of_its_own(caught, header):
    sent = [wsgi_request(header), asgi_request([(b"traceparent", header.encode())])]
    idents = [read(each) for each in sent]
    assert all(idents)
    assert idents == [known(each) for each in caught]
    assert idents[0] != idents[1]


@pytest.mark.parametrize("headers", [None, (), [], iter([]), {}])
def test_a_scope_without_headers_is_served_as_ever(caught, headers):
    assert read(asgi_request(headers))


def test_a_scope_with_malformed_headers_is_served_as_ever(caught):
    assert read(asgi_request([1, 2, 3]))
    # Told here, so that the fixture's own count stays what it was.
    assert SWITCH.faults
    SWITCH.faults -= 1


def test_no_id_is_drawn_unless_somebody_asks(caught):
    with trace("job"):
        pass
    assert caught[0].ident == 0


def test_all_requests_of_a_trace_take_the_same_id(caught):
    with trace("job") as opened:
        first, second = outgoing(), outgoing()
    assert read(first) == read(second) == known(opened) != 0
    assert first != second


def test_the_id_is_the_same_whichever_thread_asks_first(caught, branches):
    with trace("job") as opened:
        found = []
        gate = threading.Barrier(8)

        def ask():
            gate.wait(60)
            found.append(identity(opened))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(found) == {known(opened)}


def test_outside_of_a_trace_nothing_is_sent(caught):
    assert outgoing() == ""
    with trace("job"):
        pass
    assert outgoing() == ""


def test_a_trace_whose_spans_are_not_recorded_says_so(caught):
    SWITCH.sample = 0.0
    with trace("job") as opened:
        header = outgoing()
    assert header.endswith("-00")
    assert read(header) == known(opened) != 0
