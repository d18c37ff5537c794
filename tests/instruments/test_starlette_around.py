"""Starlette: what a middleware around the application object answers is named by the routes inside."""

from __future__ import annotations

import asyncio
import sys
from inspect import getclosurevars
from types import ModuleType
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from fanlight.instruments.starlette import name_routes, traced_in_place
from fanlight.recording.asgi import DOOR, asgi
from fanlight.recording.recorder import SWITCH
from fanlight.recording.routes import LATE

BY_MIDDLEWARE = {"answered_by": "middleware"}


class Gate:
    """Answers every request by itself, but for those that say `open`."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_open = b"open" in scope["query_string"]
        await (self.app if is_open else PlainTextResponse("no", 401))(scope, receive, send)


class Beside:
    """Keeps what it stands around as python-socketio does, and hands on a copy of the scope."""

    def __init__(self, app: Any) -> None:
        self.other_asgi_app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.other_asgi_app(dict(scope), receive, send)


class Endless(Gate):
    """Stands around itself."""

    def __init__(self, _: Any) -> None:
        super().__init__(self)


class Refusing(Gate):
    """Says what it stands around to nobody before it is ready."""

    @property
    def routes(self) -> Any:
        raise RuntimeError("not ready")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that serves what the test makes, and nothing else."""
    monkeypatch.setattr(LATE, "served", [])


async def view(request: Any) -> Any:
    return PlainTextResponse("the view")


def shop() -> Starlette:
    inner = Starlette(routes=[Route("/items/{name}", view)])
    return Starlette(
        routes=[
            Route("/orders/{number:int}", view),
            Mount("/v1", routes=[Route("/items/{name}", view)]),
            Mount("/{tenant}/api", Gate(inner)),
        ]
    )


def ask(app: Any, line: str, fields: Any = ()) -> int:
    """Answer the status of the response to a request such as `GET /orders/3`."""
    method, where = line.split()
    path, _, query = where.partition("?")
    head = {"type": "http", "method": method, "path": path, "root_path": "", "query_string": query.encode()}
    scope = {**head, "headers": list(fields), "scheme": "http", "server": ("127.0.0.1", 80)}
    sent: list[Any] = []

    async def main() -> None:
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Any:
            # The client stays until the end.
            return next(asked, None) or await asyncio.Event().wait()

        await app(scope, receive, send)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(main())
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    "around",
    [Gate, lambda app: Gate(Beside(Gate(app))), lambda app: asgi(Gate(asgi(app)))],
    ids=["once", "thrice", "traced on the way"],
)
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("GET /orders/3", "GET /orders/{number}"),
        ("HEAD /orders/3", "GET /orders/{number}"),
        ("POST /orders/3", "POST /orders/{number}"),
        ("GET /v1/items/hunter2", "GET /v1/items/{name}"),
        ("GET /hunter2/api/items/hunter2", "GET /{tenant}/api/items/{name}"),
        ("GET /hunter2/api/hunter2", "GET /{tenant}/api/{path}"),
    ],
)
def test_it_is_named_as_the_application_would_have(around: Any, line: str, name: str, seen: Any) -> None:
    assert ask(asgi(around(shop())), line) == 401
    [trace] = seen
    assert trace.endpoint == name
    assert BY_MIDDLEWARE.items() <= trace.notes.items()
    assert "hunter2" not in repr(vars(trace))


def test_a_preflight_is_named(seen: Any) -> None:
    fields = [(b"origin", b"http://there"), (b"access-control-request-method", b"GET")]
    app = CORSMiddleware(shop(), allow_origins=["*"])
    assert ask(asgi(app), "OPTIONS /orders/3", fields) == 200
    assert [trace.endpoint for trace in seen] == ["OPTIONS /orders/{number}"]


def test_what_a_mounted_middleware_answers_is_named_by_what_it_stands_around(seen: Any) -> None:
    assert ask(asgi(shop()), "GET /acme/api/items/pen") == 401
    assert [(trace.endpoint, trace.notes) for trace in seen] == [
        ("GET /{tenant}/api/items/{name}", BY_MIDDLEWARE)
    ]


@pytest.mark.parametrize("line", ["GET /hunter2", "GET /hunter2?open"])
def test_an_address_without_a_route_stays_unmatched(line: str, seen: Any) -> None:
    ask(asgi(Gate(Beside(shop()))), line)
    assert [(trace.endpoint, trace.notes) for trace in seen] == [("<unmatched>", {})]


def test_what_comes_through_is_named_by_its_route_alone(seen: Any) -> None:
    assert ask(asgi(Gate(Beside(shop()))), "GET /orders/3?open") == 200
    assert [(trace.endpoint, trace.notes) for trace in seen] == [("GET /orders/{number}", {})]


def test_of_several_applications_none_is_asked(seen: Any) -> None:
    app = asgi(Gate(shop()))
    asgi(Gate(shop()))
    assert ask(app, "GET /orders/3") == 401
    assert [trace.endpoint for trace in seen] == ["<unmatched>"]


def test_nobody_is_asked_where_more_are_served_than_are_kept(seen: Any) -> None:
    served = shop()
    app, *_ = [asgi(Gate(served)) for _ in range(100)]
    assert ask(app, "GET /orders/3") == 401
    assert [trace.endpoint for trace in seen] == ["<unmatched>"]
    assert len(LATE.served) < 10


def test_a_middleware_around_itself_ends_nothing(seen: Any) -> None:
    assert ask(asgi(Endless(None)), "GET /orders/3") == 401
    assert [trace.endpoint for trace in seen] == ["<unmatched>"]


