"""Starlette: what a middleware answers before the route is known is named by that route all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from a2wsgi import WSGIMiddleware
from fastapi import APIRouter, FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.authentication import AuthenticationBackend, AuthenticationError
from starlette.convertors import Convertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Match, Mount, Route, Router
from starlette.staticfiles import StaticFiles

import fanlight
from fanlight.recording.recorder import SWITCH, span

BY_MIDDLEWARE = {"answered_by": "middleware"}
ASKED: list[str] = []


class Counting(Convertor[str]):
    """A converter of the project's own that tells when it is asked, and fails where it is told to."""

    regex = "[0-9a-z]+"

    def convert(self, value: str) -> str:
        with span("looking up"):
            ASKED.append(value)
        if value == "bad":
            raise RuntimeError("no database")
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("counting", Counting())


class Gate:
    """Answers every request by itself, but for those that say `open`."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answers = scope["type"] == "http" and b"open" not in scope["query_string"]
        await (PlainTextResponse("no", 401) if answers else self.app)(scope, receive, send)


class Copying(Gate):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(dict(scope), receive, send)


class Raising(Gate):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no session")


class Naming(Gate):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        fanlight.endpoint("the gate")
        await super().__call__(scope, receive, send)


class Later(BaseHTTPMiddleware):
    async def dispatch(self, request: Any, call_next: Any) -> Any:
        return Response(status_code=401) if "open" not in request.url.query else await call_next(request)


class Unknown(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> Any:
        raise AuthenticationError("who are you?")


GATES = {
    "asgi": (Middleware(Gate), {}),
    "dispatch": (Middleware(Later), {}),
    "authentication": (Middleware(AuthenticationMiddleware, backend=Unknown()), {}),
    "host": (Middleware(TrustedHostMiddleware, allowed_hosts=["elsewhere"]), {}),
    "https": (Middleware(HTTPSRedirectMiddleware), {}),
    "cors": (
        Middleware(CORSMiddleware, allow_origins=["*"]),
        {b"origin": b"http://there", b"access-control-request-method": b"GET"},
    ),
}


def ask(app: Any, line: str, fields: Any = ()) -> list[Any]:
    """Answer the messages that an application sends for a request such as `GET /orders/3`."""
    method, where = line.split()
    path, _, query = where.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": query.encode(),
        "headers": list(({b"host": b"x"} | dict(fields)).items()),
        "scheme": "http",
        "server": ("127.0.0.1", 80),
    }
    sent: list[Any] = []

    async def main() -> None:
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Any:
            return next(asked, None) or await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)

    asyncio.run(main())
    return sent


async def view(request: Any) -> Any:
    return PlainTextResponse("the view")


def shop(folder: Any, *middleware: Any, inner: Any = ()) -> Starlette:
    old = Flask("old")
    old.add_url_rule("/hello/<name>", view_func=lambda name: name)
    routes = [
        Route("/", view),
        Route("/orders/{number:int}", view),
        Route("/orders/{number:int}", view, methods=["PUT"]),
        Route("/things/{name:counting}", view),
        Mount("/v1", routes=[Route("/items/{name}", view), Mount("/deep", routes=[Route("/", view)])]),
        Mount("/{tenant}/api", Starlette(routes=[Route("/items/{name}", view)], middleware=inner)),
        Mount("/static", StaticFiles(directory=folder)),
        Mount("/old", WSGIMiddleware(old)),
        Host("other", Router([Route("/hosted/{name}", view)])),
    ]
    return Starlette(routes=routes, middleware=middleware)


def told(seen: Any) -> list[Any]:
    """Answer name, status and annotations of every request."""
    return [(trace.endpoint, trace.status, trace.notes) for trace in seen]


CASES = [
    ("GET /", "GET /"),
    ("GET /orders/3?q=hunter2", "GET /orders/{number}"),
    ("HEAD /orders/3", "GET /orders/{number}"),
    ("PUT /orders/3", "PUT /orders/{number}"),
    ("PATCH /orders/3", "PATCH /orders/{number}"),
    ("OPTIONS /orders/3", "OPTIONS /orders/{number}"),
    ("GET /v1/items/hunter2", "GET /v1/items/{name}"),
    ("GET /v1/deep/", "GET /v1/deep/"),
    ("GET /v1/hunter2", "GET /v1/{path}"),
    ("GET /hunter2/api/items/3", "GET /{tenant}/api/items/{name}"),
    ("GET /static/hunter2.txt", "GET /static/{path}"),
    ("GET /old/hello/hunter2", "GET /old/{path}"),
    ("GET /orders/hunter2", "<unmatched>"),
    ("GET /orders/3/", "<unmatched>"),
    ("GET /hosted/hunter2", "<unmatched>"),
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("gate", GATES)
def test_what_a_middleware_answers_stands_under_its_route(
    gate: str, case: Any, seen: Any, tmp_path: Any
) -> None:
    (line, endpoint) = case
    middleware, fields = GATES[gate]
    if gate == "cors":
        line, endpoint = (f"OPTIONS {each.partition(' ')[2]}" if " " in each else each for each in case)
    app = shop(tmp_path, middleware)
    SWITCH.sink = None
    without = ask(app, line, fields)
    SWITCH.sink = seen.append
    assert ask(app, line, fields) == without
    by = BY_MIDDLEWARE if endpoint != "<unmatched>" else {}
    head = {"method": "HEAD"} if line.startswith("HEAD") else {}
    assert told(seen) == [(endpoint, without[0]["status"], head | by)]
    assert "hunter2" not in repr(vars(seen[0]))


@pytest.mark.parametrize("case", CASES)
def test_it_has_the_name_that_it_would_have_had(case: Any, seen: Any, tmp_path: Any) -> None:
    (line, _) = case
    if "/old/" in line or "/orders/3/" in line:  # named by what is inside, and a redirect
        line = "GET /"
    for app in (shop(tmp_path, Middleware(Gate)), shop(tmp_path)):
        ask(app, line)
    assert seen[0].endpoint == seen[1].endpoint


def test_a_host_is_no_part_of_the_name(seen: Any, tmp_path: Any) -> None:
    ask(shop(tmp_path, Middleware(Gate)), "GET /hosted/hunter2", {b"host": b"other"})
    assert told(seen) == [("GET /hosted/{name}", 401, BY_MIDDLEWARE)]


def test_what_a_mounted_application_s_middleware_answers_stands_there(seen: Any, tmp_path: Any) -> None:
    app = shop(tmp_path, inner=[Middleware(Gate)])
    for line in ("GET /hunter2/api/items/3", "GET /hunter2/api/nothing", "GET /hunter2/api/items/3?open"):
        ask(app, line)
    assert told(seen) == [
        ("GET /{tenant}/api/items/{name}", 401, BY_MIDDLEWARE),
        ("GET /{tenant}/api/{path}", 401, {}),
        ("GET /{tenant}/api/items/{name}", 200, {}),
    ]


@pytest.mark.parametrize("middleware", [(), (Middleware(Later),), (Middleware(Copying),)])
def test_a_request_that_passes_says_nothing_and_its_route_is_asked_for_once(
    middleware: Any, seen: Any, tmp_path: Any
) -> None:
    (tmp_path / "a.txt").write_text("a")
    app = shop(tmp_path, *middleware)
    lines = ("GET /things/a?open", "GET /static/a.txt?open", "GET /orders/x?open", "GET /orders/3/?open")
    ASKED.clear()
    for line in lines:
        ask(app, line)
    assert ASKED == ["a"]
    assert [trace.status for trace in seen] == [200, 200, 404, 307]
    assert [trace.notes for trace in seen] == [{}] * 4
    assert [trace.endpoint for trace in seen] == [
        *("GET /things/{name}", "GET /static/{path}", "<unmatched>", "<unmatched>")
    ]


class Picky(Route):
    """A route of the project's own that changes the scope that it looks at."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        scope["looked"] = True
        return super().matches(scope)


