"""Django: a request that a middleware answers before its route is known is named by its view all the same."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from types import ModuleType
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import include, path, register_converter
from django.utils.decorators import async_only_middleware, sync_only_middleware
from django.utils.deprecation import MiddlewareMixin

import fanlight
from fanlight.recording.asgi import asgi
from fanlight.recording.recorder import SWITCH, span
from fanlight.recording.wsgi import wsgi

URLS = ModuleType("fanlight_gated")
OTHERS = ModuleType("fanlight_gated_others")
ASKED: list[str] = []
REQUESTS: list[Any] = []


class Counting:
    """A converter of the project's own that tells when it is asked, and fails where it is told to."""

    regex = "[0-9a-z]+"

    def to_python(self, value: str) -> str:
        with span("looking up"):
            ASKED.append(value)
        if value == "bad":
            raise RuntimeError("no database")
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Counting, "counting")


def view(request: Any, **_: Any) -> Any:
    return HttpResponse("the view")


def to_login(request: Any) -> Any:
    REQUESTS.append(weakref.ref(request))
    if "open" in request.META.get("QUERY_STRING", ""):
        return None
    return HttpResponseRedirect("/login/")


@sync_only_middleware
def function(get_response: Any) -> Any:
    return lambda request: to_login(request) or get_response(request)


@async_only_middleware
def later(get_response: Any) -> Any:
    async def middleware(request: Any) -> Any:
        await asyncio.sleep(0)
        return to_login(request) or await get_response(request)

    return middleware


class Hooked(MiddlewareMixin):
    def process_request(self, request: Any) -> Any:
        return to_login(request)


class Called:
    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return to_login(request) or self.get_response(request)


class Elsewhere(MiddlewareMixin):
    def process_request(self, request: Any) -> None:
        request.urlconf = OTHERS.__name__


class Raising(MiddlewareMixin):
    def process_request(self, request: Any) -> None:
        raise RuntimeError("no session")


class Streaming(MiddlewareMixin):
    def process_request(self, request: Any) -> Any:
        return StreamingHttpResponse(iter([b"1", b"2"]))


class Naming(MiddlewareMixin):
    def process_request(self, request: Any) -> Any:
        fanlight.endpoint("the gate")
        return to_login(request)


class Before(MiddlewareMixin):
    def process_view(self, request: Any, *_: Any) -> Any:
        return to_login(request)


URLS.urlpatterns = [  # type: ignore[attr-defined]
    path("", view),
    path("orders/<int:number>/", view),
    path("things/<counting:name>/", view),
    path("<str:tenant>/suppliers/", include([path("<int:number>", view)])),
    *i18n_patterns(path("greeting/", view), prefix_default_language=False),
]
OTHERS.urlpatterns = [path("orders/<int:other>/", view)]  # type: ignore[attr-defined]
for each in (function, later, Hooked, Called, Elsewhere, Raising, Streaming, Naming, Before):
    setattr(URLS, each.__name__, each)
sys.modules[URLS.__name__] = URLS
sys.modules[OTHERS.__name__] = OTHERS


def call(app: Any, url: str, method: str = "GET") -> tuple[str, Any, bytes]:
    """Answer status, headers and body, asked for as a WSGI server does."""
    where, _, query = url.partition("?")
    environ = {"PATH_INFO": where, "QUERY_STRING": query, "REQUEST_METHOD": method}
    setup_testing_defaults(environ)
    sent: list[Any] = []
    body = app(environ, lambda status, headers, exc_info=None: sent.append((status, headers)))
    try:
        return (*sent[0], b"".join(body))
    finally:
        body.close()


def call_later(app: Any, url: str, method: str = "GET") -> tuple[str, Any, bytes]:
    """Answer the same, asked for as an ASGI server does."""
    where, _, query = url.partition("?")
    scope = {"type": "http", "method": method, "path": where, "query_string": query.encode(), "headers": []}
    sent: list[Any] = []

    async def main() -> None:
        requests = iter([{"type": "http.request"}])

        async def receive() -> Any:
            return next(requests, None) or await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)

    asyncio.run(main())
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return str(sent[0]["status"]), sent[0]["headers"], body


GATES = ["function", "later", "Hooked", "Called"]
DOORS = [pytest.param(WSGIHandler, call, id="wsgi"), pytest.param(ASGIHandler, call_later, id="asgi")]
doors = pytest.mark.parametrize(("handler", "ask"), DOORS)
BY_MIDDLEWARE = {"answered_by": "middleware"}


