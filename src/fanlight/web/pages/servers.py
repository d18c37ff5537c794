"""The page of web servers: workers, what waits, event loops and restarts over time, each with its table."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.web import charts, queries, wording
from fanlight.web.copying import Panel, panels
from fanlight.web.pages.filled import filled
from fanlight.web.pages.frame import frame
from fanlight.web.pages.graphs import marks, nanoseconds, zoom
from fanlight.web.pages.volume import width_words
from fanlight.web.parameters import address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fanlight.web.parameters import Asked

SHOWN = 12
"""Servers that have graphs; the JSON has them all."""
WAITED = "10ms"
"""A request that waited less than this did not wait."""
SECOND = 1_000_000_000
SILENT_NS = 60 * SECOND
"""A server of which nothing was read for so long is gone."""


class Curve(NamedTuple):
    """A line of a graph: its name, and the values that it is of, the first that there is."""

    label: str
    names: tuple[str, ...]


class Graph(NamedTuple):
    """A graph: anchor, heading, its lines, and how its numbers are written."""

    anchor: str
    title: str
    curves: tuple[Curve, ...]
    written: Callable[[float], str]


GRAPHS = (
    Graph(
        "waiting",
        "Waiting",
        (
            Curve("All that wait", ("requests.waiting_max", "requests.waiting")),
            Curve("Of them in the kernel's queue", ("sockets.backlog",)),
        ),
        wording.count,
    ),
    Graph(
        "workers",
        "Workers and threads",
        (
            Curve("Busy", ("workers.busy_threads",)),
            Curve("Threads", ("workers.max_threads", "workers.spawned_threads")),
            Curve("Workers", ("workers.booted",)),
        ),
        wording.number,
    ),
    Graph("loop", "Event loop late", (Curve("At most", ("loop.overdue",)),), wording.duration),
    Graph(
        "gone",
        "Restarts and refusals",
        (Curve("Workers that went", ("workers.restarts",)), Curve("Connections refused", ("sockets.drops",))),
        wording.count,
    ),
)


COLUMNS = [curve.label for graph in GRAPHS for curve in graph.curves]


def view(answers: Any, asked: Asked, socket: str | None = None) -> dict[str, Any]:
    """Answer the template's context."""
    found = answers.servers(asked.from_ns, asked.to_ns, asked.get("service") or None)
    step_ns = found["step"] * SECOND
    shown = found["servers"][:SHOWN]
    context = frame(asked, "servers")
    json = address("/api/servers", {name: value for name, value in asked.given.items() if name != "live"})
    context |= {
        "servers": [
            server(number, each, step_ns, asked, (json, socket)) for number, each in enumerate(shown, 1)
        ],
        "hidden": len(found["servers"]) - len(shown),
        "service": asked.get("service"),
        "clear": asked.link(service=None),
        "step": width_words(found["step"]),
    }
    return context


def server(
    number: int, found: Mapping[str, Any], step_ns: int, asked: Asked, copied: tuple[str, str | None]
) -> dict[str, Any]:
    """Answer what is shown of one server.

    Args:
        number: of its place on the page, from 1.
        found: as `/api/servers` answers it.
        step_ns: of its steps.
        asked: the page.
        copied: address of the JSON, and path of the owner's socket.
    """
    graphs = [drawn(graph, found["steps"], step_ns, asked) for graph in GRAPHS]
    whole = queries.group(found["service"])
    told = queries.group(found["service"]) + f" {queries.term('server', found['server'])}"
    names = ("server", "each", *(graph.anchor for graph in GRAPHS))
    head, table, *anchors = [f"{name}-{number}" for name in names]
    readings = command(f"kind:metrics {told}", asked)
    copies: dict[str, Panel] = panels(
        asked, copied[0], dict.fromkeys((head, table, *anchors), readings), copied[1]
    )
    columns, cells = filled(COLUMNS, [told_of(step) for step in found["steps"]])
    rows = [row(step, own, step_ns, asked, whole) for step, own in zip(found["steps"], cells, strict=True)]
    is_gone = min(asked.to_ns, asked.now_ns) - nanoseconds(found["time"]) > SILENT_NS
    worker = f", {found['worker_class']}" if found.get("worker_class") else ""
    beside = f", master {found['master']}" if found.get("master") else ""
    return {
        "anchor": head,
        "panel": copies[head],
        "service": found["service"],
        "what": f"{found['server']}{worker}{beside} on {found['host']}",
        "time": found["time"],
        "is_gone": is_gone,
        # What it was at in its last moment says nothing of now.
        "facts": [] if is_gone else facts(found["values"]),
        "graphs": [
            {**graph, "anchor": anchor, "panel": copies[anchor]}
            for graph, anchor in zip(graphs, anchors, strict=True)
            if graph is not None
        ],
        "columns": columns,
        "rows": rows,
        "workers": workers(found["workers"], found["time"], is_gone)
        | {"anchor": table, "panel": copies[table]},
        "waited": queries.link(f"{whole} queue.time:>={WAITED} | sort -queue.time", asked.times()),
        "meanwhile": queries.link(f"{whole} requests.waiting:>0 | sort -duration", asked.times()),
        "readings": queries.link(f"kind:metrics {told}", asked.times()),
    }


