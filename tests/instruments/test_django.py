"""Django: named by the route that took the request, every statement once, nothing else changed.

The installed version is the one that is tested; nothing here asks which one that is.
"""

from __future__ import annotations

import asyncio
import io
import sys
from types import ModuleType
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import FileResponse, Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import include, path, re_path
from django.utils.decorators import sync_and_async_middleware
from django.views import View

from fanlight.recording.asgi import asgi
from fanlight.recording.recorder import SWITCH, current
from fanlight.recording.wsgi import wsgi

URLS = ModuleType(settings.ROOT_URLCONF)
SUPPLIERS = ModuleType("fanlight_shop_suppliers")


class Orders(View):
    def get(self, request: Any, number: int) -> Any:
        return JsonResponse({"number": number})

    def post(self, request: Any, number: int) -> Any:
        return HttpResponse("made", status=201)


async def later(request: Any, name: str) -> Any:
    await asyncio.sleep(0)
    return HttpResponse(name, content_type="text/plain")


def broken(request: Any) -> Any:
    raise RuntimeError("token=hunter2 is wrong")


async def broken_later(request: Any) -> Any:
    raise RuntimeError("later")


def missing(request: Any) -> Any:
    raise Http404("hunter2")


def moved(request: Any) -> Any:
    return redirect("/orders/1/")


def stream(request: Any) -> Any:
    def chunks() -> Any:
        for number in range(3):
            with connection.cursor() as cursor:
                cursor.execute("SELECT %s", [number])
            yield str(number)

    return StreamingHttpResponse(chunks(), content_type="text/csv")


def file(request: Any) -> Any:
    return FileResponse(io.BytesIO(b"y" * 30_000), content_type="application/pdf")


def failed(request: Any) -> Any:
    return HttpResponse("no", status=503)


def statements(request: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [7])
        return HttpResponse(str(cursor.fetchone()[0]))


def nested(request: Any) -> Any:
    return HttpResponse(call(WSGIHandler(), "/orders/7/")[2])


def greeting(request: Any) -> Any:
    return HttpResponse(request.LANGUAGE_CODE)


@sync_and_async_middleware
def asynchronous(get_response: Any) -> Any:
    """A middleware of both kinds; one that is made for one alone is adapted by Django."""
    if iscoroutinefunction(get_response):

        async def middleware(request: Any) -> Any:
            return await get_response(request)

    else:

        def middleware(request: Any) -> Any:
            return get_response(request)

    return middleware


SUPPLIERS.urlpatterns = [
    path("", greeting),
    path("<slug:name>/later/", later),
    re_path(r"^(?P<year>[0-9]{4})/(?:page-(\d+)/)?$", lambda request, **_: HttpResponse("page")),
]
URLS.urlpatterns = [
    path("", greeting),
    path("orders/<int:number>/", Orders.as_view()),
    path("<str:tenant>/suppliers/", include([path("<int:number>", lambda *_, **__: HttpResponse("s"))])),
    path("suppliers/", include(SUPPLIERS)),
    path("broken/", broken),
    path("broken/later/", broken_later),
    path("missing/", missing),
    path("moved/", moved),
    path("stream/", stream),
    path("file/", file),
    path("failed/", failed),
    path("statements/", statements),
    path("nested/", nested),
    *i18n_patterns(path("greeting/", greeting), prefix_default_language=False),
]
URLS.asynchronous = asynchronous
sys.modules[URLS.__name__] = URLS
sys.modules[SUPPLIERS.__name__] = SUPPLIERS


def environ(url: str, method: str = "GET") -> dict[str, Any]:
    """Answer what a WSGI server tells of a request."""
    where, _, query = url.partition("?")
    request = {"REQUEST_METHOD": method, "PATH_INFO": where, "QUERY_STRING": query}
    server = {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    return {**request, **server, "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http"}


def call(app: Any, url: str, method: str = "GET", **more: Any) -> tuple[str, list[tuple[str, str]], bytes]:
    """Answer status, headers and body, asked for as a WSGI server does."""
    told: list[Any] = []
    body = app(
        {**environ(url, method), **more},
        lambda status, headers, exc_info=None: told.append((status, headers)),
    )
    try:
        data = b"".join(body)
    finally:
        body.close()
    return (*told[-1], data)


def call_later(app: Any, url: str, method: str = "GET") -> tuple[str, list[tuple[str, str]], bytes]:
    """Answer status, headers and body, asked for as an ASGI server does."""
    where, _, query = url.partition("?")
    scope = {"type": "http", "method": method, "path": where, "query_string": query.encode(), "headers": []}
    sent: list[Any] = []

    async def main() -> None:
        over = asyncio.Event()
        asked: list[Any] = []

        async def receive() -> Any:
            if not asked:
                asked.append(True)
                return {"type": "http.request"}
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)

    asyncio.run(main())
    headers = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
    return str(sent[0]["status"]), headers, b"".join(message.get("body", b"") for message in sent[1:])


