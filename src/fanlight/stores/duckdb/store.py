"""The DuckDB store: day files behind one engine, one writer, any number of readers."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import duckdb

from fanlight.errors import StoreError
from fanlight.stores.answers import Counts, Point, Size, merged
from fanlight.stores.choose import choose, typical
from fanlight.stores.duckdb import columns, files
from fanlight.stores.duckdb.close import rewrite
from fanlight.stores.duckdb.day import Day
from fanlight.stores.duckdb.engine import open_engine, telling, transaction
from fanlight.stores.duckdb.load import Part
from fanlight.stores.duckdb.reads import View, joined
from fanlight.stores.duckdb.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from fanlight.stores.answers import Group, Node, Repeat, Scope, Trace, TraceRow
    from fanlight.stores.duckdb.engine import Connection
    from fanlight.wire.codec import Message

    Shares = dict[int, list[tuple[int, Part]]]
    """Day to what it is given: (position, part) in order."""

GRACE_NS = 600_000_000_000
"""A day is rewritten ten minutes after its end: by then nearly all of its rows have come."""
DAY_NS = 86_400_000_000_000


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
        # Guards `days` and the days' reader counts, held for moments only.
        self.guard = Lock()
        self.days: dict[int, Day] = {}
        self.serial = 0
        self.bad = 0
        self.rewriting: Connection | None = None
        self.engine: Connection | None = None
        self.held = files.lock(self.directory)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Open the engine and every day; files that are no day any more are set aside."""
        self.engine = open_engine(self.directory)
        self.writer = self.engine.cursor()
        for number, path in sorted(files.days(self.directory).items()):
            day = self.attach(path, number)
            if day:
                self.days[number] = day
        floor = self.floor()
        for number in [number for number in self.days if number <= floor]:
            # Expiry was cut off behind its account: finish it.
            self.retire(self.days.pop(number))

    def attach(self, path: Path, number: int) -> Day | None:
        """Answer the day in a file, or None when the file is unreadable and was set aside."""
        try:
            if path.exists():
                # What the engine cannot open for another reason than its content is not set aside.
                with path.open("r+b"):
                    files.remove_unborn(path)
            return Day(self.writer, path, number, self.alias())
        except OSError as error:
            raise StoreError(f"the day file {path} cannot be opened: {error.strerror}") from error
        except duckdb.Error as error:
            if "version number" in str(error) or "No space" in str(error):
                raise StoreError(f"the day file {path} cannot be opened: {error}") from error
            files.set_aside(path)
            self.bad += 1
            return None

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
            shares = self.shares(segment, records)
            for number in shares:
                if number not in self.days:
                    self.add_day(number)
            if len(shares) > 1:
                for number in shares:
                    self.days[number].announce(self.writer, segment)
            for number, share in shares.items():
                day = self.days[number]
                at = day.applied.get(segment, 0)
                parts = [part for position, part in share if position > at]
                if parts:
                    day.apply(self.writer, segment, records[-1][0], parts)
            if shares:
                files.sync(self.directory)
            for number in shares:
                self.days[number].merge_due(self.writer)

    def shares(self, segment: int, records: Sequence[tuple[int, Message]]) -> Shares:
        """Answer what each day is given of the records, oldest day first.

        Raises:
            WireError: a message contradicts itself.
        """
        floor = self.floor()
        known = [day.applied[segment] for day in self.days.values() if segment in day.applied]
        kept = min(known, default=0)
        found: Shares = {}
        for position, commit in records:
            if position <= kept:
                continue
            rows = columns.read(commit)
            ledger = list(zip(commit["ledger_service"], commit["ledger_accepted"], strict=True))
            told = columns.days(rows)
            if not told and not ledger:
                continue
            # A commit is accounted for once, in its first day's file.
            days = [day for day in told if day > floor] or [max(self.days, default=self.clock() // DAY_NS)]
            for day in days:
                # Fast path: all rows are one day's.
                share = rows if told == [day] else columns.of_day(rows, day)
                found.setdefault(day, []).append((position, Part(commit["strings"], share, ledger)))
                ledger = []
        return dict(sorted(found.items()))

    def add_day(self, number: int) -> None:
        """Make a day's file."""
        path = files.path_of(self.directory, number, closed=False)
        day = self.attach(path, number)
        if day is None:
            raise StoreError(f"{path} was unreadable and is set aside; the next try makes a new one")
        with self.guard:
            self.days[number] = day

    def positions(self) -> dict[int, int]:
        """Answer, per segment, a position up to which every day has its rows."""
        with self.guard:
            days = list(self.days.values())
        found: dict[int, int] = {}
        for day in days:
            for segment, position in list(day.applied.items()):
                found[segment] = min(position, found.get(segment, position))
        return found

    def ledger(self) -> dict[str, int]:
        """Answer the number of traces ever kept, per service."""
        with self.guard:
            days = list(self.days.values())
        found: dict[str, int] = {}
        for day in days:
            for service, n in [*day.ledger.items(), *(row[1:] for row in list(day.carried))]:
                found[service] = found.get(service, 0) + n
        return {service: n for service, n in found.items() if n}

    def compact(self) -> None:
        """Rewrite the days that are over, one by one, while readers and the writer go on."""
        today = (self.clock() - GRACE_NS) // DAY_NS
        with self.guard:
            over = [day for number, day in sorted(self.days.items()) if number < today and not day.closed]
        for day in over:
            with telling(f"{day.path} cannot be rewritten"):
                self.close_day(day)

    def close_day(self, day: Day) -> None:
        """Rewrite one day; when rows came meanwhile, the old file stays and a later call tries again."""
        target = files.path_of(self.directory, day.number, closed=True)
        scratch = target.with_name(target.name + ".tmp")
        with self.pinned(day) as cursor:
            before = dict(day.applied)
            try:
                self.rewriting = cursor
                rewrite(cursor, day, scratch, self.alias())
                with self.writing:
                    # A store that was closed meanwhile may be another process's by now.
                    if self.engine and day.applied == before and self.days.get(day.number) is day:
                        self.swap(day, scratch, target)
            finally:
                self.rewriting = None
                if self.engine:
                    files.remove(scratch)

    def swap(self, day: Day, scratch: Path, target: Path) -> None:
        """Put a rewritten file in the place of its day."""
        scratch.chmod(0o600)
        scratch.rename(target)
        files.sync(self.directory)
        closed = Day(self.writer, target, day.number, self.alias())
        with self.guard:
            self.days[day.number] = closed
        self.retire(day)

    def expire(self, before_day: int, max_bytes: int = 0) -> list[int]:
        """Drop days before `before_day`, then the oldest while over `max_bytes`; the newest stays."""
        dropped: list[int] = []
        with self.writing, telling(f"days of {self.directory} cannot be dropped"):
            self.alive()
            size = files.bytes_of(*self.directory.rglob("*"))
            *old, newest = sorted(self.days) or [0]
            for number in old:
                if number >= before_day and not (max_bytes and size > max_bytes):
                    break
                day = self.days[number]
                size -= files.bytes_of(day.path)
                self.days[newest].carry(self.writer, day)
                files.sync(self.directory)
                with self.guard:
                    del self.days[number]
                self.retire(day)
                dropped.append(number)
        return dropped

    def retire(self, day: Day) -> None:
        """Let go of a day's file: now, or when its last reader is done."""
        with self.guard:
            day.gone = True
            idle = not day.users
        if idle:
            self.bury(day, self.writer)

    def bury(self, day: Day, cursor: Connection) -> None:
        """Detach and delete a day's file; readers of it there are none."""
        cursor.execute(f"DETACH {day.alias}")
        files.remove(day.path)

    @contextmanager
    def pinned(self, day: Day) -> Iterator[Connection]:
        """Hold a day in place, with a connection to read it by."""
        with self.guard:
            if self.engine is None:
                raise StoreError(f"the store {self.directory} is closed")
            day.users += 1
            cursor = self.engine.cursor()
        try:
            yield cursor
        finally:
            with self.guard:
                day.users -= 1
                last = day.gone and not day.users
            if last:
                self.bury(day, cursor)
            cursor.close()

    def views(self, from_ns: int, to_ns: int, *, newest_first: bool = False) -> Iterator[View]:
        """Yield a view of each day that the range touches, each in a snapshot of its own."""
        with self.guard:
            days = sorted(self.days.items(), reverse=newest_first)
        for number, day in days:
            if number * DAY_NS < to_ns and from_ns < (number + 1) * DAY_NS:
                with self.pinned(day) as cursor, telling(f"{day.path} cannot be read"), transaction(cursor):
                    yield View(cursor, day, from_ns, to_ns)

    def counts(self, from_ns: int, to_ns: int, scope: Scope = (), slots: int = 60) -> list[Counts]:
        """Answer the merged counts of every group in `scope`."""
        tallies: dict[Group, Tally] = {}
        for view in self.views(from_ns, to_ns):
            groups = view.groups(scope)
            view.add_counts(tallies, groups, slots)
            view.add_buckets(tallies, groups)
        return [
            Counts(*group, t.n, t.errors, t.sum_ns, t.min_ns, t.max_ns, t.histogram(), tuple(t.slots))
            for group, t in sorted(tallies.items())
        ]

    def timeline(self, group: Group, from_ns: int, to_ns: int, step_s: int) -> list[Point]:
        """Answer one group's counts per step, oldest first."""
        tallies: dict[int, Tally] = {}
        for view in self.views(from_ns, to_ns):
            points, buckets = view.steps(view.groups(group), step_s)
            for step, n, errors, sum_ns, max_ns in points:
                tallies.setdefault(step, Tally(0)).add(n, errors, sum_ns, max_ns, max_ns)
            for step, bucket, n in buckets:
                tallies[step].put(bucket, n)
        return [
            Point(step * step_s * 1_000_000_000, t.n, t.errors, t.sum_ns, t.max_ns, t.buckets)
            for step, t in sorted(tallies.items())
        ]

    def tree(
        self, group: Group, from_ns: int, to_ns: int, octaves: Collection[int] | None = None
    ) -> list[Node]:
        """Answer one group's merged tree."""
        paths: dict[int, Node] = {}
        for view in self.views(from_ns, to_ns):
            for node in view.nodes(view.groups(group), octaves):
                paths[node.path] = merged(paths[node.path], node) if node.path in paths else node
        return list(paths.values())

    def repeats(self, from_ns: int, to_ns: int, scope: Scope = ()) -> list[Repeat]:
        """Answer every group's paths that repeated in some trace."""
        traces: dict[Group, int] = {}
        found: dict[tuple[Group, int], Repeat] = {}
        for view in self.views(from_ns, to_ns):
            roots, rows = view.repeats(view.groups(scope))
            for group, n in roots.items():
                traces[group] = traces.get(group, 0) + n
            for row in rows:
                key = (row[:3], row.path)
                found[key] = joined(found[key], row) if key in found else row
        return [row._replace(traces=traces.get(row[:3], 0)) for row in found.values()]

    def traces(
        self,
        group: Group,
        from_ns: int,
        to_ns: int,
        octaves: Collection[int] | None = None,
        limit: int = 50,
    ) -> list[TraceRow]:
        """Answer up to `limit` kept traces, whole ones first."""
        total = Tally(0)
        for point in self.timeline(group, from_ns, to_ns, 86_400):
            for bucket, n in point.buckets.items():
                total.put(bucket, n)
        typical_ns = typical(total.buckets, octaves)
        rows: list[TraceRow] = []
        for view in self.views(from_ns, to_ns):
            rows += view.candidates(view.groups(group), octaves, typical_ns, limit)
        return choose(rows, typical_ns, limit)

    def trace(self, trace_id: str) -> Trace | None:
        """Answer one trace by its 32 hex digits."""
        if len(trace_id) != 32 or not set(trace_id) <= set("0123456789abcdef"):
            return None
        high, low = int(trace_id[:16], 16), int(trace_id[16:], 16)
        best: Trace | None = None
        for view in self.views(0, 2**64, newest_first=True):
            found = view.trace(high, low)
            if found and found.spans:
                return found
            best = best or found
        return best

    def size(self) -> Size:
        """Answer what the store takes on disk, its days, and the files set aside since the start."""
        with self.guard:
            days = tuple(sorted(self.days))
        return Size(files.bytes_of(*self.directory.rglob("*")), days, self.bad)

    def alive(self) -> None:
        """Start the engine anew when an error, such as a full disk, has ended it.

        Raises:
            StoreError: the store was closed.
        """
        if self.engine is None:
            raise StoreError(f"the store {self.directory} is closed")
        try:
            self.writer.execute("SELECT 1")
        except duckdb.Error:
            self.engine.close()
            with self.guard:
                self.days = {}
            self.start()

    def close(self) -> None:
        """Release the store; a day that is being rewritten stays as it was."""
        rewriting = self.rewriting
        if rewriting:
            rewriting.interrupt()
        with self.writing, self.guard:
            if self.engine is not None:
                self.engine.close()
                self.engine = None
            files.release(self.held)
            self.held = -1
