"""Stages: what is done with the events that a query selects, behind `|`.

In comes a stream of events, out goes another. A stage reads its own words, prints itself so that
reading it again gives an equal one, names the properties it looks up, and runs in memory. Rows that
stand for others count by their weight.

To add one: write `stages/<name>.py` with a class that meets `Stage`, give it a line in `BUILT_IN`,
and cases in `tests/query/stages.toml`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from fanlight.registry import load, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.words import Words


class Stage(Protocol):
    """One step behind a `|`."""

    def run(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield what becomes of the events; none of them steers the pipeline."""

    def fields(self) -> frozenset[str]:
        """Answer the names it looks up."""


BUILT_IN = {
    "fields": "fanlight.query.stages.fields:Fields",
    "head": "fanlight.query.stages.head:Head",
    "sort": "fanlight.query.stages.sort:Sort",
    "stats": "fanlight.query.stages.stats:Stats",
    "tail": "fanlight.query.stages.tail:Tail",
    "timechart": "fanlight.query.stages.timechart:Timechart",
    "top": "fanlight.query.stages.top:Top",
    "uniq": "fanlight.query.stages.uniq:Uniq",
}


def read_stages(text: str, at: int) -> tuple[Stage, ...]:
    """Answer the stages of a query whose first `|` stands at a place.

    Raises:
        QueryError: an unknown stage, or words that it does not take.
    """
    from fanlight.query.words import Words

    stages: list[Stage] = []
    name = ""
    words = Words(text, at)
    while True:
        at = len(text) - len(text[words.at :].lstrip())
        if at >= len(text) and stages:
            return tuple(stages)
        if not text.startswith("|", at):
            word = words.take()
            wanted = "; it takes a number of events" if name in ("head", "tail") else ""
            words.fail("bad-stage", f"{word} is more than the stage {name} takes{wanted}")
        words.at = words.began = at + 1
        name = words.take().lower()
        if name not in BUILT_IN:
            reason = f"unknown stage {name!r}{meant(name) or suggestion(name, list(BUILT_IN))}"
            words.fail("unknown-stage", reason if name else f"a stage is missing behind |; known: {KNOWN}")
        reader = cast("Callable[[Words], Stage]", load(name, BUILT_IN, "stages"))
        stages.append(reader(words))


KNOWN = ", ".join(BUILT_IN)
SELECTING = frozenset({"filter", "grep", "having", "search", "where"})
"""What selects elsewhere; here the terms do."""
SHOWING = {"select": "fields", "keep": "fields", "project": "fields", "limit": "head", "take": "head"}
SHOWING |= {"order": "sort", "orderby": "sort", "distinct": "uniq", "dedup": "uniq", "summarize": "stats"}
"""What other languages call a stage."""


def meant(name: str) -> str:
    """Answer what to write instead of a stage that other languages have; "" where it is no such word."""
    from fanlight.query.functions import FUNCTIONS

    if name in SELECTING:
        return "; terms select, before the first |, as in status:5xx | stats count"
    if name in SHOWING:
        return f"; here it is {SHOWING[name]}; known: {KNOWN}"
    return f"; a function stands behind stats, as in | stats {name}" if name in FUNCTIONS else ""


def run(stages: tuple[Stage, ...], events: Iterable[Event]) -> Iterator[Event]:
    """Yield what stages make of a stream; what steers the pipeline passes, its end comes last."""
    ends: list[Event] = []

    def ordinary() -> Iterator[Event]:
        for event in events:
            if event.is_control:
                ends.append(event)
            else:
                yield event

    stream: Iterator[Event] = ordinary()
    for stage in stages:
        stream = stage.run(stream)
    yield from stream
    yield from ends


def summing(stages: tuple[Stage, ...]) -> bool:
    """Tell whether stages add up, so that of an event only what they look up matters."""
    return any(type(stage).__name__ in ("Stats", "Timechart", "Top") for stage in stages)
