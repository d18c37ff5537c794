"""What `fanlight serve` is: lock, sockets, state file, then collector and server under supervision."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from fanlight import config
from fanlight.errors import ConfigError, StoreError
from fanlight.pipeline import directory
from fanlight.pipeline.build import check_store
from fanlight.pipeline.extras import built_environment
from fanlight.pipeline.hold import Hold
from fanlight.pipeline.listening import bind_page, bound_address, check_socket
from fanlight.pipeline.processes import Child, Supervisor, end_orphans, say
from fanlight.pipeline.programs import any_running
from fanlight.pipeline.start import open_log
from fanlight.pipeline.tokens import report_token
from fanlight.server.trouble import Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from fanlight.config import Settings

LEAVING_S = 3.0
"""How long the server of a killed supervisor may take to close the page, before another port is taken."""


class House:
    """One running Fanlight: its sockets, its children, and the file that says so.

    Args:
        settings: where, and how.
        command: how our own program is started.
        lock: descriptor that holds the data directory's lock.
        background: leaves when idle, and takes another port when the wanted one is in use.
        streams: descriptors of a program's stdout and stderr for the collector, by option.
    """

    def __init__(
        self,
        settings: Settings,
        command: list[str],
        lock: int,
        *,
        background: bool,
        streams: dict[str, int],
    ) -> None:
        self.settings = settings
        self.data: str = settings["data"]
        self.command = command
        self.background = background
        self.streams = streams
        self.untold = True
        self.trouble, self.unwritten = Trouble(say), Trouble(say)
        # Where a killed predecessor was, its server may still be closing the page.
        before = directory.read_state(self.data) or {}
        wait_s = LEAVING_S if before.get("listen") == str(settings["listen"]) else 0.0
        self.page: socket.socket = bind_page(settings["listen"], any_port=background, wait_s=wait_s)
        self.hold = Hold(self.data, lock)
        self.server = self.child("server")
        self.children = [self.child("collector"), self.server]

    def child(self, role: str) -> Child:
        """Answer one supervised child, not started yet."""
        command = [*self.command, "serve", "--role", role, "--data", self.data]
        doors = {"--page-fd": self.page.fileno(), "--owner-fd": self.hold.owner.fileno()}
        handed = doors if role == "server" else self.streams
        for name, number in handed.items():
            command += [name, str(number)]
        environment = built_environment(os.environ, self.settings.environment())
        return Child(role, command, tuple(handed.values()), environment)

    def state(self) -> dict[str, Any]:
        """Answer what runs, as `fanlight.json` holds it."""
        from fanlight import __version__

        pids = {child.role: child.pid for child in self.children if child.pid}
        return {
            "version": __version__,
            "pids": {"supervisor": os.getpid(), **pids},
            "listen": bound_address(self.page),
            "socket": self.settings["socket"],
            "store": self.settings["store"],
            "background": self.background,
        }

    def run(self, begun: Callable[[dict[str, Any]], None]) -> int:
        """Serve until told to stop; answer the exit code.

        Args:
            begun: called once with the state, when the addresses are taken.
        """

        def changed() -> None:
            # Told not before a child was started: from then on somebody is there to take our place.
            self.record()
            if self.untold:
                self.untold = False
                begun(self.state())

        try:
            leave_after_s = float(self.settings["leave_after_s"]) if self.background else None
            supervisor = Supervisor(
                self.children,
                changed,
                leave_after_s,
                is_wanted=lambda: any_running(self.data),
                last_call=self.last_call,
                watch=self.watch,
            )
            supervisor.leaving = self.take_down
            return supervisor.run()
        finally:
            # What stands there by now may be another one's.
            if self.hold.has_lock():
                directory.forget_state(self.data)
            self.page.close()
            self.hold.owner.close()

    def watch(self) -> bool:
        """Put back what somebody pulled away; answer whether the data directory is still ours."""
        try:
            self.put_back()
        except StoreError as error:
            say(str(error))
            return False
        except OSError as error:
            self.trouble.begin(f"what was pulled away cannot be put back: {error}")
        else:
            self.trouble.end("what was pulled away is back")
        return True

    def put_back(self) -> None:
        """Hold lock and socket again, and the state file as it should be.

        Raises:
            StoreError: another supervisor holds the lock.
            OSError: there is no room or no right.
        """
        relocked = not self.hold.has_lock()
        if relocked:
            self.hold.relock()
            if self.background:
                reopen_log(directory.run_file(self.data, "fanlight.log"))
            say(f"{directory.run_file(self.data, 'lock')} was pulled away; took it anew")
        moved = not self.hold.has_socket()
        if moved:
            self.hold.rebind()
            say(f"{directory.run_file(self.data, 'server.sock')} was pulled away; the server gets a new one")
            self.server.renew(time.monotonic())
        if relocked or moved or not self.hold.has_state():
            self.record()

    def last_call(self) -> bool:
        """Take down the file that says we run, then look once more whether somebody came.

        A starter notes its program first and reads the file afterwards: so either we see the
        program, or it sees no file and waits for the lock to start another one.
        """
        if not self.hold.has_lock():
            return True
        self.take_down()
        if any_running(self.data):
            self.record()
            return False
        return True

    def take_down(self) -> None:
        """Say no more that we run: a child that ends from now on is not to take our place."""
        if self.hold.has_lock():
            with suppress(OSError):
                os.unlink(directory.run_file(self.data, "fanlight.json"))

    def record(self) -> None:
        """Write down what runs; a full disk is told once, and each look tries again."""
        if not self.hold.has_lock():
            # What another one says of itself stands there, or will in a moment.
            return
        path = directory.run_file(self.data, "fanlight.json")
        try:
            self.hold.write(self.state())
        except OSError as error:
            self.unwritten.begin(f"{path} cannot be written, trying again: {error}")
        else:
            self.unwritten.end(f"{path} is written again")


def reopen_log(path: str) -> None:
    """Write on where people look: what was deleted takes lines that nobody will ever read."""
    log = open_log(path)
    for target in (1, 2):
        os.dup2(log, target)
    os.close(log)


def serve(
    settings: Settings,
    command: list[str],
    begun: Callable[[dict[str, Any]], None],
    *,
    lock: int | None = None,
    insecure: bool = False,
    streams: dict[str, int] | None = None,
) -> int:
    """Serve a data directory until told to stop; answer the exit code.

    Args:
        settings: where, and how.
        command: how our own program is started.
        begun: called once with the state, when the addresses are taken.
        lock: the descriptor that a background starter took the lock with; None takes it here.
        insecure: whether people on other machines may reach the page.
        streams: as in `House`.

    Raises:
        ConfigError: an address, socket path or store URL that cannot be used.
        PermissionError: the data directory cannot be used.
        StoreError: another Fanlight serves this data directory.
    """
    data = settings["data"]
    if not insecure and not config.is_loopback(settings["listen"][0]):
        raise ConfigError(
            f"{settings['listen']} can be reached from other machines, and the page is not encrypted\n"
            "  listen on 127.0.0.1 and go through ssh -L, or say --insecure-listen"
        )
    check_socket(settings["socket"])
    check_store(settings["store"])
    if settings["telemetry.targets"]:
        from fanlight.pipeline.outlets import chains

        # Before anything is started: the collector that would refuse them is a child.
        chains(settings, {})
    os.umask(0o077)
    directory.prepare(data)
    background = lock is not None
    lock = directory.take_lock(data) if lock is None else lock
    if lock is None:
        state = directory.read_state(data) or {"pids": {"supervisor": "unknown"}, "listen": "address unknown"}
        raise StoreError(
            f"a Fanlight already serves {data} (pid {state['pids']['supervisor']}, {state['listen']})\n"
            f"  stop it with: fanlight stop --data {data}"
        )
    try:
        left = directory.read_state(data) or {}
        end_orphans(data, left.get("pids", {}))
        directory.forget_state(data)
        # Before anybody is told where we are: who reports by himself asks for it at once, and rests for a
        # minute where there is none. What is wrong with it, the server says.
        with suppress(ConfigError, OSError):
            report_token(settings["report.token_file"])
        house = House(settings, command, lock, background=background, streams=streams or {})
        return house.run(begun)
    finally:
        os.close(lock)
