"""gunicorn and uvicorn as people run them: injected, no line of the application changed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.agent import injection

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent

# What the agent would send is written to a file, a line a trace.
WRITING = """
import json, os
from fanlight.recording.recorder import SWITCH

def write(trace):
    events = [event for events, _, _ in trace.records for event in events]
    leaves = [event[2] for event in events if type(event) is tuple and len(event) == 5]
    line = json.dumps([trace.endpoint, trace.status, trace.segment, trace.category, leaves, trace.error])
    with open(os.environ["TRACES"], "a") as file:
        file.write(line + "\\n")

SWITCH.sink = write
"""

WSGI_APP = """
import io, sqlite3
import flask

connection = sqlite3.connect(":memory:", check_same_thread=False)
site = flask.Flask("site")

@site.route("/orders/<int:number>")
def order(number):
    return {"number": connection.execute("SELECT ?", (number,)).fetchone()[0]}

@site.route("/stream")
def stream():
    return flask.Response((str(n) for n in range(3)), mimetype="text/csv")

@site.route("/file")
def file():
    return flask.send_file(__file__, mimetype="text/plain")

def plain(environ, start_response):
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("broken")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    if environ["PATH_INFO"] == "/file":
        return environ["wsgi.file_wrapper"](io.BytesIO(b"ok"))
    return [b"ok"]
"""

ASGI_APP = """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def order(request):
    return JSONResponse(request.path_params)

site = Starlette(routes=[Route("/orders/{number:int}", order)])

async def plain(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})
"""


@contextmanager
def served(folder: Path, command: list[str], injected: bool = True) -> Iterator[Any]:
    """Run a server on a free port; answer a function that asks it."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    environ = {**os.environ, "TRACES": str(folder / "traces"), "FANLIGHT_SOCKET": str(folder / "no.sock")}
    if injected:
        environ = injection.environment(environ, injection.prepare(folder))
    command = [part.replace("PORT", str(port)) for part in command]
    process = subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )

    def ask(path: str, method: str = "GET") -> tuple[int, list[tuple[str, str]], bytes]:
        deadline = time.monotonic() + 60
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            try:
                connection.request(method, path)
                response = connection.getresponse()
                headers = [pair for pair in response.getheaders() if pair[0] not in ("Date", "date")]
                return response.status, headers, response.read()
            except ConnectionRefusedError:
                assert process.poll() is None, process.stdout.read()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            finally:
                connection.close()

    try:
        yield ask
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def traces(folder: Path, expected: int) -> list[Any]:
    """Answer the traces that were written, as soon as there are as many as expected."""
    deadline = time.monotonic() + 60
    file = folder / "traces"
    while time.monotonic() < deadline:
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) >= expected:
            return [json.loads(line) for line in lines]
        time.sleep(0.02)
    raise AssertionError(lines)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wsgi_app.py").write_text(WSGI_APP)
    (tmp_path / "asgi_app.py").write_text(ASGI_APP)
    (tmp_path / "conf.py").write_text(WRITING)
    (tmp_path / "serve.py").write_text(
        WRITING + "import sys, uvicorn\nuvicorn.run(sys.argv[1], port=int(sys.argv[2]))\n"
    )
    tmp_path.chmod(0o700)
    return tmp_path


def gunicorn(app: str, *options: str) -> list[str]:
    return [
        str(BIN / "gunicorn"),
        "--no-control-socket",
        "-c",
        "conf.py",
        "-b",
        "127.0.0.1:PORT",
        *options,
        app,
    ]


PATHS = ["/orders/3", "/stream", "/file", "/nothing"]


@pytest.mark.parametrize("worker", ["sync", "gthread"])
def test_gunicorn_serves_the_same_bytes_and_every_request_counts(worker: str, folder: Path) -> None:
    with served(folder, gunicorn("wsgi_app:site", "-k", worker)) as ask:
        with_us = [ask(path) for path in PATHS] + [ask("/orders/3", "HEAD")]
        found = traces(folder, 5)
    (folder / "conf.py").write_text("")
    with served(folder, gunicorn("wsgi_app:site", "-k", worker), injected=False) as ask:
        assert [ask(path) for path in PATHS] + [ask("/orders/3", "HEAD")] == with_us
    assert sorted(trace[:5] for trace in found) == [
        ["<unmatched>", 404, "html", "app.wsgi.request", []],
        ["GET /file", 200, "text", "app.wsgi.request", ["file.send"]],
        ["GET /orders/<int:number>", 200, "json", "app.wsgi.request", ["sql.query.sqlite"]],
        ["GET /orders/<int:number>", 200, "json", "app.wsgi.request", ["sql.query.sqlite"]],
        ["GET /stream", 200, "csv", "app.wsgi.request", []],
    ]


def test_gunicorn_serves_a_plain_application_preloaded(folder: Path) -> None:
    with served(folder, gunicorn("wsgi_app:plain", "--preload")) as ask:
        assert ask("/x")[2] == b"ok"
        assert ask("/file")[2] == b"ok"
        assert ask("/broken")[0] == 500
        found = traces(folder, 3)
    assert [trace[:3] for trace in found] == [
        ["<unmatched>", 200, "text"],
        ["<unmatched>", 200, "text"],
        ["<unmatched>", 0, ""],
    ]
    assert found[2][5] == ["RuntimeError", "broken"]


def test_gunicorns_asgi_worker_is_left_to_the_framework(folder: Path) -> None:
    with served(folder, gunicorn("asgi_app:site", "-k", "asgi")) as ask:
        assert ask("/orders/3")[2] == b'{"number":3}'
        found = traces(folder, 1)
    assert [trace[:4] for trace in found] == [["GET /orders/{number}", 200, "json", "app.asgi.request"]]


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ("site", ["GET /orders/{number}", 200, "json", "app.asgi.request"]),
        ("plain", ["<unmatched>", 204, "", "app.asgi.request"]),
    ],
)
def test_uvicorn_counts_every_request_once(app: str, expected: list[Any], folder: Path) -> None:
    with served(folder, [sys.executable, "serve.py", f"asgi_app:{app}", "PORT"]) as ask:
        ask("/orders/3")
        found = traces(folder, 1)
    assert [trace[:4] for trace in found] == [expected]


HYPERCORN_PARENT = """
import hypercorn.run
import fanlight
import multiprocessing, sys, time

fanlight.start(dsn="unix:///nowhere/c.sock")
import hypercorn.asyncio.run

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    event = context.Event()
    waits = ((time.sleep, 0), (event.wait, 60), (time.sleep, 60))
    workers = [context.Process(target=target, args=(delay_s,)) for target, delay_s in waits]
    made = iter(workers)

    class Context:
        def Process(self, **_):
            return next(made)

    config = hypercorn.Config()
    config.workers = 3
    processes = []
    hypercorn.run._populate(processes, config, None, None, event, Context())
    processes[0].join()
    alone = list(processes)
    hypercorn.run._join_exited(alone)
    event.set()
    hypercorn.run._join_exited(processes)
    print(len(alone), len(processes))
    for each in processes:
        each.kill()
"""


def test_a_parent_of_hypercorn_that_was_told_to_leave_lets_all_leave_that_do_so_soon(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(HYPERCORN_PARENT)
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    # Not told, it takes notice of the one that has left; told, it waits for the second, never for the third.
    assert done.stdout == "2 1\n", done.stderr
