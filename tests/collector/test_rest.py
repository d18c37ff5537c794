"""A collector with an application that has nothing to say does next to nothing.

`make soak` has the CPU time of an idle Fanlight; here what costs it is counted.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

from fanlight.wire import frames

RUN_S = 5.0
WAKES = 4
"""A second, of all threads together."""


def woken(pid):
    """Answer how often a process's threads went to sleep: after each wake-up they do so again."""
    told = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    lines = [line.split() for text in told for line in text.splitlines()]
    return sum(int(words[1]) for words in lines if words[0] == "voluntary_ctxt_switches:")


def test_at_rest_the_collector_wakes_seldom(desk, folder):
    process = desk.process(folder)
    with desk.Peer(folder / "run" / "c.sock") as peer:
        peer.greet()
        assert peer.batch(1) == 1
        time.sleep(0.5)  # what follows the first batch is over
        before, began_s = woken(process.pid), time.monotonic()
        time.sleep(RUN_S)
        wakes, lasted_s = woken(process.pid) - before, time.monotonic() - began_s
        assert peer.batch(2) == 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    process.stderr.close()
    assert wakes <= WAKES * lasted_s


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
