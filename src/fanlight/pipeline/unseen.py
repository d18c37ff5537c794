"""Tells when no Python of a program that `fanlight run` started has loaded the agent.

The agent speaks to a collector only when there is something to report, so a silence proves nothing.
Instead a file stands in `D/run/unseen` until the first injected Python takes it away. Who looks is a
process that is nobody's child, holds nothing but stderr, and ends with the program.
"""

from __future__ import annotations

import os
import select
import sys
import time
from contextlib import suppress

from fanlight.pipeline.directory import owner_only, run_file
from fanlight.pipeline.programs import is_alive
from fanlight.pipeline.start import close_all_but

FOLDER = "unseen"
PATIENCE_S = 10.0
STEP_S = 0.1

REASONS = (
    "python -I, -E or -S; another tool's sitecustomize before ours; PYTHONPATH set anew; "
    "an interpreter older than 3.11; no Python at all"
)


def expect(data: str) -> str | None:
    """Put the file there that the program's first Python takes away; answer its path, if it can be."""
    path = run_file(data, os.path.join(FOLDER, str(os.getpid())))
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "wb", opener=owner_only):
            return path
    except OSError:
        return None


def watch(path: str, program: str) -> None:
    """Leave a process that says one line when the file still stands after a while.

    Forked twice, so that the program finds no child that it did not start. Raw forks are safe here:
    our own program, one thread.

    Args:
        path: of the file.
        program: what is going to run in this process.
    """
    pid = os.getpid()
    try:
        between = os.fork()
    except OSError:  # no processes left: then nobody looks
        return
    if between:
        os.waitpid(between, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        close_all_but(())
        look(path, program, pid)
    finally:
        os._exit(0)


def look(path: str, program: str, pid: int) -> None:
    """Wait until the program has ended or time is up; take the file away and say if it still stood."""
    lives = outlives(pid, PATIENCE_S)
    try:
        os.unlink(path)
    except OSError:
        return  # an injected Python was faster
    if lives:
        with suppress(OSError):
            line = f"fanlight: no Python of {program!r} has loaded the agent in {PATIENCE_S:.0f} s"
            os.write(2, f"{line}; known reasons: {REASONS}\n".encode(errors="replace"))


def outlives(pid: int, patience_s: float) -> bool:
    """Answer whether a process still runs after some seconds; at once when it has ended before."""
    if sys.platform == "linux":
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        except OSError:
            pass
        else:
            return not select.select([descriptor], [], [], patience_s)[0]
    deadline_s = time.monotonic() + patience_s
    while is_alive(pid) and time.monotonic() < deadline_s:
        time.sleep(STEP_S)
    return is_alive(pid)
