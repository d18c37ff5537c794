"""What web servers were at over a time: kept readings folded into steps, and the latest one of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.packing import schema_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fanlight.stores import Store
    from fanlight.stores.readings import Told

    Json = dict[str, Any]
    Values = dict[str, int | float]

SECOND_NS = 1_000_000_000
STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
STEPS = 120
"""Steps of an answer, at the most, as long as a step is no longer than a day."""
MEANS = frozenset({"workers.busy_threads", "workers.utilisation"})
LEAST = frozenset({"workers.booted", "queue.capacity"})
COUNTERS = ("workers.requests_count", "sockets.drops", "workers.restarts")
LABELS = ("service", "host", "server", "worker_class", "master", "worker")
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
    """One server's readings as they are added, oldest first.

    Args:
        labels: that tell it from others.
        from_ns: of the time, ns since 1970.
        step_ns: of a step.
    """

    def __init__(self, labels: Json, from_ns: int, step_ns: int) -> None:
        self.labels = labels
        self.first = from_ns // step_ns
        self.step_ns = step_ns
        self.steps: dict[int, dict[str, list[float]]] = {}
        self.last: Values = {}
        self.last_ns = 0
        self.workers: dict[int, tuple[int, Values]] = {}

    def add(self, time_ns: int, values: Values) -> None:
        """Add a reading of the whole server."""
        step = self.steps.setdefault(time_ns // self.step_ns, {})
        for name, value in values.items():
            if name.startswith(COUNTERS):
                # A counter that fell began anew.
                more = value - self.last.get(name, 0 if "restarts." in name else value)
                value = more if more >= 0 else value  # noqa: PLW2901 what it grew by
            step.setdefault(name, []).append(value)
        self.last, self.last_ns = values, time_ns

    def told(self, written: Callable[[int], str]) -> Json:
        """Answer it as JSON, moments as they are `written`."""
        workers = [
            {"worker": number, "values": values}
            for number, (time_ns, values) in sorted(self.workers.items())
            if self.last_ns - time_ns < RECENT_NS
        ]
        return {
            **self.labels,
            "time": written(self.last_ns),
            "values": self.last,
            "steps": [
                {
                    "time": written(step * self.step_ns),
                    "values": {name: folded(name, values) for name, values in found.items()},
                }
                for step, found in sorted(self.steps.items())
            ],
            "workers": workers,
        }


def servers(
    store: Store, from_ns: int, to_ns: int, service: str | None, written: Callable[[int], str]
) -> Json:
    """Answer every server that was read in a time, the one whose requests waited most first.

    Args:
        store: is asked.
        from_ns: begin of the time, ns since 1970.
        to_ns: its end, not part of it.
        service: only this one; None for all.
        written: answers a moment as text.
    """
    least = -(-(to_ns - from_ns) // (STEPS * SECOND_NS))
    step_ns = next((each for each in STEPS_S if each >= least), STEPS_S[-1]) * SECOND_NS
    found: dict[tuple[Any, ...], Server] = {}
    for labels, time_ns, values in read(store.readings(from_ns, to_ns)):
        if service and labels["service"] != service:
            continue
        worker = labels.pop("worker", None)
        whose = tuple(labels.get(name) for name in ("service", "host", "server", "master"))
        server = found.setdefault(whose, Server(labels, from_ns, step_ns))
        server.labels = labels
        if worker is None:
            server.add(time_ns, values)
        else:
            server.workers[worker] = time_ns, values
    told = [server.told(written) for server in found.values() if server.last_ns]
    told.sort(key=lambda each: (-waited(each), each["service"], each["server"], each.get("master") or 0))
    return {"step": step_ns // SECOND_NS, "servers": told}


def now(store: Store, to_ns: int, service: str | None, written: Callable[[int], str]) -> Json | None:
    """Answer what the servers were at when they were read last, added up; None when none was.

    Args:
        store: is asked.
        to_ns: end of the time; what was read up to a minute before it counts.
        service: only this one; None for all.
        written: answers a moment as text.
    """
    told = servers(store, to_ns - RECENT_NS, to_ns, service, written)["servers"]
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


def read(events: Iterable[Told]) -> Iterable[tuple[Json, int, Values]]:
    """Yield labels, time and values of readings; a fast path: no event is made of any."""
    for each in events:
        schema, _ = schema_of(each.shape)
        labels: Json = {}
        values: Values = {}
        for name, kind, value in zip(schema.names, schema.types, json.loads(each.values)[2:], strict=True):
            if name in LABELS:
                labels[name] = value
            elif kind in (types.INT, types.FLOAT, types.DURATION) and value is not None:
                values[name] = value
        if "service" in labels:
            yield labels, each.time_ns, values


def folded(name: str, values: list[float]) -> float:
    """Answer what is told of a step: the mean, the least, the sum of what it grew by, or the most."""
    if name in MEANS:
        return round(sum(values) / len(values), 6)
    if name.startswith(COUNTERS):
        return sum(values)
    return min(values) if name in LEAST else max(values)


def waited(server: Json) -> float:
    """Answer the most that waited at a server."""
    found: Iterable[float] = (
        step["values"].get("requests.waiting_max", step["values"].get("sockets.backlog", 0))
        for step in server["steps"]
    )
    return max(found, default=0)
