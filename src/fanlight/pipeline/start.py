"""Starts a Fanlight in the background: one for each data directory, however many ask at once."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress

from fanlight.errors import FanlightError, UnreachableError
from fanlight.pipeline.directory import prepare, read_state, run_file, take_lock
from fanlight.pipeline.programs import is_alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from fanlight.config import Settings

WAIT_S = 10.0
LOG_BYTES = 1 << 20
"""The log starts anew at this size; one older one is kept."""


def ensure_running(settings: Settings, *, hand_streams: bool = False) -> dict[str, Any]:
    """Answer what runs for a data directory, started in the background if nothing did.

    Args:
        settings: where, and how.
        hand_streams: whether a collector that is started now gets our stdout and stderr; one that
            runs keeps those it has.

    Returns:
        The supervisor's state: `listen`, `socket`, `pids`, `version`, `background`.

    Raises:
        MissingExtraError: the server is not installed.
        PermissionError: the data directory cannot be used.
        FanlightError: it was started and could not begin; says why.
    """
    data = settings["data"]
    prepare(data)
    deadline_s = time.monotonic() + WAIT_S
    while True:
        lock = take_lock(data)
        if lock is not None:
            try:
                return launch(settings, lock, own_streams() if hand_streams else {})
            finally:
                os.close(lock)
        # Somebody starts it right now, or it is about to leave: then the file is not there.
        state = current_state(data)
        if state is not None:
            return state
        if time.monotonic() > deadline_s:
            raise UnreachableError(
                f"a Fanlight holds {run_file(data, 'lock')} and does not say where it listens\n"
                f"  see {run_file(data, 'fanlight.log')}"
            )
        time.sleep(0.02)


def current_state(data: str) -> dict[str, Any] | None:
    """Answer the state of the Fanlight that runs; what a dead one left is not believed."""
    from fanlight.pipeline.listening import is_running

    state = read_state(data)
    if state is None or not is_alive(state.get("pids", {}).get("supervisor")):
        return None
    # A dead one's number may be in use again, its socket is not.
    return state if is_running(data) else None


def own_streams() -> dict[str, int]:
    """Answer copies of stdout and stderr by the option that hands each over; closed ones are left out."""
    copies = {}
    for option, descriptor in (("--out-fd", 1), ("--err-fd", 2)):
        with suppress(OSError):
            # Above the three that a new process gets for itself.
            copies[option] = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    return copies


def launch(settings: Settings, lock: int, streams: dict[str, int]) -> dict[str, Any]:
    """Start the supervisor and hand it the lock and the streams; answer what it says about itself."""
    from fanlight.config import data_directory
    from fanlight.pipeline.extras import built_environment, server_command

    data = settings["data"]
    here = {name: value for name, value in os.environ.items() if name != "FANLIGHT_DATA"}
    command = server_command(data, data_directory(here))
    report, theirs = os.pipe()
    log = open_log(run_file(data, "fanlight.log"))
    try:
        spawn_detached(
            [
                *(*command, "serve", "--role", "supervisor", "--data", data),
                *("--lock-fd", str(lock), "--report-fd", str(theirs)),
                *(word for option, number in streams.items() for word in (option, str(number))),
            ],
            built_environment(os.environ, settings.environment()),
            (lock, theirs, *streams.values()),
            log,
        )
    finally:
        for descriptor in (theirs, log, *streams.values()):
            os.close(descriptor)
    return first_report(report, data)


def open_log(path: str) -> int:
    """Answer a descriptor that appends to the log."""
    try:
        if os.stat(path).st_size > LOG_BYTES:
            os.replace(path, f"{path}.1")
    except FileNotFoundError:
        pass
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def spawn_detached(
    command: Sequence[str], environment: dict[str, str], descriptors: Sequence[int], log: int
) -> None:
    """Start a process that has nothing of us left: session, parent, directory, files, variables.

    Forked twice, so that it is nobody's child: the program that `run` becomes must not find a
    process among its children that it did not start. Raw forks are safe here: our own program,
    one thread, and nothing but system calls until the new program begins.
    """
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.umask(0o077)
        os.chdir("/")
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        close_all_but(descriptors)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, True)
        os.execve(command[0], list(command), environment)  # noqa: S606 - our own command
    finally:
        os._exit(127)


def close_all_but(descriptors: Sequence[int]) -> None:
    """Close what the caller had open: a server socket kept here would hold its port for ever."""
    begin = 3
    for descriptor in sorted(descriptors):
        os.closerange(begin, descriptor)
        begin = descriptor + 1
    os.closerange(begin, os.sysconf("SC_OPEN_MAX"))


def first_report(report: int, data: str) -> dict[str, Any]:
    """Answer the one document that a supervisor writes once it listens.

    Raises:
        FanlightError: it says why it cannot begin, or says nothing in time.
    """
    import json
    import select

    text = b""
    deadline_s = time.monotonic() + WAIT_S
    with os.fdopen(report, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0.0, deadline_s - time.monotonic()))[0]:
            part = pipe.read(65536)
            if not part:
                break
            text += part
    try:
        said: dict[str, Any] = json.loads(text)
    except ValueError:
        raise FanlightError(
            f"the server did not start; the reason is in {run_file(data, 'fanlight.log')}"
        ) from None
    if "error" in said:
        raise FanlightError(f"the server did not start: {said['error']}")
    return said
