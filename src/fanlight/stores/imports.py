"""Imported files: what a store knows of each, and the piece of one that it is given at a time."""

from __future__ import annotations

from heapq import merge
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol

from fanlight.errors import StoreError
from fanlight.event.packing import names_of, unpack
from fanlight.query.answer import UNLIMITED
from fanlight.query.asof import KIND
from fanlight.stores.choose import DAY_NS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fanlight.event.event import Event
    from fanlight.event.packing import Packed
    from fanlight.query.answer import Limits
    from fanlight.query.query import Query


class Imported(NamedTuple):
    """A file, as far as its events are kept.

    Attributes:
        id: in this store, from 1; 0 of a file that is new.
        name: path that it had.
        format: how it was read.
        inode: device and number that it had.
        head: digest of its first bytes.
        head_bytes: how many those are.
        tail: digest of the last bytes before `position`.
        position: bytes, unpacked ones, whose events are kept.
        lines: up to there.
        events: that are kept.
        imported_ns: when the last of them came, ns since 1970.
    """

    id: int
    name: str
    format: str
    inode: str
    head: str
    head_bytes: int
    tail: str = ""
    position: int = 0
    lines: int = 0
    events: int = 0
    imported_ns: int = 0

    def is_same(self, other: Imported) -> bool:
        """Tell whether another has the same identity, wherever it is."""
        return (self.inode, self.head, self.head_bytes) == (other.inode, other.head, other.head_bytes)

    def grown(self, piece: Piece, now_ns: int) -> Imported:
        """Answer the file with a piece more."""
        return self._replace(
            name=piece.file.name,
            inode=piece.file.inode,
            tail=piece.tail,
            position=piece.position,
            lines=piece.lines,
            events=self.events + len(piece.events),
            imported_ns=now_ns,
        )


class Piece(NamedTuple):
    """Events of a file, from the file's position on.

    Attributes:
        file: as whoever reads it knows it.
        tail: digest of the last bytes before the position behind the piece.
        position: behind the piece.
        lines: up to there.
        events: in the file's order.
    """

    file: Imported
    tail: str
    position: int
    lines: int
    events: Sequence[Packed]


class Imports(Protocol):
    """Keeps events of imported files, each exactly once; apart from everything else, and for its own time."""

    def files(self) -> list[Imported]:
        """Answer every file that something was kept of."""

    def keep(self, piece: Piece, now_ns: int) -> Imported:
        """Keep a piece of a file and how far that goes, both or none; answer the file as it is then.

        Raises:
            ElsewhereError: the piece does not continue what is kept.
            StoreError: it cannot be written.
        """

    def nominated(self, query: Query, limits: Limits = UNLIMITED) -> Iterator[Event]:
        """Yield at least the events that a query selects: those without a time first, then by time.

        Raises:
            QueryError: the time of the answer is up.
        """

    def readings(self, low_ns: int | None, high_ns: int | None, names: frozenset[str]) -> Iterator[Event]:
        """Yield the events of kind `metrics` between two moments, both included, that may have some names."""

    def expire(self, before_day: int) -> int:
        """Drop what was imported before a day since 1970; answer how many events.

        The files stay known, so that importing one again brings nothing back.
        """


class ElsewhereError(StoreError):
    """A piece does not continue what is kept of its file: somebody else imports it as well."""


def continued(known: Imported | None, piece: Piece) -> None:
    """Refuse a piece that is not the next one.

    Raises:
        ElsewhereError: says how far the file is kept.
    """
    at = known.position if known else 0
    if piece.file.position != at or piece.position <= at:
        raise ElsewhereError(
            f"{piece.file.name} is kept up to byte {at:,}, and a piece from byte {piece.file.position:,} "
            "came; it is being imported elsewhere as well, or was: import it again"
        )


def bounded(query: Query) -> tuple[int, int]:
    """Answer the first and the last ns of a query's bounds, as wide as there is any where it has none."""
    low, high = query.bounds()
    return -(2**63) if low is None else low, 2**63 - 1 if high is None else high


class InMemory:
    """Imported events in a list, gone when the process ends."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.known: dict[int, Imported] = {}
        self.kept: list[tuple[int, int, Packed]] = []
        """Day of the import, file, event."""

    def files(self) -> list[Imported]:
        """Answer every file that something was kept of."""
        with self.lock:
            return list(self.known.values())

    def keep(self, piece: Piece, now_ns: int) -> Imported:
        """Keep a piece of a file and how far that goes."""
        with self.lock:
            mine = self.known.get(piece.file.id)
            if not piece.file.id:
                mine = next((each for each in self.known.values() if each.is_same(piece.file)), None)
            continued(mine, piece)
            before = mine or piece.file._replace(id=len(self.known) + 1)
            self.known[before.id] = before.grown(piece, now_ns)
            self.kept += [(now_ns // DAY_NS, before.id, packed) for packed in piece.events]
            return self.known[before.id]

    def nominated(self, query: Query, limits: Limits = UNLIMITED) -> Iterator[Event]:
        """Yield all events: those without a time first, then by time."""
        limits.check()
        with self.lock:
            kept = [(file, packed) for _, file, packed in self.kept]
        none = -(2**64)
        kept.sort(
            key=lambda each: (none if each[1].time_ns is None else each[1].time_ns, each[0], each[1].line)
        )
        low, high = bounded(query)
        for _, packed in kept:
            if packed.time_ns is None or low <= packed.time_ns <= high:
                yield unpack(packed)

    def readings(self, low_ns: int | None, high_ns: int | None, names: frozenset[str]) -> Iterator[Event]:
        """Yield the readings between two moments that have one of some names, or may have."""
        with self.lock:
            kept = [packed for _, _, packed in self.kept if packed.time_ns is not None]
        for packed in kept:
            time_ns = packed.time_ns or 0
            if (low_ns is None or low_ns <= time_ns) and (high_ns is None or time_ns <= high_ns):
                event = unpack(packed)
                if event.kind == KIND and may_have(packed.shape, names):
                    yield event

    def expire(self, before_day: int) -> int:
        """Drop what was imported before a day."""
        with self.lock:
            left = [each for each in self.kept if each[0] >= before_day]
            gone = len(self.kept) - len(left)
            self.kept = left
        return gone


def may_have(shape: str, names: frozenset[str]) -> bool:
    """Tell whether events of a shape may have a property of one of some names."""
    own, may_have_more = names_of(shape)
    return may_have_more or not names.isdisjoint(own)


def when(packed: Packed) -> int:
    """Answer an event's time; before all times where it has none."""
    return -(2**64) if packed.time_ns is None else packed.time_ns


def in_order(traces: Iterator[Event], logs: Iterator[Event], *more: Iterator[Event]) -> Iterator[Event]:
    """Yield the events of all, oldest first; those without a time come before all."""
    return merge(
        logs, *more, traces, key=lambda event: -1 if event.time_ns is None else max(event.time_ns, 0)
    )
