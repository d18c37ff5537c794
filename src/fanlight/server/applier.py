"""The applier: a thread that brings the spool's records into the store, each exactly once."""

from __future__ import annotations

import threading
import time
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from fanlight.collector.disk import Disk, sync_folder
from fanlight.errors import FanlightError, SpoolError, StoreError, WireError
from fanlight.log import LOG
from fanlight.server import account
from fanlight.server.trouble import Trouble
from fanlight.stores.quota import WHOLE
from fanlight.wire import settled, spool
from fanlight.wire.codec import decode
from fanlight.wire.messages import COMMIT
from fanlight.wire.salvage import surviving

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.server.inbox import Inbox
    from fanlight.stores import Store
    from fanlight.wire.codec import Message
    from fanlight.wire.salvage import Gap

    Marks = list[tuple[int, ...] | None]

INTERVAL_S = 1.0
"""How long the applier rests when it has applied everything. A turn costs some ms however little it
brings, and two seconds from request to page are soon enough."""
LOOK_S = 0.5
"""How often meanwhile it is looked whether a collector has begun anew: who waited for that waits no more."""
WHOLE_S = 10.0
"""How often a turn is taken though nothing in a spool has changed."""
FRESH_S = 2.0
"""How long one has begun anew: what waited for it in applications comes in several records."""
TURN_BYTES = 8 << 20
"""Record bytes that one turn applies at once: what is in memory, and in one transaction."""
RETRY_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Waiting times after the store failed, the last one from then on."""


def sync_entries(path: str) -> None:
    """Make a real directory's entries durable."""
    sync_folder(Disk(), path)


