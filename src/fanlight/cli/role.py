"""The hidden form of `serve`: what supervisor, collector and server are started as.

`serve --role ROLE --data DIR [--NAME NUMBER]...`; everything else comes in the environment.
A supervisor may start children of a later version, so what is added here later must be optional.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import time
from contextlib import suppress

from fanlight import config
from fanlight.cli.failures import exit_code, message
from fanlight.errors import ConfigError, FanlightError
from fanlight.log import LOG
from fanlight.pipeline import build
from fanlight.pipeline.child import Reporter, die_with_parent, end_within, report_every_s
from fanlight.pipeline.directory import run_file
from fanlight.pipeline.listening import bound_address
from fanlight.pipeline.renewal import RENEWED
from fanlight.pipeline.succession import succeeding
from fanlight.pipeline.tokens import report_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.collector.collector import Collector
    from fanlight.config import Settings
    from fanlight.server.server import Server

STOP_S = 2.0
"""For applying what the collector committed last; what is left waits in the spool."""

END_S = 30.0
"""For the whole end of a server by itself; with its supervisor it has seconds."""

STREAMS = {"--out-fd": "stdout", "--err-fd": "stderr"}
"""A program's streams, which a collector keeps open for targets that write there."""

RECENT_S = 5.0
"""How long after its last request a browser or command counts as using the server."""


def main(arguments: list[str]) -> int:
    """Play one role; answer the exit code."""
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    role = given.pop("--role")
    settings = config.load({"data": given.pop("--data")}, directory="/")
    who = "fanlight" if role == "supervisor" else f"fanlight {role}"
    LOG.begin(who, settings["log_level"], settings["log"], stamped=True)
    streams = {option: int(given.pop(option)) for option in STREAMS if option in given}
    for descriptor in streams.values():
        # They are the collector's and its supervisor's, not every child's.
        os.set_inheritable(descriptor, False)
    numbers = {name[2:].replace("-", "_"): int(value) for name, value in given.items()}
    if role == "supervisor":
        return supervise(settings, streams, **numbers)
    if role in ("collector", "server"):
        with succeeding(settings["data"], numbers["parent"], own_command(), streams):
            return (
                collect(settings, streams, **numbers) if role == "collector" else answer(settings, **numbers)
            )
    raise ConfigError(f"unknown role {role!r}; known: collector, server, supervisor")


def look_for_garbage() -> None:
    """Let garbage be collected from now on; what was made until now stays, and is not looked through."""
    gc.freeze()
    gc.enable()


def own_command() -> list[str]:
    """Answer how our own program is started: never from the current directory."""
    return [sys.executable, "-P", "-m", "fanlight"]


def supervise(settings: Settings, streams: dict[str, int], *, lock_fd: int, report_fd: int) -> int:
    """Serve in the background; tell the starter where, or why not, and let it go."""
    from fanlight.pipeline.serve import serve

    for descriptor in (lock_fd, report_fd):
        os.set_inheritable(descriptor, False)
    look_for_garbage()

    def begun(document: dict[str, Any]) -> None:
        with os.fdopen(report_fd, "w", encoding="utf-8") as report:
            json.dump(document, report)

    try:
        return serve(settings, own_command(), begun, lock=lock_fd, streams=streams)
    except (FanlightError, OSError) as error:
        # A starter that is gone reads nothing; the log has the same words.
        with suppress(OSError):
            begun({"error": message(error), "code": exit_code(error)})
        raise


def collect(settings: Settings, streams: dict[str, int], *, parent: int, report_fd: int) -> int:
    """Be the collector until told to stop."""
    die_with_parent(parent)
    collector = build.collector(settings, parent, {STREAMS[name]: each for name, each in streams.items()})
    every_s = report_every_s(settings["leave_after_s"])
    reporter = Reporter(report_fd, parent, lambda: collector.acknowledged, uses(collector), every_s)
    reporter.start()
    look_for_garbage()
    try:
        collector.run()
    finally:
        reporter.stop()
    return RENEWED if reporter.outdated else 0


def uses(collector: Collector) -> Callable[[], bool]:
    """Answer what tells whether a collector is in use, or was since that was asked last."""
    taken = 0

    def is_used() -> bool:
        nonlocal taken
        before, taken = taken, collector.committer.acknowledged
        return taken != before or collector.agents > 0 or collector.reception.watchers > 0

    return is_used


def answer(settings: Settings, *, parent: int, report_fd: int, page_fd: int, owner_fd: int) -> int:
    """Be the server until told to stop: apply the spool, answer page, API and our own commands."""
    die_with_parent(parent)
    server = build.server(settings)
    # Storing what waits comes first, and goes on while all that pages are made of is loaded.
    server.start()
    try:
        return serve_pages(settings, server, parent, report_fd, (page_fd, owner_fd))
    finally:
        end_within(END_S)
        server.stop(STOP_S)


def serve_pages(
    settings: Settings, server: Server, parent: int, report_fd: int, doors: tuple[int, int]
) -> int:
    """Answer whoever asks a server that applies, until told to stop; answer the exit code.

    Args:
        settings: names of this host, and where secrets lie.
        server: started by the caller.
        parent: the supervisor.
        report_fd: its pipe.
        doors: descriptors of the page's socket and of our own commands'.
    """
    from fanlight.web.app import create
    from fanlight.web.gate import Gate
    from fanlight.web.listen import Listening

    page, owner = (socket.socket(fileno=door) for door in doors)
    gate = Gate(
        bound_address(page),
        settings["web.host_names"],
        owner.getsockname(),
        cookies=run_file(settings["data"], "cookies"),
    )
    try:
        gate.report_digest = report_digest(settings["report.token_file"])
    except (ConfigError, OSError) as error:
        # A page without reports is better than none.
        LOG.warning(f"no reports are taken: {message(error)}")
    born_s = gate.asked_at
    reporter = Reporter(
        report_fd,
        parent,
        lambda: server.ready or gate.asked_at > born_s,
        lambda: gate.asked_at > born_s and time.monotonic() - gate.asked_at < RECENT_S,
        report_every_s(settings["leave_after_s"]),
    )
    listening = Listening(create(server.answers, gate, inbox=server.inbox), [page, owner])
    look_for_garbage()
    reporter.start()
    try:
        listening.run()
    finally:
        reporter.stop()
    return RENEWED if reporter.outdated else 0
