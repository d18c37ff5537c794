"""How busy gunicorn's workers are, read from outside while they are."""

from __future__ import annotations

import os
import select
import signal
import ssl
import subprocess
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING

import httpx
import pytest

from matrix_servers import gunicorn
from matrix_serving import serving
from matrix_slots import KILLED, SITE, Client, Gate, Watch, requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fanlight.wire.readings import Readings
    from matrix_receiver import Receiver
    from matrix_serving import Serving

THREADS = ("-k", "gthread", "-w", "1", "--threads", "2")
WORKERS = """
from functools import partial
from gunicorn.workers.gthread import ThreadWorker
from gunicorn.workers.sync import SyncWorker

class Sync(SyncWorker):
    def handle(self, listener, client, address, *more):
        return super().handle(listener, client, address)

    def handle_request(self, *arguments):
        return super().handle_request(*arguments)

class OwnSync(SyncWorker):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.handle = partial(SyncWorker.handle, self)

class Threads(ThreadWorker):
    def handle_request(self, request, connection, more=None):
        return super().handle_request(request, connection)

    def enqueue_req(self, *connection):
        return super().enqueue_req(*connection)

class OwnThreads(ThreadWorker):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.handle = partial(ThreadWorker.handle, self)
"""
"""As people write their own."""


SERVING = """
import select
from gunicorn.workers.base import Worker

class Serving(Worker):
    def run(self):
        [listener] = self.sockets
        while self.alive:
            self.notify()
            if not select.select([listener.sock], [], [], 0.1)[0]:
                continue
            client, _ = listener.sock.accept()
            with client:
                path = client.recv(1024).split()[1].decode()
                body = b"".join(self.wsgi({"PATH_INFO": path}, lambda *_: None))
                client.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n" + body)
"""
"""A worker that is a server of its own."""


@contextmanager
def running(folder: Path, receiver: Receiver, *options: str) -> Iterator[Serving]:
    (folder / "site_app.py").write_text(SITE)
    environ = {"GATE": str(folder / "gate.sock")}
    with serving(gunicorn("--graceful-timeout", "3", *options), folder, receiver, environ) as server:
        yield server


SLACK_NS = 1_000_000


def booted(count: int):
    """What holds when so many workers are ready."""

    def holds(readings: Readings) -> bool:
        return [worker.booted for worker in readings.workers] == [True] * count

    return holds


