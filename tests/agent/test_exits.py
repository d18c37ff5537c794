"""How a process ends, whatever is at the other end of the socket: in time, as ever, and having reported."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.agent.queue import Line
from fanlight.agent.task import Task
from fanlight.normalizers import normalize
from fanlight.recording.pauses import Pauses
from fanlight.recording.recorder import fresh_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EXIT_S = 3.0
"""What an exit may sleep: the budget of 2 s, and less than two of its parts one behind the other."""
ASLEEP = """
import time

def asleep():
    # What passed without the main thread running or waiting for a core: neither is ours to bound.
    with open("/proc/self/schedstat") as told:
        return (time.monotonic_ns() - sum(map(int, told.read().split()[:2]))) / 1e9
"""


def test_a_script_that_just_ends_has_reported(script, receiver):
    result = script("""
        for _ in range(2500):
            with fanlight.trace('job'), fanlight.span('a'):
                pass
    """)
    assert result.returncode == 0, result.stderr
    assert len(receiver.traces) == 2500


def test_a_script_that_fails_has_reported_and_fails_as_before(script, receiver):
    result = script("""
        with fanlight.trace('job'):
            raise RuntimeError('boom')
    """)
    assert result.returncode == 1
    assert "RuntimeError: boom" in result.stderr
    assert receiver.traces[0].segment == "error"
    # The traceback is the application's: the frames of ours in it are none of a reader's business.
    assert result.stderr.count("File") == 1


def test_whatever_the_receiver_does_an_exit_takes_its_budget_at_the_most(tmp_path, bad_receiver):
    program = tmp_path / "program.py"
    program.write_text(
        f"""
{ASLEEP}
import atexit
took = {{}}
atexit.register(lambda: print(asleep() - took["from"]))
import fanlight
fanlight.start('shop', dsn='unix://{tmp_path}/collector.sock')
atexit.register(lambda: took.update({{"from": asleep()}}))
for _ in range(3000):
    with fanlight.trace('job'), fanlight.span('a', text='x' * 1000):
        pass
time.sleep(0.3)  # the task is in the middle of it when the end comes
"""
    )
    result = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) <= EXIT_S
    assert "Traceback" not in result.stderr
    if bad_receiver == "absent":
        # Nobody can be there, so nobody is waited for.
        assert float(result.stdout) < 0.5


def test_whatever_else_hands_over_at_the_end_draws_on_the_same_time(tmp_path, black_hole):
    """Finalizers of multiprocessing run at a program's exit, too, and a server may flush before both."""
    program = tmp_path / "program.py"
    program.write_text(
        f"""
{ASLEEP}
import atexit
took = {{}}
atexit.register(lambda: print(asleep() - took["from"]))
import fanlight
fanlight.start('shop', dsn='unix://{tmp_path}/collector.sock')
import multiprocessing.util  # behind the agent, so that its exit comes first
with fanlight.trace('job'):
    pass
took["from"], began = asleep(), time.monotonic()
from fanlight.recording.recorder import SWITCH
assert SWITCH.flush(0.5) is False  # as a server's hook does
assert time.monotonic() - began >= 0.5
"""
    )
    result = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) <= EXIT_S
    assert black_hole.batches


def started(tmp_path: Path, text: str, **pipes: Any) -> subprocess.Popen[str]:
    """Start a program towards this test's socket, and wait for the line that it says first."""
    path = tmp_path / "program.py"
    opening = f"import fanlight\nfanlight.start('shop', dsn='unix://{tmp_path}/collector.sock')\n"
    path.write_text(opening + textwrap.dedent(text))
    process = subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, text=True, cwd=tmp_path, **pipes
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.fixture
def ended() -> Iterator[Callable[..., int]]:
    """Wait for a process's end, and see to it whatever the test did."""
    seen: list[subprocess.Popen[str]] = []

    def wait(process: subprocess.Popen[str], timeout_s: float = 60.0) -> int:
        seen.append(process)
        return process.wait(timeout_s)

    yield wait
    for process in seen:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


WAITING = """
import signal, sys, time
{handler}
with fanlight.trace('job'):
    pass
print('up', flush=True)
# A signal right before a rest begins is handled behind it.
for _ in range(600):
    time.sleep(0.1)
"""


def test_a_signal_that_nobody_handles_ends_it_as_ever(tmp_path, receiver, ended):
    process = started(tmp_path, WAITING.format(handler=""))
    # What the task has sent is safe; what is younger than its pause would be lost.
    receiver.wait(lambda r: r.traces)
    process.terminate()
    assert ended(process) == -signal.SIGTERM


