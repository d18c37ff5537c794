"""Kept traces that a query selects: the tables nominate, the predicate decides on what is read."""

# ruff: noqa: S608 - statements hold the schema's own names and integers; texts go in as literals

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.event.trace import from_stored
from fanlight.query.sql import some, where
from fanlight.stores.duckdb.reads import among
from fanlight.stores.duckdb.terms import DayTerms
from fanlight.wire.messages import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.event import Event
    from fanlight.query.query import Query
    from fanlight.stores.duckdb.reads import View

AT_ONCE = 500
"""Traces whose spans are read together."""


def nominated(
    view: View, query: Query, *, whole: bool, beyond: frozenset[str] = frozenset()
) -> Iterator[Event]:
    """Yield a day's nominated traces, oldest first.

    Args:
        view: of the day.
        query: nominates.
        whole: whether spans are read.
        beyond: names that more than the day's tables may have.
    """
    terms = DayTerms(view, query.setting, beyond)
    said = where(query.node, terms)
    condition = said if said == "true" else some([said, terms.odd()])
    bounds = f"start >= {view.from_ns} AND start < {view.to_ns}"
    ordered = view.ask(
        f"SELECT number FROM {view.alias}.traces WHERE {bounds} AND {condition} ORDER BY start, high, low"
    )
    numbers = [number for (number,) in ordered]
    for first in range(0, len(numbers), AT_ONCE):
        batch = numbers[first : first + AT_ONCE]
        rows = view.numbered(among("number", batch))
        spans = view.spans_of([each for each in batch if rows[each].flags & WHOLE]) if whole else {}
        for number in batch:
            yield from_stored(rows[number], spans.get(number))
