"""Groups that the engine adds up over traces and imported events, the other events added to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from fanlight.event import types
from fanlight.query.compile import Compiled, Sums, paths_of, stage_paths
from fanlight.query.gathering import gathered
from fanlight.query.grouping import answers, groups_told, take
from fanlight.query.stages import run
from fanlight.query.stages.stats import Stats
from fanlight.query.stages.timechart import Timechart
from fanlight.query.stages.top import Top
from fanlight.stores.duckdb.imported.lines import Lines
from fanlight.stores.duckdb.relation import ORDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.answer import Facts
    from fanlight.query.compile import Column
    from fanlight.query.grouping import Function, Grouping, Groups, Shape
    from fanlight.query.query import Query
    from fanlight.stores.duckdb.imported.asker import Asker
    from fanlight.stores.duckdb.relation import Relation

    Ask = Callable[[str], list[tuple[Any, ...]]]

TRACES = "the tables decide on every term of traces; other events are added to them"
LINES = "the engine decides on imported events that are plain; others are added to them"


class Part(NamedTuple):
    """Selected events as a relation.

    Attributes:
        source: statement of the relation.
        columns: of what the stage looks up.
        ask: asks the engine.
        told: what the engine decides.
    """

    source: str
    columns: dict[str, Column]
    ask: Ask
    told: str


def adds_up(query: Query) -> bool:
    """Tell whether the first stage of a query adds up."""
    return bool(query.stages) and isinstance(query.stages[0], Stats | Timechart | Top)


def of_traces(query: Query, relation: Relation, ask: Ask) -> Part | None:
    """Answer the selected traces; None when the engine does not have all that is looked up."""
    first = query.stages[:1]
    plan = Compiled(first, relation.columns(stage_paths(first)), ORDER)
    return Part(relation.sql(), plan.columns, ask, TRACES) if plan.pushed else None


def of_lines(query: Query, asker: Asker, nominated: str) -> tuple[Part, Lines] | None:
    """Answer the imported events that are selected for sure; None when there are none to speak of.

    Args:
        query: selects; its first stage adds up.
        asker: asks the engine.
        nominated: condition that every selected event meets.
    """
    stage = query.stages[0]
    assert isinstance(stage, Stats | Timechart | Top)
    lines = Lines(asker, query, paths_of(stage), nominated)
    columns = lines.columns(paths_of(stage)) if lines.is_useful else None
    return None if columns is None else (Part(lines.sql(), columns, asker.ask, LINES), lines)


class Summed:
    """The events of a query as a stage that adds up takes them.

    Args:
        query: whose first stage adds up.
        parts: what the engine adds up.
        rest: answers the other events.
        slow: answers all events one by one, for what cannot be done otherwise.
        facts: are filled.
    """

    def __init__(
        self,
        query: Query,
        parts: list[Part],
        rest: Callable[[], Iterator[Event]],
        slow: Callable[[], Iterator[Event]],
        facts: Facts,
    ) -> None:
        self.query = query
        self.parts = parts
        self.rest = rest
        self.slow = slow
        self.facts = facts

    def __iter__(self) -> Iterator[Event]:
        return self.slow()

    def answer(self) -> Iterator[Event]:
        """Answer what the stages leave."""
        return run(self.query.stages[1:], self.query.stages[0].run(self))

    def add_up(self, functions: tuple[Function, ...], grouping: Grouping) -> Iterator[Event] | None:
        """Answer the groups; None where the first event tells what a number counts, and they differ."""
        facts = self.facts
        before = facts.kept()
        try:
            found = self.added_up(functions, grouping)
        except duckdb.ConversionException:
            # A property holds what its type does not say.
            found = None
        if found is None:
            facts.put_back(before)
            return None
        facts.stages_pushed.append(str(self.query.stages[0]))
        facts.stages_run += map(str, self.query.stages[1:])
        return found

    def added_up(self, functions: tuple[Function, ...], grouping: Grouping) -> Iterator[Event] | None:
        """Answer the groups, if they can be told."""
        groups: Groups = {}
        shapes: dict[str, Shape] = {}
        take(functions, grouping, self.rest(), groups, shapes)
        for part in self.parts:
            self.facts.pushed.append(part.told)
            sums = Sums(functions, grouping, part.columns, self.facts.enter)
            if not groups and len(self.parts) == 1:
                # Fast path: there is nothing to add to what the engine says.
                return sums.events(part.source, part.ask)
            told = gathered(sums, part.source, part.ask, groups).shapes
            if any(measure(shapes.get(name, shape)) != measure(shape) for name, shape in told.items()):
                return None
            shapes |= told
        return groups_told(answers(groups), functions, grouping, shapes) if groups else None


def measure(shape: Shape) -> tuple[bool, str | None]:
    """Answer what decides how a number of a type and unit is told."""
    return shape[0] == types.DURATION, shape[1]
