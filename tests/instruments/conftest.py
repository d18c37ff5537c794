"""A recorder that is on, with a list at its end, and every library hooked."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import django
import pytest
from django.conf import settings

import setup
from fanlight import instruments, normalizers
from fanlight.recording import branches
from fanlight.recording.recorder import SWITCH, begin, finish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fanlight.recording.recorder import Trace


# Django has one project a process, and wants it before most of it can be imported.
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file::memory:"}},
    LANGUAGES=[("en", "English"), ("de", "German")],
    LOGGING_CONFIG=None,
    MIDDLEWARE=[
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "fanlight_shop.asynchronous",
    ],
    ROOT_URLCONF="fanlight_shop",
    SECRET_KEY="only a test",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_TZ=True,
)
django.setup()


class Seen(list["Trace"]):
    """The finished traces, oldest first."""

    def leaves(self, name: str = "") -> list[tuple[str, Any]]:
        """Answer (name, payload) of every leaf, or of those of a name and of what stands below it."""
        return [
            (event[2], event[3])
            for trace in self
            for events, _, _ in trace.records or ()
            for event in events
            if isinstance(event, tuple) and len(event) == 5 and f"{event[2]}.".startswith(name and f"{name}.")
        ]

    def handled(self) -> list[tuple[str, Any]]:
        """Answer (name, payload) of every span that an instrument opened and closed."""
        return [
            (event[1], event[3])
            for trace in self
            for events, _, _ in trace.records or ()
            for event in events
            if isinstance(event, tuple) and len(event) == 6
        ]

    def endpoints(self) -> list[tuple[str, int]]:
        """Answer (endpoint, status) of every trace."""
        return [(trace.endpoint, trace.status) for trace in self]

    def titles(self) -> list[str]:
        """Answer the title of every SQL leaf, as it leaves the process."""
        return [normalizers.normalize(*leaf)[1] for leaf in self.leaves("sql.query")]


@pytest.fixture(scope="session", autouse=True)
def _hooked() -> None:
    """Hooks stay for good, as in an application."""
    instruments.install()
    branches.hook()


@pytest.fixture
def seen() -> Iterator[Seen]:
    """Answer the traces that finish during the test."""
    traces = Seen()
    before = (SWITCH.sink, SWITCH.sample, SWITCH.draw, SWITCH.faults, SWITCH.timed)
    SWITCH.sink, SWITCH.sample, SWITCH.faults, SWITCH.timed = traces.append, 1.0, 0, True
    yield traces
    faults = SWITCH.faults
    SWITCH.sink, SWITCH.sample, SWITCH.draw, SWITCH.faults, SWITCH.timed = before
    assert faults == 0


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    heard: ClassVar[list[list[str]]] = []

    def do_GET(self) -> None:
        self.heard.append(self.headers.get_all("traceparent", []))
        words = {"missing": 404, "busy": 503, "moved": 302}
        self.send_response(next((words[word] for word in words if word in self.path), 200))
        if "moved" in self.path:
            self.send_header("Location", "/there")
        self.send_header("Content-Length", "2")
        if "bye" in self.path:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET  # noqa: N815 the library's own spelling

    def log_message(self, *what: Any) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def heard() -> list[list[str]]:
    """Answer what `host` is sent as `traceparent`: a list for each request."""
    Service.heard.clear()
    return Service.heard


@pytest.fixture
def traced(seen: Seen) -> Callable[[Callable[[], Any]], Seen]:
    """Answer a function that runs another inside a trace and answers what was seen of it."""

    def run(work: Callable[[], Any]) -> Seen:
        opened = begin("app.test", "t", "e")
        try:
            work()
        finally:
            finish(opened)
        return seen

    return run


@pytest.fixture
def calls(traced: Any) -> Any:
    """Answer a function that runs another inside a trace and answers its calls."""
    return lambda work: [payload for _, payload in traced(work).leaves("http.request")]


@pytest.fixture
def statements(traced: Any) -> Any:
    """Answer a function that runs another inside a trace and answers the payload of each SQL leaf.

    What leaves the process of them holds no literal: none of the titles shows `hunter2`.
    """

    def run(work: Any) -> list[Any]:
        leaves = traced(work).leaves("sql.query")
        assert PASSWORD not in repr([normalizers.normalize(*leaf) for leaf in leaves])
        return [payload for _, payload in leaves]

    return run


def program(name: str) -> str:
    """Answer the path of a server's program; a test that has none is skipped."""
    found = setup.server(name)
    if not found:
        pytest.skip(f"{name} is not installed; `make setup` brings it")
    return found


def free_port() -> int:
    """Answer a port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Answer whether somebody takes connections at a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionError:
        return False
    return True


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Return once a server serves."""
    deadline = time.monotonic() + 60
    while not ready():
        assert process.poll() is None, f"{process.args!r} left with {process.returncode}"
        assert time.monotonic() < deadline, f"{process.args!r} does not serve"
        time.sleep(0.02)


PASSWORD = "hunter2"


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Answer the port of a Redis of the tests' own, whose password is `hunter2`."""
    folder: Path = tmp_path_factory.mktemp("redis")
    port = free_port()
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "requirepass": PASSWORD}
    command = [
        program("redis-server"),
        *(word for key, value in options.items() for word in (f"--{key}", str(value))),
    ]
    with serving(command, lambda: listens(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        yield port


@contextmanager
def home_of(user: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Answer a folder for a server, and how `subprocess` is to start it.

    Databases refuse to run as root, and pytest's own folders are closed to others.
    """
    folder = tempfile.mkdtemp(prefix=f"fanlight-{user}-")
    how: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if os.geteuid() == 0:
        shutil.chown(folder, user, user)
        how.update(user=user, group=user, extra_groups=[])
    try:
        yield folder, how
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(command: list[str], ready: Callable[[], bool], **how: Any) -> Iterator[None]:
    """Run a server until the block is left."""
    process = subprocess.Popen(command, **how)
    try:
        wait_until(ready, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Answer `host:port` of a PostgreSQL of the tests' own; anybody is its user `postgres`."""
    server, initdb = program("postgres"), program("initdb")
    port = free_port()
    with home_of("postgres") as (folder, how):
        data = f"{folder}/data"
        create = [initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(create, check=True, timeout=120, **how)
        options = ("listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}")
        asking = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]

        def ready() -> bool:
            return subprocess.run(asking, check=False, **how).returncode == 0

        with serving([server, "-D", data, *(f"--{option}" for option in options)], ready, **how):
            yield f"127.0.0.1:{port}"


@pytest.fixture(scope="session")
def mariadb() -> Iterator[int]:
    """Answer the port of a MariaDB of the tests' own, whose root has no password."""
    server, create = program("mariadbd"), program("mariadb-install-db")
    port = free_port()
    with home_of("mysql") as (folder, how):
        data = f"--datadir={folder}/data"
        # Two that are made at once take each other's temporary tables away, if those lie in one place.
        common = (f"--tmpdir={folder}", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M")
        command = [create, "--no-defaults", data, "--auth-root-authentication-method=normal", *common]
        told = {**how, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        made = subprocess.run(command, check=False, timeout=120, text=True, **told)
        assert made.returncode == 0, made.stdout
        options = ("--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/socket")
        with serving([server, "--no-defaults", data, *common, *options], lambda: listens(port), **how):
            yield port
