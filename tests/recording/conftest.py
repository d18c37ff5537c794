"""Traces caught as they finish, and read the way the background reads them."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.recording.nesting import SKIP, Spans, nest
from fanlight.recording.pauses import Seen
from fanlight.recording.recorder import LANE, SWITCH, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator


class Plain:
    """Names whose kinds are (category, title) pairs by number; a name that begins with "-" is skipped."""

    def __init__(self) -> None:
        self.kinds: list[tuple[str, str]] = []
        self.blocks: dict[tuple[str, str], int] = {}
        self.memo: dict[Any, Any] = {}
        self.templates: dict[int, str] = {}

    def block(self, category: str, title: str) -> int:
        return SKIP if category.startswith("-") else self.own(category, title)

    def named(self, name: str, title: str | None, payload: Any) -> tuple[int, dict[str, Any] | None]:
        if name.startswith("-"):
            return SKIP, None
        shown = payload if isinstance(payload, str) else ""
        return self.own(name, shown if title is None else title), payload if isinstance(
            payload, dict
        ) else None

    def own(self, category: str, title: str) -> int:
        if (category, title) not in self.kinds:
            self.kinds.append((category, title))
        return self.kinds.index((category, title))


class Reading:
    """Spans with their names."""

    def __init__(self, spans: Spans, names: Plain) -> None:
        self.spans = spans
        self.titles = [names.kinds[kind][1] or names.kinds[kind][0] for kind in spans.kinds]

    def __len__(self) -> int:
        return len(self.titles)

    def shape(self, place: int = 0) -> Any:
        """Answer titles, nested as the spans are: `("a", [...])`, a leaf's title alone."""
        children = [self.shape(child) for child, parent in enumerate(self.spans.parents) if parent == place]
        return (self.titles[place], children) if children else self.titles[place]

    def at(self, title: str) -> int:
        return self.titles.index(title)

    def interval(self, title: str) -> tuple[int, int]:
        place = self.at(title)
        return self.spans.starts[place], self.spans.ends[place]

    def notes(self, title: str) -> dict[str, Any]:
        place = self.at(title)
        return {
            key: value for owner, notes in self.spans.notes if owner == place for key, value in notes.items()
        }


def read(trace: Trace, pauses: list[tuple[int, int]] | None = None) -> Reading:
    names = Plain()
    return Reading(nest(trace, names, Seen(pauses or [])), names)


@pytest.fixture
def caught() -> Iterator[list[Trace]]:
    """Switch the recorder on and keep what finishes."""
    traces: list[Trace] = []
    LANE.set(None)
    sample, faults = SWITCH.sample, SWITCH.faults
    SWITCH.sink, SWITCH.sample = traces.append, 1.0
    gc.disable()
    yield traces
    gc.enable()
    SWITCH.sink, SWITCH.sample = None, sample
    LANE.set(None)
    assert SWITCH.faults == faults


@pytest.fixture
def reading() -> Any:
    return read


@pytest.fixture
def shape(caught) -> Any:
    """Answer the shape of the one trace that finished."""

    def answer() -> Any:
        (trace,) = caught
        return read(trace).shape()

    return answer


@pytest.fixture
def branches() -> None:
    """Hook tasks, threads and executors, as `start()` does."""
    from fanlight.recording.branches import hook

    hook()
