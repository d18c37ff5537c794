"""An answer: the events that a query leads to, and what is to be known about how they were come by."""

from __future__ import annotations

import time
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.errors import QueryError
from fanlight.query.grouping import weight_of
from fanlight.query.stages import run, summing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.query import Query

CHECKED = 256
"""Events between two looks at the clock."""


class Limits(NamedTuple):
    """What an answer may take.

    Attributes:
        events: that it may have; None for any number.
        until_s: when it has to be there, by the monotonic clock; None for no hurry.
    """

    events: int | None = None
    until_s: float | None = None

    def check(self, scanned: int = 0) -> None:
        """Refuse to go on when time is up.

        Args:
            scanned: events that were looked at one by one so far.

        Raises:
            QueryError: with the code `too-long`.
        """
        if self.until_s is not None and time.monotonic() > self.until_s:
            raise too_long(scanned)


UNLIMITED = Limits()


def too_long(scanned: int = 0) -> QueryError:
    """Answer the error of a query whose time is up.

    Args:
        scanned: events that were looked at one by one until then.
    """
    why = (
        f": {scanned:,} events that the store does not decide on were looked at one by one" if scanned else ""
    )
    way = "bound the time with last:1h, or ask for less"
    return QueryError("too-long", f"the answer took longer than it may{why}; {way}")


class Facts:
    """How an answer was come by; complete when all of its events were taken.

    Args:
        is_summed: the stages add up.

    Attributes:
        scanned: rows that were looked at one by one, because the store could not decide on them.
        read: events that were selected.
        whole: how many events those stand for, by their weights, without fractions.
        part: the fractions.
        pushed: what the store itself decided, a sentence each.
        stages_pushed: stages that the store itself ran.
        stages_run: stages that were run over events, one by one.
        joined: property that was looked up in the events nearest in time, to how many were found.
        is_truncated: there was more than the limits allow.
    """

    def __init__(self, *, is_summed: bool = False) -> None:
        self.is_summed = is_summed
        self.scanned = 0
        self.read = 0
        self.whole = 0
        self.part = 0.0
        self.pushed: list[str] = []
        self.stages_pushed: list[str] = []
        self.stages_run: list[str] = []
        self.joined: dict[str, int] = {}
        self.is_truncated = False

    def count(self, event: Event) -> None:
        """Enter an event that was selected."""
        weight = weight_of(event)
        self.read += 1
        if weight.__class__ is int:
            # Fast path: what is not sampled stands for itself.
            self.whole += weight
        else:
            self.stand(weight)

    def enter(self, read: int, stands_for: float) -> None:
        """Enter events that were selected together."""
        self.read += read
        self.stand(stands_for)

    def kept(self) -> dict[str, Any]:
        """Answer all of it as it is now."""
        return {name: copy(value) for name, value in vars(self).items()}

    def put_back(self, kept: dict[str, Any]) -> None:
        """Be again as it was."""
        vars(self).update(kept)

    def stand(self, weight: float) -> None:
        """Enter for how many events more the selected ones stand.

        Whole numbers are added apart from fractions: in whatever order they come, the sum is the same.
        """
        whole = int(weight)
        self.whole += whole
        self.part += weight - whole

    @property
    def stands_for(self) -> float:
        """How many events the selected ones stand for."""
        carried = int(self.part)
        part = self.part - carried
        return self.whole + carried + part if part else self.whole + carried

    def estimate(self) -> str | None:
        """Answer that the answer is an estimate, or a sample; None when it is exact."""
        if self.stands_for == self.read:
            return None
        if not self.is_summed:
            return f"the {self.read:,} that are kept stand for {round(self.stands_for):,}"
        return f"estimated from {self.read:,} of {round(self.stands_for):,}"

    def told(self) -> dict[str, Any]:
        """Answer the facts as JSON."""
        return {
            "scanned": self.scanned,
            "read": self.read,
            "stands_for": self.stands_for,
            "estimate": self.estimate(),
            "pushed": self.pushed,
            "stages_pushed": self.stages_pushed,
            "stages_run": self.stages_run,
            "joined": self.joined,
            "truncated": self.is_truncated,
        }


class Answer:
    """The events that a query's stages leave, within limits.

    Args:
        events: what comes behind the stages.
        facts: filled as the events are taken.
        limits: what it may take.
    """

    def __init__(self, events: Iterable[Event], facts: Facts, limits: Limits) -> None:
        self.facts = facts
        self.limits = limits
        # Not of `self`: in a circle, what an answer that is left halfway holds would stay until it is found.
        self.rows = limited(events, facts, limits)

    def __iter__(self) -> Iterator[Event]:
        return self.rows

    def note(self) -> str | None:
        """Answer, when all rows are taken, that the answer is an estimate; None when it is exact."""
        return self.facts.estimate()


def limited(events: Iterable[Event], facts: Facts, limits: Limits) -> Iterator[Event]:
    """Yield as many events as are allowed, and note that there was one more."""
    for place, event in enumerate(events):
        if place == limits.events:
            facts.is_truncated = True
            return
        yield event


def in_memory(
    query: Query, selected: Iterable[Event], limits: Limits = UNLIMITED, facts: Facts | None = None
) -> Answer:
    """Answer what a query's stages make of the events that it selected, one by one.

    Args:
        query: whose stages are run.
        selected: events that its terms and bounds select, in order.
        limits: what the answer may take.
        facts: to go on with.
    """
    told = Facts(is_summed=summing(query.stages)) if facts is None else facts
    told.stages_run += [str(stage) for stage in query.stages]
    return Answer(run(query.stages, counted(query, selected, limits, told)), told, limits)


def counted(query: Query, selected: Iterable[Event], limits: Limits, facts: Facts) -> Iterator[Event]:
    """Yield selected events as they are shown, entered, until time is up."""
    for place, event in enumerate(selected):
        if place % CHECKED == 0:
            limits.check(facts.scanned)
        if not event.is_control:
            facts.count(event)
        yield query.shown(event)
