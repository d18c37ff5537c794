"""Tornado: one trace a request, under its rule's pattern, and the responses as without."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tornado import httpserver, routing, testing, web, websocket, wsgi

import fanlight

if TYPE_CHECKING:
    from conftest import Seen


class RefusedError(Exception):
    """What a client's library raises where somebody else answers with an error."""

    status_code = 503


class Enough(web.Finish):
    """The response is done."""


class Order(web.RequestHandler):
    async def get(self, number: str) -> None:
        with fanlight.span("look up"):
            await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
        if number == "0":
            raise web.HTTPError(404, "no such order")
        if number == "1":
            raise ValueError("no such order")
        if number == "2":
            raise RefusedError("busy")
        if number == "3":
            raise Enough
        self.write({"number": number})

    def put(self, number: str) -> None:
        self.redirect(f"/orders/{number}")

    def log_exception(self, *_: Any) -> None:
        """Tell nobody, as an application may."""


class Table(web.RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", "text/csv")
        for line in ("1\n", "2\n"):
            self.write(line)
            await self.flush()


class Hasty(web.RequestHandler):
    async def get(self) -> None:
        with fanlight.span("answer"):
            await self.finish("ok")
        with fanlight.span("tidy up"):
            await asyncio.sleep(0)
        raise ValueError("nobody waits for this")

    def log_exception(self, *_: Any) -> None:
        """Tell nobody."""


@web.stream_request_body
class Upload(web.RequestHandler):
    def prepare(self) -> None:
        self.size = 0

    async def data_received(self, chunk: bytes) -> None:
        self.size += len(chunk)

    def post(self) -> None:
        fanlight.endpoint("uploads")
        self.write(str(self.size))


class Feed(websocket.WebSocketHandler):
    def open(self) -> None:
        self.close()


def plain(_: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def shop() -> web.Application:
    contained = wsgi.WSGIContainer(plain)
    return web.Application(
        [
            (r"/orders/(?P<number>\d+)", Order),
            (r"/table", Table),
            (r"/hasty", Hasty),
            (r"/uploads", Upload),
            (r"/feed", Feed),
            (r"/old/(.*)", web.FallbackHandler, {"fallback": contained}),
        ]
    )


def asked(path: str, method: str = "GET", *headers: str, body: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop", "Connection: close", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def spoken(app: Any, *requests: bytes) -> list[int]:
    """Answer the status of each response to requests that are sent as they are, one connection each."""

    async def main() -> list[int]:
        server = httpserver.HTTPServer(app)
        held, port = testing.bind_unused_port()
        server.add_socket(held)
        statuses = []
        for request in requests:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            statuses.append(int((await reader.read()).split()[1]))
            writer.close()
        server.stop()
        await server.close_all_connections()
        return statuses

    return asyncio.run(main())


def test_each_request_is_a_trace_under_the_pattern_of_its_rule(seen: Seen) -> None:
    paths = ["/orders/7", "/orders/0", "/table", "/hunter2"]
    requests = [asked(path) for path in paths]
    requests += [asked("/orders/7", "PUT"), asked("/uploads", "POST", body="abc"), asked("/table", "HEAD")]
    assert spoken(shop(), *requests) == [200, 404, 200, 404, 302, 200, 405]
    assert [(trace.endpoint, trace.status, trace.segment) for trace in seen] == [
        ("GET /orders/<number>", 200, "json"),
        ("GET /orders/<number>", 404, "html"),
        ("GET /table", 200, "csv"),
        ("<unmatched>", 404, "html"),
        ("PUT /orders/<number>", 302, "html"),
        ("uploads", 200, "html"),
        ("GET /table", 405, "html"),
    ]
    assert {(trace.category, trace.error) for trace in seen} == {("app.http.request", None)}
    assert "look up" in str(seen[0].records)


def test_an_exception_is_told_that_the_application_logs_nowhere(seen: Seen) -> None:
    header = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert spoken(shop(), asked("/orders/1", "GET", header)) == [500]
    (trace,) = seen
    assert (trace.endpoint, trace.status) == ("GET /orders/<number>", 500)
    assert trace.error == ("ValueError", "no such order")
    assert trace.ident == header.partition(" ")[2].encode()


def test_an_exception_is_a_way_to_answer_only_where_it_is_tornados(seen: Seen) -> None:
    assert spoken(shop(), asked("/orders/2"), asked("/orders/3")) == [500, 200]
    assert [(trace.status, trace.error) for trace in seen] == [
        (500, (f"{__name__}.RefusedError", "busy")),
        (200, None),
    ]


def test_a_trace_ends_when_the_handler_finishes_its_response(seen: Seen) -> None:
    assert spoken(shop(), asked("/hasty")) == [200]
    (trace,) = seen
    assert (trace.endpoint, trace.status, trace.error) == ("GET /hasty", 200, None)
    assert "answer" in str(trace.records)
    assert "tidy up" not in str(trace.records)


def test_a_websocket_is_no_request(seen: Seen) -> None:
    upgrade = ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="]
    request = asked("/feed", "GET", *upgrade).replace(b"Connection: close", b"Connection: Upgrade")
    # The client says goodbye, too, so that the server need not wait for it.
    assert spoken(shop(), request + b"\x88\x80\x00\x00\x00\x00") == [101]
    assert seen == []


def test_a_request_that_takes_no_attributes_is_matched() -> None:
    class Bare:
        __slots__ = ()
        path = "/orders/7"

    found = routing.PathMatches(r"/orders/(\d+)").match(Bare())
    assert found == {"path_args": [b"7"], "path_kwargs": {}}


def test_a_request_counts_that_asks_in_vain_for_a_websocket(seen: Seen) -> None:
    assert spoken(shop(), asked("/table", "GET", "Upgrade: websocket")) == [200]
    assert seen.endpoints() == [("GET /table", 200)]


@pytest.mark.parametrize(
    "around",
    [
        lambda: wsgi.WSGIContainer(plain),
        shop,
        lambda: routing.RuleRouter([routing.Rule(routing.PathMatches("/old.*"), wsgi.WSGIContainer(plain))]),
    ],
    ids=["alone", "behind a handler", "behind a router"],
)
def test_a_contained_wsgi_application_counts_once(around: Any, seen: Seen) -> None:
    assert spoken(around(), asked("/old/hunter2")) == [200]
    assert [(*each, seen[0].category) for each in seen.endpoints()] == [
        ("<unmatched>", 200, "app.wsgi.request")
    ]
