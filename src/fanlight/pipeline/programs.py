"""Which programs were started by `fanlight run` and still run: as long as one does, we stay.

An agent connects with its first finished trace, and a service may wait hours for its first request.
So `run` writes down its process number, which the program keeps when it takes its place.
"""

from __future__ import annotations

import os
from contextlib import suppress

from fanlight.pipeline.directory import owner_only, run_file

FOLDER = "programs"


def enrol(data: str) -> None:
    """Note that this process is going to be a program that sends.

    Without room for the note it is not there: then the first trace has to be in time.
    """
    with suppress(OSError):
        os.makedirs(run_file(data, FOLDER), mode=0o700, exist_ok=True)
        with open(note(data), "w", encoding="ascii", opener=owner_only) as file:
            file.write(begun(os.getpid()))


def leave(data: str) -> None:
    """Take the note of this process back."""
    with suppress(OSError):
        os.unlink(note(data))


def note(data: str) -> str:
    """Answer the path of this process's note."""
    return os.path.join(run_file(data, FOLDER), str(os.getpid()))


def any_running(data: str) -> bool:
    """Answer whether a noted program still runs; notes of those that ended are removed."""
    return bool(running(data))


def running(data: str) -> list[int]:
    """Answer the noted programs that still run; notes of those that ended are removed."""
    folder = run_file(data, FOLDER)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = []
    for name in names:
        if name.isdecimal() and runs(int(name), os.path.join(folder, name)):
            found.append(int(name))
        else:
            with suppress(OSError):
                os.unlink(os.path.join(folder, name))
    return found


def runs(pid: int, path: str) -> bool:
    """Answer whether the program that wrote a note still runs, and no other under its number."""
    try:
        with open(path, encoding="ascii") as file:
            return is_alive(pid) and file.read() in ("", begun(pid))
    except OSError:
        return False


def is_alive(pid: object) -> bool:
    """Answer whether a process number is in use."""
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def begun(pid: int) -> str:
    """Answer when a process began, in the system's own ticks; nothing where it does not say."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The name may hold spaces and brackets; what comes behind its last bracket does not.
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
