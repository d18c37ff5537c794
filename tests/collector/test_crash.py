"""Killed at any moment, or told to go: every acknowledged batch is in the spool exactly once."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter

import pytest

from fanlight.collector.collector import Collector
from fanlight.collector.options import Options
from fanlight.wire import frames


class Sender(threading.Thread):
    """An agent: one outstanding batch, sent again until it is acknowledged, whatever happens."""

    def __init__(self, desk, path, number) -> None:
        super().__init__()
        self.desk, self.path = desk, path
        self.client = f"{number:032x}"
        self.acknowledged = 0
        self.over = threading.Event()
        self.failures = []

    def run(self):
        while not self.over.is_set():
            try:
                self.talk()
            except OSError:
                time.sleep(0.01)
            except BaseException as error:
                self.failures.append(error)
                return

    def talk(self):
        with self.desk.Peer(self.path, client=self.client) as peer:
            on_disk = peer.greet()
            # Nothing that was acknowledged may be forgotten; one more may have arrived unheard.
            assert on_disk - self.acknowledged in (0, 1), (on_disk, self.acknowledged)
            while not self.over.is_set():
                # As an agent does: the outstanding batch again, known to the collector or not.
                self.acknowledged = peer.batch(self.acknowledged + 1)


def kill_rounds(desk, folder, rounds, *, number):
    chance = random.Random(number)
    senders = [Sender(desk, folder / "run" / "c.sock", n) for n in range(4)]
    for sender in senders:
        sender.start()
    try:
        for _ in range(rounds):
            child = desk.process(folder)
            before = [sender.acknowledged for sender in senders]
            desk.eventually(
                lambda b=before: [s.acknowledged for s in senders] != b or any(s.failures for s in senders)
            )
            time.sleep(chance.random() / 5)
            child.send_signal(number)
            assert child.wait(30) == (-signal.SIGKILL if number == signal.SIGKILL else 0)
            child.stderr.close()
    finally:
        for sender in senders:
            sender.over.set()
        for sender in senders:
            sender.join(30)
    assert [failure for sender in senders for failure in sender.failures] == []
    stored = Counter(desk.batches(folder / "spool"))
    assert set(stored.values()) == {1}
    for sender in senders:
        assert sender.acknowledged > 0
        there = sorted(sequence for client, sequence in stored if client == sender.client)
        # The one that was outstanding at the end may be there too.
        assert there in (
            list(range(1, sender.acknowledged + 1)),
            list(range(1, sender.acknowledged + 2)),
        )
    with desk.running(folder) as collector:
        assert desk.state(collector.options.socket)["accepted"] == {"shop": 3 * sum(stored.values())}
    return stored.total()


def test_ten_kills_lose_and_double_nothing(desk, folder):
    kill_rounds(desk, folder, 10, number=signal.SIGKILL)


def test_orderly_ends_lose_and_double_nothing(desk, folder):
    kill_rounds(desk, folder, 4, number=signal.SIGTERM)


@pytest.mark.soak
def test_a_hundred_kills_lose_and_double_nothing(desk, folder, record_property):
    kept = kill_rounds(desk, folder, 100, number=signal.SIGKILL)
    record_property("measured", f"of {kept} batches 0 lost, 0 doubled")
    record_property("limit", "0")


def test_a_group_that_is_open_at_sigterm_is_written_and_acknowledged(desk, folder):
    child = desk.process(folder, group_s=600.0)
    with desk.Peer(folder / "run" / "c.sock") as peer:
        peer.greet()
        peer.send(frames.BATCH, desk.batch_body(1))
        desk.eventually(lambda: desk.state(folder / "run" / "c.sock")["connections"] == 1)
        # Else it would be written in ten minutes.
        child.send_signal(signal.SIGTERM)
        assert peer.answer()[1]["sequence"] == 1
        assert child.wait(60) == 0
    child.stderr.close()
    assert desk.batches(folder / "spool") == [("a" * 32, 1)]


def test_a_successor_that_waits_can_be_told_to_go(desk, folder):
    with desk.running(folder):
        second = Collector(Options(str(folder / "run" / "d.sock"), str(folder / "spool"), lock_wait_s=60))
        waiting = threading.Thread(target=second.run)
        waiting.start()
        second.stop()
        waiting.join(60)
        assert not waiting.is_alive()
        assert not second.listening.is_set()


def test_a_successor_waits_for_its_predecessor_to_leave(desk, folder):
    child = desk.process(folder)
    threading.Timer(0.3, child.terminate).start()
    with desk.running(folder, lock_wait_s=10) as collector, desk.Peer(collector.options.socket) as peer:
        assert peer.greet() == 0
    assert child.wait(30) == 0
    child.stderr.close()
