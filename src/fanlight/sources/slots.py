"""Workers as they tell of themselves in shared memory, and what those that are gone have left.

A worker's file is read as long as its process lives, by number and start as the kernel knows them.
When it is gone its totals move to a file of their own, which a restart of the reader does not lose.
"""

from __future__ import annotations

import os
import select
import stat
import time
from contextlib import suppress
from functools import partial
from operator import is_
from typing import TYPE_CHECKING

from fanlight.sources.connections import Connections
from fanlight.sources.endings import ending
from fanlight.sources.held import File, refusal
from fanlight.sources.noted import Noted
from fanlight.sources.retired import OURS, Book, clear
from fanlight.sources.workers import complete, known, waits
from fanlight.wire import slots as layout
from fanlight.wire.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.wire.readings import Worker

    Account = Callable[[layout.Read, bytes, Callable[[], None]], object]

FILES = 1_024
"""Read at the most; the workers of further ones are not seen, and counted."""
CLOSELY_NS = 900_000_000
"""How often it is looked up whether a worker was stopped, and who has come where nobody left."""
TO_ASK_ABOUT = getattr(os, "O_PATH", os.O_RDONLY)
"""How a directory is opened that is only asked what it is: the path in which a link stands is one too."""
TICK_NS = 50_000_000
"""A directory's time is the kernel's last tick: what changed within one may not show in it."""


