"""Start, stop and flush: the agent of this process."""

from __future__ import annotations

import os
import sys
from _thread import get_ident

from fanlight.agent.given import read_share, receiver
from fanlight.agent.leaving import EXIT_S, Budget
from fanlight.agent.queue import HELD, Line, follow, leave_line, push
from fanlight.agent.task import Task, forget_orphans
from fanlight.recording.lanes import set_lane
from fanlight.recording.pauses import Pauses
from fanlight.recording.recorder import SWITCH
from fanlight.wire.account import CLIENT, number, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from fanlight.agent.destination import Destination
    from fanlight.wire.codec import Message
    from fanlight.wire.readings import Snapshot

NAME_CHARS = 255
"""Characters of a name in HELLO, the most that a collector takes."""


class Agent:
    """The agent of one process: off until started, and anew in each forked child.

    Attributes:
        budget: time that the end of this process may take.
        task: carries the traces; None until the first of this process.
        service: name that the traces are reported under.
        path: of the collector's socket.
        client: names this process to the collector; "" until the first task.
        server: what to report to without a collector; None with one.
        sequence: of the last parcel, where a stopped task's successor goes on.
        release: of the application; looked for once, so that a later checkout renames nothing that runs.
        installed: whether the hooks that cannot be taken out again are in.
        importing: identity of the task's thread while it imports, else 0.
        targets: told of this process's server where no collector is.
        talks: whether somebody said where our log goes, or how much of it.
        told: what was said to people already; each thing once.
    """

    __slots__ = (
        *("budget", "client", "importing", "installed", "path", "pauses", "release", "sequence", "server"),
        *("service", "talks", "targets", "task", "told"),
    )

    def __init__(self) -> None:
        self.budget = Budget()
        self.task: Task | None = None
        self.service = ""
        self.path = ""
        self.client = ""
        self.sequence = 0
        self.server: Destination | None = None
        self.release: str | None = None
        self.pauses = Pauses()
        self.targets: Sequence[Callable[[Snapshot], object]] = ()
        self.installed = False
        self.importing = 0
        self.talks = False
        self.told: set[str] = set()

    def spawn(self) -> None:
        """Begin to send: the first trace of this process has finished."""
        task = self.ready()
        # Its class of process ends without `atexit`; it has an exit of its own to hook.
        processes = sys.modules.get("multiprocessing.util")
        if processes is not None:
            processes.Finalize(None, hand_over, exitpriority=100)
        task.spawn(self.warm_up)

    def warm_up(self) -> None:
        """Import what the task will need, once, at the beginning of its thread."""
        self.importing = get_ident()
        try:
            self.known_release()
            import re  # noqa: F401  for the messages of exceptions

            from fanlight import normalizers
            from fanlight.agent import ignored, naming, published  # noqa: F401  for parcels and greetings
            from fanlight.recording.slots.slot import HERE

            HERE.keep()
            for name in normalizers.TABLE:
                normalizers.NORMALIZERS[name]
            if self.task is not None:
                self.task.link.warm_up()
                if self.server is not None:
                    published.begin(self.task, self.targets, os.environ, self.complain)
        finally:
            self.importing = 0

    def known_release(self) -> str:
        """Answer the release, looked for when it is first asked for."""
        if self.release is None:
            from fanlight.agent.release import release

            self.release = release(os.environ)
        return self.release

    def ready(self) -> Task:
        """Answer the task, made when it is first needed."""
        if self.task is None:
            from fanlight.normalizers import normalize

            self.client = self.client or os.urandom(16).hex()
            SWITCH.account[CLIENT] = number(self.client)
            self.task = Task(HELD.line, self.path, self.greeting, normalize, self.pauses, self.complain)
            self.task.packer.sequence = self.sequence
            self.direct(self.task)
            if self.talks:
                from fanlight.agent.chatter import chatter

                self.task.chatter = chatter()
        return self.task

    def direct(self, task: Task) -> None:
        """Let a task report to a server by itself, where that was chosen."""
        if self.server is not None:
            from fanlight.agent.embedded import Reporter

            task.link = Reporter(self.server, self.greeting, self.complain, task.line.drop, os.environ)

    def greeting(self) -> Message:
        """Answer what HELLO says about this process."""
        from fanlight import __version__, instruments
        from fanlight.agent.naming import program
        from fanlight.wire.messages import PROTOCOL

        return {
            "protocol": PROTOCOL,
            "version": __version__,
            "client": self.client,
            "service": self.service[:NAME_CHARS],
            "environment": os.environ.get("FANLIGHT_ENV", "")[:NAME_CHARS],
            "host": os.uname().nodename[:NAME_CHARS],
            "pid": os.getpid(),
            "python": ".".join(map(str, sys.version_info[:3])),
            "program": os.path.basename(program()),
            "release": self.known_release()[:NAME_CHARS],
            "instruments": instruments.report(),
        }

    def whereabouts(self) -> tuple[Any, ...]:
        """Answer the service's name, its collector's directory, "" without one, and who leaves a trail."""
        # A slot goes on with the account of this process, which must not be a parent's.
        if not HELD.line.here[0]:
            leave_line(HELD.line)
        return self.service[:NAME_CHARS], "" if self.server else os.path.dirname(self.path), follow

    def complain(self, text: str) -> None:
        """Say something to people, once."""
        if text in self.told:
            return
        self.told.add(text)
        from fanlight.log import LOG

        LOG.warning(text)

    def forked(self) -> None:
        """Begin anew in a forked child, where what is open was begun by the parent and is its own."""
        SWITCH.epoch += 1
        # A child may live long, and would keep what it can never send.
        set_lane(None)
        self.renew()

    def renew(self) -> None:
        """Begin anew in another process: only assignments, since any lock may be held for ever here.

        Where C code forked, the first push finds out; traces that this process began are open then.
        """
        task, self.task = self.task, None
        self.client, self.sequence = "", 0
        self.budget = Budget()
        SWITCH.lost = SWITCH.finished = 0
        SWITCH.account = opened()
        if self.importing:
            forget_orphans(self.importing)
            self.importing = 0
        HELD.line = Line()
        # The connection is the parent's; closing our copy of it says nothing to the collector.
        if task is not None:
            task.link.close()
        reseed()


