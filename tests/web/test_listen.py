"""The server that listens: it ends when told, and what stands behind it still happens."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

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
        rest, _ = child.communicate(timeout=20)
    finally:
        child.kill()
        child.wait()
    assert rest == "cleared up\n"
    assert child.returncode == 0
