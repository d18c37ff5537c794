"""Django under ASGI: the project's code is recorded wherever it runs, Django's own around it is not."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers import asgi as handlers
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from fanlight.instruments.django.asgi import traced_in_place
from fanlight.recording.asgi import DOOR, INSIDE_LANE, asgi
from fanlight.recording.recorder import LANE, span

URLS = ModuleType("fanlight_shop_later")


async def view(request: Any) -> Any:
    with span("view"):
        await asyncio.sleep(0)
    assert INSIDE_LANE not in request.scope
    return HttpResponse("made")


async def stream(request: Any) -> Any:
    async def parts() -> Any:
        for part in (b"1", b"2"):
            with span("part"):
                yield part

    return StreamingHttpResponse(parts())


URLS.urlpatterns = [path("view/", view), path("stream/", stream)]  # type: ignore[attr-defined]
sys.modules[URLS.__name__] = URLS


@pytest.fixture(autouse=True)
def _urls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ROOT_URLCONF", URLS.__name__)
    monkeypatch.setattr(settings, "MIDDLEWARE", ["django.middleware.common.CommonMiddleware"])


def open_lane() -> Any:
    """Answer the lane that is shown here, None where none is or its trace is over."""
    lane = LANE.get()
    return lane if lane is not None and lane.trace is not None else None


def ask(app: Any, url: str, outside: list[Any] | None = None) -> bytes:
    """Answer the body; note what lane is shown where the body is asked for."""
    sent: list[Any] = []

    async def main() -> None:
        asked: list[Any] = []

        async def receive() -> Any:
            if outside is not None:
                outside.append(open_lane())
            asked.append(True)
            if len(asked) > 1:
                await asyncio.Event().wait()
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        await app({"type": "http", "method": "GET", "path": url, "headers": []}, receive, send)
        if outside is not None:
            outside.append(open_lane())

    asyncio.run(main())
    return b"".join(message.get("body", b"") for message in sent)


def blocks(trace: Any) -> list[str]:
    """Answer the titles of all blocks of a trace."""
    lanes = trace.records
    return [
        event[2] for events, _, _ in lanes for event in events if isinstance(event, tuple) and len(event) == 3
    ]


def test_what_is_djangos_own_runs_outside_and_the_response_inside(seen: Any) -> None:
    outside: list[Any] = []
    assert ask(ASGIHandler(), "/view/", outside) == b"made"
    assert set(outside) == {None}
    assert seen.endpoints() == [("GET /view/", 200)]
    assert blocks(seen[0]) == ["view"]
    assert len(seen[0].records) == 1


def test_parts_of_a_stream_are_recorded(seen: Any) -> None:
    assert ask(ASGIHandler(), "/stream/") == b"12"
    assert blocks(seen[0]) == ["part", "part"]


def test_a_listener_of_the_projects_is_recorded_as_long_as_it_listens(seen: Any) -> None:
    def listener(**_: Any) -> None:
        with span("listener"):
            pass

    app = ASGIHandler()
    ask(app, "/view/")
    request_started.connect(listener)
    try:
        ask(app, "/view/")
    finally:
        request_started.disconnect(listener)
    ask(app, "/view/")
    assert [sorted(blocks(trace)) for trace in seen] == [["view"], ["listener", "view"], ["view"]]


def test_a_handler_of_the_projects_is_recorded(seen: Any) -> None:
    class Handler(ASGIHandler):
        def create_request(self, scope: Any, body_file: Any) -> Any:
            with span("made by hand"):
                return super().create_request(scope, body_file)

    ask(Handler(), "/view/")
    assert blocks(seen[0]) == ["made by hand", "view"]


def test_a_replaced_method_is_recorded(seen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = ASGIHandler.handle

    async def watched(self: Any, *args: Any) -> None:
        with span("watched"):
            await handle(self, *args)

    monkeypatch.setattr(ASGIHandler, "handle", watched)
    ask(ASGIHandler(), "/view/")
    assert blocks(seen[0]) == ["watched", "view"]


def test_what_stands_around_the_handler_is_recorded(seen: Any) -> None:
    handler = ASGIHandler()

    async def around(scope: Any, receive: Any, send: Any) -> None:
        with span("around"):
            await handler(scope, receive, send)

    ask(asgi(around), "/view/")
    assert seen.endpoints() == [("GET /view/", 200)]
    assert blocks(seen[0]) == ["around", "view"]


def test_a_server_calls_the_handler_itself(seen: Any) -> None:
    handler = ASGIHandler()
    assert asgi(handler) is handler

    class Handler(ASGIHandler):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            with span("own"):
                await super().__call__(scope, receive, send)

    ask(asgi(Handler()), "/view/")
    assert blocks(seen[0]) == ["own", "view"]


def test_a_request_that_never_comes_to_a_response_is_traced(seen: Any) -> None:
    app = ASGIHandler()

    async def main() -> None:
        async def gone() -> Any:
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "GET", "path": "/view/", "headers": []}
        await app(scope, gone, gone)
        assert LANE.get() is None

    asyncio.run(main())
    assert seen.endpoints() == [("<unmatched>", 0)]


def test_what_django_does_is_done_in_place_of_its_call(seen: Any) -> None:
    call, codes = getattr(ASGIHandler.__call__, DOOR)[1], set()
    app = ASGIHandler()
    sys.setprofile(lambda frame, *_: codes.add(frame.f_code))
    try:
        ask(app, "/view/")
    finally:
        sys.setprofile(None)
    assert app.handle.__func__.__code__ in codes
    assert call.__code__ not in codes
    assert [each.endpoint for each in seen] == ["GET /view/"]


class ThreadSensitiveContext:
    """Another one of that name."""

    entered = 0

    async def __aenter__(self) -> None:
        ThreadSensitiveContext.entered += 1

    async def __aexit__(self, *_: object) -> None:
        pass


class Theirs:
    """What has the steps of Django's handler, and takes the names in them from elsewhere."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve."""
        if scope["type"] != "http":
            raise ValueError("no room for %s." % scope["type"])  # noqa: UP031  as Django does
        async with ThreadSensitiveContext():
            await self.handle(scope, receive, send)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"theirs"})


class Others(Theirs):
    """What names the same, in the same order, and takes another step."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve."""
        if scope["type"] == "http":
            scope["state"] = ValueError, ThreadSensitiveContext
        async with ThreadSensitiveContext():
            await self.handle(scope, receive, send)


@pytest.mark.parametrize("kind", [Theirs, Others])
def test_what_only_looks_like_djangos_call_is_called(seen: Any, monkeypatch: Any, kind: Any) -> None:
    call, outside = kind.__call__, lambda _: False
    monkeypatch.setattr(kind, "__call__", traced_in_place(handlers, call, outside))
    entered = ThreadSensitiveContext.entered
    assert ask(kind(), "/") == b"theirs"
    assert ThreadSensitiveContext.entered == entered + 1
    assert len(seen) == 1
