"""The tables of a day's file, and how rows of one table add up."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import NamedTuple

VERSION = 1
"""Schema version: goes up when an older Fanlight could misread a newer file."""

COUNT = "grp UINTEGER, minute UINTEGER, n UBIGINT, errors UBIGINT, total UBIGINT, least UBIGINT, most UBIGINT"
LATENCY = "grp UINTEGER, minute UINTEGER, bucket USMALLINT, n UBIGINT"
NODE = (
    "grp UINTEGER, hour UINTEGER, octave UTINYINT, path UBIGINT, parent UBIGINT, kind UINTEGER, "
    "location UINTEGER, n UBIGINT, traces UBIGINT, total UBIGINT, self UBIGINT, start UBIGINT, "
    "repeated UBIGINT, repeat_sum UBIGINT, repeat_total UBIGINT, repeat_max UBIGINT"
)
RELEASE = "service UINTEGER, release UINTEGER, minute UINTEGER, n UBIGINT"
PLACED = "service UINTEGER, release UINTEGER, environment UINTEGER, minute UINTEGER, n UBIGINT"

MEASURES = 32
"""Values of a reading that are kept as numbers, at the most; there are some twenty."""
TABLES = {
    "day": "version UINTEGER, number UINTEGER, closed BOOLEAN",
    "strings": "id UINTEGER, text VARCHAR",
    "kinds": "id UINTEGER, category UINTEGER, title UINTEGER, description UINTEGER",
    "groups": "id UINTEGER, service UINTEGER, endpoint UINTEGER, segment UINTEGER",
    # Of groups whose application told where it runs; the others have no row.
    "environments": "grp UINTEGER, environment UINTEGER",
    # Append-only: the newest position of a segment is its largest.
    "applied": "segment UBIGINT, position UBIGINT",
    # Append-only deltas; `carried` is the account of an expired day, told by that day's number.
    "ledger": "service UINTEGER, n UBIGINT",
    "carried": "day UINTEGER, service UINTEGER, n UBIGINT",
    # Append-only deltas: what `stores.quota` counts of each service.
    "held": "service UINTEGER, bytes UBIGINT, left_out UBIGINT",
    # `number` counts the day's traces; spans and notes name it, so it rises with their rows and the
    # engine's zone maps find a trace's spans without an index.
    "traces": (
        "number UINTEGER, high UBIGINT, low UBIGINT, grp UINTEGER, start UBIGINT, duration UBIGINT, "
        "spans UINTEGER, flags UINTEGER, lost UINTEGER, weight DOUBLE, host UINTEGER, pid UINTEGER"
    ),
    # Events that are no traces; shape and told as the wire has them.
    "events": "service UINTEGER, time BIGINT, shape UINTEGER, told VARCHAR",
    # Readings of whole servers up to some row of the events, as numbers too: which event each one is, and
    # which one leads those of its shape and labels, whose `labels` are the text that all of them begin with
    # ("" in the others). The values are in the order of the shape, NaN where one is not known.
    "measured": (
        "event UBIGINT, leader UBIGINT, shape UINTEGER, labels VARCHAR, time BIGINT, "
        + ", ".join(f"v{place:02} DOUBLE" for place in range(MEASURES))
    ),
    "spans": "trace UINTEGER, kind UINTEGER, parent UINTEGER, start UBIGINT, duration UBIGINT",
    "notes": "trace UINTEGER, span UINTEGER, key UINTEGER, type UTINYINT, value UBIGINT",
    # What is told in many small deltas comes in as `…_new` and is merged into its table when its
    # minute or hour is over. Readers add up both.
    "counts": COUNT,
    "counts_new": COUNT,
    "latency": LATENCY,
    "latency_new": LATENCY,
    "nodes": NODE,
    "nodes_new": NODE,
    "releases": RELEASE,
    "releases_new": RELEASE,
    # Of the releases' rows again those whose application told where it runs.
    "placed": PLACED,
    "placed_new": PLACED,
}
LATER = ("held", "releases", "releases_new", "placed", "placed_new", "events", "environments", "measured")
"""Tables that files of an earlier Fanlight lack: what they hold is nobody's, of no release, and nowhere.
Readings that are no numbers yet are read as the texts that they are."""


class Merge(NamedTuple):
    """How a table's rows add up: one row per `keys` is left, `period` says when it no longer changes."""

    table: str
    keys: str
    period: str
    sums: tuple[str, ...]
    extremes: str
    limit: int
    """Merge when this many new rows have gathered."""

    def select(self, source: str) -> str:
        """Answer the query that merges `source`, in the table's column order.

        Sorted by time first, so that the engine's zone maps skip what a range leaves out.
        """
        order = f"{self.period}, {self.keys}"
        return f"SELECT {self.keys}, {self.values()} FROM {source} GROUP BY {self.keys} ORDER BY {order}"

    def values(self) -> str:
        """Answer the aggregates, held at the largest integer that a column takes."""
        return f"{total(*self.sums)}, {self.extremes}" if self.extremes else total(*self.sums)


def total(*columns: str) -> str:
    """Answer the sums of some columns, held at the largest integer that a column takes.

    The engine adds up in 128 bits; answering those to Python would cost more than the adding.
    """
    return ", ".join(f"least(sum({name}), 18446744073709551615)::UBIGINT" for name in columns)


MERGES = (
    Merge("releases", "service, release, minute", "minute", ("n",), "", 10_000),
    Merge("placed", "service, release, environment, minute", "minute", ("n",), "", 10_000),
    Merge("counts", "grp, minute", "minute", ("n", "errors", "total"), "min(least), max(most)", 20_000),
    Merge("latency", "grp, minute, bucket", "minute", ("n",), "", 40_000),
    Merge(
        "nodes",
        "grp, hour, octave, path, parent, kind, location",
        "hour",
        ("n", "traces", "total", "self", "start", "repeated", "repeat_sum", "repeat_total"),
        "max(repeat_max)",
        40_000,
    ),
)
