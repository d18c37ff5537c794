"""The supervisor: keeps a collector and a server alive, and leaves when it should.

One thread, one poll over the children's report pipes and a signal pipe. A child writes `r` when it
has become ready (acknowledged, applied, answered) and `a` as long as somebody uses it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress

from fanlight.log import LOG
from fanlight.pipeline.renewal import RENEWED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

READY = b"r"
IN_USE = b"a"

LONGEST_DELAY_S = 60.0
STEADY_S = 1.0
"""A child that had been ready starts again at once, but not more often than this."""

LOOK_EVERY_S = 5.0
WATCH_EVERY_S = 1.0
"""How often to see to what others can pull away: some calls of stat, for they are made for ever."""
COLLECTOR_GRACE_S = 2.0
ALL_GRACE_S = 4.5
MISCONFIGURED = 4
"""Exit code of a child whose settings are wrong: when it never ran, trying again cannot help."""
TAKEN = 5
"""Exit code when another supervisor has taken our place: that of one whose place is taken already."""


class Child:
    """One supervised process and its restarts.

    Args:
        role: `collector` or `server`.
        command: how it is started; `--parent PID --report-fd N` is appended.
        descriptors: what it inherits.
        environment: all of its variables.
    """

    def __init__(
        self, role: str, command: Sequence[str], descriptors: Sequence[int], environment: dict[str, str]
    ) -> None:
        self.role = role
        self.command = list(command)
        self.descriptors = tuple(descriptors)
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self.report: int | None = None
        self.ready = False
        self.early_deaths = 0
        self.starts = 0
        self.started_s = 0.0
        self.due_s = 0.0
        self.kill_s: float | None = None

    @property
    def pid(self) -> int | None:
        """The running process, if one runs."""
        return self.process.pid if self.process else None

    def start(self, now_s: float) -> None:
        """Start the process, in a group of its own so that Ctrl-C reaches only the supervisor."""
        report, theirs = os.pipe()
        os.set_blocking(report, False)
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*self.command, "--parent", str(os.getpid()), "--report-fd", str(theirs)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(*self.descriptors, theirs),
                process_group=0,
            )
        finally:
            os.close(theirs)
        self.report = report
        self.starts += 1
        self.ready = False
        self.started_s = now_s
        self.kill_s = None

    def hear(self) -> bytes:
        """Answer what the process has reported since; nothing when it has closed its end."""
        if self.report is None:
            return b""
        try:
            said = os.read(self.report, 4096)
        except BlockingIOError:
            return b""
        if not said:
            self.close_report()
        if READY in said:
            self.ready = True
            self.early_deaths = 0
        return said

    def close_report(self) -> None:
        """Stop listening to a process that is gone."""
        if self.report is not None:
            os.close(self.report)
            self.report = None

    def renew(self, now_s: float) -> None:
        """Ask the process to end, so that it starts again with what has changed."""
        if self.process is not None:
            self.process.terminate()
            self.kill_s = now_s + ALL_GRACE_S

    def insist(self, now_s: float) -> None:
        """End a process that was asked to and did not."""
        if self.process is not None and self.kill_s is not None and now_s >= self.kill_s:
            self.process.kill()

    def died(self, now_s: float, code: int | None = None) -> float:
        """Note that the process is gone; answer the seconds until it is due again.

        The delay grows only while it keeps dying before it was of use to anybody.

        Args:
            now_s: on the supervisor's clock.
            code: how it ended, if it ever ran.
        """
        self.hear()
        self.close_report()
        self.process = None
        if self.ready or self.kill_s is not None or code == RENEWED:
            delay_s = max(0.0, self.started_s + STEADY_S - now_s)
        else:
            delay_s = min(2.0**self.early_deaths, LONGEST_DELAY_S)
            self.early_deaths += 1
        self.due_s = now_s + delay_s
        return delay_s


class Supervisor:
    """Keeps its children running until it is told to stop, or nobody has used them for a while.

    Args:
        children: in the order in which they are stopped.
        changed: called whenever a process has been started, could not be, or has died.
        leave_after_s: idle seconds after which `run` returns; None stays.
        is_wanted: whether somebody may come to use the children who does not yet.
        last_call: called before leaving for idleness; answers whether really nobody came.
        watch: called every second; puts back what was pulled away, answers whether to stay.

    Attributes:
        leaving: called before the children are stopped.
    """

    def __init__(
        self,
        children: list[Child],
        changed: Callable[[], None],
        leave_after_s: float | None = None,
        is_wanted: Callable[[], bool] = lambda: False,
        last_call: Callable[[], bool] = lambda: True,
        watch: Callable[[], bool] = lambda: True,
    ) -> None:
        self.children = children
        self.changed = changed
        self.leave_after_s = leave_after_s
        self.is_wanted = is_wanted
        self.last_call = last_call
        self.watch = watch
        self.clock = time.monotonic
        self.used_s = self.looked_s = self.watched_s = self.clock()
        self.signals: list[int] = []
        self.exit_code = 0
        self.leaving: Callable[[], None] = lambda: None

    def run(self) -> int:
        """Supervise; answer the exit code. Must be called from the main thread."""
        wake, theirs = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(theirs, False)
        before = {
            number: signal.signal(number, self.note)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        }
        previous = signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
        try:
            while not self.is_over():
                self.start_due()
                self.wait(wake, self.idle_for_s())
                self.reap()
                self.see_to_it()
            self.leaving()
            self.stop(wake)
        finally:
            signal.set_wakeup_fd(previous)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(wake)
            os.close(theirs)
        return self.exit_code

    def note(self, number: int, _: object) -> None:
        """Remember a signal that ends us; the loop acts on it."""
        if number != signal.SIGCHLD:
            self.signals.append(number)

    def see_to_it(self) -> None:
        """Once a second, see to what others can pull away."""
        now_s = self.clock()
        if now_s - self.watched_s < WATCH_EVERY_S or self.signals or self.exit_code:
            return
        self.watched_s = now_s
        for child in self.children:
            child.insist(now_s)
        if not self.watch():
            self.exit_code = TAKEN

    def is_over(self) -> bool:
        """Answer whether to stop: asked to, misconfigured, or idle for long enough."""
        if self.signals or self.exit_code:
            return True
        if self.leave_after_s is None:
            return False
        now_s = self.clock()
        if now_s - self.looked_s >= self.look_every_s():
            self.looked_s = now_s
            if self.is_wanted():
                self.used_s = now_s
        if now_s - self.used_s < self.leave_after_s:
            return False
        if self.last_call():
            return True
        self.used_s = now_s
        return False

    def look_every_s(self) -> float:
        """Answer how often to look whether somebody may come."""
        return min(LOOK_EVERY_S, (self.leave_after_s or 0.0) / 4)

    def start_due(self) -> None:
        """Start every child that is not running and due."""
        for child in self.children:
            if child.process is None and child.due_s <= self.clock():
                try:
                    child.start(self.clock())
                except OSError as error:
                    say(f"{child.role} cannot be started: {error}; again in {child.died(self.clock()):.0f} s")
                self.changed()

    def idle_for_s(self) -> float:
        """Answer how long nothing will be due, if no child reports or dies and no signal comes."""
        due_s = [child.due_s for child in self.children if child.process is None]
        if self.leave_after_s is not None:
            due_s += [self.used_s + self.leave_after_s, self.looked_s + self.look_every_s()]
        return min([*due_s, self.watched_s + WATCH_EVERY_S]) - self.clock()

    def wait(self, wake: int, timeout_s: float) -> None:
        """Sleep until a child reports or dies, a signal comes, or the time is over."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        for child in self.children:
            if child.report is not None:
                poll.register(child.report, select.POLLIN)
        # Rounded up: waking a moment early would spin until the moment has come.
        poll.poll(max(0, int(timeout_s * 1000) + 1))
        with suppress(BlockingIOError):
            os.read(wake, 4096)
        for child in self.children:
            if IN_USE in child.hear():
                self.used_s = self.clock()

    def reap(self) -> None:
        """Note children that died and say so."""
        for child in self.children:
            if child.process is None or child.process.poll() is None:
                continue
            pid, code, was_ready = child.pid, child.process.returncode, child.ready
            delay_s = child.died(self.clock(), code)
            self.changed()
            if self.signals:
                continue
            if code == MISCONFIGURED and child.starts == 1 and not was_ready:
                self.exit_code = code
                return
            when = f"again in {delay_s:.0f} s" if delay_s >= 1 else "starting again"
            say(f"{child.role} (pid {pid}) {ending(code)}; {when}")

    def stop(self, wake: int) -> None:
        """Stop the children in order, each gracefully, all of them within seconds.

        The collector goes first: what it commits last, the server can still apply. A second
        signal, or the end of the grace, ends them at once.
        """
        deadline_s = self.clock() + ALL_GRACE_S
        asked = len(self.signals)
        for child in self.children:
            if child.process is None:
                continue
            child.process.terminate()
            until_s = min(deadline_s, self.clock() + COLLECTOR_GRACE_S)
            if child is self.children[-1]:
                until_s = deadline_s
            while child.process.poll() is None and self.clock() < until_s and len(self.signals) <= asked:
                self.wait(wake, until_s - self.clock())
        for child in self.children:
            if child.process is None:
                continue
            if child.process.poll() is None:
                say(f"{child.role} (pid {child.pid}) did not stop in time; killed")
                child.process.kill()
            child.process.wait()
            child.close_report()


def ending(code: int) -> str:
    """Answer how a process ended, in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    if code == RENEWED:
        return "ended because its files have changed"
    return "ended" if code == 0 else f"failed with exit code {code}"


def say(message: str) -> None:
    """Tell the terminal or the log."""
    LOG.warning(message)


def end_orphans(data: str, pids: dict[str, int]) -> None:
    """End what a killed supervisor left behind, so that its sockets and locks are free.

    A number alone proves nothing, it may be somebody else's by now: only a process that is
    visibly a child of this data directory's Fanlight is touched, and never this one, which may
    have been such a child itself.
    """
    orphans = [pid for pid in pids.values() if pid != os.getpid() and is_role_of(pid, data)]
    for number, grace_s in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 1.0)):
        for pid in orphans:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        deadline_s = time.monotonic() + grace_s
        while any(is_role_of(pid, data) for pid in orphans) and time.monotonic() < deadline_s:
            time.sleep(0.02)


def is_role_of(pid: int, data: str) -> bool:
    """Answer whether a process is a collector or server of a data directory."""
    try:
        with open(f"/proc/{int(pid)}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except (OSError, ValueError):
        return False
    return b"--role" in words and os.fsencode(data) in words
