"""One generated day of COMMIT messages: 500,000 traces of 46 endpoints, the same bytes every time."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fanlight.wire.messages import ERROR, NOTE_INT, NOTE_TEXT, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

GROUPS = 46
DEPTH = 16
DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000
HOUR_NS = 3_600_000_000_000
TIERS = ("app.handler", "view.render.template", "db.sql.query", "api.http.get", "cache.get")


class Templates(NamedTuple):
    """What the endpoints look like: per group, up to `DEPTH` spans in pre-order."""

    size: NDArray[Any]
    parent: NDArray[Any]
    path: NDArray[Any]
    typical_ns: NDArray[Any]
    weight: NDArray[Any]
    extra: NDArray[Any]


def templates(rng: np.random.Generator) -> Templates:
    """Draw the endpoints' shapes; the last span of each is the one that repeats."""
    parent = np.zeros((GROUPS, DEPTH), np.uint32)
    for column in range(1, DEPTH):
        # A parent is the span before or one of its ancestors, so pre-order holds.
        step_back = rng.random(GROUPS) < 0.5
        parent[:, column] = np.where(step_back, column - 1, parent[:, column - 1])
    parent[:, 0] = 0xFFFFFFFF
    weight = rng.uniform(0.5, 2.0, GROUPS)
    return Templates(
        size=rng.integers(6, DEPTH + 1, GROUPS),
        parent=parent,
        path=rng.integers(1, 2**63, (GROUPS, DEPTH), np.uint64),
        typical_ns=rng.lognormal(np.log(30e6), 1.2, GROUPS),
        weight=weight / weight.sum(),
        extra=rng.choice([0.0, 0.5, 3.0, 12.0], GROUPS, p=[0.5, 0.3, 0.15, 0.05]),
    )


class Day:
    """The day's traffic, cut into COMMIT messages of any size."""

    def __init__(self, day: int, traces: int = 500_000, seed: int = 7) -> None:
        self.day = day
        self.rng = np.random.default_rng(seed)
        self.shape = templates(self.rng)
        self.left = traces
        self.step_ns = DAY_NS / traces
        self.now_ns = float(day * DAY_NS)
        self.ids: list[str] = []
        self.spans = 0

    def commits(self, size: int, share: float = 1.0) -> Iterator[dict[str, Any]]:
        """Answer messages of `size` traces each until `share` of the rest is told."""
        stop = self.left - round(self.left * share)
        while self.left > stop:
            count = min(size, self.left - stop)
            self.left -= count
            yield self.commit(count)

    def commit(self, traces: int) -> dict[str, Any]:
        """Answer the next `traces` traces, all of them whole, as one message."""
        rng, shape = self.rng, self.shape
        group = rng.choice(GROUPS, traces, p=shape.weight)
        start = (self.now_ns + np.sort(rng.random(traces)) * self.step_ns * traces).astype(np.uint64)
        self.now_ns += self.step_ns * traces
        duration = (shape.typical_ns[group] * rng.lognormal(0, 0.5, traces)).astype(np.uint64) + np.uint64(
            1000
        )
        size = shape.size[group] + rng.poisson(shape.extra[group])
        of = np.repeat(np.arange(traces), size)
        first = np.cumsum(size) - size
        index = np.arange(len(of)) - first[of]
        slot = np.minimum(index, shape.size[group[of]] - 1)
        along = (index + rng.random(len(of)) * 0.8) / size[of]
        span_start = np.where(index == 0, 0, duration[of] * along).astype(np.uint64)
        room = np.where(index == 0, 1.0, (1 - along) * rng.random(len(of)) ** 2)
        span_duration = (duration[of] * room).astype(np.uint64)
        high, low = rng.integers(0, 2**64, (2, traces), np.uint64)
        flags = np.where(rng.random(traces) < 0.01, WHOLE | ERROR, WHOLE)
        self.ids += [f"{high[0]:016x}{low[0]:016x}", f"{high[-1]:016x}{low[-1]:016x}"]
        self.spans += len(of)
        message = names(group, of, slot)
        strings = message["strings"]
        message |= {
            "ledger_service": ["shop"],
            "ledger_accepted": column("Q", [traces]),
            "trace_high": column("Q", high),
            "trace_low": column("Q", low),
            "trace_group": column("I", message.pop("of_trace")),
            "trace_start": column("Q", start),
            "trace_duration": column("Q", duration),
            "trace_spans": column("I", size),
            "trace_flags": column("I", flags),
            "trace_lost": column("I", np.zeros(traces)),
            "trace_weight": column("d", np.ones(traces)),
            "trace_host": column("I", np.full(traces, strings.index("web-1"))),
            "trace_pid": column("I", 4000 + rng.integers(0, 4, traces)),
            "span_kind": column("I", message.pop("of_span")),
            "span_parent": column("I", shape.parent[group[of], slot]),
            "span_start": column("Q", span_start),
            "span_duration": column("Q", span_duration),
        }
        notes(message, first, index, rng)
        counts(message, start, duration, flags)
        nodes(message, Tree(self.day, group, of, slot, shape), start, duration, span_start, span_duration)
        return message


