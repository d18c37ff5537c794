"""SIGTERM under servers that leave it to the system: what they had answered has arrived all the same."""

from __future__ import annotations

import signal
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

import pytest

from matrix_servers import BIN, SERVE, program, waitress
from matrix_serving import serving

if TYPE_CHECKING:
    from pathlib import Path

SITE = """
import time

def app(environ, start_response):
    body = environ["PATH_INFO"].encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return STREAMED(body)

def STREAMED(body):
    yield body
"""
WHOLE = SITE.replace("STREAMED(body)\n\ndef", "[body]\n\ndef")
CLIENTS = 4
UNTIL_S = 0.7
"""How long the server is asked before it is told to leave: more than one sending."""
LEAVES_S = 20.0
"""The end waits for half a second at the most; what hangs would not end at all."""


def started(kind: str) -> tuple[str, ...]:
    return waitress() if kind == "waitress" else (sys.executable, "serve.py", kind, "PORT")


class Clients:
    """Clients that ask one request after the other until the server is gone.

    Attributes:
        answered: requests whose answers came whole.
    """

    def __init__(self, port: int, number: int) -> None:
        self.port = port
        self.answered = [0] * number
        self.threads = [threading.Thread(target=self.ask, args=(one,), daemon=True) for one in range(number)]
        for thread in self.threads:
            thread.start()

    def ask(self, one: int) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        while True:
            try:
                # Every other client has a new connection for each request.
                connection.request("GET", "/things", headers={"Connection": "close"} if one % 2 else {})
                whole = connection.getresponse().read() == b"/things"
            except ConnectionRefusedError:
                return
            except (OSError, HTTPException):
                # Some servers close a connection without a word about it.
                connection.close()
                continue
            self.answered[one] += whole

    def join(self) -> int:
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        return sum(self.answered)


@pytest.mark.parametrize("site", [WHOLE, SITE], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", ["waitress", "cheroot", "werkzeug"])
def test_under_load_what_was_answered_has_arrived(kind: str, site: str, folder: Path, receiver: Any) -> None:
    (folder / "site_app.py").write_text(site)
    (folder / "serve.py").write_text(SERVE)
    with serving(started(kind), folder, receiver) as running:
        clients = Clients(running.port, CLIENTS)
        assert receiver.wait(lambda: len(receiver.traces) > 0, 60)
        time.sleep(UNTIL_S)
        running.end()
        told = time.monotonic()
        assert running.process.wait(60) == -signal.SIGTERM
        took_s = time.monotonic() - told
        answered = clients.join()
    receiver.wait(lambda: len(receiver.traces) >= answered, 60)
    # Those that were under way may count without an answer that came whole.
    assert answered <= len(receiver.traces) <= answered + CLIENTS, took_s
    assert took_s < LEAVES_S


PLAIN = """
import sys
from site_app import app
from werkzeug.serving import run_simple

run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=False)
"""
DJANGO = """
import sys
from site_app import app
from django.core.servers.basehttp import run

run("127.0.0.1", int(sys.argv[1]), app, threading=True)
"""


@pytest.mark.parametrize("kind", ["wsgiref", "werkzeug without threads", "django", "waitress"])
def test_right_behind_the_last_answer_it_has_arrived(kind: str, folder: Path, receiver: Any) -> None:
    """A server that answers in the thread of its loop is between two requests then."""
    (folder / "site_app.py").write_text(WHOLE)
    (folder / "serve.py").write_text(SERVE)
    (folder / "plain.py").write_text(PLAIN if kind.startswith("werkzeug") else DJANGO)
    plain = (sys.executable, "plain.py", "PORT")
    with serving(plain if " " in kind or kind == "django" else started(kind), folder, receiver) as running:
        for _ in range(20):
            assert b" 200 " in running.ask("/things")
        running.end()
        assert running.process.wait(60) == -signal.SIGTERM, running.log.read_text()
    receiver.wait(lambda: len(receiver.traces) >= 20, 60)
    assert len(receiver.traces) == 20, running.log.read_text()


def test_a_uwsgi_that_lets_its_workers_finish_loses_nothing(folder: Path, receiver: Any) -> None:
    """By itself it ends a worker that is busy without its exit handlers."""
    if not (BIN / "uwsgi").exists():
        pytest.skip("uWSGI could not be built here")
    # Each takes so long that a worker is busy whenever the signal comes.
    (folder / "site_app.py").write_text(WHOLE.replace("    body =", "    time.sleep(0.02)\n    body =", 1))
    graceful = ("--hook-master-start", "unix_signal:15 gracefully_kill_them_all")
    words = ("--http-socket", "127.0.0.1:PORT", "--master", "--processes", "2", "--module", "site_app:app")
    with serving(program("uwsgi", *words, *graceful), folder, receiver) as running:
        clients = Clients(running.port, CLIENTS)
        assert receiver.wait(lambda: len(receiver.traces) > 0, 60)
        time.sleep(UNTIL_S)
        running.end()
        assert running.process.wait(60) == 0
        answered = clients.join()
    receiver.wait(lambda: len(receiver.traces) >= answered, 60)
    assert len(receiver.traces) == answered, running.log.read_text()
