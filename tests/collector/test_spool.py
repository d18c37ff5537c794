"""Whatever call fails, and wherever the power goes: what was acknowledged is there, once."""

from __future__ import annotations

import errno
import os
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from disks import (
    RECORDS,
    Faults,
    Life,
    PowerCut,
    S,
    count_calls,
    cuts,
    cuts_halfway,
    fails,
    finish,
    found,
    live,
    record,
    writes_half,
)

from fanlight.server import account
from fanlight.server.applier import Applier
from fanlight.stores import open_store
from fanlight.wire import settled, spool


def test_the_workload_makes_every_call_often_enough(tmp_path):
    turns = count_calls(tmp_path / "spool").turns
    assert turns["write"] > RECORDS
    assert turns["rename"] >= 4
    assert len(spool.segments(tmp_path / "spool")) == turns["rename"]


@pytest.mark.parametrize("lasting", [1, 3])
@pytest.mark.parametrize("fault", [fails(errno.EIO), writes_half], ids=["at once", "halfway"])
@pytest.mark.parametrize("name", ["open", "write", "fsync", "rename", "truncate", "unlink", "close"])
def test_a_failing_call_loses_and_doubles_nothing(tmp_path, name, fault, lasting):
    total = count_calls(tmp_path / "counted").turns[name]
    for nth in range(1, max(total, 3) + 1):
        directory = tmp_path / str(nth)
        directory.mkdir()
        failing = range(nth, nth + lasting)
        faults = Faults(
            lambda each, turn, _, failing=failing: fault if each == name and turn in failing else None
        )
        acknowledged = []
        live(directory, faults, acknowledged)
        assert found(directory) == acknowledged == list(range(1, RECORDS + 1))
        assert found(faults.survivors(tmp_path / f"{nth}-cut")) == acknowledged
        faults.bury()
        finish(directory)


def test_failures_of_several_kinds_at_once_lose_and_double_nothing(tmp_path):
    for seed in range(60):
        chance = random.Random(seed)
        choices = [fails(errno.EIO), writes_half, None, None, None, None, None]
        faults = Faults(lambda *_, chance=chance, choices=choices: chance.choice(choices))
        directory = tmp_path / str(seed)
        directory.mkdir()
        life = None
        for _ in range(20):
            with suppress(OSError):
                life = Life(directory, faults.disk())
                break
        acknowledged = [sequence for sequence in range(1, RECORDS + 1) if life.commit(sequence, tries=200)]
        assert found(directory) == acknowledged == list(range(1, RECORDS + 1)), seed
        faults.bury()
        finish(directory)


@pytest.mark.parametrize("cut", [cuts, cuts_halfway], ids=["before", "halfway"])
def test_a_crash_or_a_power_cut_at_any_call_keeps_what_was_acknowledged(tmp_path, cut):
    total = count_calls(tmp_path / "counted").total
    for nth in range(1, total + 1):
        directory = tmp_path / f"{nth}"
        directory.mkdir()
        faults = Faults(lambda _, __, turn, nth=nth: cut if turn == nth else None)
        acknowledged = []
        with pytest.raises(PowerCut):
            live(directory, faults, acknowledged)
        faults.bury()
        survivors = faults.survivors(tmp_path / f"{nth}-cut")
        for left in (directory, survivors):
            there = found(left)
            assert there in (acknowledged, [*acknowledged, len(acknowledged) + 1])
            # The server may have deleted all before it, so the newest has to stand by itself.
            assert all(spool.header(path) for path in spool.segments(left))
            finish(left)


@pytest.mark.parametrize("cut", [cuts, cuts_halfway], ids=["before", "halfway"])
def test_a_power_cut_never_takes_back_what_a_store_has_applied(tmp_path, cut):
    total = count_calls(tmp_path / "counted").total
    for nth in range(1, total + 1):
        directory = tmp_path / f"{nth}"
        directory.mkdir()
        store = open_store("memory:")
        applier = Applier(store, directory, lambda _: None)

        def plan(_, __, turn, nth=nth, applier=applier):
            # The server is as quick as can be: it looks between any two calls of the collector.
            applier.take_turn()
            return cut if turn == nth else None

        faults = Faults(plan)
        acknowledged = []
        with pytest.raises(PowerCut):
            live(directory, faults, acknowledged)
        applier.take_turn()
        faults.bury()
        survivors = faults.survivors(tmp_path / f"{nth}-cut")
        # The store has its own fsync: it stands, whatever the spool lost. Who sends is elsewhere.
        life = Life(survivors, now_s=1_790_005_000)
        for sequence in range(len(acknowledged) + 1, RECORDS + 1):
            if sequence > life.on_disk:
                assert life.commit(sequence)
        life.writer.seal()
        after = Applier(store, survivors, lambda _: None)
        while after.take_turn():
            pass
        # What was applied before the power went, and what the survivors hold beyond it.
        assert store.ledger() == {"shop": 2 * RECORDS}, nth
        assert account.services(after)["shop"]["balanced"]


