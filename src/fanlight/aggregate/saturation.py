"""Readings of one instant to snapshots: what a server's workers and sockets are at, summed and one by one.

What is unknown of a worker is left out of the sum, and out of the snapshot when it is unknown of all;
only `requests.waiting` needs the kernel's queue, without which it could not be compared.
"""

from __future__ import annotations

from fanlight.aggregate.peaks import Peak
from fanlight.aggregate.servers import GONE_NS, Master, Past
from fanlight.config.keys import METRICS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fanlight.aggregate.servers import Slot, Whose
    from fanlight.wire.readings import Listener, Readings, Retired, Snapshot, Worker

    Place = tuple[str, str, int, int | None]
    """Service, server, the master's place, and the worker's slot: None for the whole server."""
    Values = dict[str, int | float]

MASTERS_DONE = 1_000
"""Masters that are gone and remembered, so that what they left counts once."""
STRANGE_NS = 10_000_000_000
"""What listens for less may be a server whose workers are starting."""


class Window:
    """What one subscriber has seen; nobody else's reading takes anything from it.

    Made by `Saturation.window`.
    """

    __slots__ = ("before", "peaks", "saturation", "told", "waits")

    def __init__(self, saturation: Saturation) -> None:
        self.saturation = saturation
        self.peaks: dict[Place, Peak] = {}
        self.before: dict[Place, tuple[int, int]] = {}
        """Busy time and the threads' time of each place when the subscriber was last told,"""
        self.told: dict[str, tuple[int, int]] = {}
        """and what was known by then of how long requests of each service waited."""
        self.waits: dict[str, int | None] = {}

    def take(self, time_ns: int) -> list[Snapshot]:
        """Answer the snapshots of the last look, and begin anew.

        Args:
            time_ns: of that look, since 1970.
        """
        found = self.saturation.snapshots(self, time_ns)
        self.peaks = {}
        return found

    def waiting_ns(self, service: str) -> int | None:
        """Answer how long requests that came since the subscriber was last told waited, on average."""
        number, total_ns = self.saturation.waited(service) or (0, 0)
        before = self.told.get(service, (0, 0))
        self.told[service] = number, total_ns
        return (total_ns - before[1]) // (number - before[0]) if number > before[0] else None

    def utilisation(self, place: Place, busy_ns: int, slots_ns: int) -> float | None:
        """Answer the share of its threads' time that a place was busy for; None when that is unknown."""
        before = self.before.get(place, (0, 0))
        self.before[place] = busy_ns, slots_ns
        had_ns = slots_ns - before[1]
        # The ends of two clocks meet within a sample: never more than all.
        return round(min(1.0, (busy_ns - before[0]) / had_ns), 6) if had_ns > 0 else None


