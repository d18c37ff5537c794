"""One contender in one scenario in a fresh process: measures some chunks whenever it is told to.

Each line on standard input asks for so many chunks; the answer is a line of JSON with CPU µs per unit.
`main` is the calling thread's CPU inside the loop: what a request waits for. `all_in` is the whole
process's since the answer before: background threads, encoding, sending and flushing included.
Everything recorded is flushed after each chunk, so nobody wins by dropping; the caller compares
with what the sink received.

What a contender adds to an application is read against a twin: a process forked from this one
before anything was instrumented. Two processes that were started apart differ by 10 % for reasons
of their own, and what is added is less than that.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "contenders"))

PLACE = (int(sys.argv[3]), sys.argv[4]) if sys.argv[0].endswith("cell.py") else (0, "")
"""The sink's port and socket."""
TRACES_PER_CHUNK = 25
REQUESTS_PER_CHUNK = 40
WARM_UP_CHUNKS = 10


class Twin:
    """This process as it was before `work` began, doing the same work uninstrumented.

    Args:
        work: takes lines and answers on standard output; runs in the twin.
    """

    def __init__(self, work: Callable[[Iterable[str]], None]) -> None:
        here, there = socket.socketpair()
        if os.fork() == 0:
            here.close()
            with there.makefile("r") as asked, there.makefile("w") as sys.stdout:
                work(asked)
            os._exit(0)
        there.close()
        self.socket = here
        self.answers = here.makefile("rw")
        self.answers.readline()  # it is warm

    def ask(self, line: str) -> dict[str, float]:
        """Let it do as many chunks; answer what they cost."""
        self.answers.write(line)
        self.answers.flush()
        answer: dict[str, float] = json.loads(self.answers.readline())
        return answer

    def close(self) -> None:
        """Let it end."""
        self.answers.close()
        self.socket.close()


def measure(
    unit: Callable[[], object],
    flush: Callable[[], object],
    per_chunk: int,
    asked: Iterable[str],
    twin: Twin | None = None,
) -> None:
    """Run as many chunks as each line says, after some to warm up, and tell what they cost."""
    for _ in range(WARM_UP_CHUNKS):
        chunk(unit, per_chunk)
        flush()
    units = WARM_UP_CHUNKS * per_chunk
    tell(units=units)
    before_ns = time.process_time_ns()
    for turn, line in enumerate(asked):
        plain = twin.ask(line) if twin is not None and turn % 2 else {}
        main_ns = 0
        for _ in range(int(line)):
            main_ns += chunk(unit, per_chunk)
            flush()
        now_ns = time.process_time_ns()
        done = int(line) * per_chunk
        units += done
        told = {"main_us": main_ns / done / 1e3, "all_in_us": (now_ns - before_ns) / done / 1e3}
        before_ns = now_ns
        # Now before, now after: what drifts cancels out.
        plain = twin.ask(line) if twin is not None and not plain else plain
        more = {f"{name}_added": us - plain[name] for name, us in told.items()} if plain else {}
        tell(units=units, plain_us=plain.get("main_us", 0.0), **told, **more)


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
    contender.start(*PLACE)
    measure(contender.trace20, contender.flush, TRACES_PER_CHUNK, asked)


def flask(contender: Any, asked: Iterable[str]) -> None:
    """One request through a Flask application object."""
    compare(contender, "/hello/world", asked)


def sqlalchemy(contender: Any, asked: Iterable[str]) -> None:
    """One Flask request that asks a database 20 times through SQLAlchemy Core."""
    compare(contender, "/queries", asked)


def sqlite(contender: Any, asked: Iterable[str]) -> None:
    """One Flask request that asks a database 20 times through sqlite3 itself."""
    compare(contender, "/driver", asked, drivers=True)


def compare(contender: Any, path: str, asked: Iterable[str], *, drivers: bool = False) -> None:
    """Measure a request with and without the contender, in twins; `drivers`: it looks at sqlite3 too."""
    app, _ = application()
    twin = Twin(lambda lines: measure(request(app, path), pause, REQUESTS_PER_CHUNK, lines))
    contender.start(*PLACE)
    if drivers:
        contender.drivers()
    measure(request(contender.web(*application()), path), contender.flush, REQUESTS_PER_CHUNK, asked, twin)


def pause() -> None:
    """Wait as a flush waits for the sink: a CPU that has idled is some per cent slower for a while."""
    time.sleep(0.0005)


def request(app: Any, path: str) -> Callable[[], None]:
    """Answer a function that sends one GET through an application object."""

    def start_response(_status: str, _headers: Any, _error: Any = None) -> Callable[[bytes], object]:
        return lambda _: None

    def unit() -> None:
        body = app(environ(path), start_response)
        for _ in body:
            pass
        body.close()

    return unit


def application() -> tuple[Any, Any]:
    import sqlite3

    from flask import Flask
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import StaticPool

    app = Flask("bench")
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT)"))
        connection.execute(text("INSERT INTO product (name) VALUES ('fan'), ('light')"))
    driver = sqlite3.connect(":memory:", check_same_thread=False)
    cursor = driver.cursor()
    cursor.execute("CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT)")
    cursor.execute("INSERT INTO product (name) VALUES ('fan'), ('light')")
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

    @app.get("/driver")
    def ask_driver() -> str:
        cursor = driver.cursor()
        for number in range(20):
            cursor.execute("SELECT name FROM product WHERE id = ?", (number,))
            cursor.fetchall()
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
    contender.start(*PLACE)
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


SCENARIOS = {
    "trace20": trace20,
    "flask": flask,
    "sqlalchemy": sqlalchemy,
    "sqlite": sqlite,
    "off": off,
    "calls": calls,
}


def main() -> None:
    name, scenario, _, _ = sys.argv[1:]
    SCENARIOS[scenario](importlib.import_module(name), sys.stdin)
    # How a contender leaves is not measured here.
    os._exit(0)


if __name__ == "__main__":
    main()
