"""One service that floods the spool leaves the others their room, and loses its own detail first."""

from __future__ import annotations

from array import array

import pytest

from fanlight.collector.shares import Shares, parts
from fanlight.wire import codec, frames, messages, spool

BOUND = 1 << 20


def record(**columns):
    return codec.decode(messages.COMMIT, codec.encode(messages.COMMIT, columns))


def two_services(spans):
    """Answer a record of two services, each with one trace of so many spans."""
    strings = ["", "shop", "blog"]
    return record(
        ledger_service=["shop", "blog"],
        ledger_accepted=array("Q", [1, 1]),
        strings=strings,
        group_service=array("I", [1, 2]),
        count_group=array("I", [0, 1]),
        trace_group=array("I", [0, 1]),
        trace_spans=array("I", spans),
    )


def test_the_services_of_a_record_share_its_bytes_by_what_they_bring():
    shared = dict(parts(two_services([1000, 0]), 100_000))
    assert shared["shop"] > 95_000
    assert 0 < shared["blog"] < 5_000
    assert sum(shared.values()) in range(99_990, 100_001)
    assert dict(parts(two_services([7, 7]), 1_000)) == {"shop": 500, "blog": 500}


@pytest.mark.parametrize("floods", [1, 2, 5, 50])
def test_however_many_flood_the_next_service_finds_room(floods):
    shares, used = Shares(), 0
    services = [str(number) for number in range(floods)]
    while any(shares.takes(name, used, BOUND) for name in services):
        for name in services:
            if shares.takes(name, used, BOUND):
                shares.enter(record(ledger_service=[name]), 100)
                used += 100
        detailed = [shares.keeps_detail(name, used, BOUND) for name in services]
        if not any(detailed):
            assert shares.keeps_detail("next", used, BOUND) == (used < 0.9 * BOUND)
    assert used < BOUND
    assert shares.takes("next", used, BOUND)
    assert BOUND - used >= BOUND // (8 * floods + 1) - 200 * floods


def test_a_flood_keeps_eight_ninths_alone_and_its_detail_goes_first(desk, folder):
    bound = 2 << 20
    with desk.running(folder, spool_max_bytes=bound, group_s=0.0) as collector:
        collector.notices.write = lines = []
        collector.notices.write = lines.append
        path = collector.options.socket
        flood, quiet = desk.Peer(path, service="flood"), desk.Peer(path, "b" * 32, "quiet")
        with flood, quiet:
            flood.greet()
            quiet.greet()
            sequence = 1
            while not desk.state(path)["dropped"]:
                assert flood.batch(sequence, traces=400, spans=10) == sequence
                sequence += 1
            assert quiet.batch(1, traces=10) == 1
            state = desk.state(path)
            assert state["dropped"] == {"flood": {"spool_full": 400}}
            assert state["spool"]["held"]["quiet"] < 10_000 < state["spool"]["held"]["flood"]
            # What it writes from now on is counts alone, and that has its end as well.
            collector.ledger.shares.written["flood"] += 5 * bound
            desk.eventually(lambda: desk.state(path)["spool"]["waiting"] == ["flood"])
            flood.send(frames.BATCH, desk.batch_body(sequence, traces=400, spans=10))
            assert quiet.batch(2, traces=10) == 2
            assert desk.state(path)["dropped"] == {"flood": {"spool_full": 400}}
            desk.eventually(lambda: any("flood holds its share" in line for line in lines))
            # The server applies and deletes the oldest; the flood is read again.
            for applied in spool.segments(folder / "spool")[:-1]:
                applied.unlink()
            assert flood.answer()[1]["sequence"] == sequence
            assert desk.state(path)["spool"]["waiting"] == []
            desk.eventually(lambda: len(lines) == 2)


def test_what_each_service_holds_is_known_after_a_start_and_goes_with_its_segments(desk, folder):
    with desk.running(folder, segment_bytes=20_000, group_s=0.0) as collector:
        path = collector.options.socket
        with desk.Peer(path) as shop, desk.Peer(path, "b" * 32, "blog") as blog:
            shop.greet()
            blog.greet()
            for sequence in range(1, 9):
                shop.batch(sequence, traces=50)
            blog.batch(1, traces=50)
        held = desk.state(path)["spool"]["held"]
    with desk.running(folder) as collector:
        path = collector.options.socket
        assert desk.state(path)["spool"]["held"] == held
        segments = spool.segments(folder / "spool")
        assert len(segments) > 2
        for applied in segments[:-1]:
            applied.unlink()
        collector.committer.look()
        left = desk.state(path)["spool"]["held"]
    assert left["blog"] == held["blog"]
    assert 0 <= left.get("shop", 0) < held["shop"] // 2