def test_a_handler_that_exits_takes_everything_along(tmp_path, receiver, ended):
    handler = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"
    process = started(tmp_path, WAITING.format(handler=handler))
    process.terminate()
    assert ended(process) == 7
    receiver.wait(lambda r: len(r.traces) == 1)


def test_a_second_signal_ends_the_wait_for_a_receiver_that_hangs(tmp_path, black_hole, ended):
    process = started(
        tmp_path,
        """
        import atexit, os, signal
        from fanlight.agent import agent, leaving
        agent.EXIT_S = leaving.EXIT_S = leaving.STILL_S = 600.0
        with fanlight.trace('job'):
            pass
        # Runs before the agent's own exit, and interrupts it in the middle.
        atexit.register(signal.setitimer, signal.ITIMER_REAL, 0.2)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        print('up', flush=True)
        """,
        stderr=subprocess.PIPE,
    )
    assert ended(process) == 0, "all of its ten minutes would be over much later"
    assert process.stderr.read() == ""


def test_an_end_without_exit_handlers_keeps_its_status_and_waits_for_nobody(tmp_path, receiver, ended):
    process = started(
        tmp_path,
        """
        import os, sys
        with fanlight.trace('sent'):
            pass
        assert fanlight.flush(30)
        with fanlight.trace('not sent'):
            pass
        print('up', flush=True)
        os._exit(3)
        """,
    )
    assert ended(process) == 3
    assert [trace.endpoint for trace in receiver.traces][:1] == ["sent"]


def test_traces_of_an_exit_handler_are_reported_too(script, receiver):
    result = script("""
        import atexit, threading
        def last():
            with fanlight.trace('last words'), fanlight.span('a'):
                pass
        # Behind `start`, so that it runs before the agent's own; no thread was there until now.
        atexit.register(last)
    """)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    receiver.wait(lambda r: len(r.traces) == 1)
    assert receiver.shapes() == [("last words", ["a"])]


def test_threads_that_live_on_may_record_while_the_interpreter_ends(script, receiver):
    result = script("""
        import threading
        ready = threading.Event()
        def busy():
            while True:
                with fanlight.trace('busy'), fanlight.span('a'):
                    ready.set()
        for _ in range(4):
            threading.Thread(target=busy, daemon=True).start()
        ready.wait(30)
    """)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


def test_a_pipe_that_nobody_empties_holds_up_no_exit(tmp_path, ended, full_pipe):
    """The agent has something to say about its receiver, and nowhere to say it."""
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "collector.sock"))
    process = started(
        tmp_path,
        """
        from fanlight.agent.agent import AGENT
        with fanlight.trace('job'):
            pass
        print('up', flush=True)
        AGENT.complain('something to say')
        """,
        stderr=full_pipe,
    )
    assert ended(process) == 0


@pytest.mark.parametrize("leaving", [True, False])
def test_the_end_of_the_interpreter_wakes_no_thread_and_a_stop_does(leaving, tmp_path):
    line = Line()
    trace = fresh_trace("app.job", "t", "t", 1)
    trace.records = [([], -1, 0)]
    line.traces.append(trace)
    task = Task(line, str(tmp_path / "nobody.sock"), dict, normalize, Pauses(), print)
    task.leaving = leaving
    assert not task.flush(0.05, 0.05)
    assert line.bell.locked() == leaving
    task.end()
    assert line.bell.locked() == leaving
    assert line.dropped == {"undelivered": 1}


def test_what_the_interpreter_ends_is_told_so(script):
    done = script("""
        from fanlight.agent.agent import AGENT, leave
        with fanlight.trace('job'):
            pass
        task = AGENT.task
        leave()
        print(task.leaving, task.ended)
    """)
    assert done.stdout == "True True\n", done.stderr


def test_children_that_do_one_task_each_all_report(script, receiver):
    result = script("""
        import multiprocessing
        def work(number):
            with fanlight.trace('job'):
                return number
        if __name__ == '__main__':
            with multiprocessing.get_context('fork').Pool(2, maxtasksperchild=1) as pool:
                assert pool.map(work, range(10), chunksize=1) == list(range(10))
                pool.close()
                pool.join()
    """)
    assert result.returncode == 0, result.stderr
    receiver.wait(lambda r: len(r.traces) == 10)
    assert Counter(trace.endpoint for trace in receiver.traces) == {"job": 10}