@pytest.mark.parametrize("around", [Refusing, lambda app: Gate(Refusing(app))])
def test_a_middleware_that_tells_nobody_is_no_fault(around: Any, seen: Any) -> None:
    before = SWITCH.faults
    assert ask(asgi(around(shop())), "GET /orders/3") == 401
    assert [trace.endpoint for trace in seen] == ["<unmatched>"]
    assert SWITCH.faults == before


@pytest.mark.parametrize("place", ["/", "/shop"])
def test_a_frontend_is_named_by_its_prefix(place: str, tmp_path: Any, seen: Any) -> None:
    if not hasattr(FastAPI, "frontend"):
        pytest.skip("this FastAPI has no frontends")
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("the shop")
    (tmp_path / "assets" / "hunter2.js").write_text("1")
    app, router = FastAPI(), APIRouter(prefix="/api")
    router.add_api_route("/orders/{number}", lambda number: number)
    app.include_router(router)
    app.frontend(place, directory=tmp_path)
    for path in ("", "assets/hunter2.js", "assets/hunter2.css"):
        ask(asgi(app), f"GET {place.rstrip('/')}/{path}")
    assert [trace.status for trace in seen] == [200, 200, 404]
    assert {trace.endpoint for trace in seen} == {f"GET {place.rstrip('/')}/{{path}}"}
    ask(asgi(app), "GET /api/orders/3")
    assert seen[-1].endpoint == "GET /api/orders/{number}"
    assert "hunter2" not in repr([vars(trace) for trace in seen])


def test_a_template_that_a_framework_leaves_in_the_scope_is_the_name(seen: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        # As Litestar does.
        scope["path_template"] = "/orders/{number:int}"
        await PlainTextResponse("an order")(scope, receive, send)

    assert ask(asgi(app), "GET /orders/3") == 200
    assert [trace.endpoint for trace in seen] == ["GET /orders/{number:int}"]


def ran(call: Any, app: Any, line: str) -> bool:
    """Answer whether a function ran while an application answered a request."""
    codes = set()
    sys.setprofile(lambda frame, *_: codes.add(frame.f_code))
    try:
        ask(app, line)
    finally:
        sys.setprofile(None)
    assert codes
    return call.__code__ in codes


def test_what_starlette_does_is_done_in_place_of_its_call(seen: Any) -> None:
    app = shop()
    assert not ran(getattr(Starlette.__call__, DOOR)[1], app, "GET /orders/3")
    assert [each.endpoint for each in seen] == ["GET /orders/{number}"]


class Page(HTTPEndpoint):
    """What its route awaits is no coroutine."""

    async def get(self, request: Any) -> Any:
        return await view(request)


def test_what_starlettes_route_does_is_done_in_place_of_its_handle(seen: Any) -> None:
    app, handle = shop(), getclosurevars(Route.handle).nonlocals["handle"]
    app.routes.append(Route("/pages/{name}", Page))
    for path in ("/orders/3", "/v1/items/4"):
        assert not ran(handle, app, f"GET {path}")
    # Whoever makes a task of it needs a coroutine.
    assert ran(handle, app, "GET /pages/one")
    assert ran(handle, app, "POST /orders/3")
    assert [(each.endpoint, each.status) for each in seen] == [
        ("GET /orders/{number}", 200),
        ("GET /v1/items/{name}", 200),
        ("GET /pages/{name}", 200),
        ("POST /orders/{number}", 405),
    ]


def test_a_route_without_methods_takes_each(seen: Any) -> None:
    app = Starlette(routes=[Route("/pages/{name}", PlainTextResponse("the page"), methods=None)])
    assert (ask(app, "GET /pages/one"), ask(app, "PURGE /pages/one")) == (200, 200)
    assert [each.endpoint for each in seen] == ["GET /pages/{name}", "OTHER /pages/{name}"]


def test_a_handle_that_does_anything_else_is_called(seen: Any) -> None:
    class Own(Route):
        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("own", 202)(scope, receive, send)

    class Other(Mount):
        handle = Mount.handle

    module = ModuleType("routing")
    vars(module).update(Route=Own, Mount=Other)
    name_routes(module)
    assert ask(Starlette(routes=[Own("/orders/{number}", view)]), "GET /orders/3") == 202
    assert [each.endpoint for each in seen] == ["GET /orders/{number}"]


ELSE = ["another word", "another name", "another argument", "another condition", "an object"]


@pytest.mark.parametrize("named", ELSE)
def test_a_call_that_does_anything_else_is_called(seen: Any, named: str) -> None:
    async def word(self: Any, scope: Any, receive: Any, send: Any) -> None:
        scope["own"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await PlainTextResponse("own", 202)(scope, receive, send)

    async def name(self: Any, scope: Any, receive: Any, send: Any) -> None:
        scope["app"] = self
        await self.own(scope, receive, send)

    async def argument(self: Any, scope: Any, receive: Any, send: Any, *, own: Any = None) -> None:
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.own(scope, receive, send)

    async def condition(self: Any, scope: Any, receive: Any, send: Any) -> None:
        if "app" not in scope and self.middleware_stack is None:
            await self.build_middleware_stack()(scope, receive, send)

    class Called:
        async def __call__(self, app: Any, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("own", 202)(scope, receive, send)

    calls = {"word": word, "name": name, "argument": argument, "condition": condition}
    call: Any = calls.get(named.removeprefix("another ")) or Called()

    class Own:
        own = PlainTextResponse("own", 202)
        middleware_stack = None

        def build_middleware_stack(self) -> Any:
            return lambda scope, *rest: PlainTextResponse("own", 500 if "app" in scope else 202)(scope, *rest)

        __call__ = traced_in_place(call)

    assert ask(Own(), "GET /") == 202
    assert len(seen) == 1
