"""Whatever call fails, and wherever the power goes: what was acknowledged is there, once."""

from __future__ import annotations

import errno
import os
import random
from array import array
from contextlib import suppress
from pathlib import Path

import pytest

from fanlight.collector.disk import Disk
from fanlight.collector.ledger import Ledger
from fanlight.collector.spool import SpoolWriter
from fanlight.wire import codec, messages, spool

NAMES = Disk._fields
# What would survive a power cut is modelled below, so nothing has to reach the real disk.
QUICK = Disk(fsync=lambda fd: None)
RECORDS = 14
CLIENT = "c" * 32
S = 1_000_000_000


def record(sequence, size=0):
    message = {
        "client": [CLIENT],
        "client_sequence": array("Q", [sequence]),
        "ledger_service": ["shop"],
        "ledger_accepted": array("Q", [2]),
        "strings": ["", "x" * size],
    }
    return codec.encode(messages.COMMIT, message)


class PowerCut(BaseException):
    """The process is gone, from this call on."""


class Faults:
    """The real calls, one of which fails; and what of their effect would survive a power cut."""

    def __init__(self, plan=lambda name, turn, total: None) -> None:
        self.plan = plan
        self.turns = dict.fromkeys(NAMES, 0)
        self.total = 0
        self.is_folder: dict[int, str] = {}
        self.durable: dict[int, bytes] = {}
        self.entries: dict[str, int] = {}
        self.opened: set[int] = set()

    def disk(self):
        real = QUICK

        def call(name):
            def run(*arguments):
                self.turns[name] += 1
                self.total += 1
                fault = self.plan(name, self.turns[name], self.total)
                if fault is not None:
                    fault(getattr(real, name), arguments)
                answer = getattr(real, name)(*arguments)
                getattr(self, f"after_{name}", lambda *_: None)(answer, *arguments)
                return answer

            return run

        return Disk(**{name: call(name) for name in NAMES})

    def after_open(self, fd, path, *_):
        self.is_folder.pop(fd, None)
        self.opened.add(fd)
        if os.path.isdir(path):
            self.is_folder[fd] = path

    def after_close(self, _, fd):
        self.opened.discard(fd)

    def bury(self):
        """Close what the dead process had open."""
        for fd in self.opened:
            os.close(fd)
        self.opened.clear()

    def after_fsync(self, _, fd):
        if fd in self.is_folder:
            folder = self.is_folder[fd]
            self.entries = {name: os.stat(os.path.join(folder, name)).st_ino for name in os.listdir(folder)}
        else:
            size = os.fstat(fd).st_size
            reader = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
            self.durable[os.fstat(fd).st_ino] = os.pread(reader, size, 0)
            os.close(reader)

    def survivors(self, target):
        """Build the directory that a power cut leaves: only what was made durable."""
        target.mkdir()
        for name, inode in self.entries.items():
            (target / name).write_bytes(self.durable.get(inode, b""))
        return target


def fails(error):
    def fault(_, __):
        raise OSError(error, os.strerror(error))

    return fault


def writes_half(real, arguments):
    """Do half of a write, then fail; whatever is no write fails at once."""
    if real is os.pwrite:
        fd, view, position = arguments
        real(fd, view[: len(view) // 2], position)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def cuts(real, arguments):
    raise PowerCut


def cuts_halfway(real, arguments):
    if real is os.pwrite:
        fd, view, position = arguments
        real(fd, view[: len(view) // 2], position)
    raise PowerCut


class Life:
    """One life of a collector's ledger and writer on a directory, on a clock of its own."""

    def __init__(self, directory, disk=None, now_s=1_790_000_000) -> None:
        self.now_ns = now_s * S
        self.ledger = Ledger(lambda: self.now_ns)
        self.writer = SpoolWriter(
            str(directory),
            self.ledger.describe,
            lambda: self.now_ns,
            disk or QUICK,
            segment_bytes=300,
            segment_s=60,
        )
        self.writer.open()
        self.unread = self.ledger.restore(directory)

    @property
    def on_disk(self):
        return self.ledger.clients[CLIENT].sequence if CLIENT in self.ledger.clients else 0

    def commit(self, sequence, tries=6):
        """Write a record as the committer does: again until it is durable."""
        body = record(sequence)
        for _ in range(tries):
            self.now_ns += 7 * S
            try:
                self.writer.append(body)
            except OSError:
                continue
            self.ledger.commit(codec.decode(messages.COMMIT, body), len(body))
            return True
        return False


def found(directory):
    """Answer the sequences of all whole records, in order."""
    sequences = []
    for path in spool.segments(directory):
        with suppress(Exception):
            sequences += [message["client_sequence"][0] for _, message in spool.read(path)]
    return sequences


def live(directory, faults, acknowledged):
    """Commit records one after the other; `acknowledged` grows as they are durable."""
    life = Life(directory, faults.disk())
    for sequence in range(1, RECORDS + 1):
        assert life.commit(sequence)
        acknowledged.append(sequence)
    return life


def count_calls(directory):
    directory.mkdir()
    faults = Faults()
    live(directory, faults, [])
    return faults


def finish(directory):
    """Start anew on a directory, resend what is not on disk, and demand every record just once."""
    life = Life(directory, now_s=1_790_005_000)
    assert life.on_disk == max(found(directory), default=0)
    for sequence in range(life.on_disk + 1, RECORDS + 1):
        assert life.commit(sequence)
    assert found(directory) == list(range(1, RECORDS + 1))
    assert life.ledger.accepted == {"shop": 2 * RECORDS}
    assert Life(directory).ledger.accepted == {"shop": 2 * RECORDS}
    life.writer.seal()


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
    for path in (*spool.segments(directory), directory):
        path.rmdir() if path.is_dir() else path.unlink()
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


def test_what_the_spool_holds_is_measured_and_grows_with_each_record(tmp_path):
    life = Life(tmp_path)
    for sequence in (1, 2, 3, 4):
        life.commit(sequence)
    grown = life.writer.used
    life.writer.measure()
    assert life.writer.used == grown == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert life.writer.segments == len(spool.segments(tmp_path))
