"""ASGI: one span a request, ended with the last body message, named by the router's template."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import flask
import pytest
from a2wsgi import WSGIMiddleware
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from fanlight.recording.asgi import asgi
from fanlight.recording.recorder import SWITCH, current, span


def request(app: Any, path: str, method: str = "GET", **more: Any) -> list[dict[str, Any]]:
    """Answer the messages that an application sends for one request."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"token=hunter2",
        "root_path": "",
        "headers": [(b"host", b"x"), (b"cookie", b"k=hunter2")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        **more,
    }

    asked: list[None] = []

    async def receive() -> dict[str, Any]:
        asked.append(None)
        if len(asked) > 1:
            await asyncio.Event().wait()  # the client stays until the end
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


async def order(request: Any) -> Any:
    return PlainTextResponse(str(request.path_params))


async def stream(request: Any) -> Any:
    async def chunks() -> Any:
        for number in range(3):
            yield str(number)

    return StreamingResponse(chunks(), media_type="text/csv")


async def broken(request: Any) -> Any:
    raise RuntimeError("oops")


def shop(tmp_path: Any = None) -> Starlette:
    routes: list[Any] = [
        Route("/orders/{number:int}", order),
        Route("/stream", stream),
        Route("/broken", broken),
        Route("/moved", lambda request: RedirectResponse("/stream")),
        Mount("/v1", routes=[Route("/items/{name}", order), Mount("/deep", routes=[Route("/", order)])]),
        Mount("/{tenant}/api", routes=[Route("/items/{name}", order)]),
    ]
    if tmp_path is not None:
        (tmp_path / "a.txt").write_text("a")
        routes.insert(0, Mount("/static", StaticFiles(directory=tmp_path)))
    return Starlette(routes=routes)


CASES = [
    ("GET", "/orders/3", "GET /orders/{number}", 200, "text"),
    ("HEAD", "/orders/3", "GET /orders/{number}", 200, "text"),
    ("POST", "/orders/3", "POST /orders/{number}", 405, "text"),
    ("GET", "/orders/hunter2", "<unmatched>", 404, "text"),
    ("GET", "/stream", "GET /stream", 200, "csv"),
    ("GET", "/moved", "GET /moved", 307, ""),
    ("GET", "/v1/items/hunter2", "GET /v1/items/{name}", 200, "text"),
    ("GET", "/v1/deep/", "GET /v1/deep/", 200, "text"),
    ("GET", "/hunter2/api/items/x", "GET /{tenant}/api/items/{name}", 200, "text"),
    ("GET", "/hunter2/api/nothing", "GET /{tenant}/api/{path}", 404, "text"),
    ("GET", "/stream/", "<unmatched>", 307, ""),
]


@pytest.mark.parametrize(("method", "path", "endpoint", "status", "segment"), CASES)
def test_a_request_is_named_by_its_template(
    method: str, path: str, endpoint: str, status: int, segment: str, seen: Any
) -> None:
    request(shop(), path, method)
    assert seen.endpoints() == [(endpoint, status)]
    assert seen[0].segment == segment
    trace = seen[0]
    assert "hunter2" not in repr(vars(trace))


@pytest.mark.parametrize(("method", "path"), [(case[0], case[1]) for case in CASES])
def test_messages_are_the_same_with_and_without(method: str, path: str, seen: Any) -> None:
    with_us = request(shop(), path, method)
    SWITCH.sink = None
    assert request(shop(), path, method) == with_us


def test_a_request_that_records_nothing_takes_eight_python_calls_of_ours(seen: Any) -> None:
    app = Starlette(routes=[Route("/orders/{number}", order)])
    request(app, "/orders/1")
    calls: list[str] = []

    def note(frame: Any, event: str, _: Any) -> None:
        # A frame that goes on after a wait is told of again.
        if event == "call" and "/fanlight/" in frame.f_code.co_filename and frame.f_lasti <= 2:
            calls.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    request(app, "/orders/2")
    sys.setprofile(before)
    assert len(seen) == 2
    ours = [name for name in calls if name != "create"]
    assert 0 < len(ours) <= 8, ours


