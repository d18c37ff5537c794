"""Thread dumps of the JVM, JDK 6 to 25: an event a dump, in it one for each thread, with its stack and locks.

What `jstack`, `jcmd Thread.print`, SIGQUIT and `jcmd Thread.dump_to_file` in plain text write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.event import UNTIMED, Event
from fanlight.event.schema import Schema, shaped
from fanlight.event.times import Time
from fanlight.event.units import TIME_NS
from fanlight.parsers import stacks
from fanlight.parsers.fields import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.schema import Column
    from fanlight.event.stamps import Moment
    from fanlight.parsers import Condition
    from fanlight.parsers.stamps import Stamps

KIND = "thread-dump"
STAMP = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9}Z?)?(?=\r?\n|\r?\Z)")
FULL = "Full thread dump "
PID = re.compile(r"[0-9]{1,18}:?")
OF_PID = Schema("log", ("pid",), (types.INT,))
VERSION = re.compile(r"\d[\w.+-]*")
"""The third line of a dump in a file."""
QUANTITY = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ms|us|ns|s)")
ADDRESS = re.compile(r"- ([a-z ]+?) +<([^>]+)>")
FILED = re.compile(r'#([0-9]{1,18}) "(.*)"( virtual)?(?: ([A-Z_]+))?(?: \d{4}-\S+)?')
FILED_HEAD = re.compile(rb'#\d{1,18} "')
STATE = "java.lang.Thread.State: "
LISTED = re.compile(r'"(.*)":')
PART = re.compile(
    rb'(?:"|#\d|[ \t]|Full thread dump |Threads class SMR|_java_thread_list|0x|\}|JNI global|Heap'
    rb"|Found |Java stack information|=|\d[\w.+:-]*\r?\Z|\r?\Z)"
)
"""What a line of a dump begins with."""
FIELDS = (
    Field("pid", types.INT),
    Field("version"),
    Field("heap"),
    Field("threads", types.LIST),
    Field("deadlocks", types.LIST),
)
WITHIN = frozenset(
    {
        *("thread", "number", "nid", "tid", "daemon", "prio", "os-prio", "cpu", "elapsed", "activity"),
        *("thread-state", "object-wait-monitor", "stack", "function", "file", "source-line", "virtual"),
        *("waiting-for", "locked", "synchronizers", "carrying", "mounted"),
    }
)
"""What a thread of a dump may have."""
NUMBERS = {"prio": "prio", "os_prio": "os-prio"}
TIMES = ("cpu", "elapsed")
WAITS = frozenset({"waiting to lock", "parking to wait for", "waiting on", "waiting to re-lock in wait"})


class ThreadDumpFormat:
    """The format of thread dumps."""

    raw_is_text = True
    has_scaled = True
    has_records = True
    said = 0.98
    heads = STAMP
    fields = (*FIELDS, *(Field(name) for name in sorted(WITHIN)))

    def __init__(self, name: str, title: str, stamps: Stamps) -> None:
        self.name = name
        self.title = title
        self.stamps = stamps
        self.hidden: dict[str, bytes] = {}

    def score(self, lines: list[bytes]) -> float:
        """Answer the share of lines that a dump may have, if there is one."""
        if not any(line.startswith(FULL.encode()) or FILED_HEAD.match(line) for line in lines):
            return 0.0
        return self.said * sum(1 for line in lines if PART.match(line) or STAMP.match(line)) / len(lines)

    def reader(self, names: frozenset[str] | None = None) -> DumpReader:
        """Answer what fills lazy events."""
        return DumpReader(self, names)

    def moment(self, line: bytes) -> int | None:
        """Answer nanoseconds since 1970 of a dump's first line."""
        found = STAMP.match(line)
        try:
            return self.stamps.iso(found[0])[0] if found else None
        except (ValueError, KeyError, OverflowError):
            return None

    def chain(self, asked: list[Condition]) -> bytes | None:  # noqa: ARG002 the protocol
        """Answer None: a dump has many lines."""
        return None

    def hint(self, asked: Condition) -> bytes | None:  # noqa: ARG002 the protocol
        """Answer None: whatever is asked for may be anywhere in a dump."""
        return None


