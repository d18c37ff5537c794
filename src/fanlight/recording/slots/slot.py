"""The slot of this process (HOT): how busy it is, in memory that the collector reads from outside.

Claimed once, after the last fork, by a process that really is a worker. What it tells is written as
it happens: no thread, no lock, no system call. A blocked worker is read as well as any other.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock
from array import array
from time import monotonic_ns

from fanlight.recording.recorder import SWITCH
from fanlight.recording.slots.files import lay_trail, prepare, shared
from fanlight.wire import slots as layout
from fanlight.wire.account import FINISHED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableSequence, Sequence
    from typing import Any

BEAT_S = 0.05
"""Between two beats of an event loop."""
TURN_S = 1.0
"""How long a worker that begins waits at the most while the background makes the same file."""
LEAST_S = 5e-324
"""The smallest float above 0."""


class Place:
    """A place of the slot, and what its words tell: to read shared memory costs as much as to write it.

    Each word is stored by itself. `Struct.pack_into` would write them together, but fills them with zeros
    first, and a reader would take those for what was done.

    Attributes:
        start, ended, spent: `START`, `ENDED` and `SPENT`, written as `start[...]`: a word by itself takes a
            quarter less than the same word by its number. Where `start` is another than the one that a
            request began with, the slot has got other memory since, and the request ends untold.
        times, spent_s: what the last two of them hold.
    """

    __slots__ = ("ended", "spent", "spent_s", "start", "times")

    start: Any
    ended: Any
    spent: Any
    times: float
    spent_s: float


def word_of(memory: Any, word: int) -> Any:
    """Answer one word of a slot's bytes as a float, to be written as `word_of(…)[...]`."""
    return memory[word * layout.WORD : (word + 1) * layout.WORD].cast("d", ())


