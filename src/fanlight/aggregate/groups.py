"""A group within one record, and a connection's table as the record sees it."""

from __future__ import annotations

from fanlight.aggregate.counts import Count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from fanlight.aggregate.keeper import Budget, Reservoir
    from fanlight.aggregate.trees import Tree

    Entry = TypeVar("Entry")
    Key = tuple[str, str, str, str]
    """Service, endpoint, segment, environment, each as kept: bounded names."""


class Origin:
    """Who a batch is from.

    Attributes:
        client: 32 hex digits, one per process of an application.
        service: as the application calls itself.
        host: the machine's name.
        pid: the process.
        release: of the application; "" where it told none.
        environment: where it runs, such as production; "" likewise.
    """

    __slots__ = ("client", "environment", "host", "pid", "release", "service")

    def __init__(
        self, client: str, service: str, host: str, pid: int, release: str = "", environment: str = ""
    ) -> None:
        self.client = client
        self.service = service
        self.host = host
        self.pid = pid
        self.release = release
        self.environment = environment


class Group:
    """What one record gathers of a (service, endpoint, segment, environment).

    Attributes:
        index: the record's.
        key: service, endpoint, segment and environment.
        counts: by minute since 1970.
        trees: by (hour since 1970, octave of the root's duration).
        budget, reservoir: what decides whether a trace is kept.
    """

    __slots__ = ("budget", "counts", "index", "key", "reservoir", "trees")

    def __init__(self, index: int, key: Key, budget: Budget, reservoir: Reservoir) -> None:
        self.index = index
        self.key = key
        self.budget = budget
        self.reservoir = reservoir
        self.counts: dict[int, Count] = {}
        self.trees: dict[tuple[int, int], Tree] = {}

    def count(self, minute: int) -> Count:
        """Answer the counts of a minute since 1970."""
        found = self.counts.get(minute)
        if found is None:
            found = self.counts[minute] = Count()
        return found


class View:
    """One connection's table in one record's terms; indices are translated as they first come up.

    Attributes:
        service: the name that the connection's service is kept under.
        host: the record's string index of the origin's host.
        strings, kinds: the table's indices to the record's.
        groups: `endpoint << 32 | segment`, as the table's string indices, to the record's group.
    """

    __slots__ = ("groups", "host", "kinds", "service", "strings")

    def __init__(
        self, service: str, host: int, strings: Lookup[int], kinds: Lookup[int], groups: Lookup[Group]
    ) -> None:
        self.service = service
        self.host = host
        self.strings = strings
        self.kinds = kinds
        self.groups = groups


class Lookup(dict[int, "Entry"]):
    """A dict that makes what it lacks: `map(lookup.__getitem__, column)` runs without our bytecode."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[int], Entry]) -> None:
        self.make = make

    def __missing__(self, index: int) -> Entry:
        """Answer the entry of an index that comes up for the first time."""
        entry = self[index] = self.make(index)
        return entry
