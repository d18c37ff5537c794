"""One contender in one scenario in a fresh process: measures a chunk whenever it is told to.

Each line on standard input asks for one chunk; the answer is a line of JSON with CPU µs per unit.
`main` is the calling thread's CPU inside the loop: what a request waits for. `all_in` is the whole
process's since the chunk before: background threads, encoding, sending and flushing included.
Everything recorded is flushed after each chunk, so nobody wins by dropping; the caller compares
with what the sink received.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "contenders"))

TRACES_PER_CHUNK = 25
REQUESTS_PER_CHUNK = 40
WARM_UP_CHUNKS = 10


def measure(
    unit: Callable[[], object], flush: Callable[[], object], per_chunk: int, asked: Iterable[str]
) -> None:
    """Run a chunk for each line that comes, after some to warm up, and tell what it cost."""
    for _ in range(WARM_UP_CHUNKS):
        chunk(unit, per_chunk)
        flush()
    units = WARM_UP_CHUNKS * per_chunk
    tell(units=units)
    before_ns = time.process_time_ns()
    for _ in asked:
        main_ns = chunk(unit, per_chunk)
        flush()
        units += per_chunk
        now_ns = time.process_time_ns()
        all_in_ns, before_ns = now_ns - before_ns, now_ns
        tell(main_us=main_ns / per_chunk / 1e3, all_in_us=all_in_ns / per_chunk / 1e3, units=units)


def chunk(unit: Callable[[], object], times: int) -> int:
    """Answer the calling thread's CPU ns for so many units."""
    began_ns = time.thread_time_ns()
    for _ in range(times):
        unit()
    return time.thread_time_ns() - began_ns


def tell(**figures: float) -> None:
    """Answer one line."""
    print(json.dumps(figures), flush=True)


def trace20(contender: Any, asked: Iterable[str]) -> None:
    """A root with 20 children, one attribute each."""
    measure(contender.trace20, contender.flush, TRACES_PER_CHUNK, asked)


def flask(contender: Any, asked: Iterable[str]) -> None:
    """One request through a Flask application object."""
    measure(request(contender, "/hello/world"), contender.flush, REQUESTS_PER_CHUNK, asked)


def sqlalchemy(contender: Any, asked: Iterable[str]) -> None:
    """One Flask request that asks a database 20 times through SQLAlchemy Core."""
    measure(request(contender, "/queries"), contender.flush, REQUESTS_PER_CHUNK, asked)


def request(contender: Any, path: str) -> Callable[[], None]:
    """Answer a function that sends one GET through the instrumented application object."""
    app = contender.web(*application())

    def start_response(_status: str, _headers: Any, _error: Any = None) -> Callable[[bytes], object]:
        return lambda _: None

    def unit() -> None:
        body = app(environ(path), start_response)
        for _ in body:
            pass
        body.close()

    unit()
    return unit


def application() -> tuple[Any, Any]:
    from flask import Flask
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import StaticPool

    app = Flask("bench")
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT)"))
        connection.execute(text("INSERT INTO product (name) VALUES ('fan'), ('light')"))
    statement = text("SELECT name FROM product WHERE id = :id")

    @app.get("/hello/<name>")
    def hello(name: str) -> str:
        return f"hello {name}"

    @app.get("/queries")
    def queries() -> str:
        with engine.connect() as connection:
            for number in range(20):
                connection.execute(statement, {"id": number}).all()
        return "done"

    return app, engine


def environ(path: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_USER_AGENT": "bench",
        "HTTP_ACCEPT": "*/*",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def off(contender: Any, asked: Iterable[str]) -> None:
    """A thousand spans where nothing was started: what a library's instrumentation costs others."""
    measure(contender.off, lambda: None, 5, asked)


def calls(contender: Any, asked: Iterable[str]) -> None:
    """Python-level calls per child span with one attribute: exact, the same on every machine."""
    contender.trace20()
    counted = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event == "call"

    def between(children: int) -> int:
        nonlocal counted
        counted = 0
        sys.setprofile(count)
        contender.trace20(children)
        sys.setprofile(None)
        return counted

    twenty, forty = between(20), between(40)
    tell(units=0)
    for _ in asked:
        tell(calls=(forty - twenty) / 20, units=0)


SCENARIOS = {"trace20": trace20, "flask": flask, "sqlalchemy": sqlalchemy, "off": off, "calls": calls}


def main() -> None:
    name, scenario, port, path = sys.argv[1:]
    # The library first, as its documentation asks for; then the application's frameworks.
    contender = importlib.import_module(name)
    if scenario != "off":
        contender.start(int(port), path)
    SCENARIOS[scenario](contender, sys.stdin)
    # How a contender leaves is not measured here.
    os._exit(0)


if __name__ == "__main__":
    main()