class Slot:
    """Where one process writes: private memory until it is claimed, and again in a forked child.

    Attributes:
        cells, tallies: the words of the layout, as integers and as floats.
        places: all of them.
        free: those that nobody has taken, the lowest one last; the same list for ever.
        path: of the file; "" while the memory is private.
        claimed: whether this process is a worker, or the master of some.
        keeps: whether it is neither, and has the account of its traces here.
        beats: whether an event loop tells when it comes by.
        made, handed: `CREATED` and `QUEUED`, each by itself.
        created, queued: tasks ever made, and what was ever handed to threads, as `CREATED` and `QUEUED` tell.
        app: the server's application where it tells of its requests itself; None where the server does.
    """

    __slots__ = (
        *("app", "beats", "cells", "claimed", "created", "free", "hooked", "keeps", "path", "places"),
        *("handed", "made", "queued", "tallies", "turn"),
    )

    def __init__(self) -> None:
        self.hooked = False
        self.places = [Place() for _ in range(layout.PLACES)]
        self.free = self.places[:]
        self.renew()

    def renew(self) -> None:
        """Begin with private memory: only assignments, since a forked child calls it."""
        self.use(array("q", bytes(layout.SIZE)))
        self.path = ""
        self.app: Any = None
        self.created = self.queued = 0.0
        self.claimed = self.keeps = self.beats = False
        self.turn = allocate_lock()

    def use(self, cells: Any) -> None:
        """Write into this memory from now on, of integers; what is under way ends untold."""
        self.cells: MutableSequence[int] = cells
        memory = memoryview(cells).cast("B")
        words: Any = memory.cast("d")
        self.tallies: MutableSequence[float] = words
        self.made, self.handed = (word_of(memory, word) for word in (layout.CREATED, layout.QUEUED))
        free = self.free[:]
        idle = free[::-1]
        # Those that are taken come last: in a forked child most of them are taken for ever.
        taken = set(self.places).difference(idle)
        for at, place in enumerate((*idle, *taken)):
            begin = layout.HEAD_WORDS + at * layout.PLACE_WORDS
            place.start = word_of(memory, begin + layout.START)
            place.ended = word_of(memory, begin + layout.ENDED)
            place.spent = word_of(memory, begin + layout.SPENT)
            place.times = place.spent_s = 0.0
        if taken or self.free != free:
            # Threads serve meanwhile, and one may have come back to the top with a place that stands last.
            # A reader ends where nothing was ever told: the least of all times leads it on.
            block = layout.BLOCK * layout.PLACE_WORDS
            for last in range(layout.HEAD_WORDS + block - 1, len(words), block):
                words[last] = words[last] or LEAST_S

    def claim(
        self, server: str, kind: str = "", master: int = 0, role: int = layout.WORKS, *, killed: bool = False
    ) -> None:
        """Make this process tell how busy it is; a second call in the same process does nothing.

        Args:
            server: its name.
            kind: of worker, where it has several.
            master: pid of the process that minds the workers; 0 for none.
            role: of this process.
            killed: whether the server ends such a process in the midst of its work when it is told to leave:
                then its requests leave a trail.
        """
        if self.claimed or SWITCH.whereabouts is None:
            return
        self.part()
        self.claimed = True
        # The background may be about to keep the account: then it is done in a moment.
        turn = self.turn
        held = turn.acquire(True, TURN_S)
        try:
            self.publish(server, kind, master, role)
            self.keeps = False
            if killed and self.path:
                lay_trail(self.path, SWITCH.whereabouts()[2])
        finally:
            if held:
                turn.release()

    def keep(self) -> None:
        """Have the account of this process's traces where it outlives the process, which serves nobody."""
        if SWITCH.whereabouts is None:
            return
        self.part()
        if not self.turn.acquire(False):
            return
        try:
            # Without such a directory there never was a collector that might read it.
            if not self.claimed and not self.keeps and os.path.isdir(SWITCH.whereabouts()[1]):
                self.publish("", "", 0, layout.RECORDS)
                self.keeps = True
        finally:
            self.turn.release()

    def part(self) -> None:
        """Leave the file to the parent where C code forked, so that no hook ran."""
        if self.path and self.cells[layout.PID] != os.getpid():
            self.renew()

    def publish(self, server: str, kind: str, master: int, role: int) -> None:
        """Have memory that is read from outside; the arguments are those of `claim`."""
        assert SWITCH.whereabouts is not None
        if not self.hooked and hasattr(os, "register_at_fork"):
            self.hooked = True
            os.register_at_fork(after_in_child=self.renew)
        service, runtime = SWITCH.whereabouts()[:2]
        memory = bytearray(layout.SIZE)
        words = memoryview(memory).cast("q")
        head(words, master, role)
        layout.put_text(memory, (service, server, kind))
        if self.keeps and self.path:
            self.become(words)
            return
        name = layout.name(words[layout.PID], words[layout.STARTED])
        told = self.published(memory, runtime, name)
        self.use(words if told is None else told)
        account = self.cells[layout.ACCOUNT]
        # A flush may enter what it delivers until now. No call stands between: nobody comes between the two.
        account[:] = SWITCH.account
        SWITCH.account = account
        # A trace may have finished on another thread since the account was copied.
        while SWITCH.account[FINISHED] != SWITCH.finished:
            SWITCH.account[FINISHED] = SWITCH.finished

    def become(self, words: Sequence[int]) -> None:
        """Write another head over that of the file, which a reader may have open; the account goes on."""
        kept = range(*layout.ACCOUNT.indices(layout.HEAD_WORDS))
        for word in range(layout.HEAD_WORDS):
            # Last of all, because what it is decides what the others mean.
            if word not in kept and word != layout.ROLE:
                self.cells[word] = words[word]
        self.cells[layout.ROLE] = words[layout.ROLE]

    def published(self, memory: bytearray, runtime: str, name: str) -> MutableSequence[int] | None:
        """Answer shared memory with this content, None where there can be none."""
        for folder in layout.folders(runtime, os.geteuid()) if runtime else ():
            # Twice, for a collector that leaves may take the directory away between.
            for _ in range(2):
                try:
                    prepare(folder, runtime)
                    self.path = os.path.join(folder, name)
                    return shared(memory, folder, name)
                except FileNotFoundError:
                    self.path = ""
                except (OSError, ValueError):
                    # No such memory, no room in it, no right to it: the next one, or nothing is told.
                    self.path = ""
                    break
        return None

    def tell(self, word: int, value: int) -> None:
        """Write a word of the head."""
        self.cells[word] = value

    def serve(self, sockets: Iterable[Any]) -> None:
        """Tell which listening sockets this worker serves: sockets, or what wraps one."""
        from fanlight.recording.slots.deferring import defers

        told = {self.cells[word] for word in layout.INODES}
        free = [word for word in layout.INODES if not self.cells[word]]
        for each in sockets:
            try:
                number = each if isinstance(each, int) else each.fileno()
                inode = os.fstat(number).st_ino
            except (OSError, ValueError, AttributeError):
                # One that is closed already, or that has no descriptor.
                continue
            if free and inode not in told:
                told.add(inode)
                word = free.pop(0)
                self.cells[word] = inode
                self.cells[layout.DEFERS] |= defers(number) << word - layout.INODES.start

    def serve_inherited(self) -> None:
        """Tell the listening sockets that this process has open: all of them, where the server names none."""
        import _socket

        try:
            names = os.listdir("/proc/self/fd")
        except OSError:
            return
        for name in names:
            try:
                copied = os.dup(int(name))
            except OSError:
                continue
            try:
                opened = _socket.socket(fileno=copied)
            except OSError:
                os.close(copied)
                continue
            with_queue = opened.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN)
            opened.close()
            if with_queue:
                self.serve([int(name)])


HERE = Slot()


def head(words: Any, master: int, role: int) -> None:
    """Write who this process is, and that it has told nothing yet, into the words of a slot.

    Args:
        words: of its memory, all of them zero.
        master: pid of the process that minds the workers; 0 for none.
        role: of this process.
    """
    pid = os.getpid()
    started = layout.process_start(pid)
    words[0], words[1], words[2] = layout.MAGIC, layout.VERSION, layout.PLACES
    for word in (layout.SLOT, *range(layout.TOTAL, layout.CREATED + 1)):
        words[word] = -1
    words[layout.PID], words[layout.STARTED] = pid, started
    words[layout.MASTER] = master or pid
    words[layout.MASTER_STARTED] = layout.process_start(master) if master else started
    words[layout.NAMESPACE] = layout.namespace()
    words[layout.CLAIMED] = monotonic_ns()
    words[layout.ROLE] = role


def parent() -> int:
    """Answer the pid of the process that started this one by `multiprocessing`, 0 for none."""
    processes = sys.modules.get("multiprocessing.process")
    asked = getattr(processes, "parent_process", None)
    return os.getppid() if asked is not None and asked() is not None else 0


def crowded(call: Callable[..., Any], *arguments: Any) -> Any:
    """Call what serves a request when every place is taken: it is counted, without a time."""
    HERE.cells[layout.CROWD] += 1
    try:
        return call(*arguments)
    finally:
        cells = HERE.cells
        cells[layout.CROWD] -= 1
        cells[layout.CROWD_ENDED] += 1
