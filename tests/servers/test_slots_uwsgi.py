"""uWSGI's workers tell how busy they are, through whatever it does with processes; or nothing at all."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from fanlight.aggregate.saturation import Saturation
from fanlight.sources.listeners import Listeners
from matrix_servers import BIN, program, uwsgi
from matrix_serving import serving
from matrix_slots import KILLED, SITE, Client, Gate, Watch, requests

if TYPE_CHECKING:
    from pathlib import Path

    from matrix_receiver import Receiver

pytestmark = pytest.mark.skipif(not (BIN / "uwsgi").exists(), reason="uWSGI could not be built here")

MODULE = ("--module", "site_app:app")
STREAM = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun "
    if environ["PATH_INFO"] == "/hold":
        hold()
    if environ["PATH_INFO"] == "/fail":
        raise RuntimeError("broken")
    yield b"and ended"
"""


def test_a_response_that_streams_is_busy_until_it_is_sent(
    folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE[: SITE.index("def app")] + STREAM)
    with serving(uwsgi(*MODULE, "--threads", "2"), folder, receiver, {"GATE": str(gate.path)}) as server:
        client = Client(server.port, "/hold")
        (worker,) = watch.until(
            lambda found: bool(gate.held) and [each.busy for each in found.workers] == [1]
        ).workers
        assert (worker.requests_count, worker.capacity, worker.max_threads) == (0, 1, 2)
        gate.open()
        assert client.answer() == b"begun and ended"
        assert Client(server.port, "/fail").answer() == b"begun "
        (worker,) = watch.until(lambda found: requests(found) == 2).workers
        assert (worker.busy, worker.capacity) == (0, 2)