AGENT = Agent()


def start(
    service: str | None = None,
    *,
    dsn: str | None = None,
    sample: float = 1.0,
    instrument: bool = True,
    targets: Sequence[Callable[[Snapshot], object]] = (),
) -> None:
    """Start recording: nothing connects and no thread runs before the first trace has finished.

    Calling it again changes service, address and share.

    Args:
        service: name to report under; else `FANLIGHT_SERVICE`, else the program's or the directory's.
        dsn: the collector, `unix:///path/collector.sock`, or a server to report to without one,
            `https://TOKEN@HOST:PORT`; else `FANLIGHT_DSN`, `FANLIGHT_SOCKET`, or the collector of this
            user's data directory.
        sample: share (0..1) of requests whose child spans are recorded; endpoint, duration and count
            of every request always are. Where it is left at 1.0, `FANLIGHT_SAMPLE` may say less.
        instrument: whether to hook the libraries that Fanlight knows.
        targets: called with each snapshot of this worker's web server, where no collector is.

    Raises:
        ConfigError: the address or the share given here is none. One in the environment only leaves
            the agent off, with a line on stderr.
    """
    from fanlight.errors import ConfigError

    set_log(os.environ)
    try:
        path, server = receiver(dsn, os.environ)
        share = read_share(sample, os.environ)
    except ConfigError as error:
        if dsn is not None or sample != 1.0:
            raise
        # What the code says wrong is an error; what the environment says wrong may not stop a program.
        AGENT.complain(f"nothing is recorded: {error}")
        return
    AGENT.targets = targets
    AGENT.service = service or os.environ.get("FANLIGHT_SERVICE", "")
    if not AGENT.service:
        from fanlight.agent.naming import default_service

        AGENT.service = default_service()
    turn_to(path, server)
    if not AGENT.installed:
        AGENT.installed = True
        install()
    if instrument:
        from fanlight import instruments

        instruments.install()
    AGENT.pauses.watch()
    HELD.spawn, HELD.renew = AGENT.spawn, AGENT.renew
    if not HELD.line.here[0]:
        AGENT.renew()
    SWITCH.sample = share
    SWITCH.sink, SWITCH.flush, SWITCH.whereabouts = push, hand_over, AGENT.whereabouts
    tell_begun()


