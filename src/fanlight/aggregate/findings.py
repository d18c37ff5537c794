"""When a statement that repeats is worth telling: the rule, for one trace and for a slice of them."""

from __future__ import annotations

MIN_REPEATS = 5
"""Same-text spans under one parent, at the least."""
MIN_TOTAL_NS = 50_000_000
"""What those spans last together, at the least: 50 ms."""
MIN_SHARE = 0.10
"""Share of a slice's traces that must show it."""
SEVERE_REPEATS = 20
"""Repeats in an affected trace, on average, from which on a finding is severe."""

REPEATED_SQL = "repeated-sql"

BEARABLE_NS = 100_000_000
"""Nobody notices a tenth of a second: what a visitor waits beyond it hurts."""


def repeats(count: int, total_ns: int) -> bool:
    """Answer whether same-text spans under one parent of one trace are a repetition."""
    return count >= MIN_REPEATS and total_ns >= MIN_TOTAL_NS


def kind(category: str) -> str:
    """Answer what a repetition of spans of this category is called; "" when it is no finding."""
    return REPEATED_SQL if category == "db" or category.startswith("db.") else ""


def found(repeated: int, traces: int) -> bool:
    """Answer whether a node is a finding in a slice.

    Args:
        repeated: traces of the slice in which the node repeated (sum of `node_repeated`).
        traces: traces of the slice that have a tree (sum of the roots' `node_traces`).
    """
    return repeated > 0 and repeated / max(traces, 1) >= MIN_SHARE


def beyond(duration_ns: int, waited_ns: int) -> int:
    """Answer how much of a wait before a request a visitor felt: what passes the bearable because of it.

    Args:
        duration_ns: of the request once it began.
        waited_ns: before that.
    """
    return max(0, duration_ns + waited_ns - max(duration_ns, BEARABLE_NS))


def severe(repeat_sum: int, repeated: int) -> bool:
    """Answer whether an affected trace repeats the statement often enough to call it severe."""
    return repeated > 0 and repeat_sum >= SEVERE_REPEATS * repeated