def column(code: str, values: Any) -> array[Any]:
    """Answer a wire column."""
    return array(code, np.asarray(values).astype(np.dtype(code)).tobytes())


def names(group: NDArray[Any], of: NDArray[Any], slot: NDArray[Any]) -> dict[str, Any]:
    """Answer the record's own tables, holding only what the record uses, and the columns into them."""
    used, of_trace = np.unique(group, return_inverse=True)
    kinds, of_span = np.unique(group[of] * DEPTH + slot, return_inverse=True)
    strings = ["", "shop", "web-1", "html", "json", "error", "method", "GET", "status", "rows", "user"]
    known = {text: number for number, text in enumerate(strings)}

    def number(text: str) -> int:
        if text not in known:
            known[text] = len(strings)
            strings.append(text)
        return known[text]

    rows = []
    for kind in kinds.tolist():
        owner, place = divmod(kind, DEPTH)
        tier = TIERS[(owner + place) % len(TIERS)] if place else "app.wsgi.request"
        text = f"select * from table_{owner} where column_{place} = ?" if tier == "db.sql.query" else ""
        rows.append((number(tier), number(f"part {owner % 9} {place}"), number(text)))
    segments = ("html", "json", "error")
    return {
        "strings": strings,
        "kind_category": column("I", [row[0] for row in rows]),
        "kind_title": column("I", [row[1] for row in rows]),
        "kind_description": column("I", [row[2] for row in rows]),
        "group_service": column("I", [1] * len(used)),
        "group_endpoint": column("I", [number(f"/area{g // 3}/<int:id>/{g}") for g in used.tolist()]),
        "group_segment": column("I", [number(segments[g % 3]) for g in used.tolist()]),
        "of_trace": of_trace,
        "of_span": of_span,
    }


