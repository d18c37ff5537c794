"""A whole Fanlight with an application under gunicorn, on loopback, in the test's own folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPException

import pytest

from fanlight.cli.client import Client
from fanlight.errors import FanlightError

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")

APPLICATION = '''
"""An application that answers the same bytes every time."""
import sqlite3
from flask import Flask

app = Flask(__name__)
database = sqlite3.connect(":memory:", check_same_thread=False)
database.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT)")
database.execute("INSERT INTO thing (name) VALUES ('fan')")


@app.get("/things/<int:number>")
def thing(number):
    (name,) = database.execute("SELECT name FROM thing WHERE id = 1").fetchone()
    return f"{name} {number}"


@app.get("/fresh/<int:number>")
def fresh(number):
    return str(number)
'''


WALK = """
import http.client, json, socket, sys
from urllib.parse import urlencode
class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])
def get(path):
    connection = Local("localhost")
    connection.request("GET", path)
    response = connection.getresponse()
    text = response.read().decode()
    assert response.status == 200, (path, response.status, text)
    return text
out = [get("/"), get("/status"), get("/api/status"), get("/api/endpoints")]
out += [get("/explore?limit=1000"), get("/v1/query?limit=1000&spans=on"), get("/api/complete?q=")]
for row in json.loads(sys.argv[2]):
    asked = urlencode({key: row[key] for key in ("service", "endpoint", "segment")})
    detail = get(f"/api/endpoint?{asked}")
    out += [detail, get(f"/endpoint?{asked}")]
    for sample in json.loads(detail)["samples"]:
        out += [get(f"/api/trace/{sample['id']}"), get(f"/trace/{sample['id']}")]
