"""The server that listens: it ends when told, and what stands behind it still happens."""

from __future__ import annotations

import asyncio
import errno
import http.client
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading

import pytest

from fanlight.web.listen import Calm, Listening

PROGRAM = """
import socket, sys
from fanlight.web.listen import Listening

async def app(scope, receive, send):
    print("asked", flush=True)

tcp = socket.create_server(("127.0.0.1", 0))
listening = Listening(app, [tcp])
started = listening.server.startup

async def startup(sockets=None):
    await started(sockets)
    print("ready", flush=True)

listening.server.startup = startup
listening.run()
print("cleared up", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_what_comes_after_is_done(number):
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        assert select.select([child.stdout], [], [], 30)[0]
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        rest, _ = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert rest == "cleared up\n"
    assert child.returncode == 0


async def slow(scope, receive, send):
    """An application that takes the time of several of uvicorn's own looks."""
    await asyncio.sleep(0.35)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def test_it_does_not_ask_itself_again_and_again_whether_to_end():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = Listening(slow, [listener])
        tick, ticks = listening.server.on_tick, []

        async def on_tick(counter):
            ticks.append(counter)
            return await tick(counter)

        listening.server.on_tick = on_tick
        thread = threading.Thread(target=listening.run)
        thread.start()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=120)
            connection.request("GET", "/", headers={"Connection": "close"})
            assert connection.getresponse().status == 204
            assert ticks == [0]
        finally:
            listening.stop()
            thread.join(30)
        assert not thread.is_alive()
    # Whoever says so again comes too late to do harm.
    listening.stop()


def test_a_request_that_its_end_cuts_off_is_answered_and_no_defect(caplog):
    begun = threading.Event()

    async def endless(scope, receive, send):
        begun.set()
        await asyncio.Event().wait()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = Listening(endless, [listener])
        thread = threading.Thread(target=listening.run)
        thread.start()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=30)
            connection.request("GET", "/")
            assert begun.wait(30)
        finally:
            listening.stop()
        answer = connection.getresponse()
        thread.join(30)
        connection.close()
    assert (answer.status, answer.getheader("retry-after")) == (503, "1")
    assert not [record for record in caplog.records if record.exc_info]


def test_a_loop_that_complains_on_and_on_is_heard_once_a_minute_and_in_one_line(capfd):
    now = [0.0]
    logger = logging.getLogger("a calm loop")
    logger.addHandler(logging.StreamHandler())
    logger.addFilter(Calm(lambda: now[0]))
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    for now[0] in (0.0, 0.1, 59.0, 61.0):
        logger.error("out of system resource\nsocket: <0x%x>", id(now), exc_info=error)
        logger.error("another")
    line = "fanlight server: out of system resource: Too many open files"
    assert capfd.readouterr().err.splitlines() == [line, "another", line, "another"]


def test_what_is_no_fault_of_the_system_keeps_its_traceback(capfd):
    logger = logging.getLogger("another calm loop")
    logger.addHandler(logging.StreamHandler())
    logger.addFilter(Calm(lambda: 0.0))
    logger.error("a fault", exc_info=ValueError("ours"))
    assert "ValueError: ours" in capfd.readouterr().err