def test_a_prefix_that_the_server_gave_is_no_part_of_the_name(seen: Any) -> None:
    request(shop(), "/proxy/v1/items/x", root_path="/proxy")
    assert seen[0].endpoint == "GET /v1/items/{name}"


def test_a_value_that_is_called_as_the_mount_is_stays_out_of_the_name(seen: Any) -> None:
    request(shop(), "/api/api/items/x")
    assert seen[0].endpoint == "GET /{tenant}/api/items/{name}"


def test_a_prefix_that_no_mount_took_is_no_part_of_the_name(seen: Any) -> None:
    app = shop()

    async def by_tenant(scope: Any, receive: Any, send: Any) -> None:
        tenant = scope["path"].split("/")[1]
        await app({**scope, "root_path": f"/{tenant}"}, receive, send)

    request(asgi(by_tenant), "/hunter2/orders/3")
    # The scope that the router filled in is a copy.
    assert seen[0].endpoint == "GET /orders/{number}"


def test_what_stands_inside_of_a_mount_is_named_with_it(seen: Any) -> None:
    inner = flask.Flask("inner")
    inner.add_url_rule("/hello/<name>", view_func=lambda name: name)
    app = Starlette(routes=[Mount("/{tenant}", routes=[Mount("/old", WSGIMiddleware(inner))])])
    request(app, "/hunter2/old/hello/fan")
    request(app, "/hunter2/old/nothing")
    assert seen.endpoints() == [
        ("GET /{tenant}/old/hello/<name>", 200),
        ("GET /{tenant}/old/{path}", 404),
    ]


def test_mounted_files_share_one_name(tmp_path: Any, seen: Any) -> None:
    request(shop(tmp_path), "/static/a.txt")
    request(shop(tmp_path), "/static/b.txt")
    assert seen.endpoints() == [("GET /static/{path}", 200), ("GET /static/{path}", 404)]


def test_a_file_is_one_span_without_its_name(tmp_path: Any, seen: Any) -> None:
    app = shop(tmp_path)
    with_us = request(app, "/static/a.txt")
    assert seen.handled() == [("file.send", ("text/plain", False))]
    SWITCH.sink = None
    assert request(app, "/static/a.txt") == with_us


def test_a_file_to_be_kept_is_told_as_such(tmp_path: Any, seen: Any) -> None:
    (tmp_path / "a.txt").write_text("a")

    async def download(request: Any) -> Any:
        return FileResponse(tmp_path / "a.txt", filename="hunter2.txt")

    request(Starlette(routes=[Route("/download", download)]), "/download")
    assert seen.handled() == [("file.send", ("text/plain", True))]


def test_an_exception_is_raised_again_behind_the_error_page(seen: Any) -> None:
    with pytest.raises(RuntimeError, match="oops"):
        request(shop(), "/broken")
    assert seen.endpoints() == [("GET /broken", 500)]
    assert seen[0].error == ("RuntimeError", "oops")


def test_the_trace_ends_with_the_last_body_message(seen: Any) -> None:
    lengths = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        lengths.append(len(seen))
        await send({"type": "http.response.body", "body": b"b"})
        lengths.append(len(seen))
        assert current() is None

    request(asgi(app), "/")
    assert lengths == [0, 1]


def test_work_after_the_response_is_no_part_of_it(seen: Any) -> None:
    lengths = []

    async def work() -> None:
        lengths.append(len(seen))

    app = Starlette(
        routes=[Route("/", lambda request: PlainTextResponse("x", background=BackgroundTask(work)))]
    )
    request(app, "/")
    assert lengths == [1]