@pytest.fixture(autouse=True)
def _urls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ROOT_URLCONF", URLS.__name__)
    ASKED.clear()
    REQUESTS.clear()


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Answer a function that sets the middleware, each of the project's own by its name."""

    def gate(*names: str) -> None:
        listed = [name if "." in name else f"{URLS.__name__}.{name}" for name in names]
        monkeypatch.setattr(settings, "MIDDLEWARE", listed)

    return gate


def told(seen: Any) -> list[Any]:
    """Answer name, status and annotations of every request."""
    return [(trace.endpoint, trace.status, trace.notes) for trace in seen]


CASES = [
    ("GET /", "GET /", BY_MIDDLEWARE),
    ("GET /orders/3/?q=hunter2", "GET /orders/<int:number>/", BY_MIDDLEWARE),
    ("HEAD /orders/3/", "GET /orders/<int:number>/", {"method": "HEAD"} | BY_MIDDLEWARE),
    ("POST /hunter2/suppliers/3", "POST /<str:tenant>/suppliers/<int:number>", BY_MIDDLEWARE),
    ("GET /orders/hunter2/", "<unmatched>", {}),
    ("GET /orders/3", "<unmatched>", {}),
]


@doors
@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("case", CASES)
def test_what_a_middleware_answers_stands_under_its_view(
    handler: Any, ask: Any, gate: str, case: Any, gated: Any, seen: Any
) -> None:
    (line, endpoint, by) = case
    gated("django.middleware.common.CommonMiddleware", gate)
    method, url = line.split()
    app = handler()
    SWITCH.sink = None
    without = ask(app, url, method)
    SWITCH.sink = seen.append
    assert ask(app, url, method) == without
    assert told(seen) == [(endpoint, 302, by)]


@doors
@pytest.mark.parametrize("gate", GATES)
def test_a_request_that_passes_is_its_views_and_its_route_asked_for_once(
    handler: Any, ask: Any, gate: str, gated: Any, seen: Any
) -> None:
    gated(gate)
    ask(handler(), "/things/a/?open")
    assert told(seen) == [("GET /things/<counting:name>/", 200, {})]
    assert ASKED == ["a"]


@doors
def test_a_404_was_asked_for_and_is_not_asked_for_again(
    handler: Any, ask: Any, gated: Any, seen: Any, monkeypatch: Any
) -> None:
    gated()
    lookups: list[str] = []
    resolve = BaseHandler.resolve_request
    monkeypatch.setattr(
        BaseHandler, "resolve_request", lambda self, request: (lookups.append(""), resolve(self, request))[1]
    )
    ask(handler(), "/things/bad/")
    ask(handler(), "/nowhere/")
    assert [(trace.endpoint, trace.status) for trace in seen] == [("<unmatched>", 500), ("<unmatched>", 404)]
    assert ASKED == ["bad"]
    assert len(lookups) == 2


@doors
def test_the_routes_that_a_middleware_chose_are_asked(handler: Any, ask: Any, gated: Any, seen: Any) -> None:
    gated("Elsewhere", "Hooked")
    ask(handler(), "/orders/3/")
    assert told(seen) == [("GET /orders/<int:other>/", 302, BY_MIDDLEWARE)]


@doors
def test_a_resolver_that_fails_leaves_the_request_as_it_is(
    handler: Any, ask: Any, gated: Any, seen: Any
) -> None:
    gated("Hooked")
    assert ask(handler(), "/things/bad/")[0].startswith("302")
    assert told(seen) == [("<unmatched>", 302, {})]
    assert ASKED == ["bad"]


@doors
def test_what_the_projects_converters_do_meanwhile_is_not_recorded(
    handler: Any, ask: Any, gated: Any, seen: Any
) -> None:
    gated("Hooked")
    ask(handler(), "/things/a/")
    assert told(seen) == [("GET /things/<counting:name>/", 302, BY_MIDDLEWARE)]
    assert ASKED == ["a"]
    assert not [event for events, _, _ in seen[0].records for event in events if "looking up" in str(event)]


