"""Our own log: few lines, for people, on stderr or in a file; and never a failure of anything else.

The standard library's logging belongs to the application, with its handlers, its locks and what it
costs to import. A line is one write to a descriptor: no buffer that a closed stream could leave full.
"""

from __future__ import annotations

import os
import sys
from time import gmtime, monotonic, strftime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = ("error", "warning", "info", "debug", "trace")
"""From the fewest lines to the most; each holds the ones before it."""
DEFAULT_LEVEL = "warning"
STDERR = "-"
CHARACTERS = 2_000
"""Of one line."""
PIPE_BYTES = 4_096
"""What a pipe takes at once that takes anything."""
BURST = 200
RATE_PER_S = 20.0
"""Lines written at once, and per second in the long run; the next one says how many were left out."""


class Log:
    """Where one process says what people should know.

    Args:
        who: stands before each line, such as `fanlight collector`.
        level: the least important one to write.
        path: a file that is appended to, `-` for stderr.
        clock: monotonic seconds.

    Attributes:
        failed: lines that could not be written anywhere.
        skipped: lines left out because there were too many, since the last one written.
    """

    __slots__ = ("clock", "failed", "left", "level", "path", "seen_s", "skipped", "stamped", "told", "who")

    def __init__(
        self,
        who: str = "fanlight",
        level: str = DEFAULT_LEVEL,
        path: str = STDERR,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.clock = clock
        self.begin(who, level, path)
        self.left = float(BURST)
        self.seen_s = clock()
        self.skipped = 0
        self.failed = 0
        self.told = False

    def begin(self, who: str, level: str, path: str, *, stamped: bool = False) -> None:
        """Say what follows under another name, in another place, more or less of it.

        Args:
            who: as above, and so are `level` and `path`.
            level: one of `LEVELS`.
            path: as above.
            stamped: whether lines on stderr have the time before them, as a file's have.
        """
        self.who = who
        self.level = LEVELS.index(level)
        self.path = path
        self.stamped = stamped

    def wants(self, level: str) -> bool:
        """Answer whether lines of a level are written, for whoever has work to make one."""
        return LEVELS.index(level) <= self.level

    def error(self, text: str) -> None:
        """Say what does not work any more."""
        self.say("error", text)

    def warning(self, text: str) -> None:
        """Say what a person should look at."""
        self.say("warning", text)

    def info(self, text: str) -> None:
        """Say what begins and what ends."""
        self.say("info", text)

    def debug(self, text: str) -> None:
        """Say what is done."""
        self.say("debug", text)

    def trace(self, text: str) -> None:
        """Say every single thing."""
        self.say("trace", text)

    def say(self, level: str, text: str) -> None:
        """Write a line if its level is wanted and there is room for one; never raises, whatever fails."""
        if LEVELS.index(level) > self.level:
            return
        now_s = self.clock()
        self.left = min(BURST, self.left + (now_s - self.seen_s) * RATE_PER_S)
        self.seen_s = now_s
        if self.left < 1:
            self.skipped += 1
            return
        self.left -= 1
        skipped, self.skipped = self.skipped, 0
        tail = f" ({skipped} lines before this one were left out)" if skipped else ""
        self.put(level, plain(text) + tail)

    def put(self, level: str, text: str) -> None:
        """Write a line to the file, or where that fails to stderr, or nowhere."""
        stamp = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
        if self.path == STDERR:
            # Among an application's own lines ours are short.
            head = f"{stamp} " if self.stamped else ""
            self.failed += not write(2, f"{head}{self.who}: {text}\n")
            return
        trouble = append(self.path, f"{stamp} {self.who}[{os.getpid()}] {level}: {text}\n")
        if not trouble:
            self.told = False
            return
        self.failed += 1
        if not self.told:
            self.told = True
            write(
                2, f"{self.who}: cannot write to {plain(self.path)}: {trouble}; the first line was: {text}\n"
            )


def plain(text: object) -> str:
    """Answer a text as one line of bounded length that no terminal obeys."""
    line = " ".join(map(str.strip, str(text)[:CHARACTERS].splitlines()))
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def append(path: str, line: str) -> str:
    """Add a line to a file, made with its directories if need be; answer why not, "" when it is done.

    It is opened for each line: whoever moves or deletes it, and whoever forks, gets a whole one.
    """
    # A pipe that nobody reads must not hold us up.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        try:
            file = os.open(path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            file = os.open(path, flags, 0o600)
        try:
            os.write(file, line.encode("utf-8", "backslashreplace"))
        finally:
            os.close(file)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def write(descriptor: int, line: str) -> bool:
    """Write a line to a descriptor; answer whether somebody was there to take it."""
    try:
        # A pipe that nobody empties would hold up whoever writes to it, an exit too.
        if not takes(descriptor):
            return False
        os.write(descriptor, line.encode("utf-8", "backslashreplace")[:PIPE_BYTES])
    except (OSError, ValueError):
        return False
    return True


def takes(descriptor: int) -> bool:
    """Answer whether a descriptor takes a line at once; a pipe that does takes `PIPE_BYTES`.

    Raises:
        OSError: it is closed.
    """
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None:
        # The patched one hands control to a hub, and makes one for a thread that has none.
        select = gevent.get_original("select", "select")
    else:
        from select import select
    return bool(select((), (descriptor,), (), 0)[1])


LOG = Log()
"""This process's."""
