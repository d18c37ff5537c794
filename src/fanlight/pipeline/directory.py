"""The data directory: private or refused, one Fanlight in it, and the file that says what runs."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OURS = ("inbox", "run", "server-env", "spool", "store")
"""What a data directory holds; a directory with other things in it and open to others is none."""


def run_file(data: str, name: str) -> str:
    """Answer the path of a file in `D/run`."""
    return os.path.join(data, "run", name)


def prepare(data: str) -> None:
    """Make the data directory and its `run`, or refuse one that others could reach into.

    Raises:
        PermissionError: it belongs to somebody else, is a symbolic link, is open to others and not
            ours to close, or cannot be written; says which.
    """
    try:
        private(data)
        private(run_file(data, ""))
    except (FileExistsError, NotADirectoryError) as error:
        raise PermissionError(f"{data} cannot be a data directory: a file is in the way") from error
    except OSError as error:
        if not error.errno or (isinstance(error, PermissionError) and not error.strerror):
            raise
        raise PermissionError(
            f"the data directory {data} cannot be written: {error.strerror}\n"
            "  name another one with --data DIR or FANLIGHT_DATA"
        ) from error


def private(path: str) -> None:
    """Make one directory that only its owner can enter.

    A predecessor's directory is tightened; what belongs to somebody else is refused as it is,
    because changing it would make a trap look safe.
    """
    path = path.rstrip("/")
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # Many may start at once; whoever was first made it as we would have.
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise PermissionError(f"{path} is a symbolic link; a data directory must be a directory of its own")
    if not stat.S_ISDIR(found.st_mode):
        raise FileExistsError(path)
    if found.st_uid != os.geteuid():
        raise PermissionError(
            f"{path} belongs to uid {found.st_uid}, and this is uid {os.geteuid()}\n"
            "  name a directory of your own with --data DIR or FANLIGHT_DATA"
        )
    if found.st_mode & 0o077:
        strangers = [name for name in os.listdir(path) if name not in OURS]
        if strangers and os.path.basename(path) != "run":
            raise PermissionError(
                f"{path} is open to others and holds other things ({strangers[0]!r})\n"
                "  name an empty directory with --data DIR, or close this one: chmod 700"
            )
        os.chmod(path, 0o700)
    # Only a write tells: root passes every permission check on a read-only file system.
    probe = os.path.join(path, f".probe-{os.getpid()}")
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(probe)
    except OSError as error:
        # A full disk is no reason to refuse: what runs drops and counts until there is room.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EEXIST):
            raise


def take_lock(data: str) -> int | None:
    """Answer a descriptor that holds the data directory's lock, or None when another one does.

    The lock belongs to the open file, not to a process: a starter takes it and hands the
    descriptor to the supervisor it starts, so of many starters exactly one starts.
    """
    import fcntl

    descriptor = os.open(run_file(data, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def read_state(data: str) -> dict[str, Any] | None:
    """Answer what the supervisor last wrote about itself; it may be dead since.

    None when there is nothing, or what no supervisor writes.
    """
    import json

    try:
        with open(run_file(data, "fanlight.json"), encoding="utf-8") as file:
            state = json.load(file)
    except (OSError, ValueError):
        return None
    return state if is_sound(state) else None


def is_sound(state: object) -> bool:
    """Answer whether a document has the shape of a supervisor's state: its numbers get signals."""
    if not isinstance(state, dict) or not isinstance(state.get("pids"), dict):
        return False
    texts = all(isinstance(state.get(name, ""), str) for name in ("listen", "socket", "store", "version"))
    return texts and all(isinstance(pid, int) and pid > 0 for pid in state["pids"].values())


def write_state(data: str, state: dict[str, Any]) -> None:
    """Replace the file that says what runs, whole or not at all."""
    import json

    path = run_file(data, "fanlight.json")
    with open(f"{path}.new", "w", encoding="utf-8", opener=owner_only) as file:
        json.dump(state, file, indent=2)
    os.replace(f"{path}.new", path)


def owner_only(path: str, flags: int) -> int:
    """Open a file that nobody else may read, whatever the umask."""
    return os.open(path, flags, 0o600)


def forget_state(data: str) -> None:
    """Remove what says that something runs."""
    for name in ("fanlight.json", "server.sock"):
        try:
            os.unlink(run_file(data, name))
        except OSError:
            continue


def holds_data(data: str) -> bool:
    """Answer whether a Fanlight has ever kept something here."""
    return any(os.path.isdir(os.path.join(data, name)) for name in ("spool", "store"))
