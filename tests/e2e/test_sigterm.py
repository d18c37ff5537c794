"""SIGTERM right behind the last answer: what was answered has arrived all the same."""

import os
import signal
import socket
import sys

import pytest

ASGI = '''
"""An application that answers the same bytes every time."""
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def thing(request):
    return PlainTextResponse(f"fan {request.path_params['number']}")


app = Starlette(routes=[Route("/things/{number:int}", thing)])
'''

SERVERS = {
    "sync": (None, ["gunicorn", "--bind=fd://{fd}", "--workers=1", "{module}:app"]),
    "gthread": (
        None,
        [
            "gunicorn",
            "--bind=fd://{fd}",
            "--workers=2",
            "--worker-class=gthread",
            "--threads=2",
            "{module}:app",
        ],
    ),
    "uvicorn": (ASGI, ["uvicorn", "--port={port}", "--log-level=warning", "{module}:app"]),
}
REQUESTS = 3


def play(house, kit, server, rounds):
    """Start a server, ask it a few times, end it at once; over and over."""
    house.serve()
    for number in range(rounds):
        # The first answer takes its time, since the application is loaded for it; the last ones do not.
        process, port = start(house, kit, server)
        for one in range(REQUESTS):
            assert kit.get(port, f"/things/{one}") == (200, f"fan {one}")
        os.kill(process.pid, signal.SIGTERM)
        code = process.wait(60)
        assert code in (0, -signal.SIGTERM, 128 + signal.SIGTERM), f"round {number}: {code}"
    account = house.settled(server)
    assert account["accepted"] == account["stored"] == rounds * REQUESTS
    assert house.endpoints(server).total() == rounds * REQUESTS


def start(house, kit, service):
    """Start a server and wait until it takes connections, without a request."""
    source, command = SERVERS[service]
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        fd, port = listener.fileno(), listener.getsockname()[1]
        (house.folder / f"{service}_shop.py").write_text(source or house.source)
        words = [word.format(fd=fd, port=port, module=f"{service}_shop") for word in command]
        run = [*house.FANLIGHT, "run", "--data", str(house.data), "--", sys.executable, "-m", *words]
        if "{fd}" in "".join(command):
            # Requests wait in this socket until the server is ready.
            return house.start(service, run, (fd,), FANLIGHT_SERVICE=service), port
    process = house.start(service, run, FANLIGHT_SERVICE=service)
    kit.wait(lambda: kit.accepts(port), "the server to listen")
    return process, port


@pytest.mark.parametrize("server", SERVERS)
def test_requests_answered_just_before_sigterm_are_counted(house, kit, server):
    play(house, kit, server, rounds=4)


@pytest.mark.soak
@pytest.mark.parametrize("server", SERVERS)
def test_requests_answered_just_before_sigterm_are_counted_twenty_times(house, kit, server, record_property):
    play(house, kit, server, rounds=20)
    record_property("measured", f"of {20 * REQUESTS} requests 0 lost, 0 doubled")
    record_property("limit", "0")
