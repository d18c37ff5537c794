"""Flask: named by the rule that took the request, whatever came of it, under any server."""

from __future__ import annotations

import importlib
import io
from typing import Any

import flask
import pytest
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, create_environ
from werkzeug.wsgi import ClosingIterator

from fanlight.recording.location import OWN
from fanlight.recording.recorder import SWITCH, current
from fanlight.recording.wsgi import wsgi

MADE_BEFORE = flask.Flask("made_at_import")


class Orders(MethodView):
    def get(self, number: int) -> dict[str, int]:
        return {"number": number}

    def post(self, number: int) -> tuple[str, int]:
        return "made", 201


def shop() -> flask.Flask:
    """Answer an application made by a factory, with blueprints inside of each other."""
    app = flask.Flask("shop")
    inner = flask.Blueprint("inner", __name__, url_prefix="/inner")
    outer = flask.Blueprint("outer", __name__, url_prefix="/outer/<tenant>")

    @inner.route("/item/<path:name>")
    def item(tenant: str, name: str) -> str:
        return tenant + name

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.add_url_rule("/orders/<int:number>", view_func=Orders.as_view("orders"))

    @app.route("/broken")
    def broken() -> str:
        raise RuntimeError("token=hunter2 is wrong")

    @app.route("/missing")
    def missing() -> str:
        flask.abort(410)

    @app.route("/moved")
    def moved() -> Any:
        return flask.redirect("/orders/1")

    @app.route("/same")
    def same() -> Any:
        return flask.Response(status=304)

    @app.route("/slash/")
    def slash() -> str:
        return "/"

    streams(app)

    @app.before_request
    def closed() -> Any:
        return ("closed", 403) if flask.request.args.get("closed") else None

    @app.route("/nested")
    def nested() -> str:
        return app.test_client().get("/orders/7").text

    return app


def streams(app: flask.Flask) -> None:
    """Add routes whose bodies are made while they are sent."""

    @app.route("/stream")
    def stream() -> Any:
        return flask.Response((str(n).encode() for n in range(5)), mimetype="text/csv")

    @app.route("/context")
    def context() -> Any:
        def chunks() -> Any:
            yield flask.request.path
            yield "!"

        return flask.Response(flask.stream_with_context(chunks()))

    @app.route("/file")
    def file() -> Any:
        return flask.send_file(io.BytesIO(b"y" * 30_000), mimetype="application/pdf")


CASES = [
    ("GET", "/orders/3", "GET /orders/<int:number>", 200, "json"),
    ("HEAD", "/orders/3", "GET /orders/<int:number>", 200, "json"),
    ("POST", "/orders/3", "POST /orders/<int:number>", 201, "html"),
    ("OPTIONS", "/orders/3", "OPTIONS /orders/<int:number>", 200, "html"),
    ("DELETE", "/orders/3", "<unmatched>", 405, "html"),
    ("GET", "/orders/hunter2", "<unmatched>", 404, "html"),
    (
        "GET",
        "/outer/hunter2/inner/item/a/b?q=hunter2",
        "GET /outer/<tenant>/inner/item/<path:name>",
        200,
        "html",
    ),
    ("GET", "/broken", "GET /broken", 500, "html"),
    ("GET", "/missing", "GET /missing", 410, "html"),
    ("GET", "/moved", "GET /moved", 302, "html"),
    ("GET", "/same", "GET /same", 304, ""),
    ("GET", "/slash", "<unmatched>", 308, "html"),
    ("GET", "/stream", "GET /stream", 200, "csv"),
    ("HEAD", "/stream", "GET /stream", 200, "csv"),
    ("GET", "/context", "GET /context", 200, "html"),
    ("GET", "/file", "GET /file", 200, "pdf"),
    ("GET", "/orders/3?closed=1", "GET /orders/<int:number>", 403, "html"),
    ("GET", "/nested", "GET /nested", 200, "html"),
]


