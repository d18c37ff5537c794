"""What is asked of an annotation, decided by the tables: its different values are few, so each is tested."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.event.trace import OFFSET, OWN, PREFIX, SHAPES, SPANS
from fanlight.query.match import STRUCTURE, value_test
from fanlight.query.sql import FALSE
from fanlight.stores.answers import plain
from fanlight.wire.messages import NOTE_TEXT

if TYPE_CHECKING:
    from fanlight.query.sql import Leaf
    from fanlight.stores.duckdb.terms import DayTerms

MOST_VALUES = 5_000
"""Different values that are tested one by one; of more, the predicate decides on each trace."""
STRUCTURAL = OWN["trace"] | OWN["span"] | {"raw", "line", SPANS, OFFSET}
"""Names that no annotation is found under, or not that alone."""


def decided(terms: DayTerms, names: tuple[str, ...], node: Leaf) -> str | None:
    """Answer the condition for exactly the traces that a term selects; None when the tables do not tell.

    A trace's own annotation decides; where it has none, that of any of its spans does. Of several of one
    name in a span the last one holds, as written before as the dictionary has it.

    Args:
        terms: of the day.
        names: of the annotation, as written first.
        node: the term.
    """
    if any(name in STRUCTURAL or name.startswith(PREFIX) for name in names) or terms.keys((SHAPES,)):
        return None
    keys = terms.keys(names)
    if not keys:
        return FALSE
    view = terms.view
    noted = f"FROM {view.alias}.notes WHERE key IN ({keys})"
    values = view.ask(f"SELECT DISTINCT type, value {noted} LIMIT {MOST_VALUES + 1}")
    if len(values) > MOST_VALUES:
        return None
    holds = value_test(node, terms.setting)
    texts = view.texts(value for kind, value in values if kind == NOTE_TEXT)
    chosen: dict[int, list[int]] = {}
    for kind, value in values:
        if holds(plain(kind, value, texts), None, None):
            chosen.setdefault(kind, []).append(value)
    if not chosen:
        return FALSE
    listed = [f"(t = {kind} AND v IN ({', '.join(map(str, some))}))" for kind, some in chosen.items()]
    hit = f"({' OR '.join(listed)})"
    last = f"{preferred(terms, names)} * 1099511627776 + rowid"
    spans = f"SELECT trace, span, arg_max(type, {last}) AS t, arg_max(value, {last}) AS v {noted}"
    found = (
        f"SELECT trace, min(span) = 0 AS is_own, bool_or({hit} AND span = 0) AS hit_own, "
        f"bool_or({hit}) AS hit "
        f"FROM ({spans} GROUP BY trace, span) GROUP BY trace"
    )
    return f"number IN (SELECT trace FROM ({found}) WHERE CASE WHEN is_own THEN hit_own ELSE hit END)"


def are_plain(terms: DayTerms, matched: list[str]) -> bool:
    """Tell whether a keyword is found in annotations wherever one of some conditions holds.

    It is not where a trace tells more than the tables do, where an annotation is called like a number by
    which traces are held together, or where a later one of its name took its place.

    Args:
        terms: of the day.
        matched: conditions on annotations.
    """
    if terms.keys((SHAPES, OFFSET, *STRUCTURE)):
        return False
    if not matched:
        return True
    notes = f"{terms.alias}.notes"
    slots = f"SELECT trace, span, key FROM {notes} WHERE {' OR '.join(f'({each})' for each in matched)}"
    return not terms.view.ask(
        f"SELECT 1 FROM {notes} WHERE (trace, span, key) IN ({slots}) "
        "GROUP BY trace, span, key HAVING count(*) > 1 LIMIT 1"
    )


def preferred(terms: DayTerms, names: tuple[str, ...]) -> str:
    """Answer the expression that is 1 for an annotation's name as it is written in the query, else 0."""
    first = terms.keys(names[:1])
    return f"(key IN ({first}))::BIGINT" if first and len(names) > 1 else "0::BIGINT"
