"""How busy a trace's server was while it ran: a strip over the time axis, a sentence, a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.web import queries, wording
from fanlight.web.pages.filled import filled
from fanlight.web.parameters import read_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.web.pages.waterfall import Axis
    from fanlight.web.parameters import Asked

    Json = dict[str, Any]

HEIGHT = 20
WAITING = ("requests.waiting_max", "requests.waiting", "sockets.backlog")
HEADS = ("Busy", "Threads", "Waiting", "In the kernel's queue", "Loop late")
FAR_NS = 10_000_000_000
"""A reading this far from a trace says little of it."""


def strip(found: Mapping[str, Any], axis: Axis, asked: Asked) -> Json | None:
    """Answer what is shown of the server's readings; None where there is none near enough."""
    readings = [
        each
        for each in found.get("server", ())
        if each["values"] and -FAR_NS <= each["offset"] <= axis.length + FAR_NS
    ]
    if not readings:
        return None
    # The last one before it holds until the next is read.
    at = [each for each in readings if each["offset"] <= 0][-1:]
    within = [each for each in readings if 0 < each["offset"] <= axis.length]
    drawn = at + within or readings[:1]
    starts = [-axis.lead, *(each["offset"] for each in drawn[1:])]
    bounds = [*starts, axis.length]
    moment = read_time(found["time"]) or asked.now_ns
    heads, cells = filled(HEADS, [row(each["values"]) for each in readings])
    return {
        "bars": [bar(each, bounds[nth], bounds[nth + 1], axis) for nth, each in enumerate(drawn)],
        "sentence": sentence([each["values"] for each in drawn]),
        "heads": heads,
        "rows": [{"time": each["time"], "cells": told} for each, told in zip(readings, cells, strict=True)],
        "link": queries.link(
            f"kind:metrics {queries.group(found['service'])}",
            {
                "from": wording.rfc3339(max(moment - FAR_NS, 0)),
                "to": wording.rfc3339(moment + axis.length + FAR_NS),
            },
        ),
    }


def bar(each: Mapping[str, Any], low: float, high: float, axis: Axis) -> Json:
    """Answer a reading as a bar of the strip: as high as the share of threads that were busy."""
    values = each["values"]
    x, width = axis.place(low, high)
    share = used(values)
    height = round(max((share if share is not None else 0.5) * HEIGHT, 1), 1)
    return {
        "x": x,
        "width": width,
        "y": round(HEIGHT - height, 1),
        "height": height,
        "is_full": waiting(values) > 0 or (share or 0) >= 0.999,
        "tip": sentence([values]),
    }


def used(values: Mapping[str, float]) -> float | None:
    """Answer the share of threads that were busy; None where nobody tells."""
    most = values.get("workers.max_threads")
    if most and "workers.busy_threads" in values:
        return min(values["workers.busy_threads"] / most, 1.0)
    return values.get("workers.utilisation")


def waiting(values: Mapping[str, float]) -> float:
    """Answer how many requests waited at the most."""
    return max((values[name] for name in WAITING if name in values), default=0)


def sentence(told: list[Mapping[str, float]]) -> str:
    """Answer in words how busy a server was: at its worst, of several readings."""
    worst = max(told, key=lambda values: (waiting(values), used(values) or 0))
    parts = []
    if "workers.busy_threads" in worst and worst.get("workers.max_threads"):
        busy, threads = worst["workers.busy_threads"], worst["workers.max_threads"]
        parts.append(f"{wording.number(busy)} of {wording.count(threads)} threads were busy")
    elif "workers.utilisation" in worst:
        parts.append(f"{wording.share(worst['workers.utilisation'])} of its time was used")
    if any(name in worst for name in WAITING):
        most = waiting(worst)
        parts.append(f"{wording.plural(most, 'request')} waited" if most else "nothing waited")
    if worst.get("loop.overdue", 0) >= 1_000_000:
        parts.append(f"the event loop was {wording.duration(worst['loop.overdue'])} late")
    return ", ".join(parts)


def row(values: Mapping[str, float]) -> list[str]:
    """Answer a reading as a row of the table."""

    def told(name: str) -> str:
        return wording.number(values[name]) if name in values else ""

    return [
        told("workers.busy_threads"),
        told("workers.max_threads"),
        wording.count(waiting(values)),
        told("sockets.backlog"),
        wording.duration(values["loop.overdue"]) if "loop.overdue" in values else "",
    ]
