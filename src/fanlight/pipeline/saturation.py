"""Settings to the reading of servers: which sources, whose processes, and the store as who is told."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from fanlight.aggregate.saturation import Saturation
from fanlight.event import types
from fanlight.event.names import NAMES, canonical
from fanlight.event.packing import shape_of
from fanlight.pipeline.alarms import Alarms
from fanlight.pipeline.programs import running
from fanlight.pipeline.schedule import Schedule
from fanlight.query.asof import KIND
from fanlight.registry import load
from fanlight.sources import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fanlight.collector.collector import Collector
    from fanlight.config import Settings
    from fanlight.pipeline.schedule import Subscriber
    from fanlight.wire.readings import Snapshot

    Keep = Callable[[str, int, str, str], bool]

NUMBERED = ("worker", "master")
"""Labels that are numbers."""


def schedule(settings: Settings, collector: Collector) -> Schedule | None:
    """Answer what reads the servers of this machine for a collector; None when nobody wants that.

    Args:
        settings: whether, what and how often.
        collector: keeps what is read, and knows whom it hears from.
    """
    if not settings["telemetry.enabled"]:
        return None
    saturation = Saturation(os.uname().nodename)
    saturation.service_of = lambda pid: services(collector).get(pid)
    saturation.environment_of = lambda pid: services(collector, "environment").get(pid)
    saturation.waited = collector.committer.aggregator.waited.get
    sources: dict[str, Any] = {}
    for name in TABLE:
        if name != "listeners" or settings["telemetry.sockets"]:
            make = cast("Callable[[str], Any]", load(name, TABLE, "sources"))
            sources[name] = make(os.path.dirname(settings["socket"]))
    sources["slots"].account = collector.departed.add
    made = Schedule(sources, saturation, settings["telemetry.initial_delay_s"])
    if "listeners" in sources:
        sources["listeners"].holders.roots = lambda: [
            *running(settings["data"]),
            *services(collector),
            *saturation.pids(),
        ]
    kept, alarms = Kept(collector.committer.keep, saturation.environment), Alarms(saturation, made.notices)

    def take(snapshots: Sequence[Snapshot]) -> None:
        kept.take(snapshots)
        alarms.take(snapshots)

    made.subscribe(take, settings["telemetry.frequency_s"])
    for outlet in collector.outlets:
        given = partial(given_to, outlet.take, settings["telemetry.metrics"])
        made.subscribe(given, settings["telemetry.frequency_s"])
    collector.hall = collector.hall._replace(watch=partial(watch, made))
    return made


def watch(schedule: Schedule, tell: Subscriber, period_s: float) -> Callable[[], None]:
    """Tell whoever is connected and asks, in a window of its own; answer what ends that."""
    return partial(schedule.cancel, schedule.subscribe(tell, period_s))


def services(collector: Collector, told: str = "service") -> dict[int, str]:
    """Answer the services of this machine that are connected, or what else they told, by their processes."""
    here = os.uname().nodename
    hellos = [client.hello for client in collector.ledger.clients.values() if client.connected]
    return {hello["pid"]: hello[told] for hello in hellos if hello.get("host") == here}


def chosen(snapshots: Sequence[Snapshot], names: Sequence[str]) -> list[Snapshot]:
    """Answer snapshots with some values alone, in the order of the names; restarts go with their reasons."""
    found = []
    for snapshot in snapshots:
        values: dict[str, int | float] = {}
        for name in names:
            below = f"{name}."
            values |= {
                each: value
                for each, value in snapshot.values.items()
                if each == name or each.startswith(below)
            }
        found.append(snapshot._replace(values=values))
    return found


def given_to(take: Subscriber, names: Sequence[str], snapshots: Sequence[Snapshot]) -> None:
    """Give a target what was chosen of some snapshots."""
    take(chosen(snapshots, names))


class Kept:
    """Hands snapshots on as events of kind `metrics`.

    Args:
        keep: takes service, time, shape and values, as `Record.event` does; answers whether it did.
        environment: answers where the server of some labels runs, "" where nobody knows. Targets are not
            told: most have an environment of their own.

    Attributes:
        left_out: events for which there was no room.
    """

    def __init__(self, keep: Keep, environment: Callable[[Mapping[str, str]], str] = lambda _: "") -> None:
        self.keep = keep
        self.environment = environment
        self.left_out = 0

    def take(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep the snapshots of one instant."""
        for each in snapshots:
            where = self.environment(each.labels)
            labels = {**each.labels, "environment": where} if where else each.labels
            told = packed(each._replace(labels=labels))
            self.left_out += not self.keep(labels["service"], each.time_ns, *told)


def packed(snapshot: Snapshot) -> tuple[str, str]:
    """Answer what the event of a snapshot shares with others, and what it has itself, as COMMIT tells it."""
    columns: list[tuple[str, str, str | None, str | None]] = []
    told: list[Any] = [None, None]
    for name, text in snapshot.labels.items():
        numbered = name in NUMBERED
        columns.append((name, types.INT if numbered else types.STRING, None, None))
        told.append(int(text) if numbered else text)
    for name, value in snapshot.values.items():
        known = NAMES.get(canonical(name))
        kind = known.type if known else types.FLOAT if isinstance(value, float) else types.INT
        # A duration is in ns wherever it stands.
        unit = known.unit if known and kind != types.DURATION else None
        columns.append((name, kind, unit, None))
        told.append(float(value) if kind == types.FLOAT else int(value))
    return shape_of(KIND, None, True, tuple(columns)), json.dumps(told, separators=(",", ":"))