@pytest.mark.parametrize(("method", "path", "endpoint", "status", "segment"), CASES)
def test_a_request_is_named_by_its_rule(
    method: str, path: str, endpoint: str, status: int, segment: str, seen: Any
) -> None:
    response = Client(shop()).open(path, method=method)
    response.close()
    assert response.status_code == status
    assert seen.endpoints() == [(endpoint, status)]
    if status != 304:
        assert seen[0].segment == segment


@pytest.mark.parametrize(("method", "path"), [(case[0], case[1]) for case in CASES])
def test_responses_are_the_same_with_and_without(method: str, path: str, seen: Any) -> None:
    def answer() -> tuple[int, list[tuple[str, str]], bytes]:
        response = Client(shop()).open(path, method=method)
        headers = [pair for pair in response.headers.items() if pair[0] not in ("Date", "Last-Modified")]
        data = response.data
        response.close()
        return response.status_code, headers, data

    SWITCH.sink = None
    without = answer()
    assert not seen
    SWITCH.sink = seen.append
    assert answer() == without


def test_an_error_page_tells_the_exception(seen: Any) -> None:
    Client(shop()).get("/broken").close()
    assert seen[0].error == ("RuntimeError", "token=hunter2 is wrong")


def test_a_propagated_exception_is_raised_again(seen: Any) -> None:
    app = shop()
    app.testing = True
    with pytest.raises(RuntimeError):
        Client(app).get("/broken")
    assert seen[0].error[0] == "RuntimeError"
    assert seen[0].endpoint == "GET /broken"


def test_an_application_made_before_the_start_is_seen(seen: Any) -> None:
    Client(MADE_BEFORE).get("/nothing").close()
    assert seen.endpoints() == [("<unmatched>", 404)]


def test_behind_a_server_hook_and_a_middleware_a_request_counts_once(seen: Any) -> None:
    app = shop()

    class Middleware:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __call__(self, environ: Any, start_response: Any) -> Any:
            assert current() is not None
            return self.inner(environ, start_response)

    app.wsgi_app = Middleware(app.wsgi_app)  # type: ignore[method-assign]
    Client(wsgi(app)).get("/orders/3").close()
    assert seen.endpoints() == [("GET /orders/<int:number>", 200)]


def test_a_mounted_application_is_named_by_its_mounts_and_its_rule(seen: Any) -> None:
    inner = DispatcherMiddleware(MADE_BEFORE, {"/shop": shop()})
    mounted = DispatcherMiddleware(shop(), {"/shop": shop(), "/outer/most": inner})
    for path in ("/orders/3", "/shop/orders/3", "/outer/most/shop/orders/3", "/shop/hunter2"):
        Client(wsgi(mounted)).get(path).close()
    assert seen.endpoints() == [
        ("GET /orders/<int:number>", 200),
        ("GET /shop/orders/<int:number>", 200),
        ("GET /outer/most/shop/orders/<int:number>", 200),
        ("<unmatched>", 404),
    ]


def test_a_prefix_that_no_mount_is_known_for_stays_out_of_the_name(seen: Any) -> None:
    app = shop()

    def by_tenant(environ: Any, start_response: Any) -> Any:
        tenant, _, path = environ["PATH_INFO"].removeprefix("/").partition("/")
        environ["SCRIPT_NAME"] += f"/{tenant}"
        environ["PATH_INFO"] = f"/{path}"
        return app(environ, start_response)

    Client(wsgi(DispatcherMiddleware(MADE_BEFORE, {"/shops": by_tenant}))).get(
        "/shops/hunter2/orders/3"
    ).close()
    Client(wsgi(by_tenant)).get("/hunter2/orders/3").close()
    assert [endpoint for endpoint, _ in seen.endpoints()] == [
        "GET <mount>/orders/<int:number>",
        "GET /orders/<int:number>",
    ]


def test_an_endpoint_that_the_application_names_stays(seen: Any) -> None:
    from fanlight.recording.lanes import LANE

    app = flask.Flask("named")

    @app.route("/x")
    def x() -> str:
        LANE.get().trace.set_endpoint("my name", 3)
        return ""

    Client(app).get("/x").close()
    assert seen[0].endpoint == "my name"


