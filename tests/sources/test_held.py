"""What a process that is gone has left stays until it is kept elsewhere, whoever reads it meanwhile."""

import os
import subprocess
import sys
import time

import pytest

from fanlight.recording.slots.slot import head
from fanlight.sources.held import File
from fanlight.sources.slots import Slots
from fanlight.wire import slots as layout


def left(folder):
    """Answer the file of a worker of its own that has answered three requests and is gone."""
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    memory = bytearray(layout.SIZE)
    cells = memoryview(memory).cast("q")
    head(cells, 0, layout.WORKS)
    whose = worker.pid, layout.process_start(worker.pid)
    cells[layout.PID], cells[layout.STARTED] = whose
    cells[layout.MASTER], cells[layout.MASTER_STARTED] = whose
    cells[layout.APART] = 1
    cells[layout.ANSWERED] = 3
    path = folder / layout.name(*whose)
    path.write_bytes(memory)
    worker.kill()
    worker.communicate()
    return path


def test_what_is_not_kept_elsewhere_stays_and_the_next_reader_tells_it_again(tmp_path):
    folder = tmp_path / "slots"
    folder.mkdir(mode=0o700)
    path, told = left(folder), []

    def reader():
        made = Slots("", [str(folder)])
        made.account = lambda *given: told.append(given)
        return made

    def read(source):
        # A directory that changed is looked through anew.
        os.utime(folder)
        found = source.read(time.monotonic_ns())
        return found.workers, sum(each.requests_count for each in found.retired)

    first = reader()
    assert (read(first), read(first)) == (((), 3), ((), 3))
    assert (len(told), path.exists()) == (1, True)
    # It is killed, or leaves, before it was told to let go.
    first.close()
    assert path.exists()
    second = reader()
    assert (read(second), read(second)) == (((), 3), ((), 3))
    assert (len(told), path.exists()) == (2, True)
    told[1][-1]()
    assert (read(second), len(told), path.exists()) == (((), 3), 2, False)
    assert (second.owed, second.book.done) == (set(), {})
    second.close()
    assert not folder.exists()


def test_a_reader_that_waits_for_another_one_goes_on_with_what_that_one_counted(tmp_path):
    folder = tmp_path / "slots"
    folder.mkdir(mode=0o700)
    left(folder)
    # The first is killed, so it takes nothing away.
    first, second = Slots("", [str(folder)]), Slots("", [str(folder)])
    assert sum(each.requests_count for each in first.read(time.monotonic_ns()).retired) == 3
    assert sum(each.requests_count for each in second.read(time.monotonic_ns()).retired) == 3
    first.close()
    second.close()


@pytest.mark.parametrize(("state", "stopped"), [("T", True), ("t", True), ("S", False), ("Z", False)])
def test_a_process_is_stopped_by_a_signal_or_by_a_debugger(tmp_path, state, stopped):
    told = tmp_path / "stat"
    told.write_text(f"7 (T) t) {state} 1 7 7 0")
    file = File(str(tmp_path), "7.1", os.open(told, os.O_RDONLY), (7, 1))
    assert not file.is_stopped()
    file.proc = os.open(told, os.O_RDONLY)
    assert file.is_stopped() is stopped
    file.close()
