"""Servers that are started from code tell how busy they are, whatever becomes of clients and process."""

from __future__ import annotations

import os
import signal
import socket
import sys
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from matrix_servers import SERVE, code, gunicorn
from matrix_serving import serving
from matrix_slots import SITE, Client, Gate, Watch, requests

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.wire.readings import Worker
    from matrix_receiver import Receiver

EXPORTER = """
import threading
from wsgiref.simple_server import WSGIServer, make_server

def metrics(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

beside = make_server("127.0.0.1", int(os.environ["BESIDE"]), metrics)
threading.Thread(target=beside.serve_forever, daemon=True).start()
"""
"""As exporters of metrics do, where the application is imported."""

DJANGO = """
import sys
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

def home(request):
    return HttpResponse("home")

urlpatterns = [path("", home)]
settings.configure(DEBUG=True, ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"], DATABASES={},
    STATIC_URL="/static/")
if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(["site_app", "runserver", f"127.0.0.1:{sys.argv[1]}"])
"""
FLASK = """
import sys
from flask import Flask

app = Flask(__name__)
app.get("/")(lambda: "home")
if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), debug=True)
"""


@pytest.fixture(params=["cheroot", "werkzeug", "wsgiref"])
def kind(request: pytest.FixtureRequest, folder: Path) -> str:
    """Answer a server, whose code and application are in the folder."""
    (folder / "site_app.py").write_text(SITE)
    (folder / "serve.py").write_text(SERVE)
    return str(request.param)


def rests(worker: Worker) -> bool:
    return not (worker.busy or worker.reactor or worker.backlog)


def test_each_request_counts_once_under_load_and_nothing_is_left_busy(
    kind: str, folder: Path, receiver: Receiver, watch: Watch
) -> None:
    with serving(code(kind), folder, receiver) as server:
        watch.until(lambda found: [each.booted for each in found.workers] == [True])
        assert all(server.ask_many(["/"] * 200))
        # A client's end of a kept connection waits for a thread of cheroot's, too, and is no request.
        (worker,) = watch.until(lambda found: requests(found) == 200 and rests(found.workers[0])).workers
        assert (worker.backlog, worker.slot, worker.oldest_start_ns) == (0, 0, None)
        # All that may be had is to be had again; where each connection has a thread there is no limit.
        assert worker.capacity == {"cheroot": 10, "werkzeug": None, "wsgiref": 1}[kind]
        assert worker.spawned_threads == {"cheroot": 10, "werkzeug": 0, "wsgiref": 1}[kind]
        assert worker.busy_ns > 0


def test_one_that_is_killed_leaves_its_count_and_its_number_to_the_next(
    kind: str, folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    variables = {"GATE": str(gate.path)}
    with serving(code(kind), folder, receiver, variables) as server:
        assert Client(server.port, "/").answer()
        watch.until(lambda found: requests(found) == 1)
        held = Client(server.port, "/hold")
        (worker,) = watch.until(lambda found: [each.busy for each in found.workers] == [1]).workers
        os.kill(worker.pid, signal.SIGKILL)
        found = watch.until(lambda found: not found.workers)
        assert requests(found) == 1
        assert not held.answer()
    with serving(code(kind), folder, receiver, variables) as server:
        # A thread may be busy with the connection that found out whether the server listens.
        (worker,) = watch.until(lambda found: [each.busy for each in found.workers] == [0]).workers
        assert (worker.slot, worker.requests_count) == (0, 0)
        assert Client(server.port, "/").answer()
        watch.until(lambda found: requests(found) == 2)


def test_a_kept_connection_of_cheroot_is_no_work_and_its_end_no_request(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    (folder / "serve.py").write_text(SERVE)
    with serving(code("cheroot", "2"), folder, receiver) as server:
        kept = [HTTPConnection("127.0.0.1", server.port, timeout=60) for _ in range(4)]
        for each in kept * 2:
            each.request("GET", "/")
            assert each.getresponse().read()
        (worker,) = watch.until(lambda found: requests(found) == 8 and not found.workers[0].busy).workers
        assert (worker.backlog, worker.capacity) == (0, 2)
        for each in kept:
            each.close()
        assert Client(server.port, "/").answer()
        (worker,) = watch.until(lambda found: requests(found) == 9 and not found.workers[0].busy).workers
        assert (worker.backlog, worker.capacity) == (0, 2)


@pytest.mark.parametrize("kind", ["werkzeug", "wsgiref"])
def test_one_that_takes_one_connection_at_a_time_is_busy_with_one_that_says_nothing(
    kind: str, folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    (folder / "serve.py").write_text(SERVE)
    with serving(code(kind, "1"), folder, receiver) as server:
        watch.until(lambda found: [each.capacity for each in found.workers] == [1])
        silent = socket.create_connection(("127.0.0.1", server.port))
        watch.until(lambda found: found.workers[0].capacity == 0)
        silent.close()
        (worker,) = watch.until(lambda found: found.workers[0].capacity == 1).workers
        assert worker.requests_count == 0
        assert Client(server.port, "/").answer()
        watch.until(lambda found: requests(found) == 1)


def test_a_thread_whose_connection_says_nothing_is_parked_and_not_busy(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    (folder / "serve.py").write_text(SERVE)
    with serving(code("werkzeug"), folder, receiver) as server:
        silent = socket.create_connection(("127.0.0.1", server.port))
        (worker,) = watch.until(lambda found: found.workers[0].reactor == 1).workers
        assert (worker.busy, worker.spawned_threads) == (0, 1)
        silent.close()
        watch.until(lambda found: (found.workers[0].reactor, found.workers[0].spawned_threads) == (0, 0))


@pytest.mark.parametrize(
    ("site", "server_name"), [(DJANGO, "wsgiref"), (FLASK, "werkzeug")], ids=["django", "flask"]
)
def test_behind_a_reloader_the_process_that_serves_tells(
    site: str, server_name: str, folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(site)
    with serving((sys.executable, "site_app.py", "PORT"), folder, receiver) as server:
        (worker,) = watch.until(lambda found: [each.booted for each in found.workers] == [True]).workers
        assert worker.server == server_name
        assert worker.pid != server.process.pid
        assert Client(server.port, "/").answer() == b"home"
        watch.until(lambda found: requests(found) == 1 and not found.workers[0].busy)


@pytest.mark.parametrize(
    "options", [("-k", "sync"), ("-k", "gthread", "--threads", "2")], ids=["sync", "gthread"]
)
def test_a_server_beside_the_one_that_counts_tells_nothing(
    options: tuple[str, ...], folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE + EXPORTER)
    with socket.create_server(("127.0.0.1", 0)) as free:
        beside = free.getsockname()[1]
    with serving(gunicorn(*options), folder, receiver, {"BESIDE": str(beside)}) as server:
        watch.until(lambda found: [each.booted for each in found.workers] == [True])
        for _ in range(3):
            assert Client(beside, "/metrics").answer() == b"ok"
        assert Client(server.port, "/").answer()
        (worker,) = watch.until(lambda found: requests(found) > 0 and not found.workers[0].busy).workers
        assert (worker.server, worker.requests_count) == ("gunicorn", 1)