class Slots:
    """Reads the slots of this user's workers.

    Args:
        runtime: the directory of the collector's socket.
        folders: where the slots may be; None for the usual places.
        limit: files that are read at the most.

    Attributes:
        ignored: files that are no workers' of ours, by reason; each counts once.
        account: told of each process that is gone: what it told last, its trail, and what to call once
            that is kept elsewhere. Until then the file stays, and a reader that is new tells of it again.
        owed: files that stay because of that.
        unseen: files whose processes' ends the kernel does not tell.
    """

    def __init__(self, runtime: str, folders: list[str] | None = None, limit: int = FILES) -> None:
        self.folders = layout.folders(runtime, os.geteuid()) if folders is None else folders
        self.limit = limit
        self.files: dict[str, File] = {}
        self.strange: dict[str, str] = {}
        self.ignored: dict[str, int] = {}
        self.book = Book([])
        self.is_begun = False
        self.connections = Connections()
        self.namespace = layout.namespace()
        self.poll = select.poll()
        self.unseen = 0
        self.looked_ns = -CLOSELY_NS
        self.listed: dict[str, tuple[int, set[str]]] = {}
        self.held: dict[str, int] = {}
        self.last = Readings()
        self.noted = Noted(self.poll.poll)
        self.account: Account = lambda *given: given[-1]()
        self.owed: set[str] = set()

    def read(self, now_ns: int, *, whole: bool = True) -> Readings:
        """Answer the workers that live now, and what the others have left.

        Args:
            now_ns: monotonic.
            whole: look at masters too, and at whatever is not looked at ten times a second.
        """
        if not whole and self.noted.holds(now_ns):
            return self.last
        found = self.look_closely(now_ns, whole=whole)
        self.note()
        return found

    def note(self) -> None:
        """Note what has to be as it is for the next reads to be answered as this one was.

        Masters are not in it, nor who comes: both are seen with the next close look, a second later at most.
        """
        files = self.files.values()
        self.noted.until_ns = 0
        if not files or self.unseen or not all(each.quiet for each in files):
            return
        self.noted.note(self.looked_ns + CLOSELY_NS, (each for each in files if each.slot >= 0))

    def look_closely(self, now_ns: int, *, whole: bool) -> Readings:
        """Answer the workers that live now, and what the others have left; arguments as of `read`."""
        if not self.is_begun:
            self.begin()
        # Who is gone leaves first: whoever came in its place has its number.
        gone = self.departed()
        self.retire(gone, now_ns)
        # What is told is as it is now: a worker that goes on would be told as stopped for one telling more.
        is_due = whole or now_ns - self.looked_ns >= CLOSELY_NS
        if is_due:
            self.looked_ns = now_ns
        if whole or not self.files:
            self.hold()
        has_new = self.look()
        if has_new:
            self.retire(self.departed(), now_ns)
        if is_due:
            self.notice_stopped()
        if not gone and not has_new and self.is_unchanged(now_ns):
            return self.last
        reads = list(self.readable(now_ns))
        totals = {
            read.process: read.known(layout.TOTAL)
            for _, read in reads
            if read.head[layout.ROLE] == layout.MINDS
        }
        for file, read in reads:
            # One that only kept an account until now has begun to serve.
            if read.head[layout.ROLE] == layout.WORKS and file.slot < 0:
                self.number(file, read)
        workers = [
            (known(file, read, totals.get(read.master), now_ns), bool(read.head[layout.HIDES]))
            for file, read in reads
            if read.head[layout.ROLE] == layout.WORKS
        ]
        for file, read in reads:
            hides = bool(read.head[layout.HIDES])
            minds = read.head[layout.ROLE] != layout.WORKS
            file.quiet = minds or (file.idle is not None and not waits(file.idle[2], hides))
        told = self.connections.look(
            [(each.pid, each.inodes) for each, hides in workers if waits(each, hides)], now_ns
        )
        return self.answer(tuple(complete(*each, told) for each in workers))

    def is_unchanged(self, now_ns: int) -> bool:
        """Answer whether no worker does or tells anything else than at the last read."""
        # A fast path: a server that nobody asks is read as often as any.
        try:
            return bool(self.files) and all(file.is_quiet(now_ns) for file in self.files.values())
        except OSError:
            return False

    def begin(self) -> None:
        """Go on with the totals: not before the first read, for until then they are another reader's."""
        self.is_begun = True
        self.book = Book(self.folders)
        if self.book.torn:
            self.ignore(self.book.torn, "torn")

    def answer(self, workers: tuple[Worker, ...]) -> Readings:
        """Answer the readings with these workers: the same object as before while nothing changed."""
        last, retired = self.last, self.book.retired()
        is_same = len(workers) == len(last.workers) and all(map(is_, workers, last.workers))
        if not is_same or retired is not last.retired:
            self.last = Readings(workers=workers, retired=retired)
        return self.last

    def look(self) -> bool:
        """Open the files that are new; answer whether there are any."""
        before = len(self.files)
        found = [self.look_through(*each) for each in self.held.items()]
        if any(found):
            present = set().union(*(paths for _, paths in self.listed.values()))
            self.strange = {
                at: why for at, why in self.strange.items() if at in present or why == "directory"
            }
        return len(self.files) > before

    def hold(self) -> None:
        """Hold the directories open that there are now; to find one again by its name costs much more."""
        for descriptor in self.held.values():
            os.close(descriptor)
        self.held = {}
        for folder in self.folders:
            with suppress(OSError):
                self.held[folder] = os.open(folder, TO_ASK_ABOUT | os.O_NOFOLLOW | os.O_CLOEXEC)

    def look_through(self, folder: str, descriptor: int) -> bool:
        """Open the files of a directory that are new; answer whether it was looked through at all."""
        listed = self.listed.get(folder)
        try:
            found = os.fstat(descriptor)
            # A fast path: nothing came or went, and nobody else was let in, or that would show.
            if listed is not None and listed[0] == found.st_ctime_ns:
                return False
            if not is_private(found):
                self.listed.pop(folder, None)
                self.ignore(folder, "directory")
                return True
            # The kernel's clock, which its ticks and so a directory's times are taken from.
            wall_ns = time.time_ns()
            names = os.listdir(folder)
        except OSError:
            return self.listed.pop(folder, None) is not None
        for name in sorted(names, key=layout.age):
            at = os.path.join(folder, name)
            if at not in self.files and at not in self.strange:
                self.open(folder, name, at)
        is_settled = found.st_ctime_ns + TICK_NS < wall_ns
        paths = {os.path.join(folder, name) for name in names}
        self.listed[folder] = found.st_ctime_ns if is_settled else 0, paths
        return True

    def open(self, folder: str, name: str, at: str) -> None:
        """Open one file, or take note that it is none of ours."""
        owner = layout.owner(name)
        if owner is None:
            if name not in OURS:
                self.ignore(at, "name")
            return
        if at in self.owed:
            return
        if name.startswith("."):
            # Half made.
            if layout.process_start(owner[0]) != owner[1]:
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
        with suppress(OSError):
            file.proc = os.open(f"/proc/{file.pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        # Only now: somebody else may have the number of one that is gone.
        if file.gone is not None and not layout.is_alive(file.pid, file.started):
            os.close(file.gone)
            file.gone = None
        if file.gone is not None:
            self.poll.register(file.gone, select.POLLIN)
        else:
            self.unseen += 1
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
        over = dict(self.poll.poll(0)) if self.files else {}
        # A fast path: the kernel tells of each process that ends, and of none now.
        if not over and not self.unseen:
            return []
        return [
            file
            for file in self.files.values()
            if (file.gone in over if file.gone is not None else not layout.is_alive(file.pid, file.started))
        ]

    def notice_stopped(self) -> None:
        """Look up which workers were stopped."""
        for file in self.files.values():
            # Whether a master is, nobody is told.
            is_stalled = file.slot >= 0 and file.is_stopped()
            if is_stalled != file.stalled:
                file.stalled, file.quiet = is_stalled, False

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
        left: list[tuple[layout.Read | None, bytes, str]] = []
        for file in gone:
            self.drop(file, keep=True)
            # A reader before this one has added it up, and was not told that its account is kept.
            is_added = file.at in self.book.done
            self.book.done[file.at] = None
            self.owed.add(file.at)
            try:
                read = file.read(now_ns)
            except (OSError, ValueError):
                left.append((None, b"", file.at))
                continue
            left.append((read, file.trail(), file.at))
            if read.head[layout.ROLE] == layout.WORKS and not is_added:
                # What it was in the midst of ended unseen, at some moment since it was read last.
                self.book.add(read, file.slot, max(file.spent_ns, read.spent_ns(0)), ending(file))
        # First written down, then taken away: whatever happens between, nothing counts twice.
        self.book.write()
        for file in gone:
            file.close()
        for told, trail, at in left:
            if told is None:
                self.take_away(at)
            else:
                self.account(told, trail, partial(self.take_away, at))

    def take_away(self, at: str) -> None:
        """Take away the file of a process that is gone, all of which is kept elsewhere."""
        with suppress(OSError):
            os.unlink(at)
        self.book.done.pop(at, None)
        self.owed.discard(at)

    def drop(self, file: File, *, keep: bool = False) -> None:
        """Let go of a file."""
        self.files.pop(file.at, None)
        if file.gone is not None:
            self.poll.unregister(file.gone)
        else:
            self.unseen -= 1
        if not keep:
            file.close()

    def close(self) -> None:
        """Let go of every file and process."""
        self.connections.close()
        for descriptor in self.held.values():
            os.close(descriptor)
        self.held = {}
        for file in list(self.files.values()):
            self.drop(file)
        if not self.is_begun:
            self.begin()
        for folder in self.folders:
            clear(folder, is_needed=self.book.is_needed or bool(self.owed))


def is_private(found: os.stat_result) -> bool:
    """Answer whether what `lstat` found is a directory of ours that nobody else can enter."""
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
