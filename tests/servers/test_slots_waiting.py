"""What waits is the same number on every server, wherever each of them lets requests wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from fanlight.sources.listeners import Listeners
from matrix_servers import BIN, SERVE, code, gunicorn, program, uvicorn, uwsgi
from matrix_serving import serving
from matrix_slots import ASGI_SITE, SITE, Client, Gate, Watch

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.wire.readings import Readings, Worker
    from matrix_receiver import Receiver

ASKED = 10
MOST = 50
"""Requests until each of two workers has one, when the kernel chooses by chance."""


class Case(NamedTuple):
    """A server that answers `slots` requests at a time, in `workers` processes.

    Where one worker takes requests on while it is busy, which of them gets one is up to the kernel:
    `is_skewed`. There as many more are asked as it takes until each has one.
    """

    command: tuple[str, ...]
    site: str
    server: str
    kind: str
    workers: int
    slots: int = 2
    is_skewed: bool = False


def granian(interface: str, *options: str) -> tuple[str, ...]:
    return program("granian", "--interface", interface, "--port", "PORT", *options, "site_app:app")


CASES = {
    "gunicorn sync": Case(gunicorn("-k", "sync", "-w", "2"), SITE, "gunicorn", "sync", 2),
    "gunicorn gthread": Case(
        gunicorn("-k", "gthread", "-w", "1", "--threads", "2"), SITE, "gunicorn", "gthread", 1
    ),
    "two of gunicorn gthread": Case(
        gunicorn("-k", "gthread", "-w", "2", "--threads", "1"), SITE, "gunicorn", "gthread", 2, is_skewed=True
    ),
    "gunicorn gevent": Case(
        gunicorn("-k", "gevent", "-w", "1", "--worker-connections", "2"), SITE, "gunicorn", "gevent", 1
    ),
    "gunicorn gevent_pywsgi": Case(
        gunicorn("-k", "gevent_pywsgi", "-w", "1", "--worker-connections", "2"),
        *(SITE, "gunicorn", "gevent_pywsgi", 1),
    ),
    "gunicorn with uvicorn's workers": Case(
        gunicorn("-k", "uvicorn_worker.UvicornWorker", "-w", "2"), ASGI_SITE, "gunicorn", "UvicornWorker", 2
    ),
    "uvicorn on uvloop": Case(
        uvicorn("--workers", "2", "--loop", "uvloop"), ASGI_SITE, "uvicorn", "uvloop", 2
    ),
    "uvicorn on asyncio": Case(
        uvicorn("--workers", "2", "--loop", "asyncio"), ASGI_SITE, "uvicorn", "asyncio", 2
    ),
    "uvicorn with h11": Case(
        uvicorn("--workers", "2", "--loop", "asyncio", "--http", "h11"), ASGI_SITE, "uvicorn", "asyncio", 2
    ),
    "gunicorn asgi": Case(gunicorn("-k", "asgi", "-w", "2"), ASGI_SITE, "gunicorn", "asgi", 2),
    "waitress": Case(
        program("waitress-serve", "--listen", "127.0.0.1:PORT", "--threads", "2", "site_app:app"),
        *(SITE, "waitress", "", 1),
    ),
    "hypercorn": Case(
        program("hypercorn", "-b", "127.0.0.1:PORT", "--workers", "2", "site_app:app"),
        *(ASGI_SITE, "hypercorn", "asyncio", 2),
    ),
    "granian wsgi": Case(granian("wsgi", "--blocking-threads", "2"), SITE, "granian", "wsgi", 1),
    "granian wsgi with little backpressure": Case(
        granian("wsgi", "--blocking-threads", "2", "--backpressure", "4"), SITE, "granian", "wsgi", 1
    ),
    "granian asgi": Case(granian("asgi", "--workers", "2"), ASGI_SITE, "granian", "asgi", 2, is_skewed=True),
    "uWSGI of two processes": Case(
        uwsgi("--module", "site_app:app", "--processes", "2"), SITE, "uwsgi", "", 2
    ),
    "uWSGI of two threads": Case(uwsgi("--module", "site_app:app", "--threads", "2"), SITE, "uwsgi", "", 1),
    "cheroot": Case(code("cheroot", "2"), SITE, "cheroot", "", 1),
    "Werkzeug": Case(code("werkzeug", "1"), SITE, "werkzeug", "", 1, slots=1),
    "Werkzeug with threads": Case(code("werkzeug"), SITE, "werkzeug", "", 1, slots=ASKED),
    "wsgiref": Case(code("wsgiref"), SITE, "wsgiref", "", 1, slots=1),
}


def waiting(workers: tuple[Worker, ...], listeners: Listeners, port: int) -> int:
    """Answer what waits: in the kernel's queue, in the server's, and as tasks."""
    found = listeners.read(time.monotonic_ns()).listeners
    queued = sum(each.queued for each in found if each.address == f"127.0.0.1:{port}")
    return queued + sum((each.backlog or 0) + (each.not_begun or 0) for each in workers)


def busy(found: Readings) -> int:
    """Answer how many requests are being answered."""
    return sum(each.busy for each in found.workers)


@pytest.mark.parametrize("name", CASES)
def test_of_ten_requests_two_are_answered_and_eight_wait(
    name: str, folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    case = CASES[name]
    if case.server == "uwsgi" and not (BIN / "uwsgi").exists():
        pytest.skip("uWSGI could not be built here")
    (folder / "site_app.py").write_text(case.site)
    (folder / "serve.py").write_text(SERVE)
    listeners = Listeners(str(folder))

    def rest(found: Readings) -> int:
        return busy(found) + waiting(found.workers, listeners, server.port)

    with serving(case.command, folder, receiver, {"GATE": str(gate.path)}) as server:
        watch.until(lambda found: [each.booted for each in found.workers] == [True] * case.workers)
        clients = []
        while len(gate.held) < case.slots and len(clients) < MOST:
            # One after the other, so that whoever is free takes the next.
            clients.append(Client(server.port, "/hold"))
            watch.until(
                lambda found: (
                    len(gate.held) == len(clients)
                    or (case.is_skewed and rest(found) == len(clients) and busy(found) == len(gate.held))
                )
            )
        clients += [Client(server.port, "/hold") for _ in range(ASKED - len(clients))]
        asked = len(clients)

        def holds(found: Readings) -> bool:
            waits = waiting(found.workers, listeners, server.port)
            return busy(found) == len(gate.held) == case.slots and waits == asked - case.slots

        seen = []

        def stays(found: Readings) -> bool:
            # Not a number that passes by: what asked whether the server is there passes first.
            seen.append(holds(found))
            return seen[-10:] == [True] * 10

        found = watch.until(stays)
        assert {(each.server, each.kind) for each in found.workers} == {(case.server, case.kind)}
        assert sorted(each.slot for each in found.workers) == [*range(case.workers)]
        assert all(each.inodes and each.tells for each in found.workers)
        # Whatever is limited has no room left.
        assert all(each.capacity in (0, None) for each in found.workers if each.busy)
        # Whoever goes on may take more on than it can answer; that is as many as before, less one.
        gate.let_one()
        watch.until(
            lambda found: sum(each.requests_count for each in found.workers) == 1 and rest(found) == asked - 1
        )
        gate.open()
        assert all(client.answer() for client in clients)
        watch.until(lambda found: sum(each.requests_count for each in found.workers) == asked)
        watch.until(lambda found: rest(found) == 0)
    listeners.close()
