"""No record, no acknowledgement: full and broken disks are waited out, told once and lose nothing."""

from __future__ import annotations

import errno
import os
import random
from array import array

import pytest

from fanlight.aggregate.aggregator import Aggregator
from fanlight.aggregate.groups import Origin
from fanlight.aggregate.tables import Table
from fanlight.collector.commits import Committer
from fanlight.collector.disk import Disk
from fanlight.collector.ledger import Ledger
from fanlight.collector.notices import Notices
from fanlight.collector.options import Options
from fanlight.collector.spool import SpoolWriter
from fanlight.wire import codec, frames, messages, spool


def failing(error):
    def call(*_):
        raise OSError(error, os.strerror(error))

    return call


@pytest.fixture
def collector(desk, folder):
    with desk.running(folder, retry_s=0.05) as running:
        running.notices.write = running.lines = []
        running.notices.write = running.lines.append
        yield running


BROKEN = {
    "full": Disk(write=failing(errno.ENOSPC)),
    "read-only": Disk(open=failing(errno.EROFS)),
    "not syncing": Disk(fsync=failing(errno.EIO)),
}


@pytest.mark.parametrize("trouble", BROKEN)
@pytest.mark.parametrize("begun", [True, False], ids=["segment begun", "no segment yet"])
def test_a_disk_in_trouble_is_waited_out(desk, folder, collector, trouble, begun):
    path = collector.options.socket
    with desk.Peer(path) as peer, desk.Peer(path, client="b" * 32) as other:
        peer.greet()
        other.greet()
        if begun and trouble != "read-only":
            assert peer.batch(1) == 1
        collector.writer.disk = BROKEN[trouble]
        peer.send(frames.BATCH, desk.batch_body(2))
        desk.eventually(lambda: desk.state(path)["spool"]["trouble"])
        other.send(frames.BATCH, desk.batch_body(1))
        peer.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            peer.answer()
        peer.socket.settimeout(60)
        collector.writer.disk = Disk()
        assert peer.answer()[1]["sequence"] == 2
        assert other.answer()[1]["sequence"] == 1
        assert peer.batch(3) == 3
        assert desk.state(path)["spool"]["trouble"] is None
    first = [("a" * 32, 1)] if begun and trouble != "read-only" else []
    assert desk.batches(folder / "spool") == [*first, ("a" * 32, 2), ("b" * 32, 1), ("a" * 32, 3)]
    assert len(collector.lines) == 2
    assert "cannot write the spool" in collector.lines[0]
    assert "again" in collector.lines[1]


def test_an_agent_that_reconnects_meanwhile_is_acknowledged_on_its_new_connection(desk, folder, collector):
    path = collector.options.socket
    collector.writer.disk = BROKEN["full"]
    with desk.Peer(path) as peer:
        peer.greet()
        peer.send(frames.BATCH, desk.batch_body(1))
        desk.eventually(lambda: not collector.committer.accepting)
    with desk.Peer(path) as peer:
        assert peer.greet() == 0
        peer.send(frames.BATCH, desk.batch_body(1))
        collector.writer.disk = Disk()
        assert peer.answer()[1]["sequence"] == 1
    assert desk.batches(folder / "spool") == [("a" * 32, 1)]


def test_a_stop_during_the_trouble_does_not_wait_and_acknowledges_nothing(desk, folder):
    with desk.running(folder, retry_s=600.0) as collector:
        collector.notices.write = lambda _: None
        collector.writer.disk = BROKEN["full"]
        peer = desk.Peer(collector.options.socket)
        peer.greet()
        peer.send(frames.BATCH, desk.batch_body(1))
        desk.eventually(lambda: not collector.committer.accepting)
        collector.stop()
        assert peer.socket.recv(1) == b"", "the next try would be in ten minutes"
    with desk.running(folder) as collector, desk.Peer(collector.options.socket) as peer:
        assert peer.greet() == 0
        assert peer.batch(1) == 1
    assert desk.batches(folder / "spool") == [("a" * 32, 1)]


