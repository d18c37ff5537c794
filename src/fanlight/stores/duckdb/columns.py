"""A COMMIT message as numpy columns over the message's own memory, and its rows of one day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fanlight.errors import WireError
from fanlight.wire.codec import F64, U32, U64
from fanlight.wire.messages import COMMIT, NOTE_TEXT, WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fanlight.wire.codec import Message

    Columns = dict[str, NDArray[Any]]

DAY_NS = 86_400_000_000_000
DAY_HOURS = 24
DAY_MINUTES = 1440

NUMERIC = [name for name, (_, kind) in COMMIT.items() if kind in (U32, U64, F64)]
TABLES = (
    *("kind", "group", "environment", "trace", "span", "note", "count", "latency", "node", "release"),
    "event",
)


TIMES = (
    *(("trace_start", DAY_NS), ("count_minute", DAY_MINUTES), ("node_hour", DAY_HOURS)),
    *(("release_minute", DAY_MINUTES), ("event_time", DAY_NS)),
)
"""Columns that say which day a row belongs to, and how much of each makes a day."""


def read(commit: Message) -> Columns:
    """Answer the numeric columns, sharing the message's memory, checked against each other.

    Raises:
        WireError: columns of one table differ in length, or an index points outside its table.
    """
    columns = {name: np.asarray(commit[name]) for name in NUMERIC}
    if not len(columns["release_environment"]):
        # Earlier collectors told of none.
        columns["release_environment"] = np.zeros_like(columns["release_text"])
    for table in TABLES:
        sizes = {name: len(columns[name]) for name in NUMERIC if name.startswith(f"{table}_")}
        if len(set(sizes.values())) != 1:
            raise WireError(f"the commit's {table} columns differ in length: {sizes}")
    columns["event_values"] = np.array(commit["event_values"], dtype=object)
    if len(columns["event_values"]) != len(columns["event_time"]):
        told = len(columns["event_values"])
        raise WireError(f"the commit has {len(columns['event_time'])} events, {told} tell their values")
    columns["span_owned"] = np.where(columns["trace_flags"] & WHOLE, columns["trace_spans"], 0)
    spans, owned = len(columns["span_kind"]), int(columns["span_owned"].sum())
    if spans != owned:
        raise WireError(f"the commit has {spans} spans, its whole traces own {owned}")
    check(columns, max(len(commit["strings"]), 1))
    return columns


def check(columns: Columns, strings: int) -> None:
    """Refuse indices that point outside their table."""
    texts = "kind_category kind_title kind_description group_service group_endpoint group_segment"
    texts = f"{texts} release_service release_text release_environment"
    texts = f"{texts} event_service event_shape environment_text"
    limits = (
        (f"{texts} trace_host note_key node_location", strings),
        ("span_kind node_kind", len(columns["kind_category"])),
        ("trace_group count_group node_group environment_group", len(columns["group_service"])),
        ("note_span", len(columns["span_kind"])),
        ("latency_count", len(columns["count_group"])),
        # What the tables' narrower types hold.
        ("latency_bucket", 2**16),
        ("node_octave note_type", 2**8),
        ("event_time", 2**63),
    )
    for names, limit in limits:
        for name in names.split():
            within(name, columns[name], limit)
    within("note_value", columns["note_value"][columns["note_type"] == NOTE_TEXT], strings)


def within(name: str, column: NDArray[Any], limit: int) -> None:
    """Refuse a column that reaches `limit`."""
    if len(column) and int(column.max()) >= limit:
        raise WireError(f"the commit's {name} holds {column.max()}, which must be below {limit}")


def days(columns: Columns) -> list[int]:
    """Answer the days since 1970 that the rows belong to, in order."""
    found: set[int] = set()
    for name, unit in TIMES:
        column = columns[name]
        if len(column):
            low, high = int(column.min()) // unit, int(column.max()) // unit
            # Fast path: nearly every column lies within one day.
            found |= {low} if low == high else set(np.unique(column // unit).tolist())
    return sorted(found)


def of_day(columns: Columns, day: int) -> Columns:
    """Answer the rows of one day, with spans, notes and histograms following their owners."""
    chosen = dict(columns)
    traces = columns["trace_start"] // DAY_NS == day
    spans = np.repeat(traces, columns["span_owned"])
    notes = spans[columns["note_span"]]
    counts = columns["count_minute"] // DAY_MINUTES == day
    latency = counts[columns["latency_count"]]
    nodes = columns["node_hour"] // DAY_HOURS == day
    masks = {
        "trace": traces,
        "span": spans,
        "note": notes,
        "count": counts,
        "latency": latency,
        "node": nodes,
        "release": columns["release_minute"] // DAY_MINUTES == day,
        "event": columns["event_time"] // DAY_NS == day,
    }
    for name in columns:
        mask = masks.get(name.partition("_")[0])
        if mask is not None:
            chosen[name] = columns[name][traces if name == "span_owned" else mask]
    # Where rows went, the indices of those that stayed move up.
    chosen["note_span"] = (np.cumsum(spans) - 1)[chosen["note_span"]]
    chosen["latency_count"] = (np.cumsum(counts) - 1)[chosen["latency_count"]]
    return chosen