class DumpReader:
    """Fills the lazy event of a dump."""

    def __init__(self, of: ThreadDumpFormat, names: frozenset[str] | None) -> None:
        self.of = of
        self.has_threads = names is None or bool(names - {"time", "version", "heap", "raw", "line"})

    def fill(self, event: Event) -> None:
        """Read the event's text.

        Raises:
            ValueError: it is no dump, but text between dumps.
        """
        text = event.text or b""
        raw = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
        lines = raw.replace("\r", "").split("\n")
        if PID.fullmatch(raw.strip()):
            # What jcmd writes before a dump: whose it is.
            event.instant, event.schema, event.values = UNTIMED, OF_PID, [int(raw.strip().rstrip(":"))]
            return
        stamp = self.stamp(lines[0].encode("utf-8", "surrogateescape"))
        first = 0 if stamp is None else 1
        version = ""
        if lines[first : first + 1] and lines[first].startswith(FULL):
            version = lines[first][len(FULL) :].rstrip().removesuffix(":")
        elif stamp is not None and len(lines) > 2 and VERSION.fullmatch(lines[1]) and not lines[2]:
            version = lines[1]
        else:
            raise ValueError("no thread dump, but text between dumps")
        found = Dump(lines[first + 1 :], has_threads=self.has_threads)
        told = [
            ("version", version or None),
            ("heap", "\n".join(found.heap) or None),
            ("threads", found.threads or None),
            ("deadlocks", found.deadlocks or None),
        ]
        kept = [(name, value) for name, value in told if value is not None]
        kinds = tuple(types.LIST if isinstance(value, list) else types.STRING for _, value in kept)
        event.instant = UNTIMED if stamp is None else Time(*stamp)
        event.schema = Schema(KIND, tuple(name for name, _ in kept), kinds)
        event.values = [value for _, value in kept]

    def stamp(self, line: bytes) -> Moment | None:
        """Answer the time of a line that is nothing else; None when it is something else.

        Raises:
            ValueError: there is no such time.
        """
        return self.of.stamps.iso(line) if STAMP.match(line) else None


class Dump:
    """The lines of a dump, cut into threads, deadlocks and the heap.

    Args:
        lines: behind the one that says what follows.
        has_threads: threads are asked for.
    """

    def __init__(self, lines: list[str], *, has_threads: bool) -> None:
        self.threads: list[Event] = []
        self.deadlocks: list[Event] = []
        self.heap: list[str] = []
        rest = iter(lines)
        pending: list[str] = []
        for line in rest:
            if line.startswith("Found ") and "deadlock" in line:
                self.deadlocked(rest)
            elif line == "Heap":
                self.heap += [line, *until_blank(rest)]
            elif has_threads and (line.startswith('"') or FILED.fullmatch(line)):
                if pending:
                    self.threads.append(thread(pending))
                pending = [line]
            elif pending and line.startswith(("JNI global", "Threads class SMR")):
                self.threads.append(thread(pending))
                pending = []
            elif pending:
                pending.append(line)
        if pending:
            self.threads.append(thread(pending))

    def deadlocked(self, rest: Iterator[str]) -> None:
        """Read the section about threads that wait for one another; their stacks stand above already."""
        names: list[str] = []
        told: list[str] = []
        is_list = True
        for line in rest:
            if line.startswith("Found ") and "deadlock" in line:
                if line.rstrip(".").endswith(("deadlock", "deadlocks")):
                    break
                self.put_deadlock(names, told)
                names, told, is_list = [], [], True
            elif line.startswith("Java stack information"):
                is_list = False
            elif is_list and line.strip("= "):
                listed = LISTED.fullmatch(line)
                names += [listed[1]] if listed else []
                told.append(line)
        self.put_deadlock(names, told)

    def put_deadlock(self, names: list[str], told: list[str]) -> None:
        """Keep a deadlock: who is in it, and what is said of it."""
        if names:
            self.deadlocks.append(made("deadlock", {"threads": names, "description": "\n".join(told)}))