def test_nothing_of_the_scope_changes_for_whoever_reads_it_afterwards(seen: Any) -> None:
    kept: list[Any] = []

    async def around(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        kept.append({key for key in scope if not key.startswith("fanlight")})

    app = Starlette(routes=[Picky("/orders/{number}", view)], middleware=[Middleware(Gate)])
    ask(around, "GET /orders/3")
    SWITCH.sink = None
    ask(around, "GET /orders/3")
    assert seen.endpoints() == [("GET /orders/{number}", 401)]
    assert kept[0] == kept[1]


def test_an_exception_before_the_route_stands_under_it(seen: Any, tmp_path: Any) -> None:
    with pytest.raises(RuntimeError, match="no session"):
        ask(shop(tmp_path, Middleware(Raising)), "GET /orders/3")
    assert told(seen) == [("GET /orders/{number}", 500, BY_MIDDLEWARE)]
    assert seen[0].error == ("RuntimeError", "no session")


def test_a_name_that_the_project_gave_stays(seen: Any, tmp_path: Any) -> None:
    ask(shop(tmp_path, Middleware(Naming)), "GET /orders/3")
    assert [trace.endpoint for trace in seen] == ["the gate"]


def test_a_converter_that_fails_leaves_the_request_as_it_is(seen: Any, tmp_path: Any) -> None:
    assert ask(shop(tmp_path, Middleware(Gate)), "GET /things/bad")[0]["status"] == 401
    assert told(seen) == [("<unmatched>", 401, {})]


def test_what_converters_do_meanwhile_is_not_recorded(seen: Any, tmp_path: Any) -> None:
    ASKED.clear()
    ask(shop(tmp_path, Middleware(Gate)), "GET /things/a")
    assert told(seen) == [("GET /things/{name}", 401, BY_MIDDLEWARE)]
    assert ASKED == ["a"]
    assert not [event for events, _, _ in seen[0].records for event in events if "looking up" in str(event)]


class Looked(Route):
    """A route of the project's own that counts how often it is looked at."""

    times = 0

    def matches(self, scope: Any) -> tuple[Match, Any]:
        Looked.times += 1
        return super().matches(scope)


@pytest.mark.parametrize("line", ["GET /nothing", "GET /inner/nothing"])
def test_routes_that_were_asked_in_vain_are_not_asked_again(
    line: str, seen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Looked, "times", 0)
    inner = Starlette(routes=[Looked("/orders", view)])
    app = Starlette(routes=[Looked("/orders", view), Mount("/inner", inner)])
    ask(app, line)
    with_us, Looked.times = Looked.times, 0
    SWITCH.sink = None
    ask(app, line)
    assert with_us == Looked.times


def test_of_routes_for_other_methods_the_first_names_it(seen: Any) -> None:
    routes = [Route("/{first}", view, methods=["PUT"]), Route("/{second}", view, methods=["DELETE"])]
    for middleware in ([Middleware(Gate)], []):
        ask(Starlette(routes=routes, middleware=middleware), "PATCH /orders")
    assert [trace.endpoint for trace in seen] == ["PATCH /{first}"] * 2


def test_where_nothing_was_answered_no_route_is_asked(seen: Any, tmp_path: Any) -> None:
    class Silent(Gate):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            return

    assert ask(shop(tmp_path, Middleware(Silent)), "GET /orders/3") == []
    assert told(seen) == [("<unmatched>", 0, {})]


@pytest.mark.parametrize(
    ("line", "endpoint"),
    [
        ("GET /v1/orders/3", "GET /v1/orders/{number}"),
        ("GET /hunter2/v2/orders/3", "GET /{tenant}/v2/orders/{number}"),
        ("PUT /v1/orders/3", "PUT /v1/orders/{number}"),
        ("GET /v1/plain/hunter2", "GET /v1/plain/{name}"),
        ("GET /hunter2/v2/plain/hunter2", "GET /{tenant}/v2/plain/{name}"),
        ("GET /v1/nothing", "<unmatched>"),
    ],
)
def test_routes_of_a_router_that_is_included_twice_are_told_apart(
    line: str, endpoint: str, seen: Any
) -> None:
    # Its own routes and Starlette's, which FastAPI keeps in another way.
    router = APIRouter()
    router.add_api_route("/orders/{number}", lambda number: number, methods=["GET", "PUT"])
    router.add_route("/plain/{name}", view)
    app = FastAPI(middleware=[Middleware(Gate)])
    app.include_router(router, prefix="/v1")
    app.include_router(router, prefix="/{tenant}/v2")
    assert [message.get("status") for message in ask(app, line)][:1] == [401]
    assert told(seen) == [(endpoint, 401, {} if endpoint == "<unmatched>" else BY_MIDDLEWARE)]
    ask(app, f"{line}?open")
    assert told(seen)[1][0] == endpoint