def wait_for_the_end_of(pid: int) -> None:
    """Wait until a process runs no more, whether its parent has taken note of it or not."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            select.select([descriptor], [], [], 60)
        finally:
            os.close(descriptor)


def test_of_ten_requests_two_threads_take_two_and_eight_wait(
    folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    with running(folder, receiver, *THREADS) as server:
        began_ns = time.monotonic_ns()
        clients = [Client(server.port, "/hold") for _ in range(10)]
        (worker,) = watch.until(lambda found: [each.backlog for each in found.workers] == [8]).workers
        assert (worker.server, worker.kind, worker.slot, worker.total) == ("gunicorn", "gthread", 0, 1)
        assert (worker.busy, worker.capacity) == (2, 0)
        assert (worker.spawned_threads, worker.max_threads) == (2, 2)
        assert worker.reactor == 0
        assert worker.requests_count == 0
        assert worker.master == server.process.pid
        assert began_ns < worker.oldest_start_ns < time.monotonic_ns()
        gate.open()
        assert all(client.answer() for client in clients)
        (worker,) = watch.until(lambda found: found.workers[0].requests_count == 10).workers
        idle = watch.until(lambda found: found.workers[0].busy == 0).workers[0]
        assert (idle.backlog, idle.capacity, idle.oldest_start_ns) == (0, 2, None)
        assert idle.busy_ns >= worker.busy_ns > 0


@pytest.mark.parametrize("kind", ["Sync", "OwnSync", "Threads", "OwnThreads"])
def test_workers_of_somebody_s_own_tell_as_those_do_that_they_are_made_of(
    kind: str, folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    (folder / "workers.py").write_text(WORKERS)
    has_threads = kind.endswith("Threads")
    options = ("--pythonpath", str(folder), "-k", f"workers.{kind}")
    with running(folder, receiver, *options, *(("--threads", "2") if has_threads else ())) as server:
        for _ in range(5):
            assert Client(server.port, "/").answer()
        watch.until(lambda found: requests(found) == 5 and found.workers[0].busy == 0)
        clients = [Client(server.port, "/hold") for _ in range(4)]
        busy, backlog = (2, 2) if has_threads else (1, 0)
        (worker,) = watch.until(
            lambda found: [(each.busy, each.backlog) for each in found.workers] == [(busy, backlog)]
        ).workers
        assert (worker.kind, worker.capacity) == (kind, 0)
        gate.open()
        assert all(client.answer() for client in clients)
        (worker,) = watch.until(lambda found: requests(found) == 9 and found.workers[0].busy == 0).workers
        assert (worker.backlog, worker.busy_ns > 0) == (0, True)


def test_a_worker_with_a_server_that_nobody_knows_is_ready_and_tells_of_no_request(
    folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    (folder / "workers.py").write_text(SERVING)
    with running(folder, receiver, "--pythonpath", str(folder), "-k", "workers.Serving") as server:
        (worker,) = watch.until(booted(1)).workers
        assert (worker.kind, worker.tells, worker.total) == ("Serving", False, 1)
        client = Client(server.port, "/hold")
        watch.until(lambda _: len(gate.held) == 1)
        gate.open()
        assert client.answer()


def test_time_spent_busy_is_an_integral_that_grows_while_requests_are_held(
    folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    with running(folder, receiver, *THREADS) as server:
        clients = [Client(server.port, "/hold") for _ in range(2)]
        watch.until(lambda found: bool(found.workers) and found.workers[0].busy == 2)
        moments, read = [], []
        for pause_s in (0, 0.3):
            time.sleep(pause_s)
            moments.append(time.monotonic_ns())
            read.append(watch.workers()[0].busy_ns)
            moments.append(time.monotonic_ns())
        gate.open()
        assert all(client.answer() for client in clients)
    # Two threads, so two seconds are spent in each, between some moment of the one reading and the other's.
    least_ns, most_ns = moments[2] - moments[1], moments[3] - moments[0]
    assert 2 * least_ns - SLACK_NS <= read[1] - read[0] <= 2 * most_ns + SLACK_NS


def test_a_killed_worker_is_gone_at_once_and_what_it_answered_is_not(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    with running(folder, receiver, *THREADS) as server:
        first = watch.until(booted(1)).workers[0]
        for _ in range(7):
            assert Client(server.port, "/").answer()
        watch.until(lambda found: requests(found) == 7)
        os.kill(first.pid, signal.SIGKILL)
        wait_for_the_end_of(first.pid)
        found = watch.read()
        assert first.pid not in [each.pid for each in found.workers]
        assert requests(found) == 7
        successor = watch.until(booted(1)).workers[0]
        assert successor.slot == first.slot
        assert successor.pid != first.pid
        (retired,) = watch.read().retired
        assert (retired.slot, retired.restarts) == (first.slot, {KILLED: 1})
        watch.again()
        assert requests(watch.read()) == 7


def test_requests_never_fall_and_are_exact_over_twenty_kills(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    lowest, fell = 0, []

    with running(folder, receiver, "-k", "gthread", "-w", "2", "--threads", "4") as server:
        watch.until(booted(2))
        for kill in range(20):
            answers = server.ask_many(["/"] * 50)
            assert all(answers)
            found = watch.until(lambda found, kill=kill: requests(found) >= 50 * (kill + 1))
            # What is answered before it is counted is counted before the worker takes the next.
            victim = watch.until(
                lambda found: len(found.workers) == 2 and not any(each.busy for each in found.workers)
            ).workers[kill % 2]
            os.kill(victim.pid, signal.SIGKILL)
            end_s = time.monotonic() + 0.2
            while time.monotonic() < end_s:
                now = requests(watch.read())
                fell += [now] * (now < lowest)
                lowest = max(lowest, now)
            watch.until(booted(2))
        found = watch.read()
    assert not fell
    assert requests(found) == 1_000
    assert sum(each.restarts.get(KILLED, 0) for each in found.retired) == 20


def test_kept_connections_that_their_clients_closed_wait_for_nobody(
    folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    with running(folder, receiver, *THREADS) as server:
        kept = [HTTPConnection("127.0.0.1", server.port, timeout=60) for _ in range(5)]
        for each in kept:
            each.request("GET", "/")
            assert each.getresponse().read()
        watch.until(lambda found: requests(found) == 5 and found.workers[0].reactor == 5)
        clients = [Client(server.port, "/hold") for _ in range(2)]
        watch.until(lambda found: found.workers[0].busy == 2)
        for each in kept:
            each.close()
        # Its request comes to the worker behind their ends.
        clients.append(Client(server.port, "/hold"))
        watch.until(lambda found: found.workers[0].backlog == 1)
        seen = []
        watch.until(lambda found: seen.append(found.workers[0].backlog) or len(seen) == 20)
        assert set(seen) == {1}
        gate.open()
        assert all(client.answer() for client in clients)
        (worker,) = watch.until(lambda found: requests(found) == 8 and not found.workers[0].reactor).workers
        assert (worker.busy, worker.backlog, worker.capacity) == (0, 0, 2)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_under_tls_such_connections_wait_for_nobody_either(
    version: ssl.TLSVersion, folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    cert, key = certificate(folder)
    context = ssl.create_default_context(cafile=cert)
    context.minimum_version = context.maximum_version = version
    options = (*THREADS, "--keep-alive", "30", "--certfile", cert, "--keyfile", key)
    with running(folder, receiver, *options) as server:

        def connection() -> HTTPSConnection:
            return HTTPSConnection("localhost", server.port, timeout=60, context=context)

        kept, holding = [connection() for _ in range(5)], [connection() for _ in range(3)]
        for each in [*kept, holding[2]]:
            each.request("GET", "/")
            assert each.getresponse().read()
        watch.until(lambda found: requests(found) == 6 and not found.workers[0].busy)
        for each in holding[:2]:
            each.request("GET", "/hold")
        watch.until(lambda found: found.workers[0].busy == 2)
        for each in kept[:3]:
            # With a goodbye, as browsers do, which nobody answers; and without.
            each.sock.setblocking(False)
            with suppress(ssl.SSLWantReadError):
                each.sock.unwrap()
            each.close()
        for each in kept[3:]:
            each.close()
        holding[2].request("GET", "/hold")
        watch.until(lambda found: found.workers[0].backlog == 1)
        seen = []
        watch.until(lambda found: seen.append(found.workers[0].backlog) or len(seen) == 20)
        assert set(seen) == {1}
        gate.open()
        assert all(each.getresponse().read() for each in holding)
        watch.until(lambda found: requests(found) == 9 and not found.workers[0].backlog)
        for each in holding:
            each.close()


def test_each_request_of_a_connection_by_http_2_counts_when_it_is_answered(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    cert, key = certificate(folder)
    options = (*THREADS, "--http-protocols", "h2,h1", "--certfile", cert, "--keyfile", key)
    context = ssl.create_default_context(cafile=cert)
    with running(folder, receiver, *options) as server, httpx.Client(http2=True, verify=context) as client:
        watch.until(booted(1))
        for count in (1, 2, 3):
            answer = client.get(f"https://localhost:{server.port}/", timeout=60)
            assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
            # The connection is still open, and a thread busy with it.
            (worker,) = watch.until(lambda found, count=count: requests(found) == count).workers
            assert worker.busy == 1


def certificate(folder: Path) -> tuple[str, str]:
    """Make a certificate of this machine's; answer its file and the key's."""
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=120)
    return cert, key


def test_more_at_once_than_there_are_places_are_answered_and_counted_all_the_same(
    folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    with running(folder, receiver, "-k", "gthread", "-w", "1", "--threads", "300") as server:
        clients = [Client(server.port, "/hold") for _ in range(280)]
        watch.until(lambda found: found.workers[0].busy == 280 == len(gate.held))
        gate.open()
        pid = str(watch.workers()[0].pid).encode()
        for client in clients:
            # Not to the end of the connection, for which the worker waits one by one.
            told = b""
            while not told.endswith(b"\r\n\r\n" + pid):
                told += client.connection.recv(1 << 16) or pytest.fail(f"ended with {told!r}")
            assert told.startswith(b"HTTP/1.1 200 OK")
        for client in clients:
            client.connection.close()
        (worker,) = watch.until(lambda found: not found.workers[0].busy).workers
        assert (worker.requests_count, worker.backlog, worker.capacity) == (280, 0, 300)
