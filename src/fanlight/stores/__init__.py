"""Stores: where applied commits are kept, and what is asked of them.

In come COMMIT messages, segment by segment; out come the answer types of `stores.answers`. A store
adds up what it is given: counts, histograms and trees of any two commits merge to their sum, so no
reader cares how often or how finely the collector wrote.

To add one: write `stores/<name>.py` with a class that meets `Store`, give it a line in `BUILT_IN`,
and run `tests/conformance/test_stores.py`, which holds every store to the memory store's answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from fanlight.event.event import Event
    from fanlight.event.trace import TraceRow
    from fanlight.query.answer import Answer, Limits
    from fanlight.query.query import Query
    from fanlight.stores.answers import (
        Counts,
        Group,
        Node,
        Pace,
        Point,
        Release,
        Repeat,
        Scope,
        Size,
        Times,
        Trace,
    )
    from fanlight.stores.imports import Imports
    from fanlight.stores.measures import Measures
    from fanlight.stores.quota import Share
    from fanlight.stores.readings import Told
    from fanlight.wire.codec import Message


class Store(Protocol):
    """Keeps what the collector committed, exactly once, and answers questions about it.

    Every method may be called from any thread; one thread applies. All of them raise StoreError.
    Times are ns since 1970, ranges are half open. Counts are kept by minute and trees by hour: a
    minute or an hour that a range touches counts in full. With an `environment` only what ran there
    is looked at, "" being where nothing was told; without one a group is the sum over all of them.

    Attributes:
        max_bytes: what the store may take, 0 for no bound; whoever opens it says so before the first
            commit. A service that fills more of a day than `stores.quota` allows loses the spans,
            then the rows, of what comes next; its counts and trees stay whole.
    """

    max_bytes: int
    imports: Imports

    def apply(self, segment: int, records: Sequence[tuple[int, Message]]) -> None:
        """Keep the commits of one spool segment that are not kept yet.

        Args:
            segment: the segment's number.
            records: (position behind the record, COMMIT message) in the segment's order.

        Raises:
            WireError: a message contradicts itself; nothing of `records` was kept.
            StoreError: the store could not write; what was not kept is kept by a repetition.
        """

    def positions(self) -> dict[int, int]:
        """Answer, per segment, a position up to which everything is kept; reading on from there is safe."""

    def ledger(self) -> dict[str, int]:
        """Answer the number of traces ever kept, per service; expiry does not lessen it."""

    def counts(
        self, from_ns: int, to_ns: int, scope: Scope = (), slots: int = 60, environment: str | None = None
    ) -> list[Counts]:
        """Answer the merged counts of every group in `scope`, the range cut into `slots` equal slots."""

    def service(
        self, name: str, from_ns: int, to_ns: int, slots: int = 60, environment: str | None = None
    ) -> Counts | None:
        """Answer the counts of all groups of a service together, as of a group named ""; None without any."""

    def timeline(
        self, group: Group, from_ns: int, to_ns: int, step_s: int, environment: str | None = None
    ) -> list[Point]:
        """Answer one group's counts per step of whole minutes, oldest first; empty steps are left out."""

    def tree(
        self,
        group: Group,
        from_ns: int,
        to_ns: int,
        octaves: Collection[int] | None = None,
        environment: str | None = None,
    ) -> list[Node]:
        """Answer one group's merged tree: a row per path, in no order; only of some octaves if given."""

    def times(self, group: Group, from_ns: int, to_ns: int, environment: str | None = None) -> list[Times]:
        """Answer one group's own times per octave of duration and category, in no order."""

    def paces(self, group: Group, from_ns: int, to_ns: int, environment: str | None = None) -> list[Pace]:
        """Answer how long each path of a group's tree took, by octave of the requests, in no order."""

    def repeats(
        self, from_ns: int, to_ns: int, scope: Scope = (), environment: str | None = None
    ) -> list[Repeat]:
        """Answer every group's nodes that repeated in some trace, in no order."""

    def environments(self, from_ns: int, to_ns: int) -> list[tuple[str, str]]:
        """Answer the services that were asked in a range, each with each of its environments."""

    def releases(self, name: str, from_ns: int, to_ns: int, environment: str | None = None) -> list[Release]:
        """Answer the releases that a service told of, the one that came first in the range first."""

    def traces(
        self,
        group: Group,
        from_ns: int,
        to_ns: int,
        octaves: Collection[int] | None = None,
        limit: int = 50,
        environment: str | None = None,
    ) -> list[TraceRow]:
        """Answer up to `limit` kept traces: whole ones first; a mix of slow, failed, new and typical."""

    def trace(self, trace_id: str) -> list[Trace]:
        """Answer what is kept under 32 hex digits, oldest first: one trace a service, or several.

        Services that call each other share an id; `stores.choose.together` says which belong.
        """

    def events(self, query: Query) -> Iterator[Event]:
        """Yield the kept traces and imported events that a query's terms and bounds select, oldest first.

        Its stages are not run. Spans are read unless the stages need nothing but a trace's own columns.
        """

    def answer(self, query: Query, limits: Limits = ...) -> Answer:
        """Answer a query with its stages; what it was come by stands in the answer's facts.

        Raises:
            QueryError: time is up; may come while the events are taken.
        """

    def readings(self, from_ns: int, to_ns: int, *, whole: bool = False) -> list[Told]:
        """Answer the events of kind `metrics` that commits brought in a time, oldest first.

        Args:
            from_ns: begin, ns since 1970.
            to_ns: end, not part of it.
            whole: only those of whole servers, none of single workers.
        """

    def measures(self, from_ns: int, to_ns: int) -> list[Measures]:
        """Answer those of whole servers as columns of numbers, each shape and labels by themselves.

        Args:
            from_ns: begin, ns since 1970.
            to_ns: end, not part of it.
        """

    def compact(self) -> None:
        """Rewrite what no longer changes in less room; may take long, harms no reader."""

    def expire(self, before_day: int, max_bytes: int = 0) -> list[int]:
        """Drop days before `before_day` (since 1970), then the oldest while over `max_bytes` (0: no cap).

        Before a day goes for want of room, services that hold more than an equal share of all lose
        their oldest traces. The newest day always stays. Answers the dropped days.
        """

    def shares(self) -> dict[str, Share]:
        """Answer what each service has in the store, and what its next record is kept as."""

    def size(self) -> Size:
        """Answer what the store takes on disk, and its days."""

    def close(self) -> None:
        """Release the store; closing twice is harmless."""


BUILT_IN = {
    "duckdb": "fanlight.stores.duckdb:open_directory",
    "memory": "fanlight.stores.memory:open_memory",
}


def open_store(url: str) -> Store:
    """Answer the store that `url` names: `duckdb:DIRECTORY` or `memory:`.

    Raises:
        ConfigError: no such scheme; the message lists the known ones.
        StoreError: the store is there but cannot be opened.
        MissingExtraError: its engine is not installed.
    """
    from fanlight.registry import load

    scheme, rest = parts(url)
    opener = cast("Callable[[str], Store]", load(scheme, BUILT_IN, "stores"))
    return opener(rest)


def parts(url: str) -> tuple[str, str]:
    """Answer a store's scheme and its place.

    Raises:
        ConfigError: there is no colon between them; the message lists the known schemes.
    """
    from fanlight.errors import ConfigError

    scheme, colon, place = url.partition(":")
    if not colon:
        known = ", ".join(sorted(BUILT_IN))
        raise ConfigError(f"a store is written SCHEME:PLACE, not {url!r}; known schemes: {known}")
    return scheme, place
