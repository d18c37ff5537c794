"""A collector with an application that has nothing to say does next to nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from fanlight.wire import frames

RUN_S = 5.0
SHARE = 0.002
"""Of a core."""


def spent_s(pid):
    """Answer the CPU seconds that a process's threads have had."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def test_at_rest_the_collector_takes_less_than_two_thousandths_of_a_core(desk, folder):
    process = desk.process(folder)
    with desk.Peer(folder / "run" / "c.sock") as peer:
        peer.greet()
        assert peer.batch(1) == 1
        time.sleep(0.5)  # what follows the first batch is over
        before_s = spent_s(process.pid)
        time.sleep(RUN_S)
        took_s = spent_s(process.pid) - before_s
        assert peer.batch(2) == 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    process.stderr.close()
    assert took_s <= SHARE * RUN_S, f"{took_s * 1e3:.2f} ms of CPU in {RUN_S:g} s"


def test_only_who_is_in_the_midst_of_something_is_looked_at_often(desk, folder):
    with desk.running(folder) as collector, desk.Peer(path := collector.options.socket) as peer:

        def is_calm(expected):
            return desk.eventually(lambda: collector.reception.is_calm == expected)

        peer.greet()
        assert peer.batch(1) == 1
        assert is_calm(True)
        with desk.Peer(path, client="b" * 32) as other:
            other.socket.sendall(b"F")
            assert is_calm(False)
        assert is_calm(True)
        peer.socket.sendall(frames.frame(frames.BATCH, desk.batch_body(2))[:40])
        assert is_calm(False)
        peer.socket.sendall(frames.frame(frames.BATCH, desk.batch_body(2))[40:])
        assert is_calm(True)
