"""The servers of the matrix: how each is started on a port, with `site_app:app` in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

BIN = Path(sys.executable).parent

SERVE = """
import sys
from site_app import app

kind, port = sys.argv[1], int(sys.argv[2])
threads = int(sys.argv[3]) if len(sys.argv) > 3 else 10
if kind == "wsgiref":
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    WSGIServer.request_queue_size = 64
    WSGIRequestHandler.log_message = lambda *what: None
    make_server("127.0.0.1", port, app).serve_forever()
elif kind == "cheroot":
    from cheroot.wsgi import Server

    Server(("127.0.0.1", port), app, numthreads=threads).start()
elif kind == "werkzeug":
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, app, threaded=threads > 1)
"""
"""For servers that are started from code."""


class Server(NamedTuple):
    """A server of the matrix.

    Attributes:
        interface: `wsgi` or `asgi`.
        command: its words; `PORT` stands for the port.
        is_abrupt: whether SIGTERM may end it in the middle of things, whatever waits: uWSGI does so with a
            worker that has answered and is not quite done.
    """

    interface: str
    command: tuple[str, ...]
    is_abrupt: bool = False


def program(name: str, *words: str) -> tuple[str, ...]:
    """Answer the command of a program that was installed with pip."""
    return (str(BIN / name), *words)


def gunicorn(*options: str) -> tuple[str, ...]:
    """Answer a gunicorn command."""
    return program("gunicorn", "--no-control-socket", "-b", "127.0.0.1:PORT", *options, "site_app:app")


def uvicorn(*options: str) -> tuple[str, ...]:
    """Answer a uvicorn command."""
    return program("uvicorn", "--port", "PORT", "--no-access-log", *options, "site_app:app")


def granian(interface: str) -> tuple[str, ...]:
    """Answer a granian command."""
    return program("granian", "--interface", interface, "--port", "PORT", "--workers", "1", "site_app:app")


def hypercorn(interface: str) -> tuple[str, ...]:
    """Answer a hypercorn command."""
    return program("hypercorn", "-b", "127.0.0.1:PORT", "--workers", "1", f"{interface}:site_app:app")


def uwsgi(*options: str) -> tuple[str, ...]:
    """Answer a uWSGI command; it gives files back that it has not opened, so the port is its own."""
    common = ("--http-socket", "127.0.0.1:PORT", "--need-app", "--die-on-term", "--disable-logging")
    return program("uwsgi", *common, "--master", "--listen", "64", *options)


def waitress() -> tuple[str, ...]:
    """Answer a waitress command."""
    return program("waitress-serve", "--listen=127.0.0.1:PORT", "site_app:app")


def code(kind: str, *options: str) -> tuple[str, ...]:
    """Answer the command of a server that is started from code: `SERVE`, as serve.py."""
    return sys.executable, "serve.py", kind, "PORT", *options


SERVERS = {
    "gunicorn sync": Server("wsgi", gunicorn("-w", "2")),
    "gunicorn gthread": Server("wsgi", gunicorn("-k", "gthread", "--threads", "4")),
    "gunicorn gevent": Server("wsgi", gunicorn("-k", "gevent")),
    "gunicorn asgi": Server("asgi", gunicorn("-k", "asgi")),
    "gunicorn UvicornWorker": Server("asgi", gunicorn("-k", "uvicorn_worker.UvicornWorker")),
    "uvicorn h11": Server("asgi", uvicorn("--http", "h11", "--loop", "asyncio")),
    "uvicorn httptools": Server("asgi", uvicorn("--http", "httptools", "--loop", "uvloop")),
    "uvicorn --interface wsgi": Server("wsgi", uvicorn("--interface", "wsgi")),
    "granian --interface asgi": Server("asgi", granian("asgi")),
    "granian --interface wsgi": Server("wsgi", granian("wsgi")),
    "hypercorn": Server("asgi", hypercorn("asgi")),
    "hypercorn WSGI": Server("wsgi", hypercorn("wsgi")),
    "waitress": Server("wsgi", waitress()),
    "uWSGI": Server("wsgi", uwsgi("--module", "site_app:app", "--processes", "2"), is_abrupt=True),
    "uWSGI --wsgi-file": Server(
        "wsgi", uwsgi("--wsgi-file", "site_app.py", "--callable", "app", "--threads", "2"), is_abrupt=True
    ),
    "cheroot": Server("wsgi", code("cheroot")),
    "Werkzeug": Server("wsgi", code("werkzeug")),
    "wsgiref": Server("wsgi", code("wsgiref")),
}
