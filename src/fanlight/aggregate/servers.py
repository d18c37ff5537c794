"""What is remembered of each server between two looks, so that its counters never fall."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fanlight.wire.readings import Listener, Retired, Worker

    Whose = tuple[str, str, int, int]
    """Service, server, master's pid, and when the kernel started it."""

SKEW_NS = 200_000_000
"""What lasts no longer is a request on its way to a thread."""
GONE_NS = 10_000_000_000
"""A master without any worker is gone after this long; until then one may be on its way."""


class Slot:
    """A worker's place at its server, and what all who had it have done.

    Attributes:
        worker: who has it now; None when nobody does.
        requests, busy_ns: of all who had it, so far.
        slots_ns: time that its threads had, busy or not; stays when the number of threads is unknown.
    """

    __slots__ = ("before", "busy_ns", "pid", "requests", "slots_ns", "worker")

    def __init__(self) -> None:
        self.worker: Worker | None = None
        self.pid = 0
        self.before = (0, 0)
        self.requests = self.busy_ns = self.slots_ns = 0

    def see(self, worker: Worker | None, retired: Retired | None, passed_ns: int) -> None:
        """Take over what is there now.

        Args:
            worker: who has the place.
            retired: what its predecessors are known to have left; without it, what was last seen of them.
            passed_ns: since the last look.
        """
        if worker is not None and worker.pid != self.pid:
            self.before = self.requests, self.busy_ns
            self.pid = worker.pid
        elif worker is None and self.worker is not None:
            self.before = self.requests, self.busy_ns
            self.pid = 0
        requests, busy_ns = self.before
        if retired is not None:
            requests, busy_ns = max(requests, retired.requests_count), max(busy_ns, retired.busy_ns)
        if worker is not None:
            requests, busy_ns = requests + worker.requests_count, busy_ns + worker.busy_ns
            self.slots_ns += passed_ns * (worker.max_threads or 0)
        # What was told once stays told, whatever a source makes of it later.
        self.requests, self.busy_ns = max(requests, self.requests), max(busy_ns, self.busy_ns)
        self.worker = worker


