"""`fanlight stop`: ends the Fanlight of a data directory."""

from __future__ import annotations

import os
import signal
import sys
import time

from fanlight.cli import options
from fanlight.cli.terminal import write, write_json
from fanlight.errors import FanlightError
from fanlight.pipeline.directory import forget_state, read_state, take_lock
from fanlight.pipeline.processes import end_orphans

WAIT_S = 10.0


@options.command("stop")
@options.data
@options.as_json
def command(*, data: str | None, as_json: bool) -> None:
    """Stop the Fanlight of a data directory. What it has acknowledged is kept.

    \b
      fanlight stop
      fanlight stop --data ./telemetry
    """  # noqa: D301 - click's mark for lines that stay as they are
    directory: str = options.settings(data=data)["data"]
    pid = end(directory)
    if as_json:
        write_json({"stopped": pid is not None, "pid": pid, "data": directory})
    elif pid is None:
        write(f"no Fanlight runs for {directory}", sys.stderr)
    else:
        write(f"stopped (pid {pid})", sys.stderr)


def end(directory: str) -> int | None:
    """Stop the supervisor; answer its process number, None when none ran.

    Who holds the lock is alive and wrote the number itself: a file left by a dead one is not
    believed, its number may be somebody else's by now.

    Raises:
        FanlightError: it does not stop.
    """
    if not os.path.isdir(os.path.join(directory, "run")) or is_free(directory):
        return None
    deadline_s = time.monotonic() + WAIT_S
    pid: int | None = None
    while time.monotonic() < deadline_s:
        # It takes the lock a moment before it writes who it is: what stood there names a dead one.
        named = (read_state(directory) or {}).get("pids", {}).get("supervisor")
        if named not in (None, pid):
            pid = named
            signal_supervisor(named)
        if is_free(directory):
            return pid
        time.sleep(0.02)
    raise FanlightError(
        f"the Fanlight of {directory} (pid {pid or 'unknown'}) did not stop within {WAIT_S:.0f} s\n"
        "  end it with: kill -9 and that number; nothing acknowledged is lost by it"
    )


def signal_supervisor(pid: int) -> None:
    """Ask a supervisor to stop; one that has just gone is what we wanted."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return


def is_free(directory: str) -> bool:
    """Answer whether nothing runs for a data directory, nor will by itself.

    A supervisor that was killed a moment ago leaves children of which one would take its place.
    """
    lock = take_lock(directory)
    if lock is None:
        return False
    try:
        left = read_state(directory)
        if left is not None:
            end_orphans(directory, left["pids"])
            forget_state(directory)
    finally:
        os.close(lock)
    return True
