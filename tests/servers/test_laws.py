"""What is read of a real server under load obeys what must hold of every server."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from fanlight.aggregate.saturation import Saturation
from fanlight.sources.listeners import Listeners
from matrix_servers import gunicorn
from matrix_serving import serving
from matrix_slots import SITE, Client, Gate, Watch, requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matrix_receiver import Receiver

THREADS = 8
MEAN_S = 0.1
LOAD = 0.7
SLOW_SITE = """
import os, random, time

OUT = os.open(os.environ["TOLD"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

class Body:
    def __init__(self, *moments):
        self.moments = moments

    def __iter__(self):
        yield b"ok"

    def close(self):
        os.write(OUT, b"%s %d %d\\n" % (*self.moments, time.monotonic_ns()))

def app(environ, start_response):
    begin_ns = time.monotonic_ns()
    time.sleep(random.uniform(0.04, 0.16))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return Body(environ["HTTP_X_ASKED"].encode(), begin_ns)
"""
"""Writes of each request down when its client began to connect, when it sent, when it was called, when it
ended: a client's own end is when a busy machine lets it run again, long after the server was done."""
LOOK_S = 0.01


class Asking:
    """Clients whose requests come by chance, whatever becomes of those before them.

    Args:
        port: that is asked.
        for_s: how long.

    Attributes:
        answered: how many were.
    """

    def __init__(self, port: int, for_s: float) -> None:
        self.port = port
        self.answered = self.failed = 0
        chance, at_s, arrivals = random.Random(7), time.monotonic() + 0.1, []
        end_s = at_s + for_s
        while at_s < end_s:
            at_s += chance.expovariate(LOAD * THREADS / MEAN_S)
            arrivals.append(at_s)
        self.arrivals = iter(arrivals)
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.work) for _ in range(40)]

    def work(self) -> None:
        """Ask whenever the next request is due."""
        while True:
            with self.lock:
                due_s = next(self.arrivals, None)
            if due_s is None:
                return
            time.sleep(max(0.0, due_s - time.monotonic()))
            is_answered = self.ask()
            with self.lock:
                self.answered += is_answered
                self.failed += not is_answered

    def ask(self) -> bool:
        """Ask once, and answer whether there was an answer."""
        begin_ns = time.monotonic_ns()
        with socket.create_connection(("127.0.0.1", self.port), 60) as connection:
            asked = b"%d %d" % (begin_ns, time.monotonic_ns())
            connection.sendall(b"GET / HTTP/1.0\r\nX-Asked: " + asked + b"\r\n\r\n")
            parts = iter(lambda: connection.recv(4096), b"")
            return b"".join(parts).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize(
    ("for_s", "tolerance"),
    [(8.0, 0.25), pytest.param(60.0, 0.05, marks=pytest.mark.soak)],
    ids=["short", "minute"],
)
def test_requests_in_a_real_server_are_their_rate_times_their_duration(
    for_s: float,
    tolerance: float,
    folder: Path,
    receiver: Receiver,
    watch: Watch,
    record_property: Callable[[str, object], None],
) -> None:
    """Little's law: what is seen at the server from outside, against what its application wrote down."""
    (folder / "site_app.py").write_text(SLOW_SITE)
    listeners = Listeners(str(folder))
    command = gunicorn("-k", "gthread", "-w", "1", "--threads", str(THREADS), "--keep-alive", "0")
    with serving(command, folder, receiver, {"TOLD": str(folder / "told")}) as server:
        watch.until(lambda found: [each.booted for each in found.workers] == [True])
        asking = Asking(server.port, for_s)
        before_s, before = time.monotonic(), watch.workers()[0]
        for each in asking.threads:
            each.start()
        inside = busy = 0.0
        at_s = before_s
        while any(each.is_alive() for each in asking.threads):
            time.sleep(LOOK_S)
            (worker,) = watch.workers()
            queued = sum(
                each.queued
                for each in listeners.read(time.monotonic_ns()).listeners
                if each.address == f"127.0.0.1:{server.port}"
            )
            now_s = time.monotonic()
            # Each look stands for the time since the one before it.
            inside += (worker.busy + worker.backlog + queued) * (now_s - at_s)
            busy += worker.busy * (now_s - at_s)
            at_s = now_s
        after = watch.until(lambda found: not found.workers[0].busy).workers[0]
    listeners.close()
    assert not asking.failed
    rows = [tuple(map(int, line.split())) for line in (folder / "told").read_text().splitlines()]
    assert after.requests_count - before.requests_count == asking.answered == len(rows)
    # Rate times duration, by the time that passed. The kernel has a connection at some moment between those
    # two that its client knows, which may lie far apart where the machine is busy.
    at_most, at_least, worked = (sum(row[3] - row[at] for row in rows) / 1e9 for at in range(3))
    told = f"inside {inside:.2f} s, between {at_least:.2f} and {at_most:.2f} s, of {len(rows)} requests"
    record_property("measured", told)
    record_property("limit", f"{100 * tolerance:.0f} % off")
    assert at_least * (1 - tolerance) <= inside <= at_most * (1 + tolerance), told
    # The integral that the worker itself keeps says what the looks say, and what its application does.
    busy_s = (after.busy_ns - before.busy_ns) / 1e9
    assert busy_s == pytest.approx(busy, rel=tolerance), told
    assert busy_s == pytest.approx(worked, rel=tolerance), told
    assert busy_s > worked, told


def test_a_worker_with_room_beside_one_with_a_queue_is_told_and_is_no_more_when_it_is_over(
    folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    listeners = Listeners(str(folder))
    saturation = Saturation("here")
    window = saturation.window()

    def skewed() -> list[int | None]:
        now_ns = time.monotonic_ns()
        found = watch.read()._replace(listeners=listeners.read(now_ns).listeners)
        saturation.look(found, now_ns)
        (whole,) = [each for each in window.take(time.time_ns()) if "worker" not in each.labels]
        return whole.values.get("workers.skewed")

    command = gunicorn("-k", "gthread", "-w", "2", "--threads", "1")
    with serving(command, folder, receiver, {"GATE": str(gate.path)}) as server:
        found = watch.until(lambda found: [each.booted for each in found.workers] == [True] * 2)
        assert skewed() == 0
        # Only one of them can take anything on; when the other one goes on it has nothing to do.
        other = found.workers[1].pid
        os.kill(other, signal.SIGSTOP)
        try:
            watch.until(lambda found: [each.stalled for each in found.workers] == [False, True])
            clients = [Client(server.port, "/hold") for _ in range(5)]
            found = watch.until(lambda found: found.workers[0].backlog == 4)
            seen = []
            watch.until(lambda _: seen.append(skewed()) or len(seen) == 20)
            # One that was stopped has no room.
            assert set(seen) == {0}
        finally:
            os.kill(other, signal.SIGCONT)
        watch.until(lambda _: skewed() == 1)
        first, second = watch.workers()
        assert (
            (first.busy, first.backlog, first.capacity),
            (second.busy, second.backlog, second.capacity),
        ) == (
            (1, 4, 0),
            (0, 0, 1),
        )
        gate.open()
        assert all(client.answer() for client in clients)
        watch.until(lambda found: requests(found) == 5)
        watch.until(lambda _: skewed() == 0)
    listeners.close()
