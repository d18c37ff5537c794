"""Workers as they tell of themselves in shared memory, and what those that are gone have left.

A worker's file is read as long as its process lives, by number and start as the kernel knows them.
When it is gone its totals move to a file of their own, which a restart of the reader does not lose.
"""

from __future__ import annotations

import os
import select
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from fanlight.sources.connections import Connections
from fanlight.sources.retired import FILE, Book
from fanlight.wire import slots as layout
from fanlight.wire.readings import Readings, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = 1_024
"""Read at the most; the workers of further ones are not seen, and counted."""
LATE_NS = 30_000_000
"""An event loop that is so late is blocked: what it took on waits in its sockets."""
STOPPED_NS = 300_000_000
"""How often it is looked up whether a worker was stopped."""


class File:
    """A worker's file, held open.

    Attributes:
        pid, started: of the process.
        slot: its number; the file has it too, for the next reader.
        gone: readable once the process is gone; None where the system has no such thing.
        spent_ns: the busy time told last, below which the next one is not.
        seen: its bytes when it was read last, which was at `stamp_ns` for the first time.
    """

    __slots__ = (
        "at",
        "descriptor",
        "gone",
        "pid",
        "seen",
        "slot",
        "spent_ns",
        "stalled",
        "stamp_ns",
        "started",
    )

    def __init__(self, folder: str, name: str, descriptor: int, owner: tuple[int, int]) -> None:
        self.at = os.path.join(folder, name)
        self.descriptor = descriptor
        self.pid, self.started = owner
        self.slot = -1
        self.gone: int | None = None
        self.spent_ns = self.stamp_ns = 0
        self.seen = b""
        self.stalled = False

    def read(self, now_ns: int) -> layout.Read:
        """Answer what the file tells now.

        Raises:
            ValueError: it is no slot of ours; says why in a word.
        """
        size = layout.HEAD_WORDS * layout.WORD + layout.BLOCK_BYTES
        data = os.pread(self.descriptor, size, 0)
        # A fast path: few are so busy that more than the first block of places was ever taken.
        if len(data) == size and any(data[-layout.PLACE_WORDS * layout.WORD :]):
            data = os.pread(self.descriptor, layout.SIZE, 0)
        if data != self.seen:
            self.seen, self.stamp_ns = data, now_ns
        return layout.parse(data)

    def close(self) -> None:
        """Let go of file and process."""
        for descriptor in (self.descriptor, self.gone):
            if descriptor is not None:
                os.close(descriptor)


