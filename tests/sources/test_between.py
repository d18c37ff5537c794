"""What is read of listeners between two whole reads: the servers' own, and the others now and then."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from listening import of

from fanlight.sources.holders import Holders

if TYPE_CHECKING:
    from listening import Bench

    from fanlight.sources.listeners import Listeners


def test_between_whole_reads_others_are_asked_for_every_five_seconds(bench: Bench, listeners: Listeners):
    made = bench.tcp()
    assert of(listeners.read(0).listeners, made).pids == (os.getpid(),)
    other = bench.listen(socket.AF_INET6, ("::1", 0), 8)
    bench.connect(made.getsockname(), 3)
    inode = os.fstat(other.fileno()).st_ino
    wait_s = time.monotonic() + 60
    while of((found := listeners.read(100_000_000, whole=False)).listeners, made).queued < 3:
        assert time.monotonic() < wait_s
    assert inode not in {each.inode for each in found.listeners}
    found = listeners.read(4_900_000_000, whole=False)
    assert inode in {each.inode for each in found.listeners}
    assert of(found.listeners, made).queued == 3
    # Nothing changed, in what is ours at least, and then the answer is the one before.
    assert of(listeners.read(5_000_000_000, whole=False).listeners, made) is of(found.listeners, made)


def test_between_whole_reads_strangers_come_and_go_unnoticed(bench: Bench, listeners: Listeners):
    made = bench.tcp()
    inode = os.fstat(made.fileno()).st_ino
    listeners.holders = Holders(lambda: [os.getpid()], clock=lambda: 0)
    before = listeners.read(0)
    assert of(before.listeners, made).pids == (os.getpid(),)
    # In the same family, and nobody looks yet who holds it.
    stranger = bench.tcp()
    strange = os.fstat(stranger.fileno()).st_ino
    assert listeners.read(100_000_000, whole=False) is before
    assert strange in {each.inode for each in listeners.read(200_000_000).listeners}
    stranger.close()
    between = listeners.read(300_000_000, whole=False)
    assert strange in {each.inode for each in between.listeners}
    made.close()
    # What becomes of a server's own is seen at once, and all else with it.
    inodes = {each.inode for each in listeners.read(400_000_000, whole=False).listeners}
    assert not inodes & {inode, strange}