def notes(
    message: dict[str, Any], first: NDArray[Any], index: NDArray[Any], rng: np.random.Generator
) -> None:
    """Add annotations: method and status on every root, a user on a quarter, rows on a fifth of the spans."""
    strings = message["strings"]
    users = rng.integers(0, 5000, len(first) // 4)
    place = len(strings)
    strings += [f"user-{user}" for user in users.tolist()]
    rows = np.flatnonzero((rng.random(len(index)) < 0.2) & (index > 0))
    parts = (
        (first, "method", NOTE_TEXT, np.full(len(first), strings.index("GET"))),
        (first, "status", NOTE_INT, np.where(np.asarray(message["trace_flags"]) & ERROR, 500, 200)),
        (first[: len(users)], "user", NOTE_TEXT, np.arange(place, place + len(users))),
        (rows, "rows", NOTE_INT, rng.geometric(0.05, len(rows))),
    )
    message["note_span"] = column("I", np.concatenate([part[0] for part in parts]))
    message["note_key"] = column(
        "I", np.repeat([strings.index(p[1]) for p in parts], [len(p[0]) for p in parts])
    )
    message["note_type"] = column(
        "I", np.repeat([part[2] for part in parts], [len(part[0]) for part in parts])
    )
    message["note_value"] = column("Q", np.concatenate([part[3] for part in parts]))


def counts(message: dict[str, Any], start: NDArray[Any], duration: NDArray[Any], flags: NDArray[Any]) -> None:
    """Add the exact counts per minute and their latency histograms."""
    group = np.asarray(message["trace_group"]).astype(np.int64)
    minute = (start // np.uint64(MINUTE_NS)).astype(np.int64)
    keys, row = np.unique(group << 32 | minute, return_inverse=True)
    order = np.argsort(row, kind="stable")
    edges = np.flatnonzero(np.diff(row[order], prepend=-1))
    message |= {
        "count_group": column("I", keys >> 32),
        "count_minute": column("I", keys & 0xFFFFFFFF),
        "count_n": column("Q", np.bincount(row)),
        "count_errors": column("Q", np.bincount(row, flags & ERROR)),
        "count_sum": column("Q", np.bincount(row, duration)),
        "count_min": column("Q", np.minimum.reduceat(duration[order], edges)),
        "count_max": column("Q", np.maximum.reduceat(duration[order], edges)),
    }
    bucket = np.ceil(np.log2(duration) * 32).astype(np.int64)
    cells, n = np.unique(row << 16 | bucket, return_counts=True)
    message["latency_count"] = column("I", cells >> 16)
    message["latency_bucket"] = column("I", cells & 0xFFFF)
    message["latency_n"] = column("Q", n)


class Tree(NamedTuple):
    """Where each span of a commit stands in its endpoint's merged tree."""

    day: int
    group: NDArray[Any]
    of: NDArray[Any]
    slot: NDArray[Any]
    shape: Templates


def nodes(
    message: dict[str, Any],
    tree: Tree,
    start: NDArray[Any],
    duration: NDArray[Any],
    span_start: NDArray[Any],
    span_duration: NDArray[Any],
) -> None:
    """Add the merged trees per hour and octave of the root's duration."""
    of, slot, shape = tree.of, tree.slot, tree.shape
    hour = (start // np.uint64(HOUR_NS)).astype(np.int64) - tree.day * 24
    octave = np.ceil(np.log2(duration)).astype(np.int64)
    key = ((tree.group.astype(np.int64) << 6 | octave) << 5 | hour)[of] * DEPTH + slot
    keys, row, n = np.unique(key, return_inverse=True, return_counts=True)
    owner, place = keys // DEPTH >> 11, keys % DEPTH
    pairs = np.unique(row.astype(np.int64) << 32 | of)
    repeats = np.bincount(np.searchsorted(pairs, row.astype(np.int64) << 32 | of), minlength=len(pairs))
    pair_row = pairs >> 32
    many = (repeats >= 5) & (duration[pairs & 0xFFFFFFFF] > 50_000_000)
    used = np.unique(tree.group)
    kinds = np.unique(tree.group[of] * DEPTH + slot)
    above = shape.parent[owner, place]
    strings = message["strings"]
    strings.append("shop/cart.py:88")
    repeated = np.bincount(pair_row, many)
    largest = np.zeros(len(keys), np.int64)
    np.maximum.at(largest, pair_row, np.where(many, repeats, 0))
    message |= {
        "node_group": column("I", np.searchsorted(used, owner)),
        "node_hour": column("I", (keys // DEPTH & 31) + tree.day * 24),
        "node_octave": column("I", keys // DEPTH >> 5 & 63),
        "node_path": column("Q", shape.path[owner, place]),
        "node_parent": column("Q", np.where(place == 0, 0, shape.path[owner, np.minimum(above, DEPTH - 1)])),
        "node_kind": column("I", np.searchsorted(kinds, owner * DEPTH + place)),
        "node_n": column("Q", n),
        "node_traces": column("Q", np.bincount(pair_row)),
        "node_total": column("Q", np.bincount(row, span_duration)),
        "node_self": column("Q", np.bincount(row, span_duration) * 0.6),
        "node_offset": column("Q", np.bincount(row, span_start)),
        "node_repeated": column("Q", repeated),
        "node_repeat_sum": column("Q", np.bincount(pair_row, np.where(many, repeats, 0))),
        "node_repeat_max": column("Q", largest),
        "node_repeat_total": column("Q", repeated * 60e6),
        "node_location": column("I", np.where(repeated > 0, len(strings) - 1, 0)),
    }
