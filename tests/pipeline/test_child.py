"""How a supervised child begins, and what makes it end."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise

import pytest

from fanlight.pipeline import child

BEGINS = """
import os, sys
from fanlight.pipeline.child import die_with_parent
die_with_parent(os.getppid() if sys.argv[1] == "alive" else os.getpid())
print(oct(os.umask(0)))
"""


@pytest.mark.parametrize(("parent", "said"), [("alive", "0o77\n"), ("gone", "")])
def test_a_child_makes_files_for_its_user_alone_and_works_for_its_own_parent_only(parent, said):
    done = subprocess.run(
        [sys.executable, "-P", "-c", BEGINS, parent],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        umask=0o022,
    )
    assert (done.returncode, done.stdout) == (0, said), done.stderr


REPORTS = """
import os, signal, sys, time
from fanlight.pipeline import child
child.LOOK_EVERY_S, child.LAST_GRACE_S = 0.0, 0.5
class Renewed:
    are_renewed = staticmethod(lambda: "renewed" in sys.argv)
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
parent = os.getpid() if "orphan" in sys.argv else os.getppid()
one = child.Reporter(int(sys.argv[1]), parent, lambda: "idle" not in sys.argv, lambda: True)
one.files = Renewed()
one.start()
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("words", "hears", "code"),
    [
        (["orphan"], True, -signal.SIGTERM),
        (["renewed"], True, -signal.SIGTERM),
        ([], False, -signal.SIGTERM),
        (["orphan", "stubborn"], True, 1),
    ],
)
def test_a_child_ends_that_nobody_hears_or_whose_files_are_others(words, hears, code):
    reading, writing = os.pipe()
    command = [sys.executable, "-P", "-c", REPORTS, str(writing), *words]
    with subprocess.Popen(command, pass_fds=[writing]) as process:
        os.close(writing)
        if not hears:
            os.close(reading)
        try:
            assert process.wait(30) == code
        finally:
            process.kill()
    if hears:
        os.close(reading)


@pytest.mark.parametrize(("words", "said"), [([], b"raa"), (["idle"], b"aaa")])
def test_a_child_says_that_it_is_ready_when_it_is_and_that_it_is_used(words, said):
    reading, writing = os.pipe()
    command = [sys.executable, "-P", "-c", REPORTS, str(writing), *words]
    with subprocess.Popen(command, pass_fds=[writing]) as process:
        os.close(writing)
        try:
            heard = b""
            while len(heard) < 3:
                heard += os.read(reading, 1)
        finally:
            process.kill()
            os.close(reading)
    assert heard == said


class Stopped:
    """Time that passes for a reporter, up to a moment; keeps each wait, and when what was said."""

    def __init__(self, until_s, reading):
        self.until_s = until_s
        self.reading = reading
        self.now_s = 0.0
        self.waits = []
        self.heard = []

    def wait(self, timeout_s):
        with suppress(BlockingIOError):
            self.heard.append((self.now_s, os.read(self.reading, 16)))
        self.now_s += timeout_s
        self.waits.append(timeout_s)
        return self.now_s > self.until_s


def reports(for_s, every_s, is_ready, is_used):
    """Answer how long a reporter waited each time, and when it said what."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    time = Stopped(for_s, reading)
    one = child.Reporter(
        writing, os.getppid(), lambda: is_ready(time.now_s), lambda: is_used(time.now_s), every_s
    )
    one.stopped = time
    one.run()
    os.close(reading)
    os.close(writing)
    return time.waits, time.heard


@pytest.mark.parametrize(
    ("leave_after_s", "most", "apart_s"),
    [(60, 31, 2.0), (8, 31, 2.0), (4, 61, 1.0), (1, 241, 0.25), (0, 241, 0.25)],
)
def test_a_child_wakes_up_as_seldom_as_its_supervisor_lets_it(leave_after_s, most, apart_s):
    every_s = child.report_every_s(leave_after_s)
    waits, heard = reports(60.0, every_s, lambda _: True, lambda _: True)
    assert len(waits) <= most + 1
    said_s = [at_s for at_s, said in heard if b"a" in said]
    assert {after - before for before, after in pairwise(said_s)} == {apart_s}
    # Two of them may be late before a supervisor takes nobody for somebody.
    assert 3 * apart_s < leave_after_s or leave_after_s == 0


def test_a_child_that_nobody_needed_for_a_while_looks_seldom_whether_it_is_ready():
    waits, heard = reports(60.0, 2.0, lambda now_s: now_s > 30, lambda _: False)
    assert len(waits) <= child.YOUNG_S / child.PERIOD_S + 50 / 2.0 + 1
    assert [said for _, said in heard] == [b"r"]


def test_a_child_says_once_more_that_it_was_used_when_it_is_not_any_more():
    _, heard = reports(30.0, 2.0, lambda _: True, lambda now_s: 9 < now_s < 13)
    assert [at_s for at_s, said in heard if b"a" in said] == [10.25, 12.25, 14.25]
