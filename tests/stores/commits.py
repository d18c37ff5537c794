"""COMMIT messages as a collector makes them, told trace by trace."""

from __future__ import annotations

from array import array
from collections import defaultdict
from hashlib import blake2b
from typing import Any, NamedTuple

from fanlight.wire import buckets, codec
from fanlight.wire.messages import (
    COMMIT,
    ERROR,
    NO_PARENT,
    NOTE_BOOL,
    NOTE_FLOAT,
    NOTE_INT,
    NOTE_TEXT,
    WHOLE,
)

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS


class Part(NamedTuple):
    """A span below the root; `parent` counts from the root, 0."""

    kind: tuple[str, str, str]
    parent: int
    start_ns: int
    duration_ns: int
    notes: tuple[tuple[str, Any], ...] = ()
    location: str = ""


class Request(NamedTuple):
    start_ns: int
    duration_ns: int
    id: int
    group: tuple[str, str, str] = ("shop", "/orders", "html")
    parts: tuple[Part, ...] = ()
    flags: int = WHOLE
    notes: tuple[tuple[str, Any], ...] = ()
    weight: float = 1.0
    release: str = ""
    environment: str = ""

    @property
    def spans(self) -> list[Part]:
        root = Part(("app.wsgi.request", self.group[1], ""), NO_PARENT, 0, self.duration_ns, self.notes)
        return [root, *self.parts]


class Table:
    """Strings, or triples of them, numbered as they come."""

    def __init__(self, *first: Any) -> None:
        self.numbers: dict[Any, int] = {value: number for number, value in enumerate(first)}

    def __call__(self, value: Any) -> int:
        return self.numbers.setdefault(value, len(self.numbers))


class Columns:
    """The message's columns as they grow, and its own tables."""

    def __init__(self) -> None:
        self.strings, self.kinds, self.groups = Table(""), Table(), Table()
        self.columns: dict[str, list[Any]] = defaultdict(list)
        self.spans = 0

    def row(self, table: str, /, **values: Any) -> None:
        for name, value in values.items():
            self.columns[f"{table}_{name}"].append(value)

    def trace(self, request: Request, group: int) -> None:
        self.row(
            "trace",
            high=request.id >> 64,
            low=request.id & (2**64 - 1),
            group=group,
            start=request.start_ns,
            duration=request.duration_ns,
            spans=len(request.spans),
            flags=request.flags,
            lost=0,
            weight=request.weight,
            host=self.strings("web-1"),
            pid=42,
        )
        for place, span in enumerate(request.spans if request.flags & WHOLE else ()):
            kind = self.kinds(tuple(self.strings(text) for text in span.kind))
            self.row("span", kind=kind, parent=span.parent, start=span.start_ns, duration=span.duration_ns)
            for name, value in span.notes:
                bits, code = packed(value, self.strings)
                self.row("note", span=self.spans + place, key=self.strings(name), type=code, value=bits)
        self.spans += len(request.spans) if request.flags & WHOLE else 0

    def tables(self) -> None:
        for category, title, description in self.kinds.numbers:
            self.row("kind", category=category, title=title, description=description)
        for place, (service, endpoint, segment, environment) in enumerate(self.groups.numbers):
            self.row("group", service=service, endpoint=endpoint, segment=segment)
            if environment:
                self.row("environment", group=place, text=environment)


