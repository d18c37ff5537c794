"""The file that says how far the spool is durable: read whole, or not at all."""

from __future__ import annotations

import os
from array import array

from fanlight.wire import settled

TOLD = {
    "number": 7,
    "position": 4711,
    "service": ["shop"],
    "accepted": array("Q", [9]),
    "dropped": array("Q", [2]),
}


def test_what_was_told_is_read(tmp_path):
    (tmp_path / "settled").write_bytes(settled.pack(TOLD))
    assert settled.read(tmp_path) == TOLD
    assert settled.durable(tmp_path, 7) == 4711
    assert settled.durable(tmp_path, 6) is None
    assert settled.durable(tmp_path, 8) == 0


def test_a_longer_one_before_it_leaves_no_trace(tmp_path):
    longer = settled.pack({**TOLD, "service": ["shop" * 50]})
    (tmp_path / "settled").write_bytes(settled.pack(TOLD) + longer[len(settled.pack(TOLD)) :])
    assert settled.read(tmp_path) == TOLD


def test_an_absent_one_bounds_nothing_and_a_torn_one_everything(tmp_path):
    assert settled.read(tmp_path) is None
    assert settled.durable(tmp_path, 7) is None
    data = settled.pack(TOLD)
    for cut in range(len(data)):
        for filler in (b"", bytes(len(data) - cut)):
            (tmp_path / "settled").write_bytes(data[:cut] + filler)
            # Zeros behind the cut may be just what stood there.
            if data[:cut] + filler != data:
                assert settled.durable(tmp_path, 7) == 0


def test_a_mark_is_another_one_once_something_came_and_none_where_that_may_not_show(tmp_path):
    spool = tmp_path / "spool"

    def stands(now_ns=1 << 62):
        return settled.mark(spool, now_ns)

    assert stands() == ()
    spool.mkdir()
    assert stands() is None
    (spool / "settled").write_bytes(settled.pack(TOLD))
    first = stands()
    assert first == stands()
    written_ns = max(first)
    assert stands(written_ns + settled.TICK_NS) == first
    assert stands(written_ns + settled.TICK_NS - 1) is None
    os.utime(spool / "settled", ns=(written_ns, written_ns + 1))
    second = stands()
    os.utime(spool, ns=(written_ns, written_ns + 2))
    assert len({first, second, stands()}) == 3
