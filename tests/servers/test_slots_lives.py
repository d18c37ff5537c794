"""Workers come, are replaced, stopped and blocked, and what is read from outside stays true."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from matrix_servers import gunicorn, uvicorn
from matrix_serving import serving
from matrix_slots import ASGI_SITE, SITE, Client, Watch, requests

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.wire.readings import Readings
    from matrix_receiver import Receiver

THREADS = ("-k", "gthread", "--threads", "2", "--graceful-timeout", "2")


def alive(found: Readings) -> set[int]:
    """Answer the pids of the workers that are ready."""
    return {worker.pid for worker in found.workers if worker.booted}


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["", "preload"])
def test_a_reload_and_a_change_of_their_number_leave_no_stale_worker(
    options: tuple[str, ...], folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    with serving(gunicorn(*THREADS, "-w", "2", *options), folder, receiver) as server:
        first = alive(watch.until(lambda found: len(alive(found)) == 2))
        assert all(server.ask_many(["/"] * 20))
        watch.until(lambda found: requests(found) >= 20)
        server.process.send_signal(signal.SIGHUP)
        found = watch.until(
            lambda found: len(alive(found)) == 2 == len(found.workers) and not alive(found) & first
        )
        assert requests(found) == 20
        server.process.send_signal(signal.SIGTTIN)
        found = watch.until(lambda found: len(alive(found)) == 3)
        assert {worker.total for worker in found.workers} == {3}
        server.process.send_signal(signal.SIGTTOU)
        found = watch.until(lambda found: len(found.workers) == 2)
        assert {worker.total for worker in found.workers} == {2}
        assert len({worker.master for worker in found.workers}) == 1
        assert requests(found) == 20
    # What a master has stopped is no restart of its; the reload and the signal were.
    restarts = sum(sum(each.restarts.values()) for each in watch.read().retired)
    assert restarts >= 3


def test_a_worker_that_leaves_at_its_limit_of_requests_says_so(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    with serving(gunicorn(*THREADS, "-w", "1", "--max-requests", "5"), folder, receiver) as server:
        (first,) = alive(watch.until(lambda found: len(alive(found)) == 1))
        for _ in range(5):
            assert Client(server.port, "/").answer()
        found = watch.until(lambda found: first not in alive(found) and len(alive(found)) == 1)
        assert requests(found) == 5
        assert [each.restarts for each in found.retired] == [{"max_requests": 1}]


def test_two_masters_of_an_upgrade_are_two_generations(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    with serving(gunicorn(*THREADS, "-w", "1", "-p", str(folder / "pid")), folder, receiver) as server:
        (first,) = alive(watch.until(lambda found: len(alive(found)) == 1))
        server.process.send_signal(signal.SIGUSR2)
        found = watch.until(lambda found: len(alive(found)) == 2)
        assert len({(worker.master, worker.generation) for worker in found.workers}) == 2
        assert sorted(worker.slot for worker in found.workers) == [0, 1]
        assert {worker.total for worker in found.workers} == {1}
        server.process.send_signal(signal.SIGTERM)
        found = watch.until(lambda found: first not in {worker.pid for worker in found.workers})
        assert len(found.workers) == 1
        os.kill(found.workers[0].master, signal.SIGTERM)
        watch.until(lambda found: not found.workers)


def test_a_stopped_worker_is_stalled_until_it_goes_on(folder: Path, receiver: Receiver, watch: Watch) -> None:
    (folder / "site_app.py").write_text(SITE)
    with serving(gunicorn(*THREADS, "-w", "2"), folder, receiver):
        first, second = sorted(alive(watch.until(lambda found: len(alive(found)) == 2)))
        os.kill(first, signal.SIGSTOP)
        try:
            found = watch.until(lambda found: any(worker.stalled for worker in found.workers))
            assert {worker.pid: worker.stalled for worker in found.workers} == {first: True, second: False}
        finally:
            os.kill(first, signal.SIGCONT)
        watch.until(lambda found: not any(worker.stalled for worker in found.workers))


BLOCKS = {
    "a sleep": "import time; time.sleep(3)",
    "C code that keeps the GIL": "import ctypes; ctypes.PyDLL(None).usleep(3_000_000)",
}


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("block", BLOCKS)
def test_a_blocked_loop_is_seen_to_be_late_while_it_is(
    block: str, loop: str, folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(
        ASGI_SITE.replace('    if scope["path"] == "/hold":\n        hold()', f"    {BLOCKS[block]}")
    )
    with serving(uvicorn("--loop", loop), folder, receiver) as server:
        watch.until(lambda found: len(alive(found)) == 1)
        # Late only by what this machine is busy with.
        watch.until(lambda found: found.workers[0].overdue_ns < 20e6)
        client = Client(server.port, "/")
        most_ns, end_s = 0, time.monotonic() + 60
        while watch.workers()[0].requests_count == 0 and time.monotonic() < end_s:
            (worker,) = watch.workers()
            if worker.busy:
                most_ns = max(most_ns, worker.overdue_ns)
        assert client.answer()
        assert most_ns >= 800e6
        watch.until(lambda found: found.workers[0].overdue_ns < 20e6)


def test_a_sync_worker_is_busy_until_it_has_closed_the_connection(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    with serving(gunicorn("-k", "sync", "-w", "1"), folder, receiver) as server:
        watch.until(lambda found: len(alive(found)) == 1 and found.workers[0].capacity == 1)
        client = Client(server.port, "/")
        assert client.connection.recv(1 << 16)
        # The response is here; the worker waits for this end to close, and takes nobody else.
        (worker,) = watch.workers()
        waited = worker.capacity == 0
        client.connection.close()
        watch.until(lambda found: found.workers[0].capacity == 1 and requests(found) == 1)
    assert waited