class Saturation:
    """What all servers of this machine are at. One thread looks and takes.

    Args:
        host: the machine's name.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.masters: dict[Whose, Master] = {}
        self.past: dict[tuple[str, str, int], Past] = {}
        self.done: dict[Whose, Master] = {}
        self.windows: list[Window] = []
        self.listeners: dict[int, Listener] = {}
        self.looked_ns = 0
        self.strangers: dict[int, int] = {}
        """When each listener was first seen."""
        self.several: set[tuple[str, str]] = set()
        """Servers that had more than one worker, and so are told worker by worker."""
        self.waited: Callable[[str], tuple[int, int] | None] = lambda _: None
        """Answers how many requests of a service told how long they waited, and how many ns in all."""
        self.service_of: Callable[[int], str | None] = lambda _: None
        """Answers the service of a process, where it is known in another way than by its slot."""
        self.environment_of: Callable[[int], str | None] = lambda _: None
        """Answers where the application of a process said that it runs."""

    def window(self) -> Window:
        """Answer a further subscriber's window; `forget` ends it."""
        window = Window(self)
        # What was before it is nobody's account.
        window.told = {name: told for name, *_ in self.masters if (told := self.waited(name))}
        self.windows.append(window)
        return window

    def forget(self, window: Window) -> None:
        """Be done with a window."""
        self.windows.remove(window)

    @property
    def sees_anything(self) -> bool:
        """Whether there is any server to tell of."""
        return bool(self.masters) or any(each.program for each in self.listeners.values())

    def pids(self) -> set[int]:
        """Answer the processes of all servers that are seen."""
        workers = {each.pid for master in self.masters.values() for each in master.workers}
        return workers | {each.whose[2] for each in self.masters.values()}

    def look(self, readings: Readings, now_ns: int) -> None:
        """Take over what the sources read at one instant.

        Args:
            readings: of all sources.
            now_ns: monotonic.
        """
        passed_ns = now_ns - self.looked_ns if self.looked_ns else 0
        self.looked_ns = now_ns
        self.listeners = {each.inode: each for each in readings.listeners}
        self.strangers = {inode: self.strangers.get(inode, now_ns) for inode in self.listeners}
        living: dict[Whose, list[Worker]] = {}
        for worker in readings.workers:
            whose = worker.service, worker.server, worker.master, worker.generation
            living.setdefault(whose, []).append(worker)
        left: dict[Whose, list[Retired]] = {}
        for each in readings.retired:
            left.setdefault((each.service, each.server, each.master, each.generation), []).append(each)
        for whose, master in list(self.masters.items()):
            master.see(living.get(whose, []), left.get(whose, ()), now_ns, passed_ns)
            if not master.workers and now_ns - master.seen_ns > GONE_NS:
                self.end(master)
        for whose in sorted(living.keys() - self.masters.keys(), key=lambda each: each[3]):
            self.begin(whose).see(living[whose], left.get(whose, ()), now_ns, passed_ns)
        for whose in left.keys() - self.masters.keys() - self.done.keys():
            # What was over before anybody looked is nobody's account.
            master = self.done[whose] = Master(whose)
            master.see([], left[whose], now_ns, 0)
            master.settle()
        self.claim()
        for master in self.masters.values():
            self.peak(master)

    def begin(self, whose: Whose) -> Master:
        """Give a master the first place of its server that nobody works at."""
        beside = {each.place: each for each in self.masters.values() if each.whose[:2] == whose[:2]}
        working = {place for place, each in beside.items() if each.workers}
        place = min(set(range(len(working) + 1)) - working)
        if place in beside:
            # Started again it is no server beside itself: the next reader would name it in another way.
            self.end(beside[place])
        # One that comes back is who it was.
        master = self.done.pop(whose, None) or Master(whose)
        master.place = place
        self.masters[whose] = master
        return master

    def end(self, master: Master) -> None:
        """Leave what a master did that is gone to the next one in its place."""
        del self.masters[master.whose]
        past = self.past.setdefault((*master.whose[:2], master.place), Past())
        past.requests += master.requests
        past.restarts = summed(past.restarts, master.restarts)
        master.settle()
        self.done[master.whose] = master
        if len(self.done) > MASTERS_DONE:
            del self.done[next(iter(self.done))]

    def claim(self) -> None:
        """Let each listener belong to one master: of two that share it, to the one that began later."""
        claimed: set[int] = set()
        for master in sorted(self.masters.values(), key=lambda each: -each.whose[3]):
            mine = {inode for each in master.workers for inode in each.inodes}
            if not mine:
                holders = {pid for each in master.workers for pid in (each.pid, each.master)}
                mine = {n for n, each in self.listeners.items() if not holders.isdisjoint(each.pids)}
            master.inodes = frozenset(mine - claimed) if mine or master.workers else master.inodes - claimed
            claimed |= master.inodes

    def peak(self, master: Master) -> None:
        """Let every window see what a server and its workers are at."""
        workers = master.workers
        service, server = master.whose[:2]
        if len(workers) > 1 or any((each.total or 0) > 1 for each in workers):
            self.several.add((service, server))
        whole = total(workers, "backlog"), total(workers, "reactor"), latest(workers)
        told: list[tuple[int | None, tuple[int | None, ...]]] = [
            (None, (*whole, waiting(workers, self.sockets(master))))
        ]
        if (service, server) in self.several:
            told += [(each.slot, (each.backlog, each.reactor, each.overdue_ns, None)) for each in workers]
        for window in self.windows:
            for slot, seen in told:
                place = service, server, master.place, slot
                peak = window.peaks.get(place)
                if peak is None:
                    peak = window.peaks[place] = Peak()
                    if place not in window.before:
                        # Its time counts from here on: it may have been there long before anybody looked.
                        of = master if slot is None else master.slots[slot]
                        window.before[place] = of.busy_ns, of.slots_ns
                peak.see(*seen)

    def sockets(self, master: Master) -> list[Listener]:
        """Answer the listeners of a server."""
        found = [self.listeners[inode] for inode in master.inodes if inode in self.listeners]
        # There the kernel counts what it holds back among what it refuses: one for each connection.
        deferring = {inode for each in master.workers for inode in each.deferring}
        return [each._replace(drops=None) if each.inode in deferring else each for each in found]

    def snapshots(self, window: Window, time_ns: int) -> list[Snapshot]:
        """Answer what is told of every server, of each worker where there are several, of other programs."""
        # The record is a typed tuple, whose import a program that only records has no need of.
        from fanlight.wire.readings import Snapshot

        window.waits = {name: window.waiting_ns(name) for name in {whose[0] for whose in self.masters}}
        found = []
        for master in sorted(self.masters.values(), key=lambda each: (each.whose[:2], each.place)):
            labels = self.labels(master)
            found.append(Snapshot(time_ns, labels, self.of_server(master, window)))
            if master.whose[:2] in self.several:
                found += [
                    Snapshot(
                        time_ns,
                        {**labels, "worker": str(number)},
                        self.of_worker(master, number, slot, window),
                    )
                    for number, slot in sorted(master.slots.items())
                    if slot.worker is not None
                ]
        found += [Snapshot(time_ns, *told) for told in self.others()]
        return found

    def labels(self, master: Master) -> dict[str, str]:
        """Answer what tells a server from the others."""
        service, server = master.whose[:2]
        labels = {"service": service, "host": self.host, "server": server}
        kinds = {each.kind for each in master.workers if each.kind}
        if len(kinds) == 1:
            labels["worker_class"] = kinds.pop()
        if master.place:
            labels["master"] = str(master.place)
        return labels

    def environment(self, labels: Mapping[str, str]) -> str:
        """Answer where the workers of a server said that they run, "" where none of them has."""
        whose = labels["service"], labels["server"], int(labels.get("master", 0))
        found = [each for each in self.masters.values() if (*each.whose[:2], each.place) == whose]
        return found[0].runs_in(self.environment_of) if found else ""

    def of_server(self, master: Master, window: Window) -> Values:
        """Answer the values of a whole server."""
        place = *master.whose[:2], master.place, None
        past = self.past.setdefault(place[:3], Past())
        sockets = self.sockets(master)
        restarts = summed(past.restarts, master.restarts)
        workers = master.workers
        known: dict[str, int | float | None] = {
            "workers.booted": sum(each.booted for each in workers),
            # While its socket is open a master without workers is to have as many as ever.
            "workers.total": master.total if workers or sockets else None,
            **self.threads(workers, window.peaks.get(place)),
            "workers.requests_count": past.requests + master.requests if master.tells else None,
            "workers.utilisation": window.utilisation(place, master.busy_ns, master.slots_ns),
            **queued(sockets),
            "requests.waiting": waiting(workers, sockets),
            "sockets.drops": past.refused(sockets),
            "queue.time": window.waits.get(master.whose[0]),
            "workers.restarts": sum(restarts.values()),
            "workers.stalled": sum(each.stalled for each in workers),
            "workers.skewed": master.skewed,
            **{f"workers.restarts.{reason}": n for reason, n in sorted(restarts.items())},
        }
        return ordered(known)

    def of_worker(self, master: Master, number: int, slot: Slot, window: Window) -> Values:
        """Answer the values of one worker."""
        place = *master.whose[:2], master.place, number
        worker = slot.worker
        assert worker is not None
        others = {inode for each in master.workers if each is not worker for inode in each.inodes}
        # A socket that all workers accept from, or a younger master's, is nobody's own.
        own = master.inodes.intersection(worker.inodes) - others
        mine = [self.listeners[n] for n in worker.inodes if n in self.listeners and n in own]
        known: dict[str, int | float | None] = {
            "workers.booted": int(worker.booted),
            **self.threads([worker], window.peaks.get(place)),
            "workers.requests_count": slot.requests if worker.tells else None,
            "workers.utilisation": window.utilisation(place, slot.busy_ns, slot.slots_ns),
            **queued(mine),
            "requests.waiting": waiting([worker], mine),
            "workers.stalled": int(worker.stalled),
        }
        return ordered(known)

    def threads(self, workers: list[Worker], peak: Peak | None) -> dict[str, int | float | None]:
        """Answer what threads and queues of some workers are at."""
        is_told = any(each.tells for each in workers)
        busy = sum(each.busy for each in workers)
        starts = [each.oldest_start_ns for each in workers if each.oldest_start_ns is not None]
        oldest_ns = max(0, self.looked_ns - min(starts)) if starts else None if busy else 0
        return {
            "workers.spawned_threads": total(workers, "spawned_threads"),
            "workers.max_threads": total(workers, "max_threads"),
            "queue.backlog": total(workers, "backlog"),
            "queue.backlog_max": peak.backlog if peak else None,
            "queue.reactor_max": peak.reactor if peak else None,
            "queue.capacity": total(workers, "capacity"),
            "workers.busy_threads": busy if is_told else None,
            "loop.overdue": peak.overdue_ns if peak else None,
            "oldest.in_flight": oldest_ns if is_told else None,
            "requests.waiting_max": peak.waiting if peak else None,
        }

    def others(self) -> Iterable[tuple[dict[str, str], Values]]:
        """Yield labels and values of programs that listen, of whose workers nobody tells."""
        served = {inode for master in self.masters.values() for inode in master.inodes}
        # A server may have sockets besides those it answers requests on, such as one to be steered by.
        own = self.pids()
        found: dict[tuple[str, str], list[Listener]] = {}
        for each in self.listeners.values():
            if each.program and each.inode not in served and own.isdisjoint(each.pids):
                services = [name for pid in each.pids if (name := self.service_of(pid))]
                if not services and self.looked_ns - self.strangers[each.inode] < STRANGE_NS:
                    continue
                found.setdefault((services[0] if services else each.program, each.program), []).append(each)
        for (service, program), sockets in sorted(found.items()):
            past = self.past.setdefault((service, program, 0), Past())
            values = ordered(
                {**queued(sockets), "requests.waiting": None, "sockets.drops": past.refused(sockets)}
            )
            yield {"service": service, "host": self.host, "server": program}, values


