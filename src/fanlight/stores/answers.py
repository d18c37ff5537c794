"""What a store answers: plain tuples whose fields are named after the COMMIT columns."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from fanlight.wire.messages import NOTE_BOOL, NOTE_FLOAT, NOTE_INT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.event.trace import Span, TraceRow

Group = tuple[str, str, str]
"""Service, endpoint, segment."""

Scope = tuple[str, ...]
"""The first parts of a group: nothing, a service, a service's endpoint, or one whole group."""


class Counts(NamedTuple):
    """One group's exact counts over a range."""

    service: str
    endpoint: str
    segment: str
    n: int
    errors: int
    sum_ns: int
    min_ns: int
    max_ns: int
    buckets: dict[int, int]
    """Requests per bucket of the latency grid."""
    slots: tuple[int, ...]
    """Requests per equal slot of the range."""


class Point(NamedTuple):
    """One group's counts in one step of time."""

    time_ns: int
    n: int
    errors: int
    sum_ns: int
    max_ns: int
    buckets: dict[int, int]


class Node(NamedTuple):
    """One path of a merged tree; `parent` is 0 for a root."""

    path: int
    parent: int
    category: str
    title: str
    description: str
    n: int
    traces: int
    total_ns: int
    self_ns: int
    offset_ns: int
    """The sum of the start offsets, not their mean."""
    repeated: int
    """Traces in which it repeated 5 times or more for 50 ms or more."""
    repeat_sum: int
    repeat_max: int
    repeat_total_ns: int
    location: str


class Times(NamedTuple):
    """What a category took in one octave of duration, roots apart from what stands below them."""

    octave: int
    category: str
    is_root: bool
    traces: int
    """Traces that have a node, added up over the nodes."""
    total_ns: int
    self_ns: int


class Pace(NamedTuple):
    """How long a path took in requests of one octave of duration."""

    octave: int
    path: int
    traces: int
    """That have it."""
    total_ns: int


class Repeat(NamedTuple):
    """A path that repeated in some traces, out of all traces of its group's trees in the same hours."""

    service: str
    endpoint: str
    segment: str
    path: int
    category: str
    title: str
    description: str
    location: str
    traces: int
    repeated: int
    repeat_sum: int
    repeat_max: int
    repeat_total_ns: int


class Release(NamedTuple):
    """A release that a service ran in a range: its first and last minute there, and its requests."""

    release: str
    first_ns: int
    last_ns: int
    n: int


class Trace(NamedTuple):
    """One trace with its spans in pre-order; a trace kept as a row alone has none."""

    row: TraceRow
    spans: tuple[Span, ...]


class Size(NamedTuple):
    """What a store takes: bytes on disk, its days since 1970 in order, files set aside as unreadable."""

    bytes: int
    days: tuple[int, ...]
    bad: int


def merged(one: Node, other: Node) -> Node:
    """Answer the sum of two rows of one path."""
    return one._replace(
        n=one.n + other.n,
        traces=one.traces + other.traces,
        total_ns=one.total_ns + other.total_ns,
        self_ns=one.self_ns + other.self_ns,
        offset_ns=one.offset_ns + other.offset_ns,
        repeated=one.repeated + other.repeated,
        repeat_sum=one.repeat_sum + other.repeat_sum,
        repeat_max=max(one.repeat_max, other.repeat_max),
        repeat_total_ns=one.repeat_total_ns + other.repeat_total_ns,
        location=max(one.location, other.location),
    )


def later(one: Node, other: Node) -> Node:
    """Answer the sum of two rows of one path, the second of a later hour: what was released moved lines."""
    return merged(one, other)._replace(location=other.location or one.location)


def added(one: Times | None, other: Times) -> Times:
    """Answer the sum of two rows of one octave and category, if there are two."""
    if one is None:
        return other
    return one._replace(
        traces=one.traces + other.traces,
        total_ns=one.total_ns + other.total_ns,
        self_ns=one.self_ns + other.self_ns,
    )


def spanning(one: Release | None, other: Release) -> Release:
    """Answer the sum of two rows of one release, if there are two."""
    if one is None:
        return other
    first_ns, last_ns = min(one.first_ns, other.first_ns), max(one.last_ns, other.last_ns)
    return Release(other.release, first_ns, last_ns, one.n + other.n)


def plain(kind: int, value: int, texts: Mapping[int, str] | Sequence[str]) -> int | float | str | bool:
    """Answer an annotation's value from its type and 64 bits."""
    if kind == NOTE_INT:
        return value - (value >> 63 << 64)
    if kind == NOTE_FLOAT:
        return float(struct.unpack("<d", struct.pack("<Q", value))[0])
    return bool(value) if kind == NOTE_BOOL else texts[value]
