"""Every server, at the callable that it calls: each request once, whatever stands inside."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from matrix_servers import BIN, SERVERS, gunicorn, program, uvicorn
from matrix_serving import measure, serving
from matrix_sites import FLASK, FRONTS, QUERY, STARLETTE, Site, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def judge(server: str, requests: int, folder: Path) -> None:
    """Fail unless each request came once, rightly named and nested, and no response differs."""
    if server.startswith("uWSGI") and not (BIN / "uwsgi").exists():
        pytest.skip("uWSGI could not be built here")
    found = measure(SERVERS[server], FRONTS[SERVERS[server].interface], folder, requests)
    assert found.is_right(requests - requests // 10), found


@pytest.mark.parametrize("server", SERVERS)
def test_no_request_is_lost_or_doubled_and_no_response_differs(server: str, folder: Path) -> None:
    judge(server, 200, folder)


@pytest.mark.soak
@pytest.mark.parametrize("server", SERVERS)
def test_none_of_ten_thousand_requests_is_lost_or_doubled(
    server: str, folder: Path, record_property: Callable[[str, object], None]
) -> None:
    judge(server, 10_000, folder)
    record_property("measured", "of 10000 requests on each server 0 lost, 0 doubled")
    record_property("limit", "0")


def counted(
    site: str, command: tuple[str, ...], paths: list[str], folder: Path, receiver: Any
) -> Counter[str]:
    """Answer how often each endpoint was counted; the server's end makes the count final."""
    write(Site(site, (), None), folder)
    with serving(command, folder, receiver) as running:
        for answer in running.ask_many(paths):
            assert b" 200 " in answer.partition(b"\r\n")[0], running.log.read_text()
        assert receiver.wait(lambda: len(receiver.traces) >= len(paths), 60), running.log.read_text()
    return Counter(trace.endpoint for trace in receiver.traces)


ORDERS = [f"/orders/{number}" for number in range(20)]


def test_a_vendored_framework_is_counted_without_a_name(folder: Path, receiver: Any) -> None:
    vendored = """
import flask, sys, types

# A copy under a name of the application's own, which no instrument waits for.
source = open(flask.app.__file__).read()
kept = types.ModuleType("flask.vendored")
sys.modules["flask.vendored"] = kept
kept.__file__ = flask.app.__file__
exec(compile(source, "vendored", "exec"), kept.__dict__)

app = kept.Flask("shop")

@app.get("/orders/<int:number>")
def order(number):
    return {"number": ask(number)}
"""
    assert counted(vendored, gunicorn(), ORDERS, folder, receiver) == {"<unmatched>": 20}
    assert {trace.shape[1] for trace in receiver.traces} == {(("db.sql.query", ()),)}


def test_wsgi_mounted_in_asgi_is_one_request_named_by_what_is_inside(folder: Path, receiver: Any) -> None:
    mounted = (
        FLASK.replace("app", "inner")
        + """
from a2wsgi import WSGIMiddleware
from starlette.applications import Starlette
from starlette.routing import Mount

app = Starlette(routes=[Mount("/", app=WSGIMiddleware(inner))])
"""
    )
    assert counted(mounted, uvicorn(), ORDERS, folder, receiver) == {"GET /orders/<int:number>": 20}
    assert {trace.shape for trace in receiver.traces} == {("app.asgi.request", (("db.sql.query", ()),))}


@pytest.mark.parametrize(
    ("site", "command"),
    [
        (FLASK + "\nimport fanlight\napp = fanlight.wsgi(fanlight.wsgi(app))\n", program("waitress-serve")),
        (STARLETTE + "\nimport fanlight\napp = fanlight.asgi(fanlight.asgi(app))\n", uvicorn()[:1]),
    ],
    ids=["wsgi", "asgi"],
)
def test_wrapped_twice_more_counts_once(
    site: str, command: tuple[str, ...], folder: Path, receiver: Any
) -> None:
    listening = ("--port", "PORT") if "uvicorn" in command[0] else ("--listen=127.0.0.1:PORT",)
    [(name, count)] = counted(site, (*command, *listening, "site_app:app"), ORDERS, folder, receiver).items()
    assert name.startswith("GET /orders/")
    assert count == 20


def test_an_agent_started_by_code_under_granian_meets_the_boundary(folder: Path, receiver: Any) -> None:
    started = f"""
import fanlight
fanlight.start("shop", dsn="unix://{receiver.path}")

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % ask(environ["PATH_INFO"].removeprefix("/orders/"))]
"""
    (folder / "site_app.py").write_text(QUERY + started)
    command = program("granian", "--interface", "wsgi", "--port", "PORT", "site_app:app")
    with serving(command, folder, None) as running:
        running.ask_many(ORDERS)
        assert receiver.wait(lambda: len(receiver.traces) >= 20, 60), running.log.read_text()
    assert Counter(trace.endpoint for trace in receiver.traces) == {"<unmatched>": 20}