print(json.dumps(out))
"""


class House:
    """One data directory and what runs on it; everything started here ends with it."""

    FANLIGHT = FANLIGHT
    source = APPLICATION

    def __init__(self, folder, stack):
        self.folder = folder
        self.data = folder / "data"
        self.stack = stack
        self.served = None
        self.background = {}

    def environment(self, **settings):
        return {**os.environ, "PYTHONUNBUFFERED": "1", **self.background, **settings}

    def start(self, name, command, descriptors=(), **settings):
        """Start a process whose output goes to `<name>.log`."""
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                start_new_session=True,
            )
        self.stack.callback(end, process)
        return process

    def serve(self, **settings):
        """Start collector and server, supervised."""
        command = [*FANLIGHT, "serve", "--data", str(self.data), "--listen", "127.0.0.1:0"]
        self.served = self.start("serve", command, **settings)
        wait(lambda: {"collector", "server"} <= self.pids().keys(), "collector and server")
        path = settings.get("FANLIGHT_SOCKET", self.data / "run" / "collector.sock")
        wait(lambda: os.path.exists(path), "the collector's socket")
        return self.served

    def serve_in_background(self):
        """Let the first `fanlight run` start collector and server; they are stopped at the end."""
        self.background = {"FANLIGHT_LISTEN": "127.0.0.1:0"}
        self.stack.callback(self.ask, "stop")

    def application(self, service, source=APPLICATION, workers=2, *, traced=True, **settings):
        """Start an application with `fanlight run gunicorn`, or without; answer (process, port)."""
        module = service.replace("-", "_")
        (self.folder / f"{module}.py").write_text(source)
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            number, port = listener.fileno(), listener.getsockname()[1]
            gunicorn = ["-m", "gunicorn", f"--bind=fd://{number}", f"--workers={workers}", f"{module}:app"]
            run = [*FANLIGHT, "run", "--data", str(self.data), "--"] if traced else []
            command = [*run, sys.executable, *gunicorn]
            process = self.start(service, command, (number,), FANLIGHT_SERVICE=service, **settings)
        return process, port

    def ask(self, *arguments, check=True):
        """Run one of our own commands on the data directory; answer its standard output."""
        command = [*FANLIGHT, *arguments, "--data", str(self.data)]
        done = subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0 or not check, f"{arguments}: {done.stderr}"
        return done.stdout

    def status(self):
        return json.loads(self.ask("status", "--json"))

    def endpoints(self, service):
        """Answer the counts of a service by endpoint, added over segments."""
        counts = Counter()
        for row in json.loads(self.ask("endpoints", "--json")):
            if row["service"] == service:
                counts[row["endpoint"]] += row["count"]
        return counts

    def api(self, path):
        """Answer one of the server's JSON documents; faster than a command, for a tight poll."""
        return Client(str(self.data), 60.0).get(path)

    def walk(self, listed):
        """Answer the JSON and the pages about each listed endpoint and its traces, as the owner sees them."""
        command = [sys.executable, "-c", WALK, str(self.data / "run" / "server.sock"), json.dumps(listed)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def stored(self, service):
        """Answer how many traces of a service are stored; -1 while nobody answers."""
        try:
            return self.api("/api/status")["services"].get(service, {}).get("stored", 0)
        except FanlightError:
            return -1

    def pids(self):
        """Answer role to pid of what runs now."""
        try:
            told = json.loads((self.data / "run" / "fanlight.json").read_text())["pids"]
        except (OSError, ValueError, KeyError):
            return {}
        return {role: pid for role, pid in told.items() if pid and alive(pid)}

    def settled(self, service, within_s=60):
        """Wait until nothing of a service is between acceptance and store; answer its account."""
        found = {}

        def is_settled():
            found.clear()
            with suppress(FanlightError):
                found.update(self.api("/api/status")["services"].get(service, {}))
            return found and found["in_spool"] == 0 and found["balanced"]

        wait(is_settled, f"{service} to settle", within_s, 0.1, lambda: found)
        return found


class Load:
    """Requests from a few threads until told to stop; every answer is kept and judged."""

    def __init__(self, port, threads=2, pause_s=0.01, path="/things/{n}", expect="fan {n}"):
        self.port = port
        self.path, self.expect, self.pause_s = path, expect, pause_s
        self.stopping = threading.Event()
        self.answered = self.broken = 0
        self.wrong = []
        self.times_s = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)

    def run(self, number):
        number *= 1_000_000
        while not self.stopping.wait(self.pause_s):
            number += 1
            self.one(number)

    def one(self, number):
        began = time.monotonic()
        try:
            status, text = get(self.port, self.path.format(n=number))
        except (OSError, HTTPException):
            with self.lock:
                self.broken += 1
            return
        with self.lock:
            self.answered += 1
            self.times_s.append(time.monotonic() - began)
            if (status, text) != (200, self.expect.format(n=number)):
                self.wrong.append((status, text))


def get(port, path, headers=None, timeout_s=60):
    """Send one GET; answer (status, text)."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    finally:
        connection.close()


def wait(is_so, what, within_s=120.0, every_s=0.05, told=lambda: ""):
    """Wait until something is so, or fail saying what was waited for."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"waited {within_s:g} s for {what} {told()}"
        time.sleep(every_s)


def alive(pid):
    """Answer whether a process runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid):
    """Answer the pids of a process's children."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(text) for text in file.read().split()]
    except OSError:
        return []


def end(process):
    """End a process that a test started: politely, then with all of its session."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def house(tmp_path):
    with ExitStack() as stack:
        yield House(tmp_path, stack)


@pytest.fixture
def kit():
    """The helpers above, for tests that cannot import their neighbour."""
    return Kit


def free_port():
    """Answer a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def accepts(port):
    """Answer whether somebody listens on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return False
    return True


class Kit:
    """Names for what the tests of this folder share."""

    Load = Load
    get = staticmethod(get)
    wait = staticmethod(wait)
    alive = staticmethod(alive)
    children = staticmethod(children)
    end = staticmethod(end)
    free_port = staticmethod(free_port)
    accepts = staticmethod(accepts)
