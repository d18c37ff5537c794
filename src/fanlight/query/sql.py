"""A tree to a condition of SQL that nominates: every row that the predicate selects meets it.

What a store can say exactly it says exactly, also under NOT; for the rest it nominates more, and the
predicate decides on what is read.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from fanlight.event.names import canonical
from fanlight.query.nodes import Among, And, Exists, Field, Keyword, Node, Not, Or, Path, Pattern

if TYPE_CHECKING:
    from fanlight.query.values import Interval

TRUE, FALSE = "true", "false"
Leaf = Field | Among | Exists
Word = Keyword | Pattern
INT_MIN, INT_MAX = -(2**63), 2**64 - 1


class Terms(Protocol):
    """How one store says terms; each answers a condition, and whether it is exact."""

    def word(self, node: Word) -> tuple[str, bool]:
        """Answer where a keyword or a pattern may be found."""

    def leaf(self, node: Leaf) -> tuple[str, bool]:
        """Answer where what is asked of a property may hold."""


def where(node: Node | None, terms: Terms) -> str:
    """Answer the condition that nominates what a tree selects."""
    return TRUE if node is None else condition(node, terms, sure=False)


def condition(node: Node, terms: Terms, *, sure: bool) -> str:
    """Answer a condition for a part.

    Args:
        node: the part.
        terms: of the store.
        sure: answer one that only selected rows meet, instead of one that all selected rows meet.
    """
    if isinstance(node, And | Or):
        parts = [condition(part, terms, sure=sure) for part in node.parts]
        return every(parts) if isinstance(node, And) else some(parts)
    if isinstance(node, Not):
        return negated(condition(node.part, terms, sure=not sure))
    if isinstance(node, Keyword | Pattern):
        said, exact = terms.word(node)
    else:
        assert isinstance(node, Field | Among | Exists)
        said, exact = terms.leaf(node)
    return FALSE if sure and not exact else said


def every(parts: list[str]) -> str:
    """Answer conditions that must all hold."""
    return joined(parts, " AND ", TRUE, FALSE)


def some(parts: list[str]) -> str:
    """Answer conditions of which one must hold."""
    return joined(parts, " OR ", FALSE, TRUE)


def joined(parts: list[str], operator: str, idle: str, final: str) -> str:
    """Answer conditions joined, without what makes no difference."""
    if final in parts:
        return final
    told = list(dict.fromkeys(part for part in parts if part != idle))
    return f"({operator.join(told)})" if len(told) > 1 else told[0] if told else idle


def negated(part: str) -> str:
    """Answer the opposite of a condition that is never NULL."""
    return {TRUE: FALSE, FALSE: TRUE}.get(part, f"NOT ({part})")


def within(column: str, interval: Interval, low: int = INT_MIN, high: int = INT_MAX) -> str:
    """Answer where a column of whole numbers lies in an interval.

    Args:
        column: a number without a fraction; never NULL.
        interval: in the column's unit.
        low: the least that the column can hold.
        high: the most.
    """
    first, last = low, high
    if interval.low > low:
        first = ceiling(interval.low, open_end=interval.open_low) if interval.low <= high else high + 1
    elif not interval.low <= low:
        return FALSE
    if interval.high < high:
        last = -ceiling(-interval.high, open_end=interval.open_high) if interval.high >= low else low - 1
    if first > last:
        return FALSE
    if interval.open_low and interval.low == low:
        first = low + 1
    if interval.open_high and interval.high == high:
        last = high - 1
    lower = f"{column} >= {first}" if first > low else TRUE
    return every([lower, f"{column} <= {last}" if last < high else TRUE])


def ceiling(number: float, *, open_end: bool) -> int:
    """Answer the first whole number from a number on, or behind it."""
    whole = math.ceil(number)
    return whole + 1 if open_end and whole == number else whole


def names_of(path: Path) -> tuple[str, ...]:
    """Answer how the property at a path may be called."""
    return (path.text,) if path.exact else tuple(dict.fromkeys((path.text, canonical(path.text))))
