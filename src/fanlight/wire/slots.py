"""Slots: the memory in which a worker of a web server tells how busy it is, and how it is read.

A file for each process, a few KiB of little-endian 64-bit numbers: a head, then places. Whoever
answers a request takes a place, and nobody else writes there meanwhile. Numbers are written one by
one as things happen, so a reader may see a request between two of its writes, and no worse.

    head    words 0 … 63, then the names in UTF-8, padded with zeros
    place   start of what is done here now (0 when idle) · how often it was left · time in it

The words of a place are floats, its times monotonic seconds; the head's are integers, but for two that each
request counts up. A float of seconds tells 100 days to 2 ns, and costs half of what an integer of nanoseconds
costs to compute with and to store.
"""

from __future__ import annotations

import os
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAGIC = int.from_bytes(b"fanslots", "little")
VERSION = 4

PID, STARTED, MASTER, MASTER_STARTED, NAMESPACE, CLAIMED, SLOT, STATE = range(3, 11)
"""The process and when the kernel started it, its master likewise, the namespace of the pids (0 unknown),
monotonic ns when it was claimed, its number (the collector's word, -1 before), how far it is."""
TOTAL, SPAWNED, MAX_THREADS, LIMIT, QUEUED, BACKLOG, CONNECTIONS, CREATED, DUE, ROLE = range(11, 21)
"""Workers configured, threads alive, threads allowed, connections allowed, how much was ever handed to
threads, how much waits for one, connections open, tasks ever made, when the loop's next beat is due in
monotonic ns, and whether this is a worker at all. -1 is unknown, and so are 0 as a moment."""
TALLIES = QUEUED, CREATED
"""Words of the head that are floats; unknown while they are no numbers, as the bits of -1."""
CROWD, CROWD_ENDED = range(21, 23)
"""What is done beyond the places now, and what was: counted, without a time."""
ANSWERED = 23
"""Requests, where they are counted apart."""
HIDES = 24
"""1 where requests wait that the worker cannot count; its connections tell of them."""
APART = 25
"""1 where requests are counted apart; otherwise whatever was done to its end was one, also where it is
`BY_CONNECTION`: there what is being done is a connection, which may bring no request."""
BY_CONNECTION = 2
ACCOUNT = slice(26, 32)
"""Its traces, as `wire.account` has it; zeros from one that keeps no account."""
ASKED = 32
"""How many connections its listeners were to hold, as it was configured; 0 unknown."""
UNDER_WAY = 33
"""Where requests are counted apart: how many are being answered now, if the worker tells."""
DEFERS = 39
"""Which of its sockets have the kernel hold connections back until they say something: a bit for each."""
UNTIMED = 34
"""1 where no time in its places is told: a loop has no threads that it could be a share of."""
MUTE = 35
"""1 where nobody tells of its requests, so that neither those that ended nor those under way are known."""
INODES = range(40, 56)
"""Listening sockets that it serves, 0 for none."""

WORD = 8
TEXTS = 64 * WORD
SERVICE_BYTES, SERVER_BYTES, KIND_BYTES = 320, 64, 128
HEAD_WORDS = 128
"""Words of the head, names included."""
PLACES = 256
PLACE_WORDS = 3
START, ENDED, SPENT = range(PLACE_WORDS)
"""Words of a place."""
FOREVER_S = 9e9
"""No time is as long: in ns it has 63 bits. No place counts as much, either."""
SIZE = (HEAD_WORDS + PLACES * PLACE_WORDS) * WORD
MAX_PID = (1 << 31) - 1
BLOCK = 16
"""Places that are read at once: the low ones are taken first, so most stay untouched for ever."""

BOOTING, BOOTED, ENDED_WELL, ENDED_AT_LIMIT, ENDED_LATE = range(5)
"""How far a worker is; the last three say why it ended."""
REASONS = {ENDED_WELL: "ended", ENDED_AT_LIMIT: "max_requests", ENDED_LATE: "timeout"}
KILLED = "killed"
"""Why a worker is gone that did not say so, where the kernel does not tell how it ended."""
WORKS, MINDS, RECORDS = range(3)
"""Roles: a worker; a master, which tells its total alone; or a process that only keeps its account here."""

