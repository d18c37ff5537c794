"""How much memory a process has in use, told for ourselves on any system."""

import os
import subprocess
import sys

from fanlight.collector.resident import peak_bytes, resident_bytes


def test_our_own_memory_is_some_mib_and_below_the_peak():
    held = bytearray(b"x") * (32 << 20)
    found = resident_bytes(os.getpid())
    assert len(held) < found <= peak_bytes() + (4 << 20)


def test_another_process_is_measured_while_it_runs_and_unknown_when_gone():
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    found = resident_bytes(process.pid)
    process.communicate(b"\n")
    assert 0 < found < 1 << 30 if sys.platform == "linux" else found is None
    assert resident_bytes(process.pid) is None