class Applier:
    """Applies whole records in order and deletes segments that are sealed and applied.

    Args:
        store: is given the records.
        directory: the spool, which need not exist yet.
        tell: is given a line when something goes wrong and when it is well again.
        clock: monotonic seconds.
        sync: makes a directory's entries durable.
        inbox: whose spool is applied too; its segments have other numbers.

    Attributes:
        turn: held while records go from the spool to the store, so that whoever holds it sees
            every record on exactly one side.
        bad_segments, bad_records: segments set aside as damaged; damaged places, and records that
            make no sense, which were left out; since the start.
        quiet: how the spools stood when nothing more was in them; None where that is not known.
        whole_s: when a turn is taken though they still stand so.
        reached: number of the newest segment that was seen while resting.
        fresh_until_s: until when a collector has begun anew.
        spoilt: segments with such places or records, which are set aside when they are applied.
        applied: records applied since the start.
    """

    def __init__(
        self,
        store: Store,
        directory: Path,
        tell: Callable[[str], None] = LOG.warning,
        clock: Callable[[], float] = time.monotonic,
        sync: Callable[[str], None] = sync_entries,
        inbox: Inbox | None = None,
    ) -> None:
        self.store = store
        self.directory = directory
        self.inbox = inbox
        self.directories = [directory] if inbox is None else [directory, Path(inbox.directory)]
        self.tell = tell
        self.clock = clock
        self.sync = sync
        self.trouble = Trouble(tell)
        self.crowding = Trouble(tell)
        self.turn = threading.Lock()
        self.at: dict[int, int] = {}
        self.quiet: Marks | None = None
        self.whole_s = 0.0
        self.bad_segments = self.bad_records = self.applied = 0
        self.spoilt: set[int] = set()
        self.behind_since: float | None = None
        self.failures = self.reached = 0
        self.fresh_until_s = 0.0
        self.wake = threading.Event()
        self.ended = False
        self.thread = threading.Thread(target=self.run, name="fanlight-applier", daemon=True)

    def start(self) -> None:
        """Begin to apply."""
        self.thread.start()

    def stop(self, timeout_s: float) -> None:
        """Apply what is there, as far as `timeout_s` allows, and end."""
        self.ended = True
        self.wake.set()
        self.thread.join(timeout_s)

    @property
    def lag_s(self) -> float:
        """How long the store has been behind the spool; 0 when a turn found nothing more."""
        since = self.behind_since
        return 0.0 if since is None else round(self.clock() - since, 3)

    def run(self) -> None:
        """Apply until stopped."""
        while True:
            # Asked before the turn: what came before the end is applied in the last turn.
            ended = self.ended
            # Before the turn, too: what is new behind its look at the spool is new to the rest.
            seen = self.settled()
            rest_s = self.attempt()
            if ended and (rest_s or self.failures):
                return
            if rest_s:
                self.rest(rest_s, seen)
                if not self.ended:
                    self.wake.clear()

    def rest(self, rest_s: float, seen: Message | None) -> None:
        """Wait, no longer than until a collector that has begun anew has written something.

        Args:
            rest_s: the longest wait.
            seen: how far the spool was durable when it was looked at last.
        """
        while rest_s > 0 and not self.wake.wait(min(LOOK_S, rest_s)):
            rest_s -= LOOK_S
            if self.failures or (self.quiet is not None and self.marks() == self.quiet):
                continue
            found = self.settled()
            if found is None or found == seen:
                continue
            # Its segment is another one.
            if found["number"] > self.reached:
                self.reached, self.fresh_until_s = found["number"], self.clock() + FRESH_S
            if self.clock() < self.fresh_until_s:
                return

    def settled(self) -> Message | None:
        """Answer how far the spool is durable; None where that cannot be read now."""
        try:
            return settled.read(self.directory)
        except OSError:
            # The turn will meet the same, and tell.
            return None

    def marks(self) -> Marks | None:
        """Answer how the spools stand; None where what is next to come may not show in it."""
        if self.inbox is not None and self.inbox.waits:
            return None
        now_ns = time.time_ns()
        try:
            found = [settled.mark(directory, now_ns) for directory in self.directories]
        except OSError:
            # The turn will meet the same, and tell.
            return None
        return None if None in found else found

    def attempt(self) -> float:
        """Take one turn, whatever happens in it; answer how long to rest before the next, in seconds."""
        # Before the turn: what comes meanwhile is new to the next.
        marks = self.marks()
        # A fast path: mostly nothing came.
        if marks is not None and marks == self.quiet and self.clock() < self.whole_s:
            return INTERVAL_S
        self.quiet = None
        try:
            more = self.take_turn()
        except Exception as error:
            what = str(error) if isinstance(error, (FanlightError, OSError)) else repr(error)
            self.trouble.begin(f"the spool cannot be applied, trying again: {what}")
            self.behind_since = self.behind_since or self.clock()
            self.failures += 1
            return RETRY_S[min(self.failures, len(RETRY_S)) - 1]
        self.failures = 0
        self.trouble.end("the spool is being applied again")
        if more:
            self.behind_since = self.behind_since or self.clock()
            return 0.0
        self.behind_since = None
        self.quiet, self.whole_s = marks, self.clock() + WHOLE_S
        return INTERVAL_S

    def take_turn(self) -> bool:
        """Apply the next records, `TURN_BYTES` of each spool at most; answer whether there may be more."""
        if self.inbox is not None:
            self.inbox.look()
        spools = [spool.segments(directory) for directory in self.directories]
        # Each spool gets its turn, however much waits in another.
        more = [self.work_through(paths) for paths in spools]
        if True in more:
            return True
        # Numbers never come again, so positions of segments that are gone are of no use.
        numbers = {spool.number(path) for paths in spools for path in paths}
        self.at = {number: at for number, at in self.at.items() if number in numbers}
        self.spoilt &= numbers
        return False

    def work_through(self, paths: list[Path]) -> bool:
        """Apply the next records of one spool; answer whether there may be more."""
        for path, following in zip_longest(paths, paths[1:]):
            with self.turn:
                if self.apply_some(path, following):
                    return True
        return False

    def apply_some(self, path: Path, following: Path | None) -> bool:
        """Apply the next records of one segment; when none is left, be done with it if another follows."""
        try:
            at = self.position(path)
            records, gaps, more = read_some(path, at, None if following else self.durable(path))
        except FileNotFoundError:
            return False
        except SpoolError as error:
            self.refuse(path, error)
            return False
        for gap in gaps:
            self.spoil(path, f"bytes {gap[0]} to {gap[1]} are damaged and left out; what follows is applied")
        if records:
            # Should it fail, the store may have them all the same: then it is asked where it stands.
            del self.at[spool.number(path)]
            self.give(path, records)
            at = self.at[spool.number(path)] = records[-1][0]
        if following and not more:
            self.finish(path, at, following)
        return more

    def position(self, path: Path) -> int:
        """Answer where to read on in a segment: where the store stands, behind the header at least."""
        number = spool.number(path)
        if number not in self.at:
            with path.open("rb") as file:
                _, first = spool.read_header(file, path)
            stands = self.store.positions().get(number, 0)
            if stands > first and any(gap for _, _, gap in surviving(path, 0, stands)):
                # A server before this one met the damage; that it did is told by the segment alone.
                self.spoilt.add(number)
            self.at[number] = max(first, stands)
        return self.at[number]

    def durable(self, path: Path) -> int | None:
        """Answer how far the newest segment may be applied: what is not durable may come again."""
        return settled.durable(path.parent, spool.number(path))

    def give(self, path: Path, records: list[tuple[int, bytes]]) -> None:
        """Apply records; one that no store could take is left out and counted."""
        number = spool.number(path)
        messages: list[tuple[int, Message]] = []
        for after, body in records:
            try:
                messages.append((after, decode(COMMIT, body)))
            except WireError as error:
                self.leave_out(path, after, error)
        try:
            self.store.apply(number, messages)
        except WireError:
            # Slow path: one of them contradicts itself; find it.
            for after, message in messages:
                try:
                    self.store.apply(number, [(after, message)])
                except WireError as error:
                    self.leave_out(path, after, error)
        self.applied += len(messages)
        self.look_for_floods()

    def look_for_floods(self) -> None:
        """Tell when services begin to fill more of the day than their share, and when none does any more."""
        if not self.store.max_bytes:
            return
        shares = self.store.shares()
        loud = [name for name, share in shares.items() if share.keeps != WHOLE]
        if loud:
            self.crowding.begin(
                f"{', '.join(loud)} sent more today than its share of `store.max_bytes`: further traces "
                "are counted, but no longer kept whole; the other services keep theirs"
            )
        else:
            self.crowding.end("there is room for whole traces of every service again")

    def leave_out(self, path: Path, after: int, error: WireError) -> None:
        """Count a record that is whole but makes no sense."""
        self.spoil(path, f"the record that ends at byte {after} is left out: {error}")

    def spoil(self, path: Path, what: str) -> None:
        """Count a place of a segment that cannot be applied."""
        self.bad_records += 1
        self.spoilt.add(spool.number(path))
        self.tell(f"{path}: {what}")

    def finish(self, path: Path, at: int, following: Path) -> None:
        """Delete a sealed segment that is applied to its end; set a damaged one aside."""
        # Else a power failure could keep the deletion and lose the name of the next segment: the
        # numbers would come again, and the store would take what is new for what it has.
        self.sync(str(path.parent))
        rest = spool.rest(path, at)
        # A torn tail is what a crash leaves of a record that nobody was told of, or else damage.
        if rest == "damaged" or (rest == "torn" and account.lacks(path, following)):
            self.set_aside(path, f"it is damaged from byte {at} on, and nothing whole follows")
        elif spool.number(path) in self.spoilt:
            self.set_aside(path, "it was damaged, and all that was whole in it is applied")
        else:
            path.unlink(missing_ok=True)

    def refuse(self, path: Path, error: SpoolError) -> None:
        """Set a segment with a damaged header aside; leave one of a newer Fanlight to that one.

        Raises:
            StoreError: it is a newer Fanlight's.
        """
        with path.open("rb") as file:
            front = file.read(spool.FRONT.size)
        if len(front) == spool.FRONT.size and spool.FRONT.unpack(front)[1] > spool.VERSION:
            raise StoreError(str(error)) from error
        self.set_aside(path, str(error))

    def set_aside(self, path: Path, why: str) -> None:
        """Rename a segment to `.bad` and count it."""
        aside = path.with_name(path.name + ".bad")
        path.rename(aside)
        self.bad_segments += 1
        self.tell(f"{aside}: set aside: {why}")


def read_some(path: Path, at: int, end: int | None) -> tuple[list[tuple[int, bytes]], list[Gap], bool]:
    """Answer the next whole records as (position behind, body), damage between, and whether there is more."""
    found: list[tuple[int, bytes]] = []
    gaps: list[Gap] = []
    size = 0
    for after, body, gap in surviving(path, at, end):
        found.append((after, body))
        gaps += [gap] if gap else []
        size += len(body)
        if size >= TURN_BYTES:
            return found, gaps, True
    return found, gaps, False
