"""What waits at real servers, as the kernel tells it from outside: nothing of ours runs in them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.aggregate.saturation import Saturation
from fanlight.collector.notices import Notices
from fanlight.pipeline.alarms import Alarms
from fanlight.sources.holders import tree
from fanlight.sources.listeners import Listeners
from matrix_servers import gunicorn
from matrix_serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fanlight.wire.readings import Listener
    from matrix_receiver import Receiver
    from matrix_slots import Watch

BUSY = """
import os, time

def app(environ, start_response):
    while not os.path.exists("enough"):
        time.sleep(0.02)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
BUSY_ASGI = """
import os, time

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    # Blocks the loop, as code that was not written for one does.
    while not os.path.exists("enough"):
        time.sleep(0.02)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
READS = 20


class Crowd:
    """Clients that ask and wait, and whoever looks on."""

    def __init__(self) -> None:
        self.stack = contextlib.ExitStack()
        self.listeners = Listeners()
        self.stack.callback(self.listeners.close)

    def ask(self, address: Any, times: int) -> list[socket.socket]:
        """Send a request over each of some new connections; nobody reads the answers."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        made = []
        for _ in range(times):
            client = self.stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            client.settimeout(60)
            client.connect(address)
            client.sendall(REQUEST)
            made.append(client)
        return made

    def rows(self, *addresses: str) -> list[Listener]:
        found = self.listeners.read(time.monotonic_ns()).listeners
        return [each for each in found if each.address in addresses]

    def queues_when(
        self, good: Callable[[list[int]], bool], *addresses: str, within_s: float = 60
    ) -> list[int]:
        """Answer what waits at the addresses as soon as it is as awaited, or at last."""
        end = time.monotonic() + within_s
        while True:
            queues = [each.queued for each in self.rows(*addresses)]
            if good(queues) or time.monotonic() > end:
                return queues
            time.sleep(0.01)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    crowd = Crowd()
    with crowd.stack:
        yield crowd


