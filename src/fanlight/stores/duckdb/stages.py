"""Whole queries: what the tables can say is said by the engine, the rest is done over events."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from fanlight.event.trace import TRACE, from_stored
from fanlight.query.answer import UNLIMITED, Answer, Facts, in_memory
from fanlight.query.asof import AsOf
from fanlight.query.compile import Compiled, stage_paths
from fanlight.query.plan import looks_everywhere
from fanlight.query.stages import run, summing
from fanlight.stores.choose import DAY_NS
from fanlight.stores.duckdb.engine import telling, transaction
from fanlight.stores.duckdb.events import AT_ONCE, nominated
from fanlight.stores.duckdb.hurry import in_time
from fanlight.stores.duckdb.readings import may_tell, readings, told
from fanlight.stores.duckdb.reads import View, among
from fanlight.stores.duckdb.relation import ORDER, Relation
from fanlight.stores.imports import in_order
from fanlight.stores.readings import ASKED, is_asked
from fanlight.wire.messages import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.answer import Limits
    from fanlight.query.query import Query
    from fanlight.query.stages import Stage
    from fanlight.stores.duckdb.engine import Connection
    from fanlight.stores.duckdb.store import DuckStore

    Ask = Callable[[str], list[tuple[Any, ...]]]

ROW = frozenset({*TRACE.names, "time", ASKED})
"""What a trace's row has; every trace has all of it, so that no span is asked in its place."""


def range_of(query: Query) -> tuple[int, int]:
    """Answer the range of a query's bounds, half open, ns since 1970."""
    low, high = query.bounds()
    return 0 if low is None else max(low, 0), 2**64 if high is None else high + 1


def need_spans(stages: tuple[Stage, ...]) -> bool:
    """Tell whether stages need or leave more of a trace than its row has."""
    for stage in stages:
        if not stage.fields() <= ROW:
            return True
        if type(stage).__name__ in ("Fields", "Stats", "Timechart", "Top"):
            return False
    return True


def selected(
    store: DuckStore,
    query: Query,
    facts: Facts | None = None,
    limits: Limits = UNLIMITED,
    asof: AsOf | None = None,
) -> Iterator[Event]:
    """Yield the kept traces of every day that a query selects, oldest first; its stages are not run."""
    whole = looks_everywhere(query.node) or need_spans(query.stages) or not query.fields() <= ROW
    facts = Facts() if facts is None else facts
    asof = AsOf(query, partial(readings, store)) if asof is None else asof
    traces = (
        event
        for view in store.views(*range_of(query))
        for event in nominated(view.within(limits), query, whole=whole, beyond=asof.names)
    )
    more = told(store, query) if is_asked(query) else iter(())
    for event in in_order(asof.joined(traces, facts), store.imports.nominated(query, limits), more):
        facts.scanned += 1
        if facts.scanned % AT_ONCE == 1:
            limits.check()
        if query.matches(event):
            yield event


def answer(store: DuckStore, query: Query, limits: Limits) -> Answer:
    """Answer a query with its stages."""
    facts = Facts(is_summed=summing(query.stages))
    return Answer(rows(store, query, limits, facts), facts, limits)


def rows(store: DuckStore, query: Query, limits: Limits, facts: Facts) -> Iterator[Event]:
    """Yield what a query's stages leave."""
    asof = AsOf(query, partial(readings, store))
    with joint(store, *range_of(query)) as (unhurried, cursor):
        views = [view.within(limits) for view in unhurried]
        relation = Relation(views, query, asof.names)
        if views and relation.is_exact and not others_may(store, query, views, limits):
            events, rest = compiled(relation, query, limits, facts, hurried(cursor, limits))
            yield from run(rest, asof.joined(events, facts))
            return
    facts.pushed.append("the tables nominate events, the predicate decides on each")
    yield from in_memory(query, selected(store, query, facts, limits, asof), limits, facts)


def others_may(store: DuckStore, query: Query, views: list[View], limits: Limits) -> bool:
    """Tell whether a query may select events that are no traces."""
    return may_tell(views, query) or store.imports.may_select(query, limits)


def compiled(
    relation: Relation, query: Query, limits: Limits, facts: Facts, ask: Ask
) -> tuple[Iterator[Event], tuple[Stage, ...]]:
    """Answer what the engine answers, and the stages that are left."""
    columns = relation.columns(stage_paths(query.stages))
    plan = Compiled(query.stages, columns, ORDER)
    facts.pushed.append("the tables decide on every term")
    facts.stages_pushed += [str(stage) for stage in plan.pushed]
    facts.stages_run += [str(stage) for stage in plan.rest]
    source = relation.sql()
    ((facts.read, facts.stands_for),) = ask(f"SELECT count(*), coalesce(sum(w), 0) FROM ({source})")
    if plan.summing is not None:
        return plan.groups(source, ask), plan.rest
    chosen = plan.rows(source)
    most = "" if plan.rest or limits.events is None else f" LIMIT {limits.events + 1}"
    places = ask(f"SELECT day, number FROM ({chosen}) ORDER BY {plan.ordering()}{most}")
    return made(relation.views, places, limits, whole=need_spans(plan.rest)), plan.rest


def made(views: list[View], places: list[tuple[int, int]], limits: Limits, *, whole: bool) -> Iterator[Event]:
    """Yield the traces at some places, each a day and a number in it."""
    for first in range(0, len(places), AT_ONCE):
        limits.check()
        batch = places[first : first + AT_ONCE]
        found = {}
        for day in {day for day, _ in batch}:
            view = views[day]
            numbers = [number for each, number in batch if each == day]
            kept = view.numbered(among("number", numbers))
            spans = view.spans_of([each for each in numbers if kept[each].flags & WHOLE]) if whole else {}
            found.update({(day, number): (kept[number], spans.get(number)) for number in numbers})
        for place in batch:
            yield from_stored(*found[place])


@contextmanager
def joint(store: DuckStore, from_ns: int, to_ns: int) -> Iterator[tuple[list[View], Connection | None]]:
    """Hold every day that a range touches, all on one connection."""
    with store.guard:
        store.opened()
        days = sorted(store.days)
        numbers = [each for each in days if each * DAY_NS < to_ns and from_ns < (each + 1) * DAY_NS]
    with ExitStack() as stack:
        held = [found for found in (stack.enter_context(store.pinned(each)) for each in numbers) if found]
        if not held:
            yield [], None
            return
        cursor = held[0][1]
        with telling(f"{store.directory} cannot be read"), transaction(cursor):
            yield [View(cursor, day, from_ns, to_ns) for day, _ in held], cursor


def hurried(cursor: Connection | None, limits: Limits) -> Ask:
    """Answer what asks the engine and stops it when time is up."""

    def ask(statement: str) -> list[tuple[Any, ...]]:
        assert cursor is not None
        with in_time(cursor, limits):
            return cursor.execute(statement).fetchall()

    return ask
