"""A server that is ended in the midst of a request: each one that it had answered is counted all the same."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from fanlight.errors import FanlightError

BIN = Path(sys.executable).parent

SITE = """
import os, socket, threading

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"done"]

def enter(environ, start_response):
    # Whoever listens knows now that a request is under way; it never ends.
    gate = socket.socket(socket.AF_UNIX)
    gate.connect(os.environ["GATE"])
    gate.recv(1)

def application(environ, start_response):
    import fanlight

    path = environ["PATH_INFO"]
    if path == "/healthz":
        fanlight.endpoint("/healthz")
        return app(environ, start_response)
    fanlight.endpoint("enter" if path == "/enter" else "things")
    return (enter if path == "/enter" else app)(environ, start_response)
"""
WSGIREF = """
import sys
from site_app import application
from wsgiref.simple_server import make_server

make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
"""
WERKZEUG = """
import sys
from site_app import application
from werkzeug.serving import run_simple

run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=THREADED)
"""
DJANGO = """
import sys
from site_app import application
from django.core.servers.basehttp import run

run("127.0.0.1", int(sys.argv[1]), application, threading=False)
"""
SCRIPTS = {
    "wsgiref": WSGIREF,
    "werkzeug": WERKZEUG.replace("THREADED", "False"),
    "django": DJANGO,
}
# One worker alone: what answers has started. uWSGI loses the signal to leave for one that has not, also
# where nothing is recorded, and waits for it for a minute.
UWSGI = ("--http-socket", "127.0.0.1:PORT", "--master", "--processes", "1", "--die-on-term")
UWSGI = (*UWSGI, "--module", "site_app:application")
ANSWERED = 40
CLIENTS = 4


def started(house, kit, server):
    """Start a server with the application; answer it and its port."""
    (house.folder / "site_app.py").write_text(SITE)
    port = str(kit.free_port())
    if server.startswith("uwsgi"):
        words = [str(BIN / "uwsgi"), *UWSGI, *(["--lazy-apps"] if "lazy" in server else [])]
        command = [word.replace("PORT", port) for word in words]
    else:
        (house.folder / "serve.py").write_text(SCRIPTS[server])
        command = [sys.executable, "serve.py", port]
    run = [*house.FANLIGHT, "run", "--data", str(house.data), "--", *command]
    process = house.start(server, run, FANLIGHT_SERVICE="shop", GATE=str(house.folder / "gate"))
    kit.wait(lambda: kit.accepts(int(port)), "the server to listen")
    return process, int(port)


def account(house):
    """Answer what the collector tells of the service: accepted, ignored, and lost by reason."""
    try:
        state = house.api("/api/status")["collector"] or {}
    except FanlightError:
        # A busy machine.
        state = {}
    lost = state.get("lost_before_accept", {}).get("shop", {})
    return {
        "accepted": state.get("accepted", {}).get("shop", 0),
        "ignored": state.get("ignored", {}).get("shop", 0),
        **lost,
    }


@pytest.mark.parametrize("server", [*SCRIPTS, "uwsgi", "uwsgi lazy"])
def test_what_was_answered_before_the_cut_is_counted_and_so_is_the_cut(house, kit, server):
    if server.startswith("uwsgi") and not (BIN / "uwsgi").exists():
        pytest.skip("uWSGI could not be built here")
    house.serve()
    process, port = started(house, kit, server)
    with socket.socket(socket.AF_UNIX) as gate:
        gate.bind(str(house.folder / "gate"))
        gate.listen()
        gate.settimeout(60)
        for number in range(ANSWERED):
            assert kit.get(port, "/healthz" if number % 4 == 3 else "/things") == (200, "done")
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(b"GET /enter HTTP/1.0\r\n\r\n")
            inside, _ = gate.accept()
            with inside:
                os.kill(process.pid, signal.SIGTERM)
                code = process.wait(60)
    assert code == (0 if server.startswith("uwsgi") else -signal.SIGTERM)
    ignored = ANSWERED // 4
    found = {}

    def all_is_accounted_for():
        found.clear()
        found.update(account(house))
        return sum(found.values()) == ANSWERED + 1

    kit.wait(all_is_accounted_for, "every request to be accounted for", 120, 0.1, lambda: found)
    assert found == {"accepted": ANSWERED - ignored, "ignored": ignored, "cut_off": 1}
    assert house.settled("shop")["stored"] == ANSWERED - ignored
    assert house.endpoints("shop") == {"things": ANSWERED - ignored}


@pytest.mark.parametrize("server", ["werkzeug", "uwsgi"])
def test_under_load_each_answer_is_counted(house, kit, server):
    if server == "uwsgi" and not (BIN / "uwsgi").exists():
        pytest.skip("uWSGI could not be built here")
    house.serve()
    process, port = started(house, kit, server)
    with kit.Load(port, threads=CLIENTS, pause_s=0.001, path="/things", expect="done") as load:
        kit.wait(lambda: account(house)["accepted"] > ANSWERED, "the first requests to be accepted")
        os.kill(process.pid, signal.SIGTERM)
        process.wait(60)
    found = {}

    def all_is_accounted_for():
        found.clear()
        found.update(account(house))
        return found["accepted"] + found.get("cut_off", 0) >= load.answered

    kit.wait(all_is_accounted_for, f"{load.answered} answers", 120, 0.1, lambda: found)
    # What was on its way to a client may count without an answer that came whole.
    assert found["accepted"] <= load.answered + CLIENTS, found
    assert "ended" not in found
    assert not load.wrong