def test_a_torn_newest_segment_at_every_byte_reopens_and_is_never_appended_to(tmp_path):
    life = Life(tmp_path)
    for sequence in (1, 2, 3):
        life.commit(sequence)
    path = spool.segments(tmp_path)[-1]
    data = path.read_bytes()
    ends = [position for position, _ in spool.read(path)]
    for cut in range(len(data)):
        for filler in (b"", bytes(32)):
            path.write_bytes(data[:cut] + filler)
            again = Life(tmp_path)
            assert again.on_disk == sum(path.read_bytes()[:end] == data[:end] for end in ends)
            assert again.commit(9)
            again.writer.seal()
            newest = spool.segments(tmp_path)[-1]
            assert newest != path
            assert path.read_bytes() == data[:cut] + filler
            newest.unlink()


def test_a_newest_segment_with_a_broken_header_is_set_aside_and_the_one_before_is_read(tmp_path):
    life = Life(tmp_path)
    for sequence in range(1, RECORDS):
        life.commit(sequence)
    before, newest = spool.segments(tmp_path)[-2:]
    newest.write_bytes(b"FNLSPOOL" + bytes(30))
    again = Life(tmp_path)
    assert len(again.unread) == 1
    assert again.on_disk == max(sequence for sequence in found(tmp_path))
    assert again.on_disk > 0
    assert again.commit(RECORDS)
    assert spool.number(spool.segments(tmp_path)[-1]) == spool.number(newest) + 1
    assert before.exists()


def test_a_segment_ends_by_size_by_age_and_by_a_clock_that_is_set_back(tmp_path):
    life = Life(tmp_path)
    life.commit(1)
    life.commit(2)
    assert len(spool.segments(tmp_path)) == 1
    life.now_ns += 61 * S
    life.commit(3)
    assert len(spool.segments(tmp_path)) == 2
    life.now_ns -= 3600 * S
    life.commit(4)
    assert len(spool.segments(tmp_path)) == 3
    life.writer.append(record(5, size=900))
    life.commit(6)
    assert len(spool.segments(tmp_path)) == 4


def test_what_damage_took_of_the_newest_segment_stays_accepted(tmp_path):
    life = Life(tmp_path)
    for sequence in (1, 2, 3):
        life.commit(sequence)
    (path,) = spool.segments(tmp_path)
    ends = [after for after, _ in spool.records(path)]
    whole = path.read_bytes()
    for place in range(ends[0], ends[2]):
        data = bytearray(whole)
        data[place] ^= 0x55
        path.write_bytes(data)
        again = Life(tmp_path)
        assert again.ledger.accepted == {"shop": 6}
        assert again.on_disk == (2 if place >= ends[1] else 3)
    assert len(Life(tmp_path).unread) == 0
    path.write_bytes(whole[: ends[0]] + b"?" + whole[ends[0] + 1 :])
    assert len(Life(tmp_path).unread) == 1


def test_numbers_begin_with_the_time_so_that_an_emptied_spool_never_repeats_one(tmp_path):
    Life(tmp_path).commit(1)
    first = spool.segments(tmp_path)[0]
    first.unlink()
    later = Life(tmp_path, now_s=1_790_000_900)
    later.commit(1)
    assert spool.number(spool.segments(tmp_path)[0]) > spool.number(first)


def test_a_set_aside_segment_keeps_its_number_from_being_used_again(tmp_path):
    Life(tmp_path).commit(1)
    first = spool.segments(tmp_path)[0]
    first.rename(first.with_suffix(".seg.bad"))
    Life(tmp_path).commit(1)
    assert spool.number(spool.segments(tmp_path)[0]) == spool.number(first) + 1


def test_what_a_crash_left_unnamed_is_cleared_away(tmp_path):
    (tmp_path / "000000000005.seg.new").write_bytes(b"half a header")
    Life(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_segment_that_was_deleted_under_the_writer_is_followed_by_another(tmp_path):
    life = Life(tmp_path)
    life.commit(1)
    spool.segments(tmp_path)[0].unlink()
    life.writer.measure()
    life.commit(2)
    assert found(tmp_path) == [2]


def test_a_deleted_spool_directory_is_made_again(tmp_path):
    directory = tmp_path / "spool"
    life = Life(directory)
    life.commit(1)
    shutil.rmtree(directory)
    life.writer.measure()
    assert life.commit(2)
    assert found(directory) == [2]


def test_the_files_are_their_owners_alone(tmp_path):
    directory = tmp_path / "deep" / "spool"
    before = os.umask(0)
    try:
        life = Life(directory)
        life.commit(1)
    finally:
        os.umask(before)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert Path(life.writer.path).stat().st_mode & 0o777 == 0o600


def test_how_far_it_is_durable_is_written_when_it_changes_or_was_taken_away(tmp_path):
    life = Life(tmp_path)
    life.commit(1)
    file = tmp_path / settled.NAME
    told = file.read_bytes()
    os.utime(file, ns=(1, 1))
    assert life.writer.settle(life.ledger.totals())
    assert file.stat().st_mtime_ns == 1
    file.unlink()
    assert life.writer.settle(life.ledger.totals())
    assert file.read_bytes() == told
    life.commit(2)
    assert file.read_bytes() != told


def test_what_the_spool_holds_is_measured_and_grows_with_each_record(tmp_path):
    life = Life(tmp_path)
    for sequence in (1, 2, 3, 4):
        life.commit(sequence)
    grown = life.writer.used
    life.writer.measure()
    assert life.writer.used == grown == sum(map(os.path.getsize, spool.segments(tmp_path)))
    assert life.writer.segments == len(spool.segments(tmp_path))