def test_an_application_that_sends_nothing_ends_too(seen: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        pass

    request(asgi(app), "/")
    assert seen.endpoints() == [("<unmatched>", 0)]


def test_a_cancelled_request_is_an_error(seen: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await asgi(app)({"type": "http", "method": "GET"}, None, None)

    asyncio.run(main())
    assert seen[0].error[0].endswith("CancelledError")


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_other_conversations_pass_through(kind: str, seen: Any) -> None:
    given = []

    async def app(*what: Any) -> None:
        given.append(what)

    receive, send, scope = object(), object(), {"type": kind}
    asyncio.run(asgi(app)(scope, receive, send))
    assert given == [(scope, receive, send)]
    assert not seen


def test_receive_is_not_wrapped_and_send_answers_as_the_servers(seen: Any) -> None:
    given = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        given.append((scope, receive))
        assert await send({"type": "http.response.start", "status": 204}) == "sent"

    async def send(message: Any) -> str:
        return "sent"

    scope, receive = {"type": "http", "method": "GET"}, object()
    asyncio.run(asgi(app)(scope, receive, send))
    assert given[0][0] is scope
    assert given[0][1] is receive


def test_wrapped_by_server_and_framework_a_request_counts_once(seen: Any) -> None:
    request(asgi(asgi(shop())), "/orders/3")
    assert seen.endpoints() == [("GET /orders/{number}", 200)]


def test_a_middleware_in_a_task_of_its_own_loses_nothing(seen: Any) -> None:
    class Passing(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            return await call_next(request)

    app = Starlette(routes=[Route("/stream", stream)], middleware=[Middleware(Passing)])
    request(app, "/stream")
    assert seen.endpoints() == [("GET /stream", 200)]


def test_gathered_jobs_each_record_in_a_lane_of_their_own(seen: Any) -> None:
    from fanlight.recording import branches

    branches.hook()

    async def job(number: int) -> None:
        with span(f"job{number}"):
            await asyncio.sleep(0)
            with span(f"inner{number}"):
                await asyncio.sleep(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.gather(*(job(number) for number in range(3)))
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    request(asgi(app), "/")
    lanes = [[event[2] for event in events if isinstance(event, tuple)] for events, _, _ in seen[0].records]
    assert sorted(lane for lane in lanes if lane) == [[f"job{n}", f"inner{n}"] for n in range(3)]


def test_malformed_messages_are_the_servers_business(seen: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "headers": [b"x"]})
        await send({"type": "http.response.body"})

    assert len(request(asgi(app), "/")) == 2
    assert len(seen) == 1
    SWITCH.faults = 0


@pytest.mark.parametrize(
    "headers",
    [[()], [7], [(b"traceparent",)], [([], b"x")], [(b"host", b"x"), (b"traceparent", b"x", b"y")], 7],
)
def test_malformed_headers_are_the_applications_business(headers: Any, seen: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    assert len(request(asgi(app), "/", headers=headers)) == 2
    assert len(seen) == 1
    SWITCH.faults = 0


@pytest.mark.parametrize(
    "entries",
    [
        {"fanlight.mount": 7},
        {"route": type("Route", (), {"path_format": property(lambda self: 1 // 0)})()},
    ],
)
def test_whatever_is_in_the_scope_the_response_goes_on(entries: Any, seen: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope.update({"route": Route("/orders", order), **entries})
        await send({"type": "http.response.start", "status": "200"})
        await send({"type": "http.response.body"})

    sent = request(asgi(app), "/")
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert [(trace.endpoint, trace.status) for trace in seen] == [("<unmatched>", 200)]
    assert SWITCH.faults == 1
    SWITCH.faults = 0


def test_a_request_that_a_server_begins_within_the_last_send_of_a_failed_one_is_counted(seen):
    """uvicorn resumes a connection there, and its next task has the context of the one before."""

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    app = asgi(failing)
    begun: list[Any] = []

    async def served() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def last(message: Any) -> None:
            return None

        async def first(message: Any) -> None:
            if message["type"] == "http.response.body":
                begun.append(asyncio.create_task(app(scope | {"path": "/next"}, receive, last)))
                await begun[0]

        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        await app(scope, receive, first)

    asyncio.run(served())
    assert len(seen) == 2