@doors
def test_routes_that_were_never_imported_are_not_imported_for_it(
    handler: Any, ask: Any, gated: Any, seen: Any, monkeypatch: Any, tmp_path: Any
) -> None:
    (tmp_path / "fanlight_gated_unread.py").write_text("urlpatterns = []\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(settings, "ROOT_URLCONF", "fanlight_gated_unread")
    gated("Hooked")
    ask(handler(), "/orders/3/")
    assert told(seen) == [("<unmatched>", 302, {})]
    assert "fanlight_gated_unread" not in sys.modules


@doors
@pytest.mark.parametrize(
    "gates", [("django.middleware.locale.LocaleMiddleware", "Hooked"), ("Hooked",)], ids=["chosen", "not-yet"]
)
def test_a_prefix_goes_by_the_requests_own_language(
    handler: Any, ask: Any, gates: Any, gated: Any, seen: Any
) -> None:
    gated(*gates)
    for url in ("/de/greeting/", "/greeting/", "/de/greeting/", "/fr/greeting/"):
        ask(handler(), url)
    assert [trace.endpoint for trace in seen] == [
        *("GET /de/greeting/", "GET /greeting/", "GET /de/greeting/", "<unmatched>")
    ]


@doors
def test_an_exception_before_the_route_stands_under_the_view(
    handler: Any, ask: Any, gated: Any, seen: Any
) -> None:
    gated("Raising")
    ask(handler(), "/orders/3/")
    assert told(seen) == [("GET /orders/<int:number>/", 500, BY_MIDDLEWARE)]
    assert seen[0].error == ("RuntimeError", "no session")


# Django says so of every such response that it serves the asynchronous way.
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")
@doors
def test_a_stream_is_named_likewise(handler: Any, ask: Any, gated: Any, seen: Any) -> None:
    gated("Streaming")
    assert ask(handler(), "/orders/3/")[2] == b"12"
    assert told(seen) == [("GET /orders/<int:number>/", 200, BY_MIDDLEWARE)]


@doors
def test_a_name_that_the_project_gave_stays(handler: Any, ask: Any, gated: Any, seen: Any) -> None:
    gated("Naming")
    ask(handler(), "/orders/3/")
    assert told(seen) == [("the gate", 302, {})]
    assert seen[0].asked is None


@doors
def test_what_answers_behind_the_route_was_named_by_it(handler: Any, ask: Any, gated: Any, seen: Any) -> None:
    gated("Before")
    ask(handler(), "/things/a/")
    assert told(seen) == [("GET /things/<counting:name>/", 302, {})]
    assert ASKED == ["a"]


@pytest.mark.parametrize("parts", [(WSGIHandler, wsgi, call), (ASGIHandler, asgi, call_later)])
def test_behind_a_server_and_something_around_it_is_the_same(parts: Any, gated: Any, seen: Any) -> None:
    (handler, door, ask) = parts
    gated("Hooked")
    ask(door(handler().__call__), "/orders/3/")
    assert told(seen) == [("GET /orders/<int:number>/", 302, BY_MIDDLEWARE)]


@doors
@pytest.mark.parametrize("query", ["", "?open"])
def test_nothing_of_a_request_is_kept_behind_it(
    handler: Any, ask: Any, query: str, gated: Any, seen: Any
) -> None:
    gated("Hooked")
    ask(handler(), f"/orders/3/{query}")
    gc.collect()
    assert seen[0].asked is None
    assert [reference() for reference in REQUESTS] == [None]


def test_a_client_that_left_before_anything_answered_asked_for_no_view(
    gated: Any, seen: Any, monkeypatch: Any
) -> None:
    waiting = asyncio.Event()

    @async_only_middleware
    def endless(get_response: Any) -> Any:
        async def middleware(request: Any) -> Any:
            REQUESTS.append(weakref.ref(request))
            waiting.set()
            await asyncio.Event().wait()

        return middleware

    monkeypatch.setattr(URLS, "endless", endless, raising=False)
    gated("endless")

    async def main() -> None:
        asked: list[Any] = []

        async def receive() -> Any:
            if asked:
                await waiting.wait()
                return {"type": "http.disconnect"}
            asked.append(True)
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            raise AssertionError(message)

        scope = {"type": "http", "method": "GET", "path": "/orders/3/", "headers": []}
        await ASGIHandler()(scope, receive, send)

    asyncio.run(main())
    gc.collect()
    assert told(seen) == [("<unmatched>", 0, {})]
    assert [reference() for reference in REQUESTS] == [None]
