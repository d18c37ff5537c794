"""The applications of the matrix: one small shop in every framework, and in none at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

QUERY = """
import sqlite3

def ask(number):
    connection = sqlite3.connect(":memory:")
    try:
        return connection.execute("SELECT ?", (int(number),)).fetchone()[0]
    finally:
        connection.close()
"""
"""What every one of them does for an order: one statement."""

DJANGO = """
import os
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"], DEBUG=False, ROOT_URLCONF=__name__, SECRET_KEY="only a test", USE_TZ=True,
    WSGI_APPLICATION=__name__ + ".app",
)
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

def order(request, number):
    return JsonResponse({"number": ask(number)})

urlpatterns = [path("orders/<int:number>", order)]
app = get_wsgi_application() if os.environ.get("SITE_INTERFACE") == "wsgi" else get_asgi_application()
"""

FLASK = """
import flask

app = flask.Flask("shop")

@app.get("/orders/<int:number>")
def order(number):
    return {"number": ask(number)}
"""

PYRAMID = """
from pyramid.config import Configurator

def order(request):
    return {"number": ask(request.matchdict["number"])}

with Configurator() as config:
    config.add_route("order", "/orders/{number}")
    config.add_view(order, route_name="order", renderer="json")
    app = config.make_wsgi_app()
"""

FASTAPI = """
from fastapi import FastAPI

app = FastAPI()

@app.get("/orders/{number}")
def order(number: int):
    return {"number": ask(number)}
"""

STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def order(request):
    return JSONResponse({"number": ask(request.path_params["number"])})

app = Starlette(routes=[Route("/orders/{number:int}", order)])
"""

BARE_WSGI = """
def app(environ, start_response):
    number = environ["PATH_INFO"].removeprefix("/orders/")
    if not number.isdigit():
        start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]
    text = b'{"number": %d}' % ask(number)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]
"""

BARE_ASGI = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("only requests are served")
    number = scope["path"].removeprefix("/orders/")
    status, text = 404, b""
    if number.isdigit():
        status, text = 200, b'{"number": %d}' % ask(number)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
"""


class Site(NamedTuple):
    """An application of the matrix.

    Attributes:
        source: its code, behind `QUERY`; `app` is what a server loads.
        interfaces: `wsgi`, `asgi`, or both.
        endpoint: of an order; None for what has no routes, so that nobody can name it.
    """

    source: str
    interfaces: tuple[str, ...]
    endpoint: str | None


SITES = {
    "Django": Site(DJANGO, ("wsgi", "asgi"), "GET /orders/<int:number>"),
    "Flask": Site(FLASK, ("wsgi",), "GET /orders/<int:number>"),
    "FastAPI": Site(FASTAPI, ("asgi",), "GET /orders/{number}"),
    "Starlette": Site(STARLETTE, ("asgi",), "GET /orders/{number}"),
    "Pyramid": Site(PYRAMID, ("wsgi",), "GET /orders/{number}"),
    "bare WSGI": Site(BARE_WSGI, ("wsgi",), None),
    "bare ASGI": Site(BARE_ASGI, ("asgi",), None),
}


# What stands in front has no framework: it answers some requests itself and passes the others on.
WSGI = Site(
    FLASK.replace("app", "inner")
    + """
def app(environ, start_response):
    if environ["PATH_INFO"].startswith("/orders/"):
        return inner(environ, start_response)
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"no"]
""",
    ("wsgi",),
    "GET /orders/<int:number>",
)
ASGI = Site(
    STARLETTE.replace("app =", "inner =")
    + """
async def app(scope, receive, send):
    if scope["type"] != "http" or scope["path"].startswith("/orders/"):
        await inner(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})
""",
    ("asgi",),
    "GET /orders/{number}",
)
FRONTS = {"wsgi": WSGI, "asgi": ASGI}
"""An application of both kinds, by interface: what it answers itself has no name, the rest has."""


def write(site: Site, folder: Path) -> None:
    """Write an application into a folder, as `site_app.py`."""
    (folder / "site_app.py").write_text(QUERY + site.source)