def fill(desk, peer, path, sequence, until):
    """Send batches until the state satisfies a question; answer the next sequence."""
    while not until(desk.state(path)):
        assert peer.batch(sequence, traces=400, spans=10) == sequence
        sequence += 1
        assert sequence < 200
    return sequence


def test_a_nearly_full_spool_keeps_counts_alone_and_a_full_one_waits_for_room(desk, folder):
    bound = 1 << 20
    with desk.running(folder, spool_max_bytes=bound, retry_s=0.05, group_s=0.0) as collector:
        path = collector.options.socket
        collector.notices.write = lambda _: None
        with desk.Peer(path) as peer:
            peer.greet()
            sequence = fill(desk, peer, path, 1, lambda state: state["dropped"])
            state = desk.state(path)
            assert state["spool"]["bytes"] >= 0.8 * bound
            assert state["dropped"] == {"shop": {"spool_full": 400}}
            last = desk.commits(folder / "spool")[-1]
            assert last["count_n"].tolist() == [400]
            assert not last["trace_high"]
            # Somebody else's file takes the last of the room.
            (folder / "spool" / "000000000001.seg.bad").write_bytes(bytes(bound))
            collector.writer.measure()
            peer.send(frames.BATCH, desk.batch_body(sequence))
            desk.eventually(lambda: desk.state(path)["spool"]["trouble"])
            assert "bound" in desk.state(path)["spool"]["trouble"]
            # The server applies and deletes all but the newest; that one holds no record by now.
            newest = spool.segments(folder / "spool")[-1]
            assert list(spool.read(newest)) == []
            kept = desk.commits(folder / "spool")
            for applied in spool.segments(folder / "spool")[:-1]:
                applied.unlink()
            (folder / "spool" / "000000000001.seg.bad").unlink()
            assert peer.answer()[1]["sequence"] == sequence
            # What was on its way out may have been the oldest at the look before: the next one knows.
            shares, writer = collector.ledger.shares, collector.writer
            desk.eventually(lambda: shares.keeps_detail("shop", writer.used, bound))
            assert peer.batch(sequence + 1) == sequence + 1
            state = desk.state(path)
        kept += desk.commits(folder / "spool")
        ledgers = sum(sum(message["ledger_accepted"]) for message in kept)
        counted = sum(sum(message["count_n"]) for message in kept)
        assert state["accepted"]["shop"] == counted
        assert state["accepted"]["shop"] == ledgers + state["dropped"]["shop"]["spool_full"]
        # The record that waited was counts alone still; the one after has its detail again.
        assert sum(kept[-1]["ledger_accepted"]) == 3
    with desk.running(folder, spool_max_bytes=bound) as collector:
        again = desk.state(collector.options.socket)
    assert (again["accepted"], again["dropped"]) == (state["accepted"], state["dropped"])


class Desk:
    """A committer on a clock of its own."""

    def __init__(self, folder, **options) -> None:
        self.now_s = 0.0
        self.options = Options("unused", str(folder), **options)
        self.lines = []
        ledger = Ledger(lambda: 1_790_000_000_000_000_000)
        self.writer = SpoolWriter(str(folder), ledger.describe, ledger.clock)
        self.writer.open()
        notices = Notices(lambda: self.now_s, self.lines.append)
        aggregator = Aggregator(random.random)
        self.committer = Committer(self.options, aggregator, ledger, self.writer, notices, lambda: self.now_s)
        self.told = []

    def offer(self, sequence, client="a" * 32, size=100):
        batch = codec.decode(messages.BATCH, b"") | {"sequence": sequence}
        origin = Origin(client, "shop", "box", 1)
        self.committer.offer(batch, Table(), origin, size, lambda told: self.told.append((client, told)))

    def pass_s(self, seconds):
        self.now_s += seconds
        self.committer.tick()