def turn_to(path: str, server: Destination | None) -> None:
    """Let what comes from now on go to an address, as `addresses.receiver` answered it."""
    tokens = [where.given if where is not None else "" for where in (server, AGENT.server)]
    if path != AGENT.path or tokens[0] != tokens[1]:
        if server is not None or AGENT.server is not None:
            # What is aggregated for one server is not for another.
            stop(0.0)
        # What another collector did not get is not for this one to hear of, nor what a task that has
        # not ended yet still counts.
        HELD.line.dropped = {}
        if AGENT.task is None:
            AGENT.client, AGENT.sequence = "", 0
        else:
            AGENT.task.link.close()
            AGENT.task.link.path = path
    AGENT.path, AGENT.server = path, server
    if server is not None:
        # Now, because no request may be the first to import it.
        from fanlight.agent import embedded  # noqa: F401  only to have it


def set_log(environ: Mapping[str, str]) -> None:
    """Say where our log goes, if anybody did; otherwise nothing is imported for it."""
    AGENT.talks = "FANLIGHT_LOG" in environ or "FANLIGHT_LOG_LEVEL" in environ
    if AGENT.talks:
        from fanlight.agent.chatter import configure

        configure(environ)


def tell_begun() -> None:
    """Say that recording begins, to whoever set the log up."""
    if AGENT.talks:
        from fanlight.agent.chatter import begun

        begun(AGENT.service, AGENT.path)


def install() -> None:
    """Put in the hooks that stay for the life of the process."""
    import atexit

    import fanlight
    from fanlight import normalizers
    from fanlight.recording import branches, bus

    # A fork while some thread imports leaves the child a lock that nobody opens, so a request may
    # not be the first to need one of our modules.
    for name, place in fanlight.PLACES.items():
        # Events and queries are for whoever asks by name: they are heavy, and no request needs them.
        if not place.startswith(("fanlight.event.", "fanlight.query.")):
            getattr(fanlight, name)
    bus.record(normalizers.names())
    branches.hook()
    reseed()
    atexit.register(leave)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=AGENT.forked)


def reseed() -> None:
    """Give this process random numbers of its own."""
    from _random import Random

    SWITCH.draw = Random().random


def flush(timeout_s: float = EXIT_S) -> bool:
    """Send what waits, on the calling thread; answer whether all of it reached the collector's disk.

    Args:
        timeout_s: seconds that it may take.
    """
    return deliver(timeout_s, timeout_s)


def deliver(timeout_s: float, still_s: float) -> bool:
    """Send what waits as `flush` does, and give up sooner, after `still_s`, where nothing is taken."""
    if not HELD.line.here[0] or (AGENT.task is None and not HELD.line.traces):
        return True
    return AGENT.ready().flush(timeout_s, still_s)


def hand_over(timeout_s: float = EXIT_S) -> bool:
    """Send what waits because the process ends; whatever else ends it has the rest of the same time."""
    return AGENT.budget.spend(deliver, timeout_s)


def stop(timeout_s: float = EXIT_S) -> bool:
    """Stop recording, send what waits and end the task; answer whether all of it arrived.

    What did not is counted as dropped. `start()` begins again, and then the count is reported.

    Args:
        timeout_s: seconds that it may take.
    """
    return end(flush, timeout_s)


def end(send: Callable[[float], bool], timeout_s: float) -> bool:
    """Stop as `stop` says, with a way to send what waits."""
    SWITCH.sink = SWITCH.flush = None
    AGENT.pauses.ignore()
    if not HELD.line.here[0]:
        return True
    arrived = send(timeout_s)
    if AGENT.task is not None:
        AGENT.task.end()
        AGENT.sequence = AGENT.task.packer.sequence
        AGENT.task = None
    dropped = HELD.line.dropped
    HELD.line = Line()
    HELD.line.dropped = dropped
    return arrived


def leave() -> None:
    """Stop because the interpreter ends; somebody who will not wait for that is not argued with."""
    if AGENT.task is not None:
        AGENT.task.leaving = True
    try:
        end(hand_over, EXIT_S)
    except KeyboardInterrupt:
        SWITCH.sink = None
    lost = sum(HELD.line.dropped.values())
    if lost and AGENT.server is not None:
        # A collector reads the account that a process leaves; from here nobody else hears of them.
        AGENT.complain(
            f"traces of {AGENT.service} that did not reach {AGENT.server.shown} and are lost: {lost}"
        )