def commit(requests: list[Request] | tuple[Request, ...]) -> dict[str, Any]:
    """Answer the message that holds these requests, through the codec and back."""
    out = Columns()
    cells: dict[Any, list[int]] = {}
    latency: dict[Any, int] = defaultdict(int)
    tree: dict[Any, dict[str, Any]] = {}
    releases: dict[Any, int] = defaultdict(int)
    ledger: dict[str, int] = defaultdict(int)
    for request in requests:
        ledger[request.group[0]] += 1
        group = out.groups(tuple(out.strings(text) for text in (*request.group, request.environment)))
        out.trace(request, group)
        key = (group, request.start_ns // MINUTE_NS)
        cell = cells.setdefault(key, [0, 0, 0, 2**64 - 1, 0])
        cell[0] += 1
        cell[1] += bool(request.flags & ERROR)
        cell[2] += request.duration_ns
        cell[3] = min(cell[3], request.duration_ns)
        cell[4] = max(cell[4], request.duration_ns)
        if request.release:
            minute = request.start_ns // MINUTE_NS
            releases[request.group[0], request.release, minute, request.environment] += 1
        latency[key, buckets.bucket(request.duration_ns)] += 1
        fold(tree, request, group)
    for (group, minute), (n, errors, total, least, most) in cells.items():
        out.row("count", group=group, minute=minute, n=n, errors=errors, sum=total, min=least, max=most)
    order = list(cells)
    for (key, bucket), n in latency.items():
        out.row("latency", count=order.index(key), bucket=bucket, n=n)
    for (group, hour, octave, path), sums in tree.items():
        kind = out.kinds(tuple(out.strings(text) for text in sums.pop("kind")))
        sums["location"] = out.strings(sums["location"])
        out.row("node", group=group, hour=hour, octave=octave, path=path, kind=kind, **sums)
    for (service, release, minute, environment), n in releases.items():
        texts = {"service": service, "text": release, "environment": environment}
        numbers = {name: out.strings(text) for name, text in texts.items()}
        out.row("release", **numbers, minute=minute, n=n)
    out.tables()
    message: dict[str, Any] = {
        name: array(codec.TYPECODE[COMMIT[name][1]], values) for name, values in out.columns.items()
    }
    message["strings"] = list(out.strings.numbers)
    message["ledger_service"] = list(ledger)
    message["ledger_accepted"] = array("Q", ledger.values())
    return codec.decode(COMMIT, codec.encode(COMMIT, message))


def fold(tree: dict[Any, dict[str, Any]], request: Request, group: int) -> None:
    """Add a request to the merged trees by the rule that `messages` tells."""
    hour, octave = request.start_ns // HOUR_NS, buckets.octave(request.duration_ns)
    paths: list[int] = []
    mine: dict[tuple[int, int], list[Part]] = defaultdict(list)
    for span in request.spans:
        above = 0 if span.parent == NO_PARENT else paths[span.parent]
        text = repr((above, span.kind)).encode()
        paths.append(int.from_bytes(blake2b(text, digest_size=8).digest(), "little"))
        mine[paths[-1], above].append(span)
    for (path, above), spans in mine.items():
        empty = dict.fromkeys(NODE_SUMS, 0) | {"parent": above, "kind": spans[0].kind, "location": ""}
        sums = tree.setdefault((group, hour, octave, path), empty)
        total = sum(span.duration_ns for span in spans)
        sums["n"] += len(spans)
        sums["traces"] += 1
        sums["total"] += total
        sums["self"] += total // 2
        sums["offset"] += sum(span.start_ns for span in spans)
        if len(spans) >= 5 and total >= 50_000_000:
            sums["repeated"] += 1
            sums["repeat_sum"] += len(spans)
            sums["repeat_max"] = max(sums["repeat_max"], len(spans))
            sums["repeat_total"] += total
            sums["location"] = max(sums["location"], *(span.location for span in spans))


def packed(value: Any, strings: Table) -> tuple[int, int]:
    """Answer an annotation's 64 bits and their type."""
    if isinstance(value, bool):
        return int(value), NOTE_BOOL
    if isinstance(value, int):
        return value & (2**64 - 1), NOTE_INT
    if isinstance(value, float):
        return int.from_bytes(array("d", [value]).tobytes(), "little"), NOTE_FLOAT
    return strings(value), NOTE_TEXT


NODE_SUMS = (
    "n",
    "traces",
    "total",
    "self",
    "offset",
    "repeated",
    "repeat_sum",
    "repeat_max",
    "repeat_total",
)
