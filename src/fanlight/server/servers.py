"""What web servers were at over a time: kept readings folded into steps, and the latest one of each."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fanlight.event import types
from fanlight.stores.measures import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from fanlight.stores import Store
    from fanlight.stores.measures import Measures, Values
    from fanlight.stores.readings import Told

    Json = dict[str, Any]
    Numbers = NDArray[np.float64]

SECOND_NS = 1_000_000_000
STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
STEPS = 120
"""Steps of an answer, at the most, as long as a step is no longer than a day."""
MEANS = frozenset({"workers.busy_threads", "workers.utilisation"})
LEAST = frozenset({"workers.booted", "queue.capacity"})
COUNTERS = ("workers.requests_count", "sockets.drops", "workers.restarts")
SATURATION = {
    "busy": ("workers.busy_threads",),
    "threads": ("workers.max_threads", "workers.spawned_threads"),
    "workers": ("workers.booted",),
    "workers_total": ("workers.total",),
    "waiting": ("requests.waiting", "sockets.backlog"),
    "backlog": ("sockets.backlog",),
}
"""What is told of all servers together, and the first of which values it is."""
RECENT_NS = 60 * SECOND_NS
"""A worker is told of when it was read this long before the last reading of its server."""


class Server:
    """One server's readings.

    Args:
        parts: of them, by shape and labels.

    Attributes:
        last: the part that has the latest reading.
        last_ns: when that was.
        labels: that told it from others then.
        workers: when each was read last, by then, and what it was at.
    """

    def __init__(self, parts: list[Measures]) -> None:
        self.parts = parts
        self.last = max(parts, key=lambda each: each.times[-1])
        self.last_ns = int(self.last.times[-1])
        self.labels = self.last.shape.told(self.last.prefix)
        self.workers: dict[int, tuple[int, Values]] = {}

    def told(self, written: Callable[[int], str], step_ns: int) -> Json:
        """Answer it as JSON, moments as they are `written`."""
        last = self.last
        workers = [
            {"worker": number, "time": written(time_ns), "values": values}
            for number, (time_ns, values) in sorted(self.workers.items())
            if self.last_ns - time_ns < RECENT_NS
        ]
        return {
            **self.labels,
            "time": written(self.last_ns),
            "values": last.shape.named(last.numbers[-1].tolist()),
            "steps": [
                {"time": written(step * step_ns), "values": values} for step, values in self.steps(step_ns)
            ],
            "workers": workers,
        }

    def steps(self, step_ns: int) -> Iterable[tuple[int, Values]]:
        """Yield the number of each step in which it was read, and what is told of it."""
        times = np.concatenate([part.times for part in self.parts])
        order = np.argsort(times, kind="stable")
        kinds = {
            name: kind
            for part in self.parts
            for name, kind in zip(part.shape.names, part.shape.kinds, strict=True)
        }
        columns = {name: np.full(len(times), np.nan) for name in kinds}
        first = 0
        for part in self.parts:
            for place, name in enumerate(part.shape.names):
                columns[name][first : first + len(part.times)] = part.numbers[:, place]
            first += len(part.times)
        numbered = times[order] // step_ns
        begins = np.flatnonzero(np.diff(numbered, prepend=numbered[0] - 1))
        steps: list[Values] = [{} for _ in begins]
        for name, column in columns.items():
            whole = kinds[name] != types.FLOAT and name not in MEANS
            for step, value in zip(steps, folded(name, column[order], begins).tolist(), strict=True):
                # What nobody told in a step is no number.
                if not isnan(value):
                    step[name] = int(value) if whole else value
        yield from zip(numbered[begins].tolist(), steps, strict=True)


class Whose(NamedTuple):
    """Which servers are told of; None for all.

    Attributes:
        service: that they answer for.
        environment: where they run, "" for those that told nothing.
    """

    service: str | None = None
    environment: str | None = None

    def has(self, labels: Json) -> bool:
        """Tell whether a server is one of them."""
        is_its = not self.service or labels["service"] == self.service
        return is_its and self.environment in (None, labels.get("environment", ""))


def servers(store: Store, from_ns: int, to_ns: int, whose: Whose, written: Callable[[int], str]) -> Json:
    """Answer every server that was read in a time, the one whose requests waited most first.

    Args:
        store: is asked.
        from_ns: begin of the time, ns since 1970.
        to_ns: its end, not part of it.
        whose: only these.
        written: answers a moment as text.
    """
    least = -(-(to_ns - from_ns) // (STEPS * SECOND_NS))
    step_ns = next((each for each in STEPS_S if each >= least), STEPS_S[-1]) * SECOND_NS
    told = [server.told(written, step_ns) for server in read(store, from_ns, to_ns, whose)]
    told.sort(key=lambda each: (-waited(each), each["service"], each["server"], each.get("master") or 0))
    return {"step": step_ns // SECOND_NS, "servers": told}


def now(store: Store, to_ns: int, whose: Whose, written: Callable[[int], str]) -> Json | None:
    """Answer what the servers were at when they were read last, added up; None when none was.

    Args:
        store: is asked.
        to_ns: end of the time; what was read up to a minute before it counts.
        whose: only these.
        written: answers a moment as text.
    """
    told = standing(servers(store, to_ns - RECENT_NS, to_ns, whose, written)["servers"])
    if not told:
        return None
    found: Json = {"time": max(each["time"] for each in told), "servers": len(told)}
    for field, names in SATURATION.items():
        known = [
            next(each["values"][name] for name in names if name in each["values"])
            for each in told
            if any(name in each["values"] for name in names)
        ]
        found[field] = sum(known) if known else None
    return found


def standing(told: list[Json]) -> list[Json]:
    """Answer the servers that are there still, of all that were told of.

    The masters of one server are told of at one moment: who is not told of with the others is gone, or is
    one of them under the place that it had with a reader before.
    """
    latest: dict[tuple[Any, ...], str] = {}
    for each in told:
        server = identity(each)[:3]
        latest[server] = max(each["time"], latest.get(server, ""))
    return [each for each in told if each["time"] == latest[identity(each)[:3]]]


def read(store: Store, from_ns: int, to_ns: int, whose: Whose) -> list[Server]:
    """Answer the servers that were read in a time, with the workers that each had at last."""
    of_servers: dict[tuple[Any, ...], list[Measures]] = {}
    for part in store.measures(from_ns, to_ns):
        of_servers.setdefault(identity(part.shape.told(part.prefix)), []).append(part)
    found = {name: Server(each) for name, each in of_servers.items()}
    for last_ns in {each.last_ns for each in found.values()}:
        add_workers(found, store.readings(max(from_ns, last_ns - RECENT_NS + 1), last_ns + 1))
    return [each for each in found.values() if whose.has(each.labels)]


def add_workers(servers: dict[tuple[Any, ...], Server], readings: Iterable[Told]) -> None:
    """Give each server the latest readings of its workers."""
    for each in readings:
        shape = shape_of(each.shape)
        if shape.is_known and shape.is_of_worker:
            prefix = shape.prefix(each.values)
            labels = shape.told(prefix)
            server = servers.get(identity(labels))
            if server is not None:
                before_ns, _ = server.workers.get(labels["worker"], (0, {}))
                if before_ns <= each.time_ns:
                    server.workers[labels["worker"]] = each.time_ns, shape.values(each.values, prefix)


def identity(labels: Json) -> tuple[Any, ...]:
    """Answer what tells a server from the others."""
    return tuple(labels.get(name) for name in ("service", "host", "server", "master"))


def folded(name: str, values: Numbers, begins: NDArray[np.intp]) -> Numbers:
    """Answer what is told of each step: the mean, the least, the sum of what it grew by, or the most."""
    if name in MEANS:
        known = ~np.isnan(values)
        many = np.add.reduceat(known, begins, dtype=np.int64)
        sums = np.add.reduceat(np.where(known, values, 0.0), begins)
        means: Numbers = np.round(np.divide(sums, many, out=np.full(len(begins), np.nan), where=many > 0), 6)
        return means
    if name.startswith(COUNTERS):
        before = np.concatenate(([np.nan], values[:-1]))
        before = np.where(np.isnan(before), 0.0 if "restarts." in name else values, before)
        more = values - before
        # A counter that fell began anew.
        more = np.where(more < 0, values, more)
        sums = np.add.reduceat(np.nan_to_num(more), begins)
        return np.where(np.logical_and.reduceat(np.isnan(values), begins), np.nan, sums)
    most: Numbers = (np.fmin if name in LEAST else np.fmax).reduceat(values, begins)
    return most


def waited(server: Json) -> float:
    """Answer the most that waited at a server."""
    found: Iterable[float] = (
        step["values"].get("requests.waiting_max", step["values"].get("sockets.backlog", 0))
        for step in server["steps"]
    )
    return max(found, default=0)