def test_a_group_closes_after_a_tenth_of_a_second(tmp_path):
    desk = Desk(tmp_path)
    assert desk.committer.due() is None
    desk.offer(1)
    desk.pass_s(0.05)
    desk.offer(1, "b" * 32)
    assert desk.told == []
    assert desk.committer.due() == pytest.approx(0.1)
    desk.pass_s(0.05)
    assert desk.told == [("a" * 32, 1), ("b" * 32, 1)]
    assert desk.committer.due() is None
    desk.writer.seal()


def test_a_group_closes_at_four_megabytes(tmp_path):
    desk = Desk(tmp_path)
    desk.offer(1, size=3 << 20)
    assert desk.told == []
    desk.offer(1, "b" * 32, size=1 << 20)
    assert len(desk.told) == 2
    desk.writer.seal()


def test_a_batch_that_comes_again_before_it_is_on_disk_is_applied_once_and_told_twice(tmp_path, desk):
    own = Desk(tmp_path)
    own.offer(1)
    own.offer(1)
    own.pass_s(0.2)
    own.offer(1)
    assert own.told == [("a" * 32, 1)] * 3
    assert desk.batches(tmp_path) == [("a" * 32, 1)]
    own.writer.seal()


def test_a_record_larger_than_the_bound_is_written_when_nothing_else_waits(tmp_path, desk):
    own = Desk(tmp_path, spool_max_bytes=100, retry_s=0.5)
    own.offer(1)
    own.pass_s(0.2)
    assert own.told == [("a" * 32, 1)]
    own.offer(2)
    own.pass_s(0.2)
    assert own.told == [("a" * 32, 1)]
    # The store has applied the first and deletes it, once it is not the newest any more.
    applied, _ = spool.segments(tmp_path)
    assert desk.batches(tmp_path) == [("a" * 32, 1)]
    applied.unlink()
    own.pass_s(0.5)
    assert own.told == [("a" * 32, 1), ("a" * 32, 2)]
    assert desk.batches(tmp_path) == [("a" * 32, 2)]
    own.writer.seal()


def test_a_trouble_is_told_once_however_often_it_is_met_and_at_most_once_a_minute(tmp_path):
    desk = Desk(tmp_path, retry_s=0.5)
    for turn in range(3):
        desk.writer.disk = BROKEN["full"]
        desk.offer(turn + 1)
        for _ in range(20):
            desk.pass_s(0.5)
        assert not desk.committer.accepting
        desk.writer.disk = Disk()
        desk.pass_s(0.5)
        assert desk.committer.accepting
    assert len(desk.lines) == 2
    desk.pass_s(60)
    desk.writer.disk = BROKEN["full"]
    desk.offer(9)
    desk.pass_s(1)
    assert len(desk.lines) == 3
    desk.writer.disk = Disk()
    desk.pass_s(1)
    desk.writer.seal()


def test_a_header_carries_sequences_of_the_last_hour_and_totals(tmp_path):
    now_ns = 1_790_000_000_000_000_000
    ledger = Ledger(lambda: now_ns)
    ledger.client("a" * 32).sequence = 4
    ledger.client("d" * 32)
    ledger.accepted["shop"] = 9
    now_ns += 3_601 * 10**9
    ledger.client("b" * 32).sequence = 5
    described = ledger.describe()
    assert described["client"] == ["b" * 32]
    assert described["client_sequence"] == array("Q", [5])
    assert described["service"] == ["shop"]


def test_the_oldest_clients_make_room_for_new_ones():
    now_ns = 0
    ledger = Ledger(lambda: now_ns)
    kept = ledger.client("first")
    kept.connected = True
    for number in range(10_000):
        now_ns += 1
        ledger.client(str(number))
    assert len(ledger.clients) <= 10_000
    assert ledger.clients["first"] is kept
    assert "9999" in ledger.clients
    assert "1" not in ledger.clients
