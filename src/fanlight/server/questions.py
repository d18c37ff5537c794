"""Queries in their words: what one asks of the store, and the JSON that answers it."""

from __future__ import annotations

import json
import time
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.event.coding import to_json
from fanlight.event.times import Time
from fanlight.event.trace import SPANS
from fanlight.formatters.cells import plain
from fanlight.query.answer import Limits, too_long
from fanlight.query.nodes import EXACT, Field, Path, negated
from fanlight.query.query import Query

if TYPE_CHECKING:
    from datetime import tzinfo

    from fanlight.errors import QueryError
    from fanlight.event.event import Event
    from fanlight.query.answer import Answer
    from fanlight.stores import Store

    Json = dict[str, Any]

AT_ONCE = 3
"""Queries that run side by side; the next one waits, within its time."""
PATIENCE_S = 20.0
ANSWER_BYTES = 32 << 20
"""An answer ends where it would become longer, and says so."""
ROWS_MAX = 10_000
HOUR_NS = 3_600_000_000_000


class Question(NamedTuple):
    """A query and what stands beside it.

    Attributes:
        text: in the language of queries.
        now_ns: what `now` means.
        from_ns: the first moment; None for no bound but the query's own.
        to_ns: the first moment behind.
        service: whose events alone.
        environment: where they happened; "" for anywhere.
        zone: of times written without one.
        limit: events of the answer, at the most.
        is_inverted: what the terms do not select.
        is_whole: events as they are, in the coding that loses nothing, instead of columns and rows.
        has_spans: whether a trace comes with its spans.
        patience_s: how long it may take, where that is less than any question may.
    """

    text: str
    now_ns: int
    from_ns: int | None = None
    to_ns: int | None = None
    service: str = ""
    environment: str = ""
    zone: tzinfo | None = None
    limit: int = 1000
    is_inverted: bool = False
    is_whole: bool = False
    has_spans: bool = False
    patience_s: float = PATIENCE_S

    def read(self) -> Query:
        """Answer the query, narrowed to what stands beside it; of the last hour when nothing bounds it.

        Raises:
            QueryError: it cannot be read.
        """
        query = Query(self.text, now_ns=self.now_ns, zone=self.zone)
        if self.is_inverted and query.node is not None:
            query = query.over(negated(query.node))
        beside = (("service", self.service), ("environment", self.environment))
        terms = [Field(Path(name), EXACT, value) for name, value in beside if value]
        if self.from_ns is None and self.to_ns is None and query.bounds() == (None, None):
            return query.within(self.now_ns - HOUR_NS, None, *terms)
        last = None if self.to_ns is None else self.to_ns - 1
        return query.within(self.from_ns, last, *terms)


class Questions:
    """Asks a store queries, a few at once.

    Args:
        store: is asked.
        patience_s: how long one may take, waiting for its turn included.
    """

    def __init__(self, store: Store, patience_s: float = PATIENCE_S) -> None:
        self.store = store
        self.patience_s = patience_s
        self.turns = BoundedSemaphore(AT_ONCE)

    def ask(self, question: Question) -> Json:
        """Answer a question.

        Raises:
            QueryError: it cannot be read, or its time was up.
        """
        query = question.read()
        patience_s = min(self.patience_s, question.patience_s)
        until_s = time.monotonic() + patience_s
        if not self.turns.acquire(timeout=patience_s):
            raise too_long()
        try:
            limits = Limits(min(question.limit, ROWS_MAX), until_s)
            return document(question, query, self.store.answer(query, limits))
        finally:
            self.turns.release()


def document(question: Question, query: Query, answer: Answer) -> Json:
    """Answer an answer as JSON."""
    begun_s = time.monotonic()
    has_spans = question.has_spans or any(SPANS in stage.fields() for stage in query.stages)
    told: Json = events_of(answer, has_spans) if question.is_whole else table_of(answer, has_spans)
    low_ns, high_ns = query.bounds()
    facts = answer.facts.told() | {"took_ms": round((time.monotonic() - begun_s) * 1000, 1)}
    return {
        "query": str(Query(question.text, now_ns=question.now_ns, zone=question.zone)),
        "from": None if low_ns is None else str(Time(low_ns)),
        "to": None if high_ns is None else str(Time(high_ns)),
        **told,
        "facts": facts,
    }


def events_of(answer: Answer, has_spans: bool) -> Json:
    """Answer the events, whole."""
    events: list[Json] = []
    room = ANSWER_BYTES
    for event in answer:
        events.append(to_json(event if has_spans else bare(event)))
        room -= len(json.dumps(events[-1]))
        if room < 0:
            answer.facts.is_truncated = True
            break
    return {"events": events}


def table_of(answer: Answer, has_spans: bool) -> Json:
    """Answer the events as columns and rows; a column is there for every name that one of them has."""
    columns: dict[str, Json] = {}
    found: list[Json] = []
    room = ANSWER_BYTES
    for event in answer:
        row = {}
        for each in event if has_spans else bare(event):
            known = columns.setdefault(each.name, {"name": each.name, "type": each.type, "unit": each.unit})
            if each.value is not None:
                if known["type"] != each.type:
                    # A null has no type of its own; two types are none.
                    known["type"] = each.type if known["type"] == "undefined" else "mixed"
                known["unit"] = known["unit"] or each.unit
                row[each.name] = plain(each.value)
        found.append(row)
        room -= len(json.dumps(row))
        if room < 0:
            answer.facts.is_truncated = True
            break
    return {
        "columns": list(columns.values()),
        "rows": [[row.get(name) for name in columns] for row in found],
    }


def bare(event: Event) -> Event:
    """Answer a trace without its spans, anything else as it is."""
    if event.kind == "trace":
        event.remove(SPANS)
    return event


def refused(error: QueryError) -> Json:
    """Answer what is wrong with a query, and where."""
    at = error.column - 1
    start = error.text.rfind("\n", 0, at) + 1
    told: Json = {"code": error.code, "message": error.reason}
    if error.text:
        told |= {
            "position": at,
            "line": error.text.count("\n", 0, at) + 1,
            "column": at - start + 1,
            "caret": error.caret,
        }
    return {"error": told}