class Slots:
    """Reads the slots of this user's workers.

    Args:
        runtime: the directory of the collector's socket.
        folders: where the slots may be; None for the usual places.
        limit: files that are read at the most.

    Attributes:
        ignored: files that are no workers' of ours, by reason; each counts once.
    """

    def __init__(self, runtime: str, folders: list[str] | None = None, limit: int = FILES) -> None:
        self.folders = layout.folders(runtime, os.geteuid()) if folders is None else folders
        self.limit = limit
        self.files: dict[str, File] = {}
        self.strange: dict[str, str] = {}
        self.ignored: dict[str, int] = {}
        self.book = Book(self.folders)
        self.connections = Connections()
        self.namespace = layout.namespace()
        self.poll = select.poll()
        self.looked_ns = 0
        if self.book.torn:
            self.ignore(self.book.torn, "torn")

    def read(self, now_ns: int) -> Readings:
        """Answer the workers that live now, and what the others have left.

        Args:
            now_ns: monotonic.
        """
        # Who is gone leaves first: whoever came in its place has its number.
        self.retire(self.departed(), now_ns)
        if self.look():
            self.retire(self.departed(), now_ns)
        self.notice_stopped(now_ns)
        reads = list(self.readable(now_ns))
        totals = {
            read.process: read.known(layout.TOTAL)
            for _, read in reads
            if read.head[layout.ROLE] == layout.MINDS
        }
        workers = [
            (worker(file, read, totals.get(read.master), now_ns), bool(read.head[layout.HIDES]))
            for file, read in reads
            if read.head[layout.ROLE] == layout.WORKS
        ]
        told = self.connections.look(
            [(each.pid, each.inodes) for each, hides in workers if waits(each, hides)], now_ns
        )
        return Readings(workers=tuple(complete(*each, told) for each in workers), retired=self.book.retired())

    def look(self) -> bool:
        """Open the files that are new; answer whether there are any."""
        known = len(self.files)
        present = set()
        for folder in self.folders:
            try:
                if not is_private(folder):
                    self.ignore(folder, "directory")
                    continue
                names = os.listdir(folder)
            except OSError:
                continue
            for name in sorted(names, key=layout.age):
                at = os.path.join(folder, name)
                present.add(at)
                if at not in self.files and at not in self.strange:
                    self.open(folder, name, at)
        self.strange = {at: why for at, why in self.strange.items() if at in present or why == "directory"}
        return len(self.files) > known

    def open(self, folder: str, name: str, at: str) -> None:
        """Open one file, or take note that it is none of ours."""
        owner = layout.owner(name)
        if owner is None:
            if name not in (FILE, FILE + ".new", layout.HOME):
                self.ignore(at, "name")
            return
        if name.startswith(".") or at in self.book.done:
            # Half made, or retired before whoever did so could take it away.
            if name.startswith(".") and layout.process_start(owner[0]) == owner[1]:
                return
            with suppress(OSError):
                os.unlink(at)
            return
        if len(self.files) >= self.limit:
            self.ignore(at, "too_many")
            return
        try:
            descriptor = os.open(at, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            self.ignore(at, "unreadable")
            return
        self.adopt(File(folder, name, descriptor, owner))

    def adopt(self, file: File) -> None:
        """Keep a file that is a slot, with a number, and with an eye on its process."""
        try:
            read = file.read(0)
            why = refusal(file, read, self.namespace)
        except ValueError as error:
            why = str(error)
        except OSError:
            why = "unreadable"
        if why:
            file.close()
            self.ignore(file.at, why)
            return
        self.number(file, read)
        with suppress(OSError, AttributeError):
            file.gone = os.pidfd_open(file.pid)
        # Only now: somebody else may have the number of one that is gone.
        if file.gone is not None and not layout.is_alive(file.pid, file.started):
            os.close(file.gone)
            file.gone = None
        if file.gone is not None:
            self.poll.register(file.gone, select.POLLIN)
        self.files[file.at] = file

    def number(self, file: File, read: layout.Read) -> None:
        """Give a worker the lowest number that is free at its server, and keep the one it has."""
        if read.head[layout.ROLE] != layout.WORKS:
            return
        taken = {
            each.slot
            for each in self.files.values()
            if each.slot >= 0 and layout.parse(each.seen).texts[:2] == read.texts[:2]
        }
        slot = read.head[layout.SLOT]
        if slot < 0 or slot in taken:
            slot = next(number for number in range(self.limit + 1) if number not in taken)
            os.pwrite(file.descriptor, slot.to_bytes(layout.WORD, "little"), layout.SLOT * layout.WORD)
        file.slot = slot

    def ignore(self, at: str, why: str) -> None:
        """Count a file that is none of ours, once."""
        if at not in self.strange:
            self.strange[at] = why
            self.ignored[why] = self.ignored.get(why, 0) + 1

    def departed(self) -> list[File]:
        """Answer the files whose processes are gone."""
        over = {descriptor for descriptor, _ in self.poll.poll(0)} if self.files else ()
        return [
            file
            for file in self.files.values()
            if (file.gone in over if file.gone is not None else not layout.is_alive(file.pid, file.started))
        ]

    def notice_stopped(self, now_ns: int) -> None:
        """Look up which workers were stopped: they live, and do nothing until they are told to go on."""
        if now_ns - self.looked_ns < STOPPED_NS:
            return
        self.looked_ns = now_ns
        for file in self.files.values():
            file.stalled = layout.process_state(file.pid)[0] in ("T", "t")

    def readable(self, now_ns: int) -> Iterator[tuple[File, layout.Read]]:
        """Answer what each file tells; one that was spoilt since is let go."""
        for file in list(self.files.values()):
            try:
                yield file, file.read(now_ns)
            except (OSError, ValueError) as error:
                self.ignore(file.at, str(error.args[0]) if isinstance(error, ValueError) else "unreadable")
                self.drop(file)

    def retire(self, gone: list[File], now_ns: int) -> None:
        """Add what workers that are gone have left to the totals, then take their files away."""
        if not gone:
            return
        for file in gone:
            self.drop(file, keep=True)
            self.book.done[file.at] = None
            try:
                read = file.read(now_ns)
            except (OSError, ValueError):
                continue
            if read.head[layout.ROLE] == layout.WORKS:
                # What it was in the midst of ended unseen, at some moment since it was read last.
                self.book.add(read, file.slot, max(file.spent_ns, read.spent_ns(0)))
        # First written down, then taken away: whatever happens between, nothing counts twice.
        self.book.write()
        for file in gone:
            with suppress(OSError):
                os.unlink(file.at)
            self.book.done.pop(file.at, None)
            file.close()

    def drop(self, file: File, *, keep: bool = False) -> None:
        """Let go of a file."""
        self.files.pop(file.at, None)
        if file.gone is not None:
            self.poll.unregister(file.gone)
        if not keep:
            file.close()

    def close(self) -> None:
        """Let go of every file and process."""
        self.connections.close()
        for file in list(self.files.values()):
            self.drop(file)


def worker(file: File, read: layout.Read, total: int | None, now_ns: int) -> Worker:
    """Answer what a worker tells, with the total that its master tells if it does."""
    head = read.head
    service, server, kind = read.texts
    file.spent_ns = max(file.spent_ns, read.spent_ns(now_ns))
    due_ns = head[layout.DUE]
    return Worker(
        service,
        server,
        kind,
        file.slot,
        file.pid,
        *read.master,
        inodes=tuple(head[word] for word in layout.INODES if head[word]),
        booted=head[layout.STATE] == layout.BOOTED,
        total=read.known(layout.TOTAL) if total is None else total,
        spawned_threads=read.known(layout.SPAWNED),
        max_threads=read.known(layout.MAX_THREADS),
        requests_count=read.requests,
        backlog=read.backlog,
        reactor=read.reactor,
        capacity=read.capacity,
        not_begun=read.not_begun,
        busy=read.busy,
        busy_ns=file.spent_ns,
        overdue_ns=max(0, now_ns - due_ns) if due_ns > 0 else None,
        oldest_start_ns=read.oldest_start_ns,
        stamp_ns=file.stamp_ns,
        stalled=file.stalled,
    )


def waits(worker: Worker, hides: bool) -> bool:
    """Answer whether requests may wait at a worker that it cannot tell of itself."""
    if worker.overdue_ns is not None and worker.overdue_ns > LATE_NS:
        return True
    return hides and worker.capacity == 0


def complete(worker: Worker, hides: bool, told: dict[int, tuple[int, int]] | None) -> Worker:
    """Answer a worker with what its connections tell of requests that wait where it cannot count them.

    Args:
        worker: as it tells of itself.
        hides: whether some wait beyond its own count even while it works.
        told: by pid, connections with something unread and those that are to be answered; None unknown.
    """
    is_asked = waits(worker, hides)
    if is_asked and told is None:
        return worker
    unread, pending = (told or {}).get(worker.pid, (0, 0)) if is_asked else (0, 0)
    if not hides:
        return (
            worker._replace(not_begun=worker.not_begun + unread) if worker.not_begun is not None else worker
        )
    waiting = max(0, pending - worker.busy)
    # Threads have a queue before them; a loop has tasks.
    return (
        worker._replace(not_begun=waiting) if worker.max_threads is None else worker._replace(backlog=waiting)
    )


def refusal(file: File, read: layout.Read, namespace: int) -> str:
    """Answer in a word why a file is no slot for us, "" when it is one."""
    if not stat.S_ISREG(os.fstat(file.descriptor).st_mode):
        return "foreign"
    # Where pids are others', its number means somebody else here, or nobody.
    if read.head[layout.NAMESPACE] != namespace:
        return "namespace"
    return "" if read.process == (file.pid, file.started) else "foreign"


def is_private(folder: str) -> bool:
    """Answer whether a directory is ours and nobody else can enter it.

    Raises:
        OSError: there is none.
    """
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