def test_an_unsampled_request_is_named_and_counted_without_spans(seen: Any) -> None:
    SWITCH.sample = 0.0
    SWITCH.draw = lambda: 0.5
    app = flask.Flask("unsampled")

    @app.route("/x")
    def x() -> str:
        assert current() is None
        return ""

    Client(app).get("/x").close()
    assert seen.endpoints() == [("GET /x", 200)]
    assert seen[0].records[0][0] == []


def test_templates_are_spans_with_their_names(seen: Any) -> None:
    import jinja2

    app = flask.Flask("templates")
    app.jinja_loader = jinja2.DictLoader(
        {
            "page.html": "{% extends 'base.html' %}{% block a %}{% include 'part.html' %}{% endblock %}",
            "base.html": "<{% block a %}{% endblock %}>",
            "part.html": "{{ x }}",
        }
    )

    @app.route("/")
    def page() -> str:
        return flask.render_template("page.html", x=1) + flask.render_template_string("{{ x }}", x=2)

    assert Client(app).get("/").text == "<1>2"
    assert seen.handled() == [
        ("view.render", "page.html"),
        ("view.render", "part.html"),
        ("view.render", None),
    ]


def test_a_file_is_one_leaf_without_its_name(tmp_path: Any, seen: Any) -> None:
    (tmp_path / "hunter2.txt").write_text("hunter2")
    app = flask.Flask("shop", static_folder=tmp_path)
    app.add_url_rule(
        "/sent", view_func=lambda: flask.send_from_directory(tmp_path, "hunter2.txt", as_attachment=True)
    )
    for path in ("/sent", f"/{tmp_path.name}/hunter2.txt"):
        response = Client(app).get(path)
        assert response.text == "hunter2"
        response.close()
    assert seen.leaves() == [("file.send", ("text/plain", True)), ("file.send", ("text/plain", False))]


def test_an_installed_application_is_the_applications_own_code(tmp_path: Any, monkeypatch: Any) -> None:
    package = tmp_path / "site-packages" / "installed_shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(OWN, "installed", ())
    importlib.import_module("installed_shop")
    assert OWN[str(package / "views.py")] == ""
    flask.Flask("installed_shop")
    assert OWN[str(package / "views.py")] == "installed_shop/views.py"


def answered(app: Any, path: str) -> Any:
    """Answer the body that an application gives its server."""
    return app(create_environ(path), lambda *_: None)


def rewriting(app: Any) -> Any:
    """Answer a middleware that makes the body anew while it is sent."""
    return lambda environ, start_response: (chunk.upper() for chunk in app(environ, start_response))


@pytest.mark.parametrize("around", [lambda app: app, wsgi], ids=["alone", "in a server"])
def test_a_text_response_is_handed_on_as_it_is_and_ends_its_request(around: Any, seen: Any) -> None:
    body = answered(around(shop()), "/orders/3")
    assert isinstance(body, ClosingIterator)
    assert seen.endpoints() == [("GET /orders/<int:number>", 200)]
    body.close()
    assert len(seen.endpoints()) == 1


@pytest.mark.parametrize("path", ["/stream", "/context", "/file", "/called"])
def test_a_response_that_still_runs_code_ends_its_request_when_it_is_closed(path: str, seen: Any) -> None:
    app, closed = shop(), []

    @app.route("/called")
    def called() -> Any:
        response = flask.Response("done")
        response.call_on_close(lambda: closed.append(len(seen.endpoints())))
        return response

    body = answered(app, path)
    assert seen.endpoints() == []
    body.close()
    assert seen.endpoints() == [(f"GET {path}", 200)]
    assert closed == ([0] if path == "/called" else [])


def test_a_body_that_a_middleware_made_ends_its_request_when_it_is_over(seen: Any) -> None:
    body = answered(wsgi(rewriting(shop())), "/slash/")
    assert seen.endpoints() == []
    assert b"".join(body) == b"/"
    body.close()
    assert seen.endpoints() == [("GET /slash/", 200)]