def asked_of_ss(port: int) -> tuple[int, int]:
    """Answer what `ss` says of one listener's queue and limit."""
    command = ["ss", "-Hltn", f"sport = :{port}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    words = told.split()
    return int(words[1]), int(words[2])


def test_three_busy_workers_leave_seven_of_ten_waiting(folder: Path, crowd: Crowd) -> None:
    if not shutil.which("ss"):
        pytest.skip("ss (iproute2) is not installed")
    (folder / "site_app.py").write_text(BUSY)
    with serving(gunicorn("-w", "3"), folder, None) as running:
        crowd.listeners.holders.roots = lambda: [running.process.pid]
        address = f"127.0.0.1:{running.port}"
        clients = crowd.ask(("127.0.0.1", running.port), 10)
        assert crowd.queues_when([7].__eq__, address) == [7]
        for _ in range(READS):
            [row] = crowd.rows(address)
            assert (row.queued, row.limit) == asked_of_ss(running.port) == (7, 2048)
        # The master and its workers, and nobody else's.
        pids = tuple(sorted(tree([running.process.pid])))
        assert len(pids) == 4
        end = time.monotonic() + 60
        while (held_by := crowd.rows(address)[0].pids) != pids and time.monotonic() < end:
            time.sleep(0.05)
        assert held_by == pids
        (folder / "enough").touch()
        for client in clients:
            client.close()
        assert crowd.queues_when([0].__eq__, address) == [0]


def test_waiting_at_tcp_is_not_mixed_up_with_idle_unix_sockets(folder: Path, crowd: Crowd) -> None:
    (folder / "site_app.py").write_text(BUSY)
    paths = [str(folder / name) for name in ("a.sock", "b.sock")]
    binds = [word for path in paths for word in ("-b", f"unix:{path}")]
    with serving(gunicorn("-w", "1", *binds), folder, None) as running:
        address = f"127.0.0.1:{running.port}"
        crowd.ask(("127.0.0.1", running.port), 6)
        assert crowd.queues_when([5, 0, 0].__eq__, address, *paths) == [5, 0, 0]
        (folder / "enough").touch()


def test_what_waits_at_a_unix_socket_is_told(folder: Path, crowd: Crowd) -> None:
    (folder / "site_app.py").write_text(BUSY)
    path = str(folder / "g.sock")
    with serving(gunicorn("-w", "1", "-b", f"unix:{path}"), folder, None):
        end = time.monotonic() + 30
        while not os.path.exists(path) and time.monotonic() < end:
            time.sleep(0.05)
        crowd.ask(path, 6)
        assert crowd.queues_when([5].__eq__, path) == [5]
        (folder / "enough").touch()


def test_the_limit_that_a_server_makes_smaller_shows(folder: Path, crowd: Crowd) -> None:
    (folder / "site_app.py").write_text(BUSY_ASGI)
    with serving(gunicorn("-k", "asgi", "-w", "1", "--backlog", "2048"), folder, None) as running:
        address = f"127.0.0.1:{running.port}"
        crowd.ask(("127.0.0.1", running.port), 1)
        # Its worker listens again with asyncio's own default.
        end = time.monotonic() + 60
        while (limits := [row.limit for row in crowd.rows(address)]) != [100] and time.monotonic() < end:
            time.sleep(0.05)
        assert limits == [100]
        (folder / "enough").touch()


def test_a_limit_below_what_is_configured_is_warned_of(
    folder: Path, receiver: Receiver, watch: Watch, crowd: Crowd
) -> None:
    (folder / "site_app.py").write_text(BUSY_ASGI)
    (folder / "enough").touch()
    lines: list[str] = []
    saturation = Saturation("web-1")
    window = saturation.window()
    alarms = Alarms(saturation, Notices(time.monotonic, lines.append))
    with serving(gunicorn("-k", "asgi", "-w", "1", "--backlog", "2048"), folder, receiver):
        watch.until(lambda found: found.workers[0].booted)
        end = time.monotonic() + 60
        while not lines and time.monotonic() < end:
            now_ns = time.monotonic_ns()
            seen = watch.read()._replace(listeners=crowd.listeners.read(now_ns).listeners)
            saturation.look(seen, now_ns)
            alarms.take(window.take(time.time_ns()))
            time.sleep(0.05)
    (line,) = lines
    assert "gunicorn was told to let 2048 connections wait, and its limit is 100: below" in line


def test_a_worker_that_lingers_over_an_answered_request_leaves_the_next_waiting(
    folder: Path, crowd: Crowd
) -> None:
    (folder / "site_app.py").write_text(BUSY)
    (folder / "enough").touch()
    with serving(gunicorn("-w", "1"), folder, None) as running:
        there = ("127.0.0.1", running.port)
        [first] = crowd.ask(there, 1)
        assert first.recv(64).startswith(b"HTTP/1.1 200")
        # It has its answer, and keeps the connection; a hook of the server's would call the worker idle.
        crowd.ask(there, 1)
        assert crowd.queues_when([1].__eq__, f"127.0.0.1:{running.port}") == [1]
        first.close()
        assert crowd.queues_when([0].__eq__, f"127.0.0.1:{running.port}") == [0]


NGINX = """
daemon off; master_process on; worker_processes 1; error_log stderr; pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:PORT backlog=32; return 200 "ok"; }}
}}
"""


def test_a_server_in_another_language_is_read_alike(folder: Path, crowd: Crowd) -> None:
    nginx = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if not nginx:
        pytest.skip("nginx is not installed")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder).replace("PORT", str(port)))
    process = subprocess.Popen(
        [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"127.0.0.1:{port}"
        assert crowd.queues_when([0].__eq__, address) == [0]
        end = time.monotonic() + 60
        while len(pids := tree([process.pid])) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        # Nobody accepts while the worker stands still.
        worker = max(pids)
        os.kill(worker, signal.SIGSTOP)
        crowd.ask(("127.0.0.1", port), 5)
        assert crowd.queues_when([5].__eq__, address) == [5]
        crowd.listeners.holders.roots = lambda: [process.pid]
        end = time.monotonic() + 60
        while not (row := crowd.rows(address)[0]).pids and time.monotonic() < end:
            time.sleep(0.05)
        assert (row.limit, row.pids, row.program) == (32, tuple(sorted(pids)), "nginx")
        os.kill(worker, signal.SIGCONT)
        assert crowd.queues_when([0].__eq__, address) == [0]
    finally:
        process.terminate()
        process.wait(60)
