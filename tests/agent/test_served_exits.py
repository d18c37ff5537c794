"""How the processes of a server end, whatever is at the other end of the socket."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

GIVES_UP_S = 3.0
"""What an exit may wait for a receiver that takes nothing: 1.5 s, and what is under way then."""
HANG_S = 20.0
"""gunicorn kills a worker that does not leave after 30 s."""

SERVED = """
import atexit, os

def leave():
    from fanlight.agent.agent import AGENT
    waited = open("/proc/self/schedstat").read().split()[1]
    with open(f"left-{{os.getpid()}}", "w") as left:
        left.write(f"{{AGENT.budget.spent_ns}} {{waited}}")

# Before the agent's own, so it comes behind that.
atexit.register(leave)
import fanlight
fanlight.start("shop", dsn="unix://{folder}/collector.sock")

@fanlight.wsgi
def app(environ, start_response):
    with fanlight.span("a", text="x" * 1000):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"served"]

open(f"up-{{os.getpid()}}", "w").close()
"""


def answered(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read() == b"served"
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.parametrize(
    "workers",
    ["sync", pytest.param("gthread", marks=pytest.mark.soak), pytest.param("gevent", marks=pytest.mark.soak)],
)
def test_whatever_the_receiver_does_gunicorn_leaves_in_time(tmp_path, bad_receiver, workers, eventually):
    (tmp_path / "served.py").write_text(SERVED.format(folder=tmp_path))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-b", f"127.0.0.1:{port}", "-w", "2", "-k", workers, "--no-control-socket", "served:app"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *words], cwd=tmp_path, stdout=log, stderr=log
        )
        try:
            # A worker that is told to stop before it has hooked its signals never hears of it.
            eventually(lambda: len(list(tmp_path.glob("up-*"))) == 2 and answered(port), 60)
            assert all(answered(port) for _ in range(50))
            queued_s = [queued(path) for path in sorted(tmp_path.glob("up-*"))]
            asked = time.monotonic()
            process.terminate()
            assert process.wait(60) == 0
            took_s = time.monotonic() - asked
        finally:
            process.kill()
            process.wait()
    left = [tuple(map(int, path.read_text().split())) for path in sorted(tmp_path.glob("left-*"))]
    assert len(left) == 2
    # What the workers waited for a core is not ours.
    busy_s = [waited_ns / 1e9 - before_s for (_, waited_ns), before_s in zip(left, queued_s, strict=True)]
    spent_s = [spent_ns / 1e9 - waited_s for (spent_ns, _), waited_s in zip(left, busy_s, strict=True)]
    assert max(spent_s) < GIVES_UP_S
    assert took_s < HANG_S
    assert "Traceback" not in (tmp_path / "log").read_text()


def queued(up: Path) -> float:
    """Answer the seconds that a worker has waited for a core so far."""
    return int(Path(f"/proc/{up.name.partition('-')[2]}/schedstat").read_text().split()[1]) / 1e9
