"""aiohttp's server: one trace a request, under its route's pattern, and the responses as without."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

import fanlight
from fanlight.recording.recorder import SWITCH

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Seen


async def order(request: web.Request) -> web.Response:
    with fanlight.span("look up"):
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
    return web.json_response({"number": request.match_info["number"]})


async def table(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/csv"})
    await response.prepare(request)
    for line in (b"1\n", b"2\n"):
        await response.write(line)
    return response


async def torn(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"1\n")
    raise ValueError("no such line")


async def events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    while True:
        await response.write(b"data: 1\n\n")
        await asyncio.sleep(0)


async def upload(request: web.Request) -> web.Response:
    return web.Response(text=str(len(await request.read())))


class Secretive(web.PlainResource):
    def get_info(self) -> Any:
        raise RuntimeError("ask somebody else")


async def broken(_: web.Request) -> web.Response:
    raise ValueError("no such order")


async def feed(request: web.Request) -> web.WebSocketResponse:
    response = web.WebSocketResponse(timeout=0.01)
    await response.prepare(request)
    return response


@web.middleware
async def guard(request: web.Request, handler: Any) -> Any:
    if request.path == "/orders/0":
        raise web.HTTPFound("/table")
    return await handler(request)


def shop(folder: Path) -> web.Application:
    inner = web.Application()
    inner.router.add_get("/deep/{key}", order_named)
    app = web.Application(middlewares=[guard])
    app.router.add_get(r"/orders/{number:\d+}", order)
    app.router.add_get("/table", table)
    app.router.add_get("/broken", broken)
    app.router.add_get("/feed", feed)
    app.router.add_static("/files", folder)
    app.add_subapp("/v1/", inner)
    return app


async def order_named(_: web.Request) -> web.Response:
    fanlight.endpoint("deep orders")
    return web.Response(text="ok")


async def spoken(app: Any, *requests: bytes) -> list[bytes]:
    """Answer the first line of each response to requests that are sent as they are, one connection each."""
    lines = []
    async with TestServer(app, port=unused_port()) as server:
        for request in requests:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(request)
            answer = await reader.read()
            lines.append(answer.partition(b"\r\n")[0])
            writer.close()
    return lines


async def left(app: Any, request: bytes, until: bytes) -> None:
    """Leave a request once its response has come so far."""
    # The test server of aiohttp's would cancel the handler, which one in service does not.
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := unused_port()).start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await reader.readuntil(until)
    writer.close()
    # It waits for the handler.
    await runner.cleanup()


def asked(path: str, method: str = "GET", *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def test_each_request_is_a_trace_under_the_pattern_of_its_route(tmp_path: Path, seen: Seen) -> None:
    (tmp_path / "a.txt").write_text("a")
    paths = ["/orders/7", "/table", "/files/a.txt", "/orders/0", "/v1/deep/8", "/hunter2"]
    lines = asyncio.run(
        spoken(
            shop(tmp_path),
            *(asked(path) for path in paths),
            asked("/orders/7", "HEAD"),
            asked("/table", "PUT"),
        )
    )
    assert [int(line.split()[1]) for line in lines] == [200, 200, 200, 302, 200, 404, 200, 405]
    assert [(trace.endpoint, trace.status, trace.segment) for trace in seen] == [
        ("GET /orders/{number}", 200, "json"),
        ("GET /table", 200, "csv"),
        ("GET /files/{path}", 200, "text"),
        ("GET /orders/{number}", 302, "text"),
        ("deep orders", 200, "text"),
        ("<unmatched>", 404, "text"),
        ("GET /orders/{number}", 200, "json"),
        ("<unmatched>", 405, "text"),
    ]
    assert {(trace.category, trace.error) for trace in seen} == {("app.http.request", None)}
    assert seen[6].notes == {"method": "HEAD"}
    assert "look up" in str(seen[0].records)


def test_an_exception_is_told_and_the_headers_that_mean_something_are(tmp_path: Path, seen: Seen) -> None:
    header = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    assert asyncio.run(
        spoken(shop(tmp_path), asked("/broken", "GET", header, "X-Request-Start: t=1700000000"))
    ) == [b"HTTP/1.1 500 Internal Server Error"]
    (trace,) = seen
    assert (trace.endpoint, trace.status, trace.error) == (
        "GET /broken",
        500,
        ("ValueError", "no such order"),
    )
    assert (trace.ident, trace.stamp) == (header.partition(" ")[2].encode(), b"t=1700000000")


def test_an_exception_in_the_midst_of_a_response_is_told_as_it_was(tmp_path: Path, seen: Seen) -> None:
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    app = shop(tmp_path)
    app.router.add_get("/torn", torn)
    assert asyncio.run(spoken(app, asked("/torn"))) == [b"HTTP/1.1 200 OK"]
    (trace,) = seen
    assert (trace.endpoint, trace.error) == ("GET /torn", ("ValueError", "no such line"))


def test_a_client_that_leaves_a_stream_of_events_is_no_error(tmp_path: Path, seen: Seen) -> None:
    app = shop(tmp_path)
    app.router.add_get("/events", events)
    asyncio.run(left(app, asked("/events"), b"data: 1"))
    (trace,) = seen
    assert (trace.endpoint, trace.error) == ("GET /events", None)


def test_a_client_that_leaves_before_its_response_is_told_with_the_status(tmp_path: Path, seen: Seen) -> None:
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    app = shop(tmp_path)
    app.router.add_post("/uploads", upload)
    request = asked("/uploads", "POST", "Content-Length: 9", "Expect: 100-continue")
    asyncio.run(left(app, request, b"100 Continue"))
    (trace,) = seen
    assert (trace.endpoint, trace.status) == ("POST /uploads", 500)
    assert trace.error is not None
    assert trace.error[0] == "ConnectionResetError"


def test_a_resource_that_does_not_tell_its_pattern_costs_no_response(tmp_path: Path, seen: Seen) -> None:
    app = shop(tmp_path)
    (resource := Secretive("/secretive")).add_route("GET", order_named)
    app.router.register_resource(resource)
    assert asyncio.run(spoken(app, asked("/secretive"), asked("/secretive"))) == [b"HTTP/1.1 200 OK"] * 2
    assert seen.endpoints() == [("deep orders", 200)] * 2
    assert SWITCH.faults == 2
    SWITCH.faults = 0


def test_a_websocket_and_what_is_no_http_are_no_requests(tmp_path: Path, seen: Seen) -> None:
    upgrade = asked(
        "/feed",
        "GET",
        "Upgrade: WebSocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ).replace(b"Connection: close", b"Connection: Upgrade")
    lines = asyncio.run(spoken(shop(tmp_path), upgrade, b"GET /\x00 HTTP/1.1\r\n\r\n"))
    assert [line.split()[1] for line in lines] == [b"101", b"400"]
    assert seen == []


def test_a_server_without_an_application_is_traced_without_a_route(seen: Seen) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="ok")

    async def main() -> list[bytes]:
        from aiohttp.test_utils import RawTestServer

        async with RawTestServer(answer, port=unused_port()) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(asked("/hunter2"))
            line = (await reader.read()).partition(b"\r\n")[0]
            writer.close()
            return [line]

    assert asyncio.run(main()) == [b"HTTP/1.1 200 OK"]
    assert seen.endpoints() == [("<unmatched>", 200)]