SHARED_MEMORY = "/dev/shm"  # noqa: S108 a directory of our own in it, refused unless it is private
HOME = "home"
"""Link in a directory of slots to the runtime directory that it is for."""
HEAD = Struct("<" + "".join("d" if word in TALLIES else "q" for word in range(TEXTS // WORD)))
BLOCK_OF_PLACES = Struct(f"<{BLOCK * PLACE_WORDS}d")
BLOCK_BYTES = BLOCK * PLACE_WORDS * WORD


def folders(runtime: str, uid: int) -> list[str]:
    """Answer the directories in which a user's slots for a collector may be, the preferred one first.

    A disk's page that is being written out makes whoever stores into it wait, so that a request would
    wait for the disk: memory comes first, and beside the socket is where a system has none to share.

    Args:
        runtime: the directory of the collector's socket.
        uid: the user's.
    """
    from binascii import crc32

    mark = crc32(os.fsencode(os.path.realpath(runtime)))
    beside = os.path.join(runtime, "workers")
    return [os.path.join(SHARED_MEMORY, f"fanlight-{uid}-{mark:08x}"), beside]


def process_start(pid: int | str) -> int:
    """Answer when the kernel started a process, in its ticks since boot; 0 when it does not tell."""
    return int(process_state(pid)[1])


def process_state(pid: int | str) -> tuple[str, int]:
    """Answer what a process does, as the letter in /proc, and when it was started; ("", 0) unknown."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            told = file.read(4096)
    except OSError:
        return "", 0
    # The program's name stands in parentheses and may hold anything, parentheses too.
    fields = told[told.rfind(b")") + 2 :].split(b" ", 20)
    return (fields[0].decode("ascii", "replace"), int(fields[19])) if len(fields) > 20 else ("", 0)


def namespace() -> int:
    """Answer the namespace in which this process's pid is one, 0 where there is no such thing."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def name(pid: int, started: int) -> str:
    """Answer the name of a process's file."""
    return f"{pid}.{started}"


def owner(file: str) -> tuple[int, int] | None:
    """Answer pid and start of the process that a file, made or half made, is named after."""
    pid, dot, started = file.removeprefix(".").partition(".")
    if not (dot and pid and started and (pid + started).isdecimal()):
        return None
    # No system numbers its processes like that, and to ask ours about one would be an error.
    return (int(pid), int(started)) if int(pid) <= MAX_PID else None


def age(file: str) -> tuple[int, int]:
    """Answer what files are in the order of, in which their processes were started."""
    pid, started = owner(file) or (0, 0)
    return started, pid


def is_alive(pid: int, started: int) -> bool:
    """Answer whether a process lives that the kernel started then; a zombie does not."""
    state, found = process_state(pid)
    if started or found:
        return found == started and state not in ("Z", "X")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def put_text(memory: Any, texts: tuple[str, str, str]) -> None:
    """Write service, server and kind into a slot's bytes; what is too long is cut."""
    at = TEXTS
    for text, size in zip(texts, (SERVICE_BYTES, SERVER_BYTES, KIND_BYTES), strict=True):
        data = text.encode("utf-8", "replace")[: size - 1]
        memory[at : at + len(data)] = data
        at += size


class Read:
    """A slot as it was at one moment.

    Attributes:
        head: its words, by the constants above; `TALLIES` are floats.
        texts: service, server and kind.
        places: words of the places that were ever taken, one after the other.
    """

    __slots__ = ("head", "places", "texts")

    def __init__(self, head: tuple[int, ...], texts: tuple[str, str, str], places: list[float]) -> None:
        self.head = head
        self.texts = texts
        self.places = places

    def known(self, word: int) -> int | None:
        """Answer a word of the head, None where it is unknown."""
        value = self.head[word]
        # Whoever may write there can write what is no number.
        return int(value) if 0 <= value < 1 << 63 else None

    @property
    def process(self) -> tuple[int, int]:
        """The process: its number, and when the kernel started it."""
        return self.head[PID], self.head[STARTED]

    @property
    def master(self) -> tuple[int, int]:
        """Its master, likewise."""
        return self.head[MASTER], self.head[MASTER_STARTED]

    @property
    def busy(self) -> int:
        """How many do something now."""
        starts = self.places[START::PLACE_WORDS]
        return len(starts) - starts.count(0) + self.head[CROWD]

    @property
    def under_way(self) -> int:
        """How many requests are being answered, as far as it tells; of a process that is gone, were."""
        return self.head[UNDER_WAY] if self.head[APART] else self.busy

    @property
    def ended(self) -> int:
        """How often something was done to its end."""
        return to_count(self.places[ENDED::PLACE_WORDS]) + self.head[CROWD_ENDED]

    @property
    def requests(self) -> int:
        """Requests answered since the process began."""
        return self.head[ANSWERED] if self.head[APART] == 1 else self.ended

    def spent_ns(self, now_ns: int) -> int:
        """Answer the time that was spent busy, over all places, up to now; 0 where it is not told."""
        if self.head[UNTIMED]:
            return 0
        now_s = now_ns / 1e9
        spent_s = sum(self.places[SPENT::PLACE_WORDS]) + sum(
            now_s - start_s for start_s in self.places[START::PLACE_WORDS] if 0 < start_s < now_s
        )
        return to_ns(spent_s)

    @property
    def oldest_start_ns(self) -> int | None:
        """When the oldest of what is being done began."""
        oldest_s = min(filter(None, self.places[START::PLACE_WORDS]), default=None)
        return None if oldest_s is None else to_ns(oldest_s)

    @property
    def backlog(self) -> int | None:
        """What the server has read and no thread has taken."""
        told = self.known(BACKLOG)
        queued = self.known(QUEUED)
        return told if queued is None else max(0, queued - self.ended - self.busy)

    @property
    def not_begun(self) -> int | None:
        """Tasks that were made and have not run."""
        created = self.known(CREATED)
        return None if created is None else max(0, created - self.ended - self.busy)

    @property
    def capacity(self) -> int | None:
        """Threads that are idle or may be spawned; connections, where those are what is limited."""
        limit, threads, connections = map(self.known, (LIMIT, MAX_THREADS, CONNECTIONS))
        if limit is not None and connections is not None:
            return max(0, limit - connections)
        return None if threads is None else max(0, threads - self.busy)

    @property
    def reactor(self) -> int | None:
        """Connections that are parked until they have something to read."""
        connections = self.known(CONNECTIONS)
        if connections is None:
            return None
        return max(0, connections - self.busy - (self.backlog or 0) - (self.not_begun or 0))


def parse(data: bytes) -> Read:
    """Answer a slot from its bytes, those of untouched places left away.

    Raises:
        ValueError: it is none, or of another layout; says why in a word.
    """
    if len(data) < HEAD_WORDS * WORD + BLOCK_BYTES:
        raise ValueError("torn")
    head = HEAD.unpack_from(data)
    if head[0] != MAGIC:
        raise ValueError("foreign")
    if head[1] != VERSION:
        raise ValueError("version")
    server_at = TEXTS + SERVICE_BYTES
    kind_at = server_at + SERVER_BYTES
    texts = (
        text(data[TEXTS:server_at]),
        text(data[server_at:kind_at]),
        text(data[kind_at : kind_at + KIND_BYTES]),
    )
    places: list[float] = []
    at = HEAD_WORDS * WORD
    while at + BLOCK_BYTES <= len(data):
        block = BLOCK_OF_PLACES.unpack_from(data, at)
        places += block
        # A place is touched only when all below it are taken.
        if not any(block[-PLACE_WORDS:]):
            break
        at += BLOCK_BYTES
    return Read(head, texts, places)


def to_count(words: list[float]) -> int:
    """Answer the sum of what places count; 0 for what is no number, which whoever may write there can."""
    total = sum(words)
    return int(total) if abs(total) < FOREVER_S else 0


def to_ns(moment_s: float) -> int:
    """Answer a place's time in ns; 0 for what no clock tells, which whoever may write there can."""
    return round(moment_s * 1e9) if abs(moment_s) < FOREVER_S else 0


def text(data: bytes) -> str:
    """Answer a name from its field."""
    return data.partition(b"\0")[0].decode("utf-8", "replace")
