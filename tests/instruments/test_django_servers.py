"""A Django project as people run it: gunicorn, uvicorn, its own server; injected, no line changed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.agent import injection

if TYPE_CHECKING:
    from pathlib import Path

# One file is a whole project; its traces go to a file, a line a trace.
PROJECT = """
import json, os, sys
from pathlib import Path

from django.conf import settings

HERE = Path(__file__).parent
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "db"}},
    INSTALLED_APPS=["django.contrib.staticfiles"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DEBUG=False,
    ROOT_URLCONF="project",
    SECRET_KEY="only a test",
    STATIC_URL="static/",
    USE_TZ=True,
    WSGI_APPLICATION="project.application",
)
sys.modules["project"] = sys.modules[__name__]

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import JsonResponse, StreamingHttpResponse
from django.urls import path

def order(request, number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [number])
        return JsonResponse({"number": cursor.fetchone()[0]})

async def later(request):
    return JsonResponse({})

def stream(request):
    return StreamingHttpResponse(iter("012"), content_type="text/csv")

def broken(request):
    raise RuntimeError("broken")

urlpatterns = [
    path("orders/<int:number>/", order),
    path("later/", later),
    path("stream/", stream),
    path("broken/", broken),
]
application = get_wsgi_application()
application_later = get_asgi_application()

if os.environ.get("FANLIGHT_SOCKET"):
    from fanlight.recording.recorder import SWITCH

    def write(trace):
        events = [event for events, _, _ in trace.records for event in events]
        leaves = [event[3] for event in events if type(event) is tuple and len(event) == 5]
        leaves = [leaf for leaf in leaves if "%s" in leaf]  # not those of a new connection
        line = [trace.endpoint, trace.status, trace.segment, leaves, trace.error and trace.error[1]]
        with open(HERE / "traces", "a") as file:
            file.write(json.dumps(line) + "\\n")

    SWITCH.sink = write

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""

SERVE = "import uvicorn, sys; uvicorn.run('project:application_later', port=int(sys.argv[1]))"
PATHS = ["/orders/3/", "/later/", "/stream/", "/broken/", "/nothing/"]
EXPECTED = [
    ["<unmatched>", 404, "html", [], None],
    ["GET /broken/", 500, "html", [], "broken"],
    ["GET /later/", 200, "json", [], None],
    ["GET /orders/<int:number>/", 200, "json", ["SELECT %s"], None],
    ["GET /stream/", 200, "csv", [], None],
]
GUNICORN = [*("-m", "gunicorn", "--no-control-socket", "-b", "127.0.0.1:PORT"), "project:application"]


def ask(port: int, path: str, process: Any) -> tuple[int, bytes]:
    """Answer status and body, as soon as the server is there."""
    deadline = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except ConnectionRefusedError:
            assert process.poll() is None, process.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        finally:
            connection.close()


@pytest.mark.parametrize(
    "command",
    [
        GUNICORN,
        [*GUNICORN, "-k", "gthread", "--preload"],
        ["-c", SERVE, "PORT"],
        ["project.py", "runserver", "--noreload", "PORT"],
        ["project.py", "runserver", "PORT"],
    ],
    ids=["gunicorn", "gunicorn preloaded", "uvicorn", "runserver", "runserver reloading"],
)
def test_every_request_counts_once_and_says_what_it_did(command: list[str], tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "project.py").write_text(PROJECT)
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    environ = injection.environment(
        {**os.environ, "FANLIGHT_SOCKET": str(tmp_path / "no.sock")}, injection.prepare(tmp_path)
    )
    process = subprocess.Popen(
        [sys.executable, *(part.replace("PORT", str(port)) for part in command)],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        assert ask(port, "/orders/3/", process) == (200, b'{"number": 3}')
        assert [ask(port, path, process)[0] for path in PATHS[1:]] == [200, 200, 500, 404]
        deadline = time.monotonic() + 60
        file = tmp_path / "traces"
        while not file.exists() or len(file.read_text().splitlines()) < len(PATHS):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert sorted(map(json.loads, file.read_text().splitlines()), key=str) == sorted(EXPECTED, key=str)
    finally:
        # The session is ours: the reloader's child would outlive the reloader.
        os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()