class Master:
    """One master of a server with its workers.

    Attributes:
        whose: service, server, master and its start.
        place: 0 for the first of a server's, 1 for one that serves beside it, and so on.
        slots: by number; also those that nobody has now.
        workers: those who live now.
        inodes: listening sockets that they serve.
        seen_ns: when it last had workers.
        went: workers that went, by reason.
        skewed: workers that have room while requests wait at another one; None when nobody knows.
        environment: where they run, as they told; "" where they did not.
        tells: whether the requests of any of them are told.
        total: how many workers it was last said to have, None when nobody said.
    """

    __slots__ = (
        *(
            "environment",
            "inodes",
            "place",
            "rest",
            "seen_ns",
            "settled",
            "skewed",
            "skewed_since_ns",
            "slots",
        ),
        *("tells", "total", "went", "whose", "workers"),
    )

    def __init__(self, whose: Whose) -> None:
        self.whose = whose
        self.place = 0
        self.environment = ""
        self.tells = True
        self.total: int | None = None
        self.settled: tuple[int, dict[str, int]] = (0, {})
        """Requests and restarts that were left to the next in its place when it seemed to be gone."""
        self.slots: dict[int, Slot] = {}
        self.workers: list[Worker] = []
        self.inodes: frozenset[int] = frozenset()
        self.seen_ns = 0
        self.went: dict[str, int] = {}
        self.skewed: int | None = None
        self.skewed_since_ns = 0
        self.rest = (0, 0)
        """Requests and ns that are told of its dead workers without saying which places they had."""

    def runs_in(self, environment_of: Callable[[int], str | None]) -> str:
        """Answer where its workers run, asked by their pids; between its workers it is where it was."""
        told = (environment_of(each.pid) for each in self.workers)
        self.environment = next(filter(None, told), self.environment)
        return self.environment

    def see(self, workers: list[Worker], retired: Iterable[Retired], now_ns: int, passed_ns: int) -> None:
        """Take over what is there of it now."""
        by_slot: dict[int, Retired] = {}
        rest = [0, 0]
        restarts: dict[str, int] = {}
        for each in retired:
            for reason, n in each.restarts.items():
                restarts[reason] = restarts.get(reason, 0) + n
            if each.slot is None:
                rest[0] += each.requests_count
                rest[1] += each.busy_ns
            else:
                by_slot[each.slot] = each
        self.rest = max(self.rest[0], rest[0]), max(self.rest[1], rest[1])
        for reason, n in restarts.items():
            self.went[reason] = max(n, self.went.get(reason, 0))
        living = {each.slot: each for each in workers}
        for slot in {*living, *by_slot}:
            if slot not in self.slots:
                self.slots[slot] = Slot()
        for number, place in self.slots.items():
            place.see(living.get(number), by_slot.get(number), passed_ns)
        self.workers = workers
        if workers:
            self.seen_ns = now_ns
            self.tells = any(each.tells for each in workers)
            self.inodes = frozenset(inode for each in workers for inode in each.inodes)
            self.total = max((each.total for each in workers if each.total is not None), default=None)
        self.compare(now_ns)

    def compare(self, now_ns: int) -> None:
        """Notice whether requests have been waiting at one worker for a while, though another has room."""
        self.skewed = skewed(self.workers)
        if not self.skewed:
            self.skewed_since_ns = 0
        elif now_ns - (self.skewed_since_ns or now_ns) < SKEW_NS:
            self.skewed_since_ns = self.skewed_since_ns or now_ns
            self.skewed = 0

    def settle(self) -> None:
        """Count no more what it did so far: it is in the account of its place."""
        self.settled = self.requests + self.settled[0], dict(self.went)

    @property
    def requests(self) -> int:
        """Requests of all its workers, those that are gone too."""
        living = sum(each.requests_count for each in self.workers)
        told = max(sum(each.requests for each in self.slots.values()), self.rest[0] + living)
        return told - self.settled[0]

    @property
    def restarts(self) -> dict[str, int]:
        """Workers that went, by reason."""
        return {reason: n - self.settled[1].get(reason, 0) for reason, n in self.went.items()}

    @property
    def busy_ns(self) -> int:
        """Time that they were busy for, added up."""
        living = sum(each.busy_ns for each in self.workers)
        return max(sum(each.busy_ns for each in self.slots.values()), self.rest[1] + living)

    @property
    def slots_ns(self) -> int:
        """Time that all their threads had."""
        return sum(each.slots_ns for each in self.slots.values())


def skewed(workers: list[Worker]) -> int | None:
    """Answer how many workers have room while requests wait at another; None when nobody can know."""
    queued = [queue(each) for each in workers]
    if len(workers) < 2 or all(each is None for each in queued):
        return None
    if not any(queued):
        return 0
    return sum(
        not waits and each.booted and not each.stalled and (not each.busy or bool(each.capacity))
        for each, waits in zip(workers, queued, strict=True)
    )


def queue(worker: Worker) -> int | None:
    """Answer what waits at one worker, None when it cannot tell."""
    if worker.backlog is None and worker.not_begun is None:
        return None
    return (worker.backlog or 0) + (worker.not_begun or 0)


class Past:
    """What the masters that had a place, one after the other, have left.

    Attributes:
        drops: refusals of listeners that are gone.
    """

    __slots__ = ("drops", "listeners", "requests", "restarts")

    def __init__(self) -> None:
        self.requests = 0
        self.restarts: dict[str, int] = {}
        self.drops = 0
        self.listeners: dict[int, int] = {}

    def refused(self, listeners: Iterable[Listener]) -> int | None:
        """Answer the refusals of all listeners so far; None when no kernel told of any."""
        told = {each.inode: each.drops for each in listeners if each.drops is not None}
        for inode, drops in self.listeners.items():
            if inode not in told:
                self.drops += drops
        is_known = bool(told or self.listeners or self.drops)
        self.listeners = told
        return self.drops + sum(told.values()) if is_known else None
