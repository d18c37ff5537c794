"""Whole queries: what the tables can say is said by the engine, the rest is done over events."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from fanlight.query.answer import UNLIMITED, Answer, Facts, counted
from fanlight.query.asof import AsOf
from fanlight.query.compile import Compiled, stage_paths
from fanlight.query.plan import looks_everywhere
from fanlight.query.stages import run, summing
from fanlight.stores.choose import DAY_NS
from fanlight.stores.duckdb.engine import telling, transaction
from fanlight.stores.duckdb.events import AT_ONCE, nominated
from fanlight.stores.duckdb.hurry import in_time
from fanlight.stores.duckdb.made import ROW, made, need_spans
from fanlight.stores.duckdb.mixed import Both
from fanlight.stores.duckdb.readings import may_tell, readings, told
from fanlight.stores.duckdb.reads import View
from fanlight.stores.duckdb.relation import ORDER, Relation
from fanlight.stores.duckdb.summed import Summed, adds_up, of_lines, of_traces
from fanlight.stores.imports import in_order
from fanlight.stores.readings import is_asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.answer import Limits
    from fanlight.query.query import Query
    from fanlight.query.stages import Stage
    from fanlight.stores.duckdb.engine import Connection
    from fanlight.stores.duckdb.store import DuckStore
    from fanlight.stores.duckdb.summed import Part

    Ask = Callable[[str], list[tuple[Any, ...]]]


def range_of(query: Query) -> tuple[int, int]:
    """Answer the range of a query's bounds, half open, ns since 1970."""
    low, high = query.bounds()
    return 0 if low is None else max(low, 0), 2**64 if high is None else high + 1


def selected(
    store: DuckStore,
    query: Query,
    facts: Facts | None = None,
    limits: Limits = UNLIMITED,
    asof: AsOf | None = None,
    reducing: Facts | None = None,
) -> Iterator[Event]:
    """Yield the kept traces of every day that a query selects, oldest first; its stages are not run."""
    facts = Facts() if facts is None else facts
    asof = AsOf(query, partial(readings, store)) if asof is None else asof
    nominees = traces(store, query, asof, facts, limits)
    yield from matching(query, in_order(nominees, *beside(store, query, limits, reducing)), facts, limits)


def traces(store: DuckStore, query: Query, asof: AsOf, facts: Facts, limits: Limits) -> Iterator[Event]:
    """Yield the traces that may be selected, with what readings add to them, oldest first."""
    whole = looks_everywhere(query.node) or need_spans(query.stages) or not query.fields() <= ROW
    found = (
        event
        for view in store.views(*range_of(query))
        for event in nominated(view.within(limits), query, whole=whole, beyond=asof.names)
    )
    return asof.joined(found, facts)


def beside(
    store: DuckStore, query: Query, limits: Limits, reducing: Facts | None = None
) -> tuple[Iterator[Event], Iterator[Event]]:
    """Answer the imported events that may be selected, and what is told of the stores' own readings.

    Args:
        store: whose events.
        query: selects.
        limits: of the answer.
        reducing: given where the stages are run: what they leave nothing of is only entered.
    """
    readings_told = told(store, query) if is_asked(query) else iter(())
    return store.imports.nominated(query, limits, reducing), readings_told


def matching(query: Query, events: Iterator[Event], facts: Facts, limits: Limits) -> Iterator[Event]:
    """Yield those of some events that a query selects."""
    for event in events:
        facts.scanned += 1
        if facts.scanned % AT_ONCE == 1:
            limits.check(facts.scanned)
        if query.matches(event):
            yield event


def answer(store: DuckStore, query: Query, limits: Limits) -> Answer:
    """Answer a query with its stages."""
    facts = Facts(is_summed=summing(query.stages))
    return Answer(rows(store, query, limits, facts), facts, limits)


def rows(store: DuckStore, query: Query, limits: Limits, facts: Facts) -> Iterator[Event]:
    """Yield what a query's stages leave."""
    asof = AsOf(query, partial(readings, store))
    with ExitStack() as stack:
        unhurried, cursor = stack.enter_context(joint(store, *range_of(query)))
        views = [view.within(limits) for view in unhurried]
        whole = Relation(views, query, asof.names)
        relation = whole if views and whole.is_exact else None
        ask = hurried(cursor, limits)
        if relation is not None and not others_may(store, query, views, limits):
            events, rest = compiled(relation, query, limits, facts, ask)
            yield from run(rest, asof.joined(events, facts))
            return
        found = None
        if adds_up(query):
            parts = [each for each in [relation and of_traces(query, relation, ask)] if each]
            found = summed(store, query, parts, asof, (facts, limits), stack)
        elif relation is not None:
            others = partial(others_of, store, query, facts, limits)
            both = Both(relation, ask, query, others, asof, limits, facts)
            found = both.answer()
        if found is not None:
            yield from found
            return
    facts.stages_run += map(str, query.stages)
    yield from run(query.stages, one_by_one(store, query, facts, limits, asof))


def summed(
    store: DuckStore,
    query: Query,
    parts: list[Part],
    asof: AsOf,
    told_to: tuple[Facts, Limits],
    stack: ExitStack,
) -> Iterator[Event] | None:
    """Answer what the stages leave where the engine adds up some of the events; None when it cannot.

    Args:
        store: whose events.
        query: whose first stage adds up.
        parts: of the traces, if the tables decide on them.
        asof: what traces may lack.
        told_to: the facts and the limits.
        stack: ends what has to be held meanwhile.
    """
    facts, limits = told_to
    imported, readings_told = beside(store, query, limits)
    found = None
    if store.imports.is_there:
        asker = stack.enter_context(store.imports.snapshot(limits))
        found = of_lines(query, asker, store.imports.few(query, asker))
        if found is not None:
            imported = store.imports.undecided(query, found[1], asker)
    others = in_order(
        iter(()) if parts else traces(store, query, asof, facts, limits), imported, readings_told
    )
    every_part = [*parts, *([found[0]] if found else [])]
    if not every_part:
        return None
    rest = partial(counted, query, matching(query, others, facts, limits), limits, facts)
    slow = partial(one_by_one, store, query, facts, limits, asof)
    return Summed(query, every_part, rest, slow, facts).answer()


def others_of(store: DuckStore, query: Query, facts: Facts, limits: Limits) -> Iterator[Event]:
    """Yield the events that a query selects and that are no traces, oldest first."""
    return matching(query, in_order(iter(()), *beside(store, query, limits, facts)), facts, limits)


def one_by_one(store: DuckStore, query: Query, facts: Facts, limits: Limits, asof: AsOf) -> Iterator[Event]:
    """Yield the events that a query selects as its stages take them."""
    facts.pushed.append("the tables nominate events, the predicate decides on each")
    return counted(query, selected(store, query, facts, limits, asof, facts), limits, facts)


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
    (sums,) = ask(f"SELECT count(*), coalesce(sum(w), 0) FROM ({source})")
    facts.enter(*sums)
    if plan.summing is not None:
        return plan.groups(source, ask), plan.rest
    chosen = plan.rows(source)
    most = "" if plan.rest or limits.events is None else f" LIMIT {limits.events + 1}"
    places = ask(f"SELECT day, number FROM ({chosen}) ORDER BY {plan.ordering()}{most}")
    return made(relation.views, places, limits, whole=need_spans(plan.rest)), plan.rest


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
