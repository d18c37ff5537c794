"""Pyramid: named by route, or by context and view, whatever came of the request."""

from __future__ import annotations

from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden, HTTPFound
from pyramid.response import FileResponse, Response
from werkzeug.test import Client

from fanlight.recording.recorder import SWITCH
from fanlight.recording.wsgi import wsgi


class Root(dict[str, Any]):
    """Where a traversal begins."""


class Page:
    """What a traversal finds."""


class OopsError(Exception):
    """What an exception view makes a page of."""


def text(request: Any) -> Any:
    return Response("text", content_type="text/plain")


def broken(request: Any) -> Any:
    raise RuntimeError("token=hunter2 is wrong")


def handled(request: Any) -> Any:
    raise OopsError("later")


def forbidden(request: Any) -> Any:
    raise HTTPForbidden


def moved(request: Any) -> Any:
    raise HTTPFound("/orders/1")


def streamed(request: Any) -> Any:
    return Response(app_iter=(str(n).encode() for n in range(3)), content_type="text/csv")


def shop() -> Any:
    """Answer an application with routes, an included package of some, and a tree to traverse."""
    config = Configurator(root_factory=lambda request: Root(hunter2=Page()))
    for name, pattern, view in (
        ("order", "/orders/{number:\\d+}", text),
        ("day", "days/{year:\\d{4}}/{rest:.*}/*more", text),
        ("broken", "/broken", broken),
        ("handled", "handled", handled),
        ("forbidden", "/forbidden", forbidden),
        ("moved", "/moved", moved),
        ("stream", "/stream", streamed),
        (
            "file",
            "/file",
            lambda request: FileResponse(__file__, request=request, content_type="application/pdf"),
        ),
    ):
        config.add_route(name, pattern)
        config.add_view(view, route_name=name)
    config.add_route("posted", "/posted", request_method="POST")
    config.add_view(text, route_name="posted")
    config.add_exception_view(lambda error, request: Response("oops", status=500), context=OopsError)

    def included(inner: Any) -> None:
        inner.add_route("item", "/items/*rest")
        inner.add_view(text, route_name="item")

    config.include(included, route_prefix="/inner")
    config.add_view(text, context=Page)
    config.add_view(text, context=Page, name="edit", request_method="GET")
    return config.make_wsgi_app()


CASES = [
    ("GET", "/orders/3", "GET /orders/{number}", 200, "text"),
    ("HEAD", "/orders/3", "GET /orders/{number}", 200, "text"),
    ("GET", "/days/2026/a/b/c", "GET /days/{year}/{rest}/*more", 200, "text"),
    ("GET", "/orders/hunter2", "<unmatched>", 404, "text"),
    ("GET", "/handled", "GET /handled", 500, "html"),
    ("GET", "/forbidden", "GET /forbidden", 403, "text"),
    ("GET", "/moved", "GET /moved", 302, "text"),
    ("GET", "/stream", "GET /stream", 200, "csv"),
    ("GET", "/file", "GET /file", 200, "pdf"),
    ("POST", "/posted", "POST /posted", 200, "text"),
    ("GET", "/posted", "<unmatched>", 404, "text"),
    ("GET", "/inner/items/hunter2/x", "GET /inner/items/*rest", 200, "text"),
    ("GET", "/hunter2", "GET <Page>", 200, "text"),
    ("GET", "/hunter2/edit", "GET <Page>/edit", 200, "text"),
    ("POST", "/hunter2/edit", "<unmatched>", 404, "text"),
    ("GET", "/hunter2/hunter2", "<unmatched>", 404, "text"),
]


@pytest.mark.parametrize(("method", "path", "endpoint", "status", "segment"), CASES)
def test_a_request_is_named_by_route_or_view(
    method: str, path: str, endpoint: str, status: int, segment: str, seen: Any
) -> None:
    response = Client(shop()).open(path, method=method)
    response.close()
    assert response.status_code == status
    assert seen.endpoints() == [(endpoint, status)]
    assert seen[0].segment == segment
    assert "hunter2" not in repr(vars(seen[0]))


@pytest.mark.parametrize(("method", "path"), [(case[0], case[1]) for case in CASES])
def test_responses_are_the_same_with_and_without(method: str, path: str, seen: Any) -> None:
    def response() -> Any:
        answer = Client(shop()).open(path, method=method)
        data = answer.data
        answer.close()
        return answer.status, list(answer.headers), data

    with_us = response()
    SWITCH.sink = None
    assert response() == with_us


def test_an_exception_is_the_traces_whether_a_view_shows_it_or_not(seen: Any) -> None:
    with pytest.raises(RuntimeError):
        Client(shop()).get("/broken")
    Client(shop()).get("/handled").close()
    Client(shop()).get("/forbidden").close()
    assert seen.endpoints() == [("GET /broken", 0), ("GET /handled", 500), ("GET /forbidden", 403)]
    assert [trace.error and trace.error[0].rpartition(".")[2] for trace in seen] == [
        "RuntimeError",
        "OopsError",
        None,
    ]


def test_traced_by_a_server_too_a_request_counts_once(seen: Any) -> None:
    Client(wsgi(wsgi(shop()))).get("/orders/3").close()
    assert seen.endpoints() == [("GET /orders/{number}", 200)]


def test_a_subrequest_is_part_of_its_request(seen: Any) -> None:
    config = Configurator()
    config.add_route("outer", "/outer")
    config.add_view(lambda request: request.invoke_subrequest(request.blank("/orders")), route_name="outer")
    config.add_route("order", "/orders")
    config.add_view(text, route_name="order")
    assert Client(config.make_wsgi_app()).get("/outer").text == "text"
    assert seen.endpoints() == [("GET /outer", 200)]


def test_a_file_is_one_leaf_without_its_name(tmp_path: Any, seen: Any) -> None:
    (tmp_path / "hunter2.css").write_text("hunter2")
    config = Configurator()
    config.add_route("sent", "/sent")
    config.add_view(
        lambda request: FileResponse(str(tmp_path / "hunter2.css"), request=request, content_type="x/y"),
        route_name="sent",
    )
    config.add_static_view("files", str(tmp_path))
    for path in ("/sent", "/files/hunter2.css"):
        response = Client(config.make_wsgi_app()).get(path)
        assert response.text == "hunter2"
        response.close()
    assert seen.leaves() == [("file.send", ("x/y", None)), ("file.send", ("text/css", None))]
