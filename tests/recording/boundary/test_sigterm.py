"""The signal is minded where that changes nothing: everywhere else it does what it did."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPENING = """
import os, signal, socket, sys, threading, time
import fanlight
fanlight.start("shop", dsn="unix://{folder}/collector.sock")
from fanlight.recording.boundary import sigterm

def found():
    return signal.getsignal(signal.SIGTERM)

def begun():
    print("up", flush=True)
    # A signal that comes between two of Python's steps is handled behind the second: loops of servers do not
    # wait for ever either.
    while True:
        time.sleep(0.1)

def theirs(*_):
    sys.exit(7)
"""


@pytest.fixture
def ends(tmp_path: Path) -> Callable[..., int]:
    """Run a program; answer how it ended, after SIGTERM once it has said `up`."""

    def run(text: str) -> int:
        program = tmp_path / "program.py"
        program.write_text(OPENING.format(folder=tmp_path) + textwrap.dedent(text))
        with subprocess.Popen(
            [sys.executable, str(program)], stdout=subprocess.PIPE, text=True, cwd=tmp_path
        ) as process:
            try:
                assert process.stdout is not None
                if process.stdout.readline() == "up\n":
                    process.terminate()
                return process.wait(60)
            finally:
                process.kill()

    return run


def test_it_is_handled_while_the_loop_runs_and_not_before_or_after(ends):
    assert (
        ends("""
        assert found() is signal.SIG_DFL
        sigterm.minding(lambda: exec("assert found() is sigterm.leave"))()
        assert found() is signal.SIG_DFL
        """)
        == 0
    )


def test_the_process_is_ended_by_the_signal_itself(ends):
    assert ends("sigterm.minding(begun)()") == -signal.SIGTERM


def test_a_handler_from_before_stays(ends):
    assert ends("signal.signal(signal.SIGTERM, theirs); sigterm.minding(begun)()") == 7


def test_a_handler_from_within_stays_also_behind_the_loop(ends):
    loop = "lambda: signal.signal(signal.SIGTERM, theirs)"
    assert ends(f"sigterm.minding({loop})(); assert found() is theirs; begun()") == 7


def test_ignored_stays_ignored(ends):
    ignoring = """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sigterm.minding(lambda: os.kill(os.getpid(), signal.SIGTERM))()
    sys.exit(3)
    """
    assert ends(ignoring) == 3


def test_a_loop_in_another_thread_is_left_alone(ends):
    assert (
        ends("""
        seen = []
        loop = threading.Thread(target=sigterm.minding(lambda: seen.append(found())))
        loop.start()
        loop.join()
        assert seen == [signal.SIG_DFL]
        """)
        == 0
    )


def test_an_application_in_the_loops_thread_finds_nothing_handled(ends):
    """It may be inside of a call for long, and must end at once."""
    assert (
        ends("""
        from fanlight.recording.wsgi import wsgi

        def app(environ, start_response):
            assert found() is signal.SIG_DFL
            return bodies.pop()

        def loop():
            called = sigterm.aside(wsgi(app))
            called({}, None)
            assert found() is sigterm.leave
            called({}, None)
            # The body runs as the application does.
            assert found() is signal.SIG_DFL
            sigterm.again(lambda: None)()
            assert found() is sigterm.leave

        bodies = [(each for each in ()), [b""]]
        sigterm.minding(loop)()
        assert found() is signal.SIG_DFL
        """)
        == 0
    )


def test_an_application_in_another_thread_changes_nothing(ends):
    assert (
        ends("""
        def loop():
            serving = threading.Thread(target=sigterm.aside(lambda *_: [b""]), args=({}, None))
            serving.start()
            serving.join()
            assert found() is sigterm.leave

        sigterm.minding(loop)()
        """)
        == 0
    )


def test_a_forks_child_has_the_signal_as_it_was(ends):
    assert (
        ends("""
        def loop():
            child = os.fork()
            if not child:
                os._exit(0 if found() is signal.SIG_DFL else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert found() is sigterm.leave

        sigterm.minding(loop)()
        """)
        == 0
    )


@pytest.mark.parametrize("there", ["nobody", "left behind", "silent"])
def test_whoever_takes_nothing_puts_the_end_off_for_a_moment_at_the_most(ends, there, tmp_path):
    """Nobody there, a socket that nobody listens at, one at which nobody accepts."""
    bound = {
        "nobody": "",
        "left behind": "socket.socket(socket.AF_UNIX).bind(path)",
        "silent": "held = socket.socket(socket.AF_UNIX); held.bind(path); held.listen(0)",
    }[there]
    trace = """
    path = os.path.join(os.path.dirname(__file__), "collector.sock")
    {bound}
    with fanlight.trace("job"):
        pass
    from fanlight.recording.recorder import SWITCH
    flush = SWITCH.flush
    def asked(within_s):
        with open("asked", "a") as told:
            told.write(f"{{within_s}}\\n")
        return flush(within_s)
    SWITCH.flush = asked
    sigterm.minding(begun)()
    """
    assert ends(trace.format(bound=bound)) == -signal.SIGTERM
    # Once, and not again for whatever else there would be to send.
    assert (tmp_path / "asked").read_text() == "0.5\n"


def test_one_who_stays_goes_on_as_before(ends):
    """The system keeps the signal from some processes, such as the first one of a container."""
    assert (
        ends("""
        os.kill = lambda *_: None  # stands for such a system
        def loop():
            sigterm.leave(signal.SIGTERM, None)
            with fanlight.trace("job"):
                pass
            # Puts back what it did not end with.
        sigterm.minding(loop)()
        from fanlight.recording.recorder import SWITCH
        assert SWITCH.finished == 1
        assert SWITCH.sample == 1.0
        """)
        == 0
    )
