"""How a supervised child begins, and what makes it end."""

import os
import signal
import subprocess
import sys

import pytest

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
