"""What a child does last when its supervisor was killed: it becomes the next supervisor.

The application must not start processes, and a process that watches the supervisor could be killed
as well. The children learn of its death at once, so one of them takes its place: the number stays,
the program is a new one. The data directory's lock decides which of them, and against everybody
else who wants to start or stop something there.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import contextmanager, suppress

from fanlight.pipeline.child import die_with_nobody
from fanlight.pipeline.directory import read_state, take_lock
from fanlight.pipeline.start import close_all_but

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

PATIENCE_S = 0.5
"""A command that asks whether anybody is here holds the lock for a moment; a supervisor for good."""
STEP_S = 0.02


@contextmanager
def succeeding(data: str, parent: int, command: Sequence[str], streams: dict[str, int]) -> Iterator[None]:
    """Become the supervisor when this child ends because its own one was killed.

    Args:
        data: the data directory.
        parent: the supervisor's process number.
        command: how our own program is started.
        streams: descriptors that the next supervisor gets, by option.
    """
    # Until the child handles it by itself: the signal may come while it is still starting.
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if os.getppid() != parent:
            take_over(data, parent, command, streams)


def leave(_number: int, _frame: FrameType | None) -> None:
    """End a child that is still starting."""
    raise SystemExit(0)


def take_over(data: str, dead: int, command: Sequence[str], streams: dict[str, int]) -> None:
    """Become the supervisor in place of a dead one; returns when that is not ours to do.

    It is when the dead one ran in the background, was not stopping (it takes its state file down
    first), and nobody else has the lock. In the foreground, whoever started it decides.
    """
    lock = wait_for_lock(data)
    if lock is None:
        return
    state = read_state(data) or {"pids": {}}
    if not state.get("background") or state["pids"].get("supervisor") != dead:
        os.close(lock)
        return
    sys.stderr.write(f"fanlight: the supervisor (pid {dead}) was killed; pid {os.getpid()} takes its place\n")
    sys.stderr.flush()
    die_with_nobody()
    nobody = os.open(os.devnull, os.O_WRONLY)
    kept = (lock, nobody, *streams.values())
    close_all_but(kept)
    for descriptor in kept:
        os.set_inheritable(descriptor, True)
    words = ["serve", "--role", "supervisor", "--data", data]
    for option, number in {"--lock-fd": lock, "--report-fd": nobody, **streams}.items():
        words += [option, str(number)]
    # The page stays where browsers know it, also when the port was any free one.
    environment = {**os.environ, "FANLIGHT_LISTEN": state["listen"]}
    os.execve(command[0], [*command, *words], environment)  # noqa: S606 - our own command


def wait_for_lock(data: str) -> int | None:
    """Answer the descriptor that holds the lock, or None when somebody else keeps it."""
    deadline_s = time.monotonic() + PATIENCE_S
    with suppress(OSError):
        while True:
            lock = take_lock(data)
            if lock is not None or time.monotonic() > deadline_s:
                return lock
            time.sleep(STEP_S)
    return None
