"""What went on beside a trace: how busy its server was then, and what was logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.query.query import Query
from fanlight.server import telling
from fanlight.server.telling import rfc3339
from fanlight.server.traced import gaps, kin
from fanlight.stores.measures import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.event.event import Event
    from fanlight.event.trace import TraceRow
    from fanlight.stores import Store
    from fanlight.stores.answers import Trace

    Json = dict[str, Any]

AROUND_NS = 30_000_000_000
"""How far from a trace a reading may be, to tell how busy its server was."""
VALUES = (
    *("workers.busy_threads", "workers.max_threads", "workers.utilisation", "requests.waiting"),
    *("requests.waiting_max", "sockets.backlog", "loop.overdue", "workers.booted"),
)
READINGS_MAX = 200
LINES_MAX = 200
LOG = "log."


def document(store: Store, found: Trace) -> Json:
    """Answer one kept trace: its spans among their kind, its gaps, its log, and how busy its server was."""
    told, server = telling.document(found), readings(store, found.row)
    return {
        **told,
        **kin.compared(store, found.row, told["spans"]),
        **gaps.told(told["spans"], told["duration"], server),
        "server": server,
        "log": lines(store, found.row, told["spans"]),
    }


def readings(store: Store, row: TraceRow) -> list[Json]:
    """Answer the readings of a trace's server: the last before it, all while it ran, the first after.

    `offset` is ns after the trace began. Where several servers of the service run on the host, it is the
    one whose requests waited most.
    """
    end_ns = row.start_ns + row.duration_ns
    found: dict[tuple[Any, ...], list[tuple[int, Json]]] = {}
    for each in store.readings(row.start_ns - AROUND_NS, end_ns + AROUND_NS, whole=True):
        shape = Shape(each.shape)
        if not shape.is_known:
            continue
        prefix = shape.prefix(each.values)
        labels, values = shape.told(prefix), shape.values(each.values, prefix)
        if labels["service"] != row.service or labels.get("host") != row.host:
            continue
        # A server whose application has told nothing yet may be the one.
        if labels.get("environment", row.environment) != row.environment:
            continue
        whose = (labels.get("server"), labels.get("master"))
        told = {name: values[name] for name in VALUES if name in values}
        found.setdefault(whose, []).append((each.time_ns, told))
    if not found:
        return []
    of_server = max(found.values(), key=waiting)
    before = [each for each in of_server if each[0] <= row.start_ns][-1:]
    within = [each for each in of_server if row.start_ns < each[0] <= end_ns]
    after = [each for each in of_server if each[0] > end_ns][:1]
    return [
        {"time": rfc3339(time_ns), "offset": time_ns - row.start_ns, "values": values}
        for time_ns, values in (*before, *within[:READINGS_MAX], *after)
    ]


def waiting(found: Sequence[tuple[int, Mapping[str, Any]]]) -> tuple[float, int]:
    """Answer the most that waited, and how many readings tell of it."""
    most = (values.get("requests.waiting_max", values.get("requests.waiting", 0)) for _, values in found)
    return max(most, default=0), len(found)


def lines(store: Store, row: TraceRow, spans: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Answer what was logged within a trace, and lines of imported files that carry its id, in their order.

    `span` is the index of the line's own place in the trace, null for a file's.
    """
    told = [of_span(row, span) for span in spans if span["category"].startswith(LOG)]
    end_ns = row.start_ns + row.duration_ns
    query = Query(f"trace={row.id} NOT kind:trace").within(row.start_ns - AROUND_NS, end_ns + AROUND_NS)
    for event in store.events(query):
        if event.time is not None:
            told.append(of_event(row, event))
        if len(told) >= LINES_MAX:
            break
    return sorted(told, key=lambda line: line["offset"])


def of_span(row: TraceRow, span: Mapping[str, Any]) -> Json:
    """Answer a record that the application logged."""
    notes = span["annotations"]
    return {
        "time": rfc3339(row.start_ns + span["start"]),
        "offset": span["start"],
        "level": span["category"].removeprefix(LOG),
        "logger": span["title"],
        "message": str(notes.get("message", "")),
        "exception": str(notes.get("error", "")),
        "location": str(notes.get("location", "")),
        "span": span["index"],
    }


def of_event(row: TraceRow, event: Event) -> Json:
    """Answer a line of an imported file."""
    assert event.time is not None
    names = ("level", "logger", "message", "exception")
    return {
        "time": rfc3339(event.time.ns),
        "offset": event.time.ns - row.start_ns,
        **{name: str(event.value(name) or "") for name in names},
        "location": "",
        "span": None,
    }