def command(text: str, asked: Asked) -> str:
    """Answer the command line that asks a query in the page's time."""
    times = [f"{name}:{asked.get(name)}" for name in ("last", "from", "to") if asked.get(name)]
    return shlex.join(["fanlight", "query", " ".join([text, *times])])


def facts(values: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """Answer what a server was at when it was read last: label, number, note."""
    found = []
    if "requests.waiting" in values or "sockets.backlog" in values:
        kernel = values.get("sockets.backlog", 0)
        waiting = values.get("requests.waiting", kernel)
        limit = f", which has room for {wording.count(values['sockets.backlog_limit'])}" if kernel else ""
        if kernel and kernel >= values["sockets.backlog_limit"]:
            limit += " and is full"
        found.append(
            ("Waiting", wording.count(waiting), f"{wording.count(kernel)} in the kernel's queue{limit}")
        )
    if "workers.busy_threads" in values:
        threads = values.get("workers.max_threads")
        of = f"of {wording.count(threads)} threads" if threads is not None else "requests at once"
        found.append(("Busy", wording.count(values["workers.busy_threads"]), of))
    if "workers.utilisation" in values:
        found.append(("Used", wording.share(values["workers.utilisation"]), "of the threads' time"))
    if "workers.booted" in values:
        total = values.get("workers.total")
        of = f"of {wording.count(total)} are ready" if total is not None else "ready"
        found.append(("Workers", wording.count(values["workers.booted"]), of))
    if values.get("workers.stalled"):
        found.append(("Stalled", wording.count(values["workers.stalled"]), "alive but silent"))
    if values.get("workers.skewed"):
        found.append(
            ("Uneven", wording.count(values["workers.skewed"]), "have room while requests wait at another")
        )
    if values.get("sockets.drops"):
        found.append(("Refused", wording.count(values["sockets.drops"]), "connections, for a full queue"))
    return found


def drawn(
    graph: Graph, steps: Sequence[Mapping[str, Any]], step_ns: int, asked: Asked
) -> dict[str, Any] | None:
    """Answer a graph's paths and marks; None when nothing is known of it, or nothing ever happened."""
    length = asked.to_ns - asked.from_ns
    width = max(step_ns / length * charts.WIDTH, 1.0)
    lines = []
    top = 0.0
    for curve in graph.curves:
        points = spread(curve, steps, step_ns, asked)
        known = [value for _, value in points if value is not None]
        if known:
            top = max(top, *known)
            lines.append((curve.label, points))
    if not lines or (graph.anchor == "gone" and not top):
        return None
    top, is_time = charts.ceiling(top), graph.written is wording.duration
    return {
        "title": graph.title,
        "lines": [{"label": label, "path": charts.line(points, top, width)} for label, points in lines],
        "levels": [
            (tick.percent, (wording.level if is_time else graph.written)(tick.value))
            for tick in charts.levels(top)[:2]
            # Half of what is counted in ones is nothing.
            if is_time or tick.value == int(tick.value)
        ],
        "marks": marks(asked),
        "hits": [hit(graph, step, step_ns, asked) for step in steps],
    }


def hit(graph: Graph, step: Mapping[str, Any], step_ns: int, asked: Asked) -> dict[str, Any]:
    """Answer a step's place on a graph, its numbers in words, and the address of that time alone."""
    start = nanoseconds(step["time"])
    values = [(curve.label, value_of(curve, step["values"])) for curve in graph.curves]
    told = [f"{label.lower()} {graph.written(value)}" for label, value in values if value is not None]
    length = asked.to_ns - asked.from_ns
    x = min(max((start - asked.from_ns) / length * charts.WIDTH, 0), charts.WIDTH - 1)
    return {
        "x": round(x, 1),
        "width": round(min(max(step_ns / length * charts.WIDTH, 1), charts.WIDTH - x), 1),
        "time": step["time"],
        "tip": ", ".join(told) or "not read",
        **zoom(asked, start, start + step_ns),
    }


def spread(
    curve: Curve, steps: Sequence[Mapping[str, Any]], step_ns: int, asked: Asked
) -> list[tuple[float, float | None]]:
    """Answer (x, value) of every step of the time, None where nothing was read."""
    known = {nanoseconds(step["time"]): value_of(curve, step["values"]) for step in steps}
    length = asked.to_ns - asked.from_ns
    first = asked.from_ns // step_ns * step_ns
    return [
        (min(max((at + step_ns / 2 - asked.from_ns) / length * charts.WIDTH, 0), charts.WIDTH), known.get(at))
        for at in range(first, asked.to_ns, step_ns)
    ]


def value_of(curve: Curve, values: Mapping[str, float]) -> float | None:
    """Answer the first value that a curve is of."""
    return next((values[name] for name in curve.names if name in values), None)


def told_of(step: Mapping[str, Any]) -> list[str]:
    """Answer the numbers of a step, "" for those that nobody read."""
    values = [(graph, value_of(curve, step["values"])) for graph in GRAPHS for curve in graph.curves]
    return ["" if value is None else graph.written(value) for graph, value in values]


def row(
    step: Mapping[str, Any], cells: Sequence[str], step_ns: int, asked: Asked, whole: str
) -> dict[str, Any]:
    """Answer a step as a row of the table, with the address of the requests that waited then."""
    start = nanoseconds(step["time"])
    there = zoom(asked, start, start + step_ns)
    when = {name: there[name] for name in ("from", "to")}
    waited = queries.link(f"{whole} queue.time:>={WAITED} | sort -queue.time", when)
    return {"time": step["time"], "cells": cells, "waited": waited, **there}


def workers(found: Sequence[Mapping[str, Any]], read: str, is_gone: bool) -> dict[str, Any]:
    """Answer the table of a server's workers: heads, and rows with the number of each.

    Args:
        found: workers when they were read last.
        read: when their server was.
        is_gone: whether that server is.
    """
    heads, rows = filled(WORKER_COLUMNS, [one(each["values"]) for each in found])
    told = [
        {
            "worker": each["worker"],
            "cells": cells,
            "state": "gone" if is_gone or each["time"] < read else state(each["values"]),
        }
        for each, cells in zip(found, rows, strict=True)
    ]
    return {"heads": heads, "rows": told, "is_well": not any(each["state"] for each in told)}


def one(values: Mapping[str, float]) -> list[str]:
    """Answer what a worker is at as the cells of its table."""

    def told(name: str, written: Callable[[float], str] = wording.count) -> str:
        return written(values[name]) if name in values else ""

    return [
        told("workers.busy_threads"),
        told("workers.max_threads"),
        told("queue.backlog"),
        told("workers.utilisation", wording.share),
        told("workers.requests_count"),
        told("loop.overdue", wording.duration),
        told("oldest.in_flight", wording.duration),
    ]


def state(values: Mapping[str, float]) -> str:
    """Answer what is wrong with a worker that is there, "" for nothing."""
    if values.get("workers.stalled"):
        return "says nothing"
    return "" if values.get("workers.booted") else "starting"


WORKER_COLUMNS = ("Busy", "Threads", "Queued in it", "Used", "Requests", "Loop late", "Oldest request")
"""Heads of what `one` answers."""