def test_what_a_killed_worker_answered_stays_and_another_takes_its_number(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    with serving(uwsgi(*MODULE, "--processes", "2"), folder, receiver) as server:
        watch.until(lambda found: len(found.workers) == 2)
        assert all(server.ask_many(["/"] * 20))
        # One that has only just claimed its slot tells its numbers in a moment.
        found = watch.until(
            lambda found: requests(found) == 20 and None not in {each.total for each in found.workers}
        )
        assert {(each.total, each.master) for each in found.workers} == {(2, server.process.pid)}
        killed = found.workers[0].pid
        os.kill(killed, signal.SIGKILL)
        found = watch.until(
            lambda found: len(found.workers) == 2 and killed not in {each.pid for each in found.workers}
        )
        assert requests(found) == 20
        assert sorted(each.slot for each in found.workers) == [0, 1]
        assert [each.restarts for each in found.retired] == [{KILLED: 1}]


def test_connections_that_the_kernel_holds_back_are_not_taken_for_refused(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    listeners = Listeners(str(folder))
    with serving(uwsgi(*MODULE), folder, receiver) as server:
        watch.until(lambda found: len(found.workers) == 1)
        assert all(server.ask_many(["/"] * 20))
        found = watch.until(lambda found: requests(found) == 20)
        listeners.holders.roots = lambda: [server.process.pid]
        sockets = listeners.read(time.monotonic_ns()).listeners
        (mine,) = [each for each in sockets if each.address == f"127.0.0.1:{server.port}"]
        # What uWSGI asks for: connections come to it with their first bytes, and the kernel calls it a drop.
        assert (mine.queued, (mine.drops or 0) >= 20) == (0, True)
        assert found.workers[0].deferring == (mine.inode,)
        saturation = Saturation("here")
        window = saturation.window()
        saturation.look(found._replace(listeners=sockets), time.monotonic_ns())
        values = {each.labels["server"]: each.values for each in window.take(time.time_ns())}["uwsgi"]
        assert values["sockets.backlog"] == 0
        assert "sockets.drops" not in values
    listeners.close()


def test_without_a_master_the_first_worker_is_that_of_the_others(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    command = program("uwsgi", "--http-socket", "127.0.0.1:PORT", "--die-on-term", *MODULE, "-p", "2")
    with serving(command, folder, receiver) as server:
        found = watch.until(lambda found: len(found.workers) == 2)
        assert {each.master for each in found.workers} == {server.process.pid}
        assert all(server.ask_many(["/"] * 20))
        watch.until(lambda found: requests(found) == 20)


@pytest.mark.parametrize("late", [(), ("--lazy-apps",)], ids=["", "lazy-apps"])
def test_one_whose_requests_are_not_all_counted_tells_that_it_is_there_and_of_none(
    late: tuple[str, ...], folder: Path, receiver: Receiver, watch: Watch
) -> None:
    for name in ("site_app", "one", "two"):
        (folder / f"{name}.py").write_text(SITE + "\napplication = app\n")
    mounts = ("--mount", "/one=one.py", "--mount", "/two=two.py", "--manage-script-name")
    with serving(uwsgi(*mounts, *late, "--processes", "2"), folder, receiver) as server:
        assert all(server.ask_many(["/one/", "/two/"] * 5))
        found = watch.until(lambda found: [each.booted for each in found.workers] == [True] * 2)
        assert {(each.tells, each.total, each.capacity, each.max_threads) for each in found.workers} == {
            (False, 2, None, None)
        }
        # What the kernel calls a drop is none, so nobody is warned of refusals.
        assert all(each.deferring == each.inodes != () for each in found.workers)


LOADERS = {
    "module": MODULE,
    "module and callable": ("--module", "site_app", "--callable", "app"),
    "default callable": ("-w", "site_app"),
    "file": ("--wsgi-file", "site_app.py", "--callable", "app"),
}
HOOKED = """
import uwsgi

done = []
uwsgi.after_req_hook = lambda: done.append(1)

def application(environ, start_response):
    environ["PATH_INFO"] = "/"
    start_response("200 OK", [("X-Done", str(len(done)))])
    return app(environ, lambda *_: None)
"""


@pytest.mark.parametrize("how", LOADERS)
def test_applications_that_each_worker_loads_itself_are_counted_from_the_first_request_on(
    how: str, folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE + "\napplication = app\n")
    command = uwsgi(*LOADERS[how], "--lazy-apps", "--processes", "2", "--enable-threads")
    with serving(command, folder, receiver, {"GATE": str(gate.path)}) as server:
        found = watch.until(lambda found: [each.booted for each in found.workers] == [True] * 2)
        assert {(each.total, each.master, each.capacity) for each in found.workers} == {
            (2, server.process.pid, 1)
        }
        clients = [Client(server.port, "/hold") for _ in range(3)]
        watch.until(lambda found: len(gate.held) == 2 == sum(each.busy for each in found.workers))
        gate.open()
        assert all(client.answer() for client in clients)
        watch.until(lambda found: requests(found) == 3 and not any(each.busy for each in found.workers))
        killed = found.workers[0].pid
        os.kill(killed, signal.SIGKILL)
        found = watch.until(
            lambda found: len(found.workers) == 2 and killed not in {each.pid for each in found.workers}
        )
        assert (requests(found), sorted(each.slot for each in found.workers)) == (3, [0, 1])
        assert all(server.ask_many(["/"] * 20))
        watch.until(lambda found: requests(found) == 23)
        # The killed one may have had one to send; of the others none is lost.
        receiver.wait(lambda: len(receiver.traces) >= 21, 60)
    assert len(receiver.traces) >= 21


def test_an_applications_own_hook_behind_its_requests_goes_on(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE + HOOKED)
    with serving(uwsgi("--wsgi-file", "site_app.py", "--lazy-apps"), folder, receiver) as server:
        watch.until(lambda found: [each.booted for each in found.workers] == [True])
        answers = [server.ask("/") for _ in range(3)]
        assert [b"X-Done: %d" % count in answer for count, answer in enumerate(answers)] == [True] * 3
        watch.until(lambda found: requests(found) == 3)


def test_mules_and_spoolers_are_no_workers(folder: Path, receiver: Receiver, watch: Watch) -> None:
    (folder / "site_app.py").write_text(SITE)
    (folder / "spool").mkdir()
    for late in ((), ("--lazy-apps",)):
        with serving(uwsgi(*MODULE, "--mule", "--spooler", "spool", *late), folder, receiver) as server:
            assert all(server.ask_many(["/"] * 4))
            found = watch.until(lambda found: bool(found.workers) and found.workers[-1].requests_count == 4)
            assert len(found.workers) == 1
