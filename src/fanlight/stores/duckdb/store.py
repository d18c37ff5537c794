"""The DuckDB store: day files behind one engine, one writer, any number of readers."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakSet

import duckdb

from fanlight.errors import AwayError, StoreError
from fanlight.query.answer import UNLIMITED
from fanlight.stores import quota
from fanlight.stores.answers import Size
from fanlight.stores.choose import DAY_NS
from fanlight.stores.duckdb import asking, expiry, files, readings, stages
from fanlight.stores.duckdb.close import GRACE_NS, rewrite, swap
from fanlight.stores.duckdb.engine import open_engine, telling, transaction
from fanlight.stores.duckdb.hurry import end
from fanlight.stores.duckdb.imported.kept import Imports
from fanlight.stores.duckdb.load import divided
from fanlight.stores.duckdb.mending import attached, restart
from fanlight.stores.duckdb.reads import View

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from fanlight.event.event import Event
    from fanlight.event.trace import TraceRow
    from fanlight.query.answer import Answer, Limits
    from fanlight.query.query import Query
    from fanlight.stores.answers import Counts, Group, Node, Pace, Point, Release, Repeat, Scope, Times, Trace
    from fanlight.stores.duckdb.day import Day
    from fanlight.stores.duckdb.engine import Connection
    from fanlight.stores.duckdb.load import Portions
    from fanlight.stores.measures import Measures
    from fanlight.stores.quota import Held, Share
    from fanlight.stores.readings import Told
    from fanlight.wire.codec import Message


class DuckStore:
    """Keeps commits in one DuckDB file per UTC day.

    Args:
        directory: made when missing; one process at a time may hold it.
        clock: wall-clock ns since 1970, which tells the days that are over.

    Raises:
        StoreError: the directory is held, or a file was written by a newer Fanlight.
    """

    def __init__(self, directory: Path, clock: Callable[[], int] = time.time_ns) -> None:
        self.directory = files.own(directory)
        self.clock = clock
        self.writing = Lock()
        self.guard = Lock()  # of `days` and the days' reader counts, held for moments only
        self.days: dict[int, Day] = {}
        self.max_bytes = self.serial = self.bad = 0
        self.suspect = self.closed = False
        self.leaving: list[Day] = []
        self.reading: WeakSet[Connection] = WeakSet()
        self.engine: Connection | None = None
        self.held = files.lock(self.directory)
        self.imports = Imports(self)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Open the engine and every day; files that are no day any more are set aside."""
        engine = open_engine(self.directory)
        self.writer = engine.cursor()
        try:
            paths = sorted(files.days(self.directory).items())
            days = {number: day for number, path in paths if (day := self.attach(path, number))}
        except BaseException:
            engine.close()
            raise
        with self.guard:
            self.engine, self.days = engine, days
        for number in [number for number in days if number <= self.floor()]:
            # Expiry was cut off behind its account: finish it.
            self.retire(self.days.pop(number))

    def attach(self, path: Path, number: int) -> Day | None:
        """Answer the day in a file, or None when the file is unreadable and was set aside.

        Raises:
            StoreError: the file may be good, but cannot be opened here and now.
        """
        day, spoiled = attached(self.writer, path, number, self.alias)
        self.bad += spoiled
        return day

    def alias(self) -> str:
        """Answer a name that no day had before: readers may still hold the one that goes."""
        self.serial += 1
        return f"day_{self.serial}"

    def floor(self) -> int:
        """Answer the newest expired day; rows for it and older ones are expired when they come."""
        return max((row.day for day in self.days.values() for row in day.carried), default=-1)

    def apply(self, segment: int, records: Sequence[tuple[int, Message]]) -> None:
        """Keep the commits of one spool segment that are not kept yet, day by day."""
        with self.writing, telling(f"segment {segment} cannot be applied to {self.directory}"):
            self.alive()
            portions = self.portions(segment, records)
            try:
                self.give(segment, records[-1][0], portions)
            except (duckdb.Error, MemoryError):
                self.suspect = True
                # Readers go on even if the writer cannot.
                with suppress(StoreError, MemoryError):
                    self.alive()
                raise

    def give(self, segment: int, position: int, portions: Portions) -> None:
        """Add each day's portion to its file, one transaction each."""
        for number in portions:
            if number not in self.days:
                self.add_day(number)
        if len(portions) > 1:
            for number in portions:
                self.days[number].announce(self.writer, segment)
        for number, portion in portions.items():
            day = self.days[number]
            at = day.applied.get(segment, 0)
            parts = [part for after, part in portion if after > at]
            if parts:
                room = quota.Quota(self.max_bytes, quota.others(self.held_by_day(), number), day.held)
                day.apply(self.writer, segment, position, parts, room)
        if portions:
            files.sync(self.directory)
        for number in portions:
            self.days[number].merge_due(self.writer)

    def portions(self, segment: int, records: Sequence[tuple[int, Message]]) -> Portions:
        """Answer what each day is given of the records that some day may lack, oldest day first.

        Raises:
            WireError: a message contradicts itself.
        """
        kept = min((day.applied[segment] for day in self.days.values() if segment in day.applied), default=0)
        home = max(self.days, default=self.clock() // DAY_NS)
        return divided([record for record in records if record[0] > kept], self.floor(), home)

    def add_day(self, number: int) -> None:
        """Make a day's file."""
        path = files.path_of(self.directory, number)
        day = self.attach(path, number)
        if day is None:
            raise StoreError(f"{path} was unreadable and is set aside; the next try makes a new one")
        with self.guard:
            self.days[number] = day

    def positions(self) -> dict[int, int]:
        """Answer, per segment, a position up to which every day has its rows."""
        with self.guard:
            return asking.positions(self.days.values())

    def ledger(self) -> dict[str, int]:
        """Answer the number of traces ever kept, per service."""
        with self.guard:
            return asking.ledger(self.days.values())

    def compact(self) -> None:
        """Rewrite the days that are over, one by one, while readers and the writer go on."""
        today = (self.clock() - GRACE_NS) // DAY_NS
        with self.guard:
            over = [number for number, day in sorted(self.days.items()) if number < today and not day.closed]
        for number in over:
            with telling(f"a day of {self.directory} cannot be rewritten"):
                self.close_day(number)

    def close_day(self, number: int, without: str | None = None) -> bool:
        """Rewrite one day, without the traces of a service if one is given; answer whether it was done.

        When rows came meanwhile, the old file stays and a later call tries again.
        """
        with self.pinned(number) as held:
            if not held:
                return False
            day, cursor = held
            target = files.successor(day.path)
            scratch = target.with_name(target.name + ".tmp")
            before = dict(day.applied)
            try:
                rewrite(cursor, day, scratch, self.alias(), without)
                with self.writing:
                    # A store that was closed meanwhile may be another process's by now.
                    done = bool(self.engine) and day.applied == before and self.days.get(number) is day
                    if done:
                        swap(self, day, scratch, target)
                    return done
            finally:
                if self.engine:
                    files.remove(scratch)

    def expire(self, before_day: int, max_bytes: int = 0) -> list[int]:
        """Drop days before `before_day`, then the oldest while over `max_bytes`; the newest stays."""
        return expiry.expire(self, before_day, max_bytes)

    def shares(self) -> dict[str, Share]:
        """Answer what each service has of the store."""
        return quota.shares(self.held_by_day(), self.max_bytes)

    def held_by_day(self) -> dict[int, dict[str, Held]]:
        """Answer what each day holds of each service."""
        with self.guard:
            return {number: day.held for number, day in self.days.items()}

    def retire(self, day: Day) -> None:
        """Let go of a day's file: now, or when its last reader is done."""
        with self.guard:
            day.gone, idle = True, not day.users
        if idle:
            self.bury(day, self.writer)

    def bury(self, day: Day, cursor: Connection) -> None:
        """Detach and delete a day's file; readers of it there are none."""
        with suppress(duckdb.Error):  # of an engine that is closed meanwhile
            cursor.execute(f"DETACH {day.alias}")
        files.remove(day.path)

    @contextmanager
    def pinned(self, number: int) -> Iterator[tuple[Day, Connection] | None]:
        """Hold a day in place, with a connection to read it by; None when there is no such day any more."""
        with self.guard:
            engine, day = self.opened(), self.days.get(number)
            if day:
                day.users += 1
                cursor = engine.cursor()
                self.reading.add(cursor)
        if not day:
            yield None
            return
        try:
            yield day, cursor
        finally:
            with self.guard:
                day.users -= 1
                last = day.gone and not day.users
            if last:
                self.bury(day, cursor)
            cursor.close()

    def opened(self) -> Connection:
        """Answer the engine.

        Raises:
            AwayError: there is none now.
        """
        if self.engine is None:
            state = "closed" if self.closed else "being reopened after an error; ask again"
            raise AwayError(f"the store {self.directory} is {state}")
        return self.engine

    def views(
        self, from_ns: int, to_ns: int, environment: str | None = None, *, newest_first: bool = False
    ) -> Iterator[View]:
        """Yield a view of each day that the range touches, each in a snapshot of its own."""
        with self.guard:
            self.opened()
            numbers = sorted(self.days, reverse=newest_first)
        for number in numbers:
            if number * DAY_NS < to_ns and from_ns < (number + 1) * DAY_NS:
                # Asked for again by its number: it may have been rewritten or dropped meanwhile.
                with self.pinned(number) as held:
                    if held:
                        day, cursor = held
                        with telling(f"{day.path} cannot be read"), transaction(cursor):
                            yield View(cursor, day, from_ns, to_ns, environment)

    def counts(
        self, from_ns: int, to_ns: int, scope: Scope = (), slots: int = 60, environment: str | None = None
    ) -> list[Counts]:
        """Answer the merged counts of every group in `scope`."""
        return asking.counts(self.views(from_ns, to_ns, environment), scope, slots)

    def service(
        self, name: str, from_ns: int, to_ns: int, slots: int = 60, environment: str | None = None
    ) -> Counts | None:
        """Answer the counts of all groups of a service together, if it had any."""
        return asking.service(self.views(from_ns, to_ns, environment), name, slots)

    def timeline(
        self, group: Group, from_ns: int, to_ns: int, step_s: int, environment: str | None = None
    ) -> list[Point]:
        """Answer one group's counts per step, oldest first."""
        return asking.timeline(self.views(from_ns, to_ns, environment), group, step_s)

    def tree(
        self,
        group: Group,
        from_ns: int,
        to_ns: int,
        octaves: Collection[int] | None = None,
        environment: str | None = None,
    ) -> list[Node]:
        """Answer one group's merged tree."""
        return asking.tree(self.views(from_ns, to_ns, environment), group, octaves)

    def times(self, group: Group, from_ns: int, to_ns: int, environment: str | None = None) -> list[Times]:
        """Answer one group's own times per octave and category."""
        return asking.times(self.views(from_ns, to_ns, environment), group)

    def paces(self, group: Group, from_ns: int, to_ns: int, environment: str | None = None) -> list[Pace]:
        """Answer how long each path of a group's tree took, by octave of the requests, in no order."""
        return asking.paces(self.views(from_ns, to_ns, environment), group)

    def repeats(
        self, from_ns: int, to_ns: int, scope: Scope = (), environment: str | None = None
    ) -> list[Repeat]:
        """Answer every group's paths that repeated in some trace."""
        return asking.repeats(self.views(from_ns, to_ns, environment), scope)

    def environments(self, from_ns: int, to_ns: int) -> list[tuple[str, str]]:
        """Answer the services that were asked in a range, each with each of its environments."""
        return asking.environments(self.views(from_ns, to_ns))

    def releases(self, name: str, from_ns: int, to_ns: int, environment: str | None = None) -> list[Release]:
        """Answer the releases that a service told of, the first one first."""
        return asking.releases(self.views(from_ns, to_ns, environment), name)

    def traces(
        self,
        group: Group,
        from_ns: int,
        to_ns: int,
        octaves: Collection[int] | None = None,
        limit: int = 50,
        environment: str | None = None,
    ) -> list[TraceRow]:
        """Answer up to `limit` kept traces, whole ones first."""
        return asking.traces(lambda: self.views(from_ns, to_ns, environment), group, octaves, limit)

    def trace(self, trace_id: str) -> list[Trace]:
        """Answer what is kept under 32 hex digits, oldest first."""
        return asking.trace(self.views(0, 2**64, newest_first=True), trace_id)

    def events(self, query: Query) -> Iterator[Event]:
        """Yield the kept traces that a query selects, oldest first, as events."""
        return stages.selected(self, query)

    def answer(self, query: Query, limits: Limits = UNLIMITED) -> Answer:
        """Answer a query with its stages."""
        return stages.answer(self, query, limits)

    def readings(self, from_ns: int, to_ns: int, *, whole: bool = False) -> list[Told]:
        """Answer the readings that commits brought in a time, oldest first."""
        return readings.between(self, from_ns, to_ns, whole)

    def measures(self, from_ns: int, to_ns: int) -> list[Measures]:
        """Answer the readings of whole servers in a time, as numbers."""
        return readings.measures(self, from_ns, to_ns)

    def size(self) -> Size:
        """Answer what the store takes on disk, its days, and the files set aside since the start."""
        with self.guard:
            days = tuple(sorted(self.days))
        return Size(files.bytes_of(*self.directory.rglob("*")), days, self.bad)

    def alive(self) -> None:
        """Learn from the files, after an error, what they hold; start the engine anew if it has ended.

        A commit that failed may be in the file all the same: what the writer remembers is no proof.

        Raises:
            StoreError: the store was closed, or cannot be opened again yet.
        """
        if self.closed:
            raise StoreError(f"the store {self.directory} is closed")
        if not self.suspect:
            return
        try:
            for day in self.days.values():
                day.remember(self.writer)
            sound = self.engine is not None
        except duckdb.Error:
            sound = False
        if not sound:
            restart(self)
        self.suspect = False

    def close(self) -> None:
        """Release the store; what is being read stops, and a day that is being rewritten stays as it was."""
        with self.writing, self.guard:
            self.closed = True
            if self.engine is not None:
                end(self.engine, self.reading)
                self.engine = None
            files.release(self.held)
            self.held = -1
