"""Other servers' masters replace, stop and lose workers, each in its way, and what is read stays true."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NamedTuple

import pytest

from matrix_servers import program, uvicorn
from matrix_serving import serving
from matrix_slots import ASGI_SITE, KILLED, SITE, Client, Watch, requests

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.wire.readings import Readings, Worker
    from matrix_receiver import Receiver

LIMIT = 5


class Case(NamedTuple):
    """A server with two workers, how its master names its limit of requests, and what it does besides.

    `grows` where TTIN and TTOU change their number; `heals` where a killed worker is replaced: otherwise
    the server leaves with it.
    """

    command: tuple[str, ...]
    site: str
    limit: tuple[str, ...] = ()
    grows: bool = False
    heals: bool = True


def granian(interface: str, *options: str) -> tuple[str, ...]:
    common = ("--workers", "2", "--port", "PORT", "--respawn-failed-workers", "--respawn-interval", "0.1")
    return program("granian", "--interface", interface, *common, *options, "site_app:app")


CASES = {
    "uvicorn": Case(uvicorn("--workers", "2"), ASGI_SITE, ("--limit-max-requests", str(LIMIT)), grows=True),
    "hypercorn": Case(
        program("hypercorn", "-b", "127.0.0.1:PORT", "--workers", "2", "site_app:app"),
        *(ASGI_SITE, ("--max-requests", str(LIMIT))),
        heals=False,
    ),
    "granian wsgi": Case(granian("wsgi"), SITE),
    "granian asgi": Case(granian("asgi"), ASGI_SITE),
}


def ready(found: Readings) -> set[int]:
    """Answer the pids of the workers that are ready."""
    return {worker.pid for worker in found.workers if worker.booted}


def are(count: int):
    """What holds when just so many workers are there, and ready."""
    return lambda found: len(ready(found)) == count == len(found.workers)


def totals(found: Readings) -> list[int | None]:
    """Answer how many workers are configured, as each of them tells."""
    return [worker.total for worker in found.workers]


def restarts(found: Readings) -> int:
    """Answer how many workers went while their master stayed."""
    return sum(sum(each.restarts.values()) for each in found.retired)


def kill_one(watch: Watch) -> Worker:
    """Kill a worker, and answer it: it is gone, for a reason, and what it answered stays."""
    before = watch.read()
    victim = before.workers[0]
    os.kill(victim.pid, signal.SIGKILL)
    found = watch.until(lambda found: victim.pid not in {each.pid for each in found.workers})
    assert requests(found) == requests(before)
    assert restarts(found) > restarts(before)
    return victim


@pytest.mark.parametrize(
    "name", ["uvicorn", "hypercorn", "granian wsgi", pytest.param("granian asgi", marks=pytest.mark.soak)]
)
def test_whatever_becomes_of_workers_nothing_is_stale_or_counted_twice(
    name: str, folder: Path, receiver: Receiver, watch: Watch
) -> None:
    case = CASES[name]
    (folder / "site_app.py").write_text(case.site)
    with serving(case.command, folder, receiver) as server:
        watch.until(are(2))
        assert all(server.ask_many(["/"] * 20))
        found = watch.until(lambda found: requests(found) == 20)
        assert {(each.master, each.total) for each in found.workers} == {(server.process.pid, 2)}
        if case.heals:
            killed = kill_one(watch)
            found = watch.until(are(2))
            assert killed.slot in {each.slot for each in found.workers}
            assert [each.restarts for each in found.retired] == [{KILLED: 1}]

        first = ready(found)
        victim = min(first)
        os.kill(victim, signal.SIGSTOP)
        try:
            found = watch.until(lambda found: any(each.stalled for each in found.workers))
            assert {each.pid for each in found.workers if each.stalled} == {victim}
        finally:
            os.kill(victim, signal.SIGCONT)
        found = watch.until(lambda found: not any(each.stalled for each in found.workers))

        before = restarts(found)
        server.process.send_signal(signal.SIGHUP)
        found = watch.until(lambda found: are(2)(found) and not ready(found) & first)
        assert (requests(found), restarts(found)) == (20, before + 2)
        assert sum(each.restarts.get("ended", 0) for each in found.retired) == 2
        assert len({each.slot for each in found.workers}) == 2
        assert len({(each.master, each.generation) for each in found.workers}) == 1
        if case.grows:
            for sent, count in ((signal.SIGTTIN, 3), (signal.SIGTTOU, 2)):
                server.process.send_signal(sent)
                watch.until(lambda found, count=count: are(count)(found) and {*totals(found)} == {count})
        assert all(server.ask_many(["/"] * 20))
        watch.until(lambda found: requests(found) == 40)
        if not case.heals:
            kill_one(watch)
            watch.until(lambda found: not found.workers)
            assert requests(watch.read()) == 40


@pytest.mark.parametrize("name", ["hypercorn", pytest.param("uvicorn", marks=pytest.mark.soak)])
def test_workers_at_their_limit_of_requests_say_so_and_leave_their_counts_and_numbers(
    name: str, folder: Path, receiver: Receiver, watch: Watch
) -> None:
    case = CASES[name]
    (folder / "site_app.py").write_text(case.site)
    words = (*case.command[:-1], *case.limit, case.command[-1])
    with serving(words, folder, receiver) as server:
        first = ready(watch.until(are(2)))
        asked = answered = 0
        while not restarts(watch.read()):
            asked += 1
            answered += bool(Client(server.port, "/").answer())
        # A request counts when its coroutine is over, which is a moment after its answer.
        found = watch.until(
            lambda found: are(2)(found) and ready(found) != first and requests(found) >= answered
        )
        assert sorted(each.slot for each in found.workers) == [0, 1]
        # One may have been answered while its connection was taken away.
        assert LIMIT <= answered <= requests(found) <= asked
        assert {reason for each in found.retired for reason in each.restarts} == {"max_requests"}


@pytest.mark.soak
def test_workers_of_granian_at_the_end_of_their_life_leave_their_counts(
    folder: Path, receiver: Receiver, watch: Watch
) -> None:
    (folder / "site_app.py").write_text(SITE)
    with serving(granian("wsgi", "--workers-lifetime", "60"), folder, receiver) as server:
        first = ready(watch.until(are(2)))
        assert all(server.ask_many(["/"] * 20))
        found = watch.until(lambda found: are(2)(found) and not ready(found) & first, 80)
        assert (requests(found), restarts(found)) == (20, 2)
        assert len({each.master for each in found.workers}) == 1