CASES = [
    ("GET /", ("GET /", 200), "html"),
    ("GET /orders/3/", ("GET /orders/<int:number>/", 200), "json"),
    ("HEAD /orders/3/", ("GET /orders/<int:number>/", 200), "json"),
    ("POST /orders/3/", ("POST /orders/<int:number>/", 201), "html"),
    ("DELETE /orders/3/", ("DELETE /orders/<int:number>/", 405), "html"),
    ("BREW /orders/3/", ("OTHER /orders/<int:number>/", 405), "html"),
    ("GET /orders/hunter2", ("<unmatched>", 404), "html"),
    ("GET /orders/3", ("<unmatched>", 301), "html"),
    ("GET /hunter2/suppliers/3?q=hunter2", ("GET /<str:tenant>/suppliers/<int:number>", 200), "html"),
    ("GET /suppliers/", ("GET /suppliers/", 200), "html"),
    ("GET /suppliers/acme/later/", ("GET /suppliers/<slug:name>/later/", 200), "text"),
    ("GET /suppliers/2024/page-3/", ("GET /suppliers/<year>/page-<var>/", 200), "html"),
    ("GET /greeting/", ("GET /greeting/", 200), "html"),
    ("GET /de/greeting/", ("GET /de/greeting/", 200), "html"),
    ("GET /fr/greeting/", ("<unmatched>", 404), "html"),
    ("GET /broken/", ("GET /broken/", 500), "html"),
    ("GET /broken/later/", ("GET /broken/later/", 500), "html"),
    ("GET /missing/", ("GET /missing/", 404), "html"),
    ("GET /moved/", ("GET /moved/", 302), "html"),
    ("GET /file/", ("GET /file/", 200), "pdf"),
    ("GET /failed/", ("GET /failed/", 503), "html"),
    ("GET /statements/", ("GET /statements/", 200), "html"),
]
DOORS = [pytest.param(WSGIHandler, call, id="wsgi"), pytest.param(ASGIHandler, call_later, id="asgi")]


# Django says so of every file that it serves the asynchronous way.
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")
@pytest.mark.parametrize(("handler", "ask"), DOORS)
@pytest.mark.parametrize(("request_line", "endpoint", "segment"), CASES)
def test_a_request_is_named_by_its_route_and_its_response_is_the_same(
    handler: Any, ask: Any, request_line: str, endpoint: tuple[str, int], segment: str, seen: Any
) -> None:
    method, url = request_line.split()
    app = handler()
    SWITCH.sink = None
    without = ask(app, url, method)
    assert not seen
    SWITCH.sink = seen.append
    assert ask(app, url, method) == without
    assert seen.endpoints() == [endpoint]
    assert seen[0].segment == segment
    assert (seen[0].error is None) == (not url.startswith("/broken"))


@pytest.mark.parametrize(("handler", "ask"), DOORS)
def test_an_error_page_tells_the_exception(handler: Any, ask: Any, seen: Any) -> None:
    ask(handler(), "/broken/")
    ask(handler(), "/broken/later/")
    assert [trace.error for trace in seen] == [
        ("RuntimeError", "token=hunter2 is wrong"),
        ("RuntimeError", "later"),
    ]


def test_a_propagated_exception_is_raised_again(seen: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(settings, "DEBUG_PROPAGATE_EXCEPTIONS", True, raising=False)
    with pytest.raises(RuntimeError, match="hunter2"):
        call(WSGIHandler(), "/broken/")
    assert [(trace.endpoint, trace.error) for trace in seen] == [
        ("GET /broken/", ("RuntimeError", "token=hunter2 is wrong"))
    ]


def test_a_streamed_response_ends_with_its_close_and_holds_what_it_asks(seen: Any) -> None:
    told: list[Any] = []
    body = WSGIHandler()(environ("/stream/"), lambda *what: told.append(what))
    assert b"".join(body) == b"012"
    assert not seen
    assert current() is None
    body.close()
    assert seen.endpoints() == [("GET /stream/", 200)]
    assert [leaf for leaf in seen.leaves() if "%s" in leaf[1]] == [("sql.query.sqlite", "SELECT %s")] * 3


def test_a_response_that_is_all_there_is_handed_on_as_it_is_and_ends_its_request(seen: Any) -> None:
    for app in (WSGIHandler(), wsgi(WSGIHandler())):
        body = app(environ("/orders/3/"), lambda *_: None)
        assert isinstance(body, HttpResponse)
        assert len(seen.endpoints()) == 1
        body.close()
        assert len(seen.endpoints()) == 1
        seen.clear()


def test_a_file_goes_through_the_servers_wrapper(seen: Any) -> None:
    class Wrapper:
        def __init__(self, file: Any, size: int) -> None:
            self.file = file
            self.close = file.close

        def __iter__(self) -> Any:
            return iter([self.file.read()])

    status, _, data = call(WSGIHandler(), "/file/", **{"wsgi.file_wrapper": Wrapper})
    assert (status, len(data)) == ("200 OK", 30_000)
    assert seen.endpoints() == [("GET /file/", 200)]


@pytest.mark.parametrize(
    ("handler", "door", "ask"), [(WSGIHandler, wsgi, call), (ASGIHandler, asgi, call_later)]
)
def test_behind_a_servers_hook_a_request_counts_once(handler: Any, door: Any, ask: Any, seen: Any) -> None:
    ask(door(handler()), "/orders/3/")
    assert seen.endpoints() == [("GET /orders/<int:number>/", 200)]


def test_an_application_called_from_within_a_request_leaves_the_name(seen: Any) -> None:
    call(WSGIHandler(), "/nested/")
    assert seen.endpoints() == [("GET /nested/", 200)]


@pytest.mark.parametrize(("handler", "ask"), DOORS)
def test_statements_stand_in_their_request(handler: Any, ask: Any, seen: Any) -> None:
    ask(handler(), "/statements/")
    assert [payload for _, payload in seen.leaves("sql.query") if "%s" in payload] == ["SELECT %s"]
