"""Imported events for stages that leave few of them: the engine finds those, only they are read."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from fanlight.event.names import canonical
from fanlight.query.compile import TIME, Column, Compiled, stage_paths
from fanlight.query.sql import every, some
from fanlight.query.stages.head import Head
from fanlight.query.stages.sort import Sort
from fanlight.query.stages.tail import Tail
from fanlight.query.stages.uniq import Uniq
from fanlight.stores.duckdb.imported.lines import ORDER, Lines

if TYPE_CHECKING:
    from fanlight.query.answer import Facts, Limits
    from fanlight.query.nodes import Path
    from fanlight.query.query import Query
    from fanlight.query.stages import Stage
    from fanlight.stores.duckdb.imported.asker import Asker

LINES = "the engine finds imported events that are plain and may be left; others are added to them"


def leading(query: Query, limits: Limits) -> tuple[Stage, ...]:
    """Answer the first stages that leave of some events no more than of all; none where it is no help."""
    stages = query.stages
    count = next((at for at, stage in enumerate(stages) if not isinstance(stage, Sort)), len(stages))
    if count < len(stages):
        # The first events in their own order are read first anyway.
        is_reducing = isinstance(stages[count], Tail | Uniq) or (count and isinstance(stages[count], Head))
        return stages[: count + 1] if is_reducing else ()
    return stages if limits.events is not None else ()


def reduced(query: Query, asker: Asker, facts: Facts) -> tuple[str, str] | None:
    """Answer a statement of events and the condition of those that have to be read.

    None where the engine is of no use. The events that it need not tell are entered.
    """
    limits, ask = asker.limits, asker.ask
    stages = leading(query, limits)
    if not stages:
        return None
    looked_up = stage_paths(stages)
    try:
        lines = Lines(asker, query, [path for path in looked_up if not is_time(path)])
        columns = columns_of(lines, looked_up, stages) if lines.is_useful else None
        plan = None if columns is None else Compiled(stages, columns, ORDER)
        if plan is None or len(plan.pushed) < len(stages):
            return None
        selected = lines.sql()
        rows = plan.rows(selected)
        if isinstance(stages[-1], Sort):
            rows = f"SELECT * FROM ({rows}) ORDER BY {plan.ordering()} LIMIT {(limits.events or 0) + 1}"
        ((read,),) = ask(f"SELECT count(*) FROM ({selected})")
        numbers = [number for (number,) in ask(f"SELECT number FROM ({rows})")]
    except duckdb.ConversionException:
        # A property holds what its type does not say.
        return None
    facts.enter(read - len(numbers), read - len(numbers))
    facts.pushed.append(LINES)
    facts.stages_pushed += [f"{stage}, of imported events" for stage in stages]
    left = asker.among("place", numbers)
    return lines.source(), some([left, every([lines.bounds, lines.rest()])])


def is_time(path: Path) -> bool:
    """Tell whether a path is an event's time, where no property is called so."""
    return path.text == "time" or (not path.exact and canonical(path.text) == "time")


def columns_of(lines: Lines, looked_up: list[Path], stages: tuple[Stage, ...]) -> dict[str, Column] | None:
    """Answer the columns of what stages look up; of the time, only what sorts by it."""
    found: dict[str, Column] = {}
    if any(isinstance(stage, Sort) and str(stage.path) in lines.listed for stage in stages):
        # Their JSON tells which lists are the same, not which comes first.
        return None
    for path in looked_up:
        if is_time(path):
            names = {path.text, "time"}
            own = any(names & schema.places.keys() for schema in lines.shapes.values())
            if own or any(isinstance(stage, Uniq) and str(stage.path) == str(path) for stage in stages):
                return None
            found[str(path)] = Column((TIME,), int, (TIME,))
        else:
            columns = lines.columns([path])
            if columns is None:
                return None
            found |= columns
    return found
