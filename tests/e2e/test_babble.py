"""Somebody else stands where the receiver should, and says what makes no sense 50 ms after each call."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

BABBLES_S = 0.05
BABBLE = b"\xde\xad\xbe\xef" * 1000
REQUESTS = 150
LEAVES_S = 20
"""gunicorn kills a worker that hangs after 30 s."""


def babbler(listener, calls):
    """Take everybody, note it, and talk nonsense; reads nothing, so that nobody can wait for us either."""

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
                calls.append(time.monotonic())
                with peer:
                    time.sleep(BABBLES_S)  # the caller waits for an answer by then
                    peer.sendall(BABBLE)
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True).start()


@pytest.fixture(params=["standalone", "embedded"])
def nonsense(request, tmp_path):
    """Yield the settings of an application whose receiver talks nonsense, and when it was called."""
    calls = []
    if request.param == "standalone":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "strange.sock"))
        listener.listen(16)
        settings = {"FANLIGHT_DSN": f"unix://{tmp_path}/strange.sock"}
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        settings = {"FANLIGHT_DSN": f"http://a-token-of-some-length@127.0.0.1:{port}"}
    babbler(listener, calls)
    yield settings, calls
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_a_receiver_that_talks_nonsense_changes_no_answer_and_takes_nothing_along(house, kit, nonsense):
    settings, calls = nonsense
    process, port = house.application("shop", workers=1, **settings)
    kit.wait(lambda: kit.get(port, "/things/0")[0] == 200, "the application")
    kit.wait(lambda: len(calls) >= 3, "some calls")
    (worker,) = kit.children(process.pid)

    def held():
        return [len(os.listdir(f"/proc/{worker}/{what}")) for what in ("fd", "task")]

    before, called = held(), len(calls)
    with kit.Load(port, threads=1, pause_s=0.01) as load:
        kit.wait(lambda: load.answered >= REQUESTS and len(calls) > called, "requests and one more call")
    assert load.wrong == []
    assert load.broken == 0
    # A call may be under way, with its descriptor; the embedded strategy looks a name up in a thread.
    descriptors, threads = held()
    assert descriptors <= before[0] + 1
    assert threads <= before[1] + 1
    began_s = time.monotonic()
    process.terminate()
    assert process.wait(60) == 0
    assert time.monotonic() - began_s < LEAVES_S
    log = (house.folder / "shop.log").read_text()
    assert "Traceback" not in log
    assert "Exception" not in log
