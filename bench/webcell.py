"""One request through the application object of a framework, in a process that `frameworks.py` starts.

What is added is read within one process: the same application object answers a block of requests with
everything that `fanlight.start` hooks, then one with all of it taken out, and so on. Two processes differ
by up to 20 µs for reasons of their own. A block begins with requests that are not measured. Everything
recorded is flushed after each chunk; what a chunk without hooks does instead is a pause, see `cell.py`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from cell import REQUESTS_PER_CHUNK, WARM_UP_CHUNKS, chunk, environ, pause, request, tell

if TYPE_CHECKING:
    from collections.abc import Callable

import ours
from swaps import Swap

PLACE = (int(sys.argv[3]), sys.argv[4])
"""The sink's port and socket."""


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

IMPORTING = 50
"""Requests after which everything is imported that they import."""
SETTLING = 120
"""Requests, unmeasured, after which the interpreter has specialised anew what the hooks touch."""
ORDER = (False, True, True, False)
"""Of the blocks of a turn, whether the hooks are in: what drifts cancels out."""


def main() -> None:
    """Measure `sys.argv[2]` for each line on standard input, which says how many chunks a block has."""
    make = SCENARIOS[sys.argv[2]]
    first = make()
    for _ in range(IMPORTING):
        first()
    swap = Swap(lambda: ours.start(*PLACE), first)
    # Made where everything is hooked, as an application is.
    unit = make()
    units = 0

    def block(chunks: int, *, inside: bool) -> tuple[float, float]:
        """Answer the µs of a request on its thread and in all, with or without the hooks."""
        nonlocal units
        settle = ours.flush if inside else pause
        swap.put(inside=inside)
        chunk(unit, SETTLING)
        settle()
        main_ns, began_ns = 0, time.process_time_ns()
        for _ in range(chunks):
            main_ns += chunk(unit, REQUESTS_PER_CHUNK)
            settle()
        done = chunks * REQUESTS_PER_CHUNK
        units += (done + SETTLING) * inside
        return main_ns / done / 1e3, (time.process_time_ns() - began_ns) / done / 1e3

    for inside in ORDER:
        block(WARM_UP_CHUNKS, inside=inside)
    tell(units=units)
    for line in sys.stdin:
        blocks = [(inside, *block(int(line), inside=inside)) for inside in ORDER]
        told = {}
        for place, name in ((1, "main_us"), (2, "all_in_us")):
            plain = sum(each[place] for each in blocks if not each[0]) / 2
            told[f"plain_{name}"] = plain
            told[f"{name}_added"] = sum(each[place] for each in blocks if each[0]) / 2 - plain
        tell(units=units, **told)
    os._exit(0)


if __name__ == "__main__":
    main()
