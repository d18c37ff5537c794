"""Disks that fail at the wrong moment, a life of the collector's writer on them, and what is left."""

from __future__ import annotations

import errno
import os
from array import array
from contextlib import suppress

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
        for path in spool.segments(directory)[-1:]:
            self.writer.adopt(str(path))
        self.unread = self.ledger.restore(directory)
        self.writer.settle(self.ledger.totals())

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
            self.writer.settle(self.ledger.totals())
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
