"""One request through the application object of a framework, in a process that `frameworks.py` starts.

As `cell.py`, whose way of measuring this is: what is added is read against a twin from before.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

from cell import PLACE, REQUESTS_PER_CHUNK, Twin, environ, measure, pause, request

if TYPE_CHECKING:
    from collections.abc import Callable

import ours


def starlette() -> Callable[[], None]:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def hello(request: Any) -> Any:
        return PlainTextResponse(f"hello {request.path_params['name']}")

    return asgi_request(Starlette(routes=[Route("/hello/{name}", hello)]))


def fastapi() -> Callable[[], None]:
    from fastapi import FastAPI

    app = FastAPI()

    async def hello(name: str) -> dict[str, str]:
        return {"hello": name}

    hello.__annotations__ = {"name": str}
    app.get("/hello/{name}")(hello)
    return asgi_request(app)


def django() -> Callable[[], None]:
    from django.core.handlers.wsgi import WSGIHandler

    return request(DjangoRequest(WSGIHandler), "/hello/world")


def django_asgi() -> Callable[[], None]:
    from django.core.handlers.asgi import ASGIHandler

    return asgi_request(DjangoRequest(ASGIHandler).app)


class DjangoRequest:
    """A project of one view; Django has one a process, and the settings are shared with the twin.

    Args:
        handler: the class of the application object.
    """

    def __init__(self, handler: Any) -> None:
        import django
        from django.conf import settings
        from django.http import HttpResponse
        from django.urls import path

        async def hello_later(request: Any, name: str) -> Any:
            return HttpResponse(f"hello {name}")

        def hello(request: Any, name: str) -> Any:
            return HttpResponse(f"hello {name}")

        view = hello_later if handler.__name__ == "ASGIHandler" else hello
        routes = type(sys)("bench_urls")
        routes.urlpatterns = [path("hello/<name>", view)]  # type: ignore[attr-defined]
        sys.modules["bench_urls"] = routes
        if not settings.configured:
            settings.configure(
                ALLOWED_HOSTS=["*"],
                LOGGING_CONFIG=None,
                MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
                ROOT_URLCONF="bench_urls",
                SECRET_KEY="bench",
            )
            django.setup()
        self.app = handler()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


def asgi_request(app: Any) -> Callable[[], None]:
    """Answer a function that sends one GET through an ASGI application."""
    given = environ("/hello/world")
    headers = [
        (b"host", b"127.0.0.1"),
        (b"user-agent", given["HTTP_USER_AGENT"].encode()),
        (b"accept", b"*/*"),
    ]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    async def once() -> None:
        asked: list[None] = []

        async def next_message() -> dict[str, Any]:
            asked.append(None)
            if len(asked) == 1:
                return await receive()
            await asyncio.sleep(3600)
            return await gone()

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/hello/world",
            "raw_path": b"/hello/world",
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        await app(scope, next_message, send)

    loops: list[asyncio.AbstractEventLoop] = []

    def unit() -> None:
        # Made at the first request: one from before the fork would be woken by the twin's events too.
        if not loops:
            loops.append(asyncio.new_event_loop())
        loops[0].run_until_complete(once())

    return unit


SCENARIOS = {"starlette": starlette, "fastapi": fastapi, "django": django, "django_asgi": django_asgi}


def main() -> None:
    """Measure `sys.argv[2]` as `cell.py` does."""
    make = SCENARIOS[sys.argv[2]]
    plain = make()
    twin = Twin(lambda lines: measure(plain, pause, REQUESTS_PER_CHUNK, lines))
    ours.start(*PLACE)
    measure(make(), ours.flush, REQUESTS_PER_CHUNK, sys.stdin, twin)
    os._exit(0)


if __name__ == "__main__":
    main()
