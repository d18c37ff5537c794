"""Kept traces as events, of places that the engine has chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.event.trace import TRACE, from_stored
from fanlight.stores.duckdb.events import AT_ONCE
from fanlight.stores.duckdb.reads import among
from fanlight.stores.readings import ASKED
from fanlight.wire.messages import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.event import Event
    from fanlight.query.answer import Limits
    from fanlight.query.stages import Stage
    from fanlight.stores.duckdb.reads import View

ROW = frozenset({*TRACE.names, "time", ASKED})
"""What a trace's row has; every trace has all of it, so that no span is asked in its place."""


def need_spans(stages: tuple[Stage, ...]) -> bool:
    """Tell whether stages need or leave more of a trace than its row has."""
    for stage in stages:
        if not stage.fields() <= ROW:
            return True
        if type(stage).__name__ in ("Fields", "Stats", "Timechart", "Top"):
            return False
    return True


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
