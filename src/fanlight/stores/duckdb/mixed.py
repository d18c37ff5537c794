"""Queries that select traces and other events: the engine takes the traces, the others are added."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.query.answer import counted
from fanlight.query.compile import Compiled, stage_paths
from fanlight.query.stages import run
from fanlight.query.stages.sort import Sort
from fanlight.stores.duckdb.made import made, need_spans
from fanlight.stores.duckdb.relation import ORDER
from fanlight.stores.duckdb.summed import TRACES
from fanlight.stores.imports import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.answer import Facts, Limits
    from fanlight.query.asof import AsOf
    from fanlight.query.query import Query
    from fanlight.query.stages import Stage
    from fanlight.stores.duckdb.relation import Relation

    Ask = Callable[[str], list[tuple[Any, ...]]]

REDUCING = ("Head", "Tail", "Uniq")
"""Stages of which some events leave no more than of all: what they leave of the traces is enough of them."""


class Both(NamedTuple):
    """Selected traces, which the tables tell, and other selected events.

    Attributes:
        relation: of the traces.
        ask: asks the engine.
        query: selects.
        others: answers the events that are no traces, oldest first, as often as it is asked.
        asof: what traces may lack.
        limits: of the answer.
        facts: are filled.
    """

    relation: Relation
    ask: Ask
    query: Query
    others: Callable[[], Iterator[Event]]
    asof: AsOf
    limits: Limits
    facts: Facts

    def answer(self) -> Iterator[Event] | None:
        """Answer what the stages leave; None when the engine is of no use."""
        stages = self.query.stages
        count = self.reducible()
        return self.reduced(stages[:count]) if count else None

    def plan(self, stages: tuple[Stage, ...]) -> Compiled:
        """Answer what the engine can do of some stages."""
        return Compiled(stages, self.relation.columns(stage_paths(stages)), ORDER)

    def reducible(self) -> int:
        """Answer how many of the first stages the engine can run over the traces beforehand."""
        stages = self.query.stages
        count = next((at for at, stage in enumerate(stages) if not isinstance(stage, Sort)), len(stages))
        if count < len(stages):
            is_reducing = type(stages[count]).__name__ in REDUCING
            count = count + 1 if is_reducing else 0
        elif self.limits.events is None:
            count = 0
        return count if len(self.plan(stages[:count]).pushed) == count else 0

    def reduced(self, stages: tuple[Stage, ...]) -> Iterator[Event]:
        """Yield what all stages leave of the traces that the first ones leave, and of the others."""
        plan = self.plan(stages)
        source = self.relation.sql()
        self.enter(source)
        self.facts.stages_pushed += [f"{stage}, of traces" for stage in stages]
        self.facts.stages_run += map(str, self.query.stages)
        rows = plan.rows(source)
        if type(stages[-1]).__name__ not in REDUCING:
            rows = f"SELECT * FROM ({rows}) ORDER BY {plan.ordering()} LIMIT {(self.limits.events or 0) + 1}"
        places = self.ask(f"SELECT day, number FROM ({rows}) ORDER BY {', '.join(ORDER)}")
        traces = made(self.relation.views, places, self.limits, whole=need_spans(self.query.stages))
        yield from run(
            self.query.stages,
            in_order(self.asof.joined(traces, self.facts), self.added()),
        )

    def enter(self, source: str) -> None:
        """Enter the traces that are selected."""
        (sums,) = self.ask(f"SELECT count(*), coalesce(sum(w), 0) FROM ({source})")
        self.facts.enter(*sums)
        self.facts.pushed.append(TRACES)

    def added(self) -> Iterator[Event]:
        """Yield the other events as stages take them."""
        return counted(self.query, self.others(), self.limits, self.facts)