PLACES = {name: place for place, name in enumerate(METRICS)}
"""The order in which values are told; restarts by reason come behind."""


def ordered(known: Mapping[str, int | float | None]) -> Values:
    """Answer what is known, in the order in which it is told."""
    names = sorted(known, key=lambda name: (PLACES.get(name, len(METRICS)), name))
    return {name: value for name in names if (value := known[name]) is not None}


def total(workers: list[Worker], name: str) -> int | None:
    """Answer the sum of what is known of an attribute; None when nobody knows it."""
    known = [value for each in workers if (value := getattr(each, name)) is not None]
    return sum(known) if known else None


def latest(workers: list[Worker]) -> int | None:
    """Answer how late the latest event loop is."""
    return max((each.overdue_ns for each in workers if each.overdue_ns is not None), default=None)


def waiting(workers: list[Worker], sockets: list[Listener]) -> int | None:
    """Answer all that waits: for an accept, for a thread, for its task's first step; None unknown."""
    if not sockets or (workers and not any(each.tells for each in workers)):
        return None
    queued = sum(each.queued for each in sockets)
    return queued + (total(workers, "backlog") or 0) + (total(workers, "not_begun") or 0)


def queued(sockets: list[Listener]) -> dict[str, int | float | None]:
    """Answer what waits at some listeners, and for how much there is room; nothing where there are none."""
    if not sockets:
        return {}
    left = [each.abandoned for each in sockets if each.abandoned is not None]
    return {
        "sockets.backlog": sum(each.queued for each in sockets),
        "sockets.backlog_limit": sum(each.limit for each in sockets),
        "sockets.abandoned": sum(left) if left else None,
    }


def summed(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Answer the sums of what two tell by reason."""
    return {reason: one.get(reason, 0) + other.get(reason, 0) for reason in (*one, *other)}