def until_blank(rest: Iterator[str]) -> Iterator[str]:
    """Yield lines until one that is blank."""
    for line in rest:
        if not line.strip():
            return
        yield line


def thread(lines: list[str]) -> Event:
    """Answer the event of a thread: its heading, its state, its frames with what they lock."""
    while lines and not lines[-1].strip():
        lines.pop()
    told = heading(lines[0])
    frames: list[str] = []
    held: dict[str, list[str]] = {"waiting-for": [], "locked": [], "synchronizers": []}
    for place, line in enumerate(lines[1:], 1):
        text = line.strip()
        if text.startswith(STATE):
            told["thread-state"] = text[len(STATE) :].partition(" ")[0]
        elif text.startswith("Carrying virtual thread #") and text[25:].isdecimal() and len(text) < 44:
            told["carrying"] = int(text[25:])
        elif text.startswith("Mounted virtual thread"):
            told["mounted"] = thread([text, *lines[place + 1 :]])
            break
        elif text.startswith("- <"):
            held["synchronizers"].append(text[3:].partition(">")[0])
        elif text.startswith(("at ", "- ")) and text != "- None":
            frames.append(text)
            hold(held, text)
    told["stack"] = "\n".join(frames) or None
    if frames:
        told["function"], told["file"], told["source-line"] = stacks.where(frames[0])
    told |= {name: addresses or None for name, addresses in held.items()}
    event = made(stacks.KIND, told)
    event.text = "\n".join(lines)
    return event


def hold(held: dict[str, list[str]], line: str) -> None:
    """Note the lock that a line among the frames speaks of."""
    lock = ADDRESS.match(line)
    name = {"locked": "locked"}.get(lock[1], "waiting-for" if lock[1] in WAITS else "") if lock else ""
    if lock and name:
        held[name].append(lock[2])


def heading(line: str) -> dict[str, Any]:
    """Answer what the first line of a thread tells; what cannot be read is left out."""
    filed = FILED.fullmatch(line)
    if filed is not None:
        return {
            "thread": filed[2] or None,
            "number": int(filed[1]),
            "virtual": True if filed[3] else None,
            "thread-state": filed[4],
        }
    name, _, rest = line.removeprefix('"').rpartition('"')
    told: dict[str, Any] = {"thread": name or None}
    words = rest.split()
    place = 0
    for place, word in enumerate(words):  # noqa: B007 where the words of the heading end
        key, equals, value = word.partition("=")
        if equals:
            put(told, key, value)
        elif word == "daemon":
            told["daemon"] = True
        elif word[0] in "#[" and word.strip("#[]").isdecimal() and len(word) < 20:
            # In brackets the thread's number in the system, which nid tells too.
            told |= {"number": int(word[1:])} if word[0] == "#" else {}
        else:
            break
    else:
        place = len(words)
    activity, _, monitor = " ".join(words[place:]).partition("[")
    told["activity"] = activity.strip() or None
    told["object-wait-monitor"] = monitor.rstrip("]") or None
    return told


def put(told: dict[str, Any], key: str, value: str) -> None:
    """Put what `key=value` of a heading tells, if it can be read."""
    if key in NUMBERS and value.lstrip("-").isdecimal() and len(value) < 18:
        told[NUMBERS[key]] = int(value)
    elif key in TIMES and (found := QUANTITY.fullmatch(value)):
        told[key] = round(float(found[1]) * TIME_NS[found[2]])
    elif key in ("tid", "nid"):
        told[key] = value


def made(kind: str, told: dict[str, Any]) -> Event:
    """Answer an untimed event of what there is."""
    kept = {name: value for name, value in told.items() if value is not None}
    columns: list[Column] = [
        (
            name,
            types.DURATION if name in TIMES else types.type_of(value),
            "ns" if name in TIMES else None,
            None,
        )
        for name, value in kept.items()
    ]
    return Event.of(shaped(kind, columns, None), list(kept.values()), UNTIMED)


def formats(description: dict[str, Any], stamps: Stamps) -> ThreadDumpFormat:
    """Answer the format of a description."""
    return ThreadDumpFormat(description["name"], description["title"], stamps)
