"""A query: one text, one tree, and what it selects."""

from __future__ import annotations

import time

from fanlight.errors import QueryError
from fanlight.event.times import Time
from fanlight.query.grammar import Parsed
from fanlight.query.match import compiled
from fanlight.query.nodes import Or, every
from fanlight.query.records import HOLDERS, without_others
from fanlight.query.setting import Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo
    from typing import Any

    from fanlight.event.event import Event
    from fanlight.query.nodes import Bound, Node
    from fanlight.query.plan import Prefilter
    from fanlight.query.stages import Stage

LOWER = frozenset({"from", "since"})
UPPER = frozenset({"to", "until"})


class Query:
    """What selects events: keywords, comparisons, time bounds, and stages behind `|`.

    Two queries are equal when they were written to the same effect; `str` writes one so that reading
    it again gives an equal query.

    Args:
        text: in the language of docs/reference/query.md; an empty one selects everything.
        now_ns: what `now` means, ns since 1970; the clock's time when None.
        zone: of times written without one; the machine's when None.

    Raises:
        QueryError: the text cannot be read; it has the column and a caret.

    Attributes:
        node: the tree; None selects everything.
        keywords_united: keywords stood side by side, so that one of them was enough.
        stages: what is done with the selected events.
    """

    __slots__ = (
        "case",
        "high_ns",
        "keywords_united",
        "limits",
        "low_ns",
        "node",
        "select",
        "setting",
        "stages",
        "text",
    )

    def __init__(self, text: str = "", *, now_ns: int | None = None, zone: tzinfo | None = None) -> None:
        parsed = Parsed(text)
        self.text = text
        self.node: Node | None = parsed.node
        self.case = parsed.case
        self.keywords_united = parsed.united
        self.limits: tuple[Bound, ...] = tuple([each for each, _ in parsed.bounds])
        self.setting = Setting(text, parsed.case, time.time_ns() if now_ns is None else now_ns, zone)
        self.low_ns: int | None = None
        self.high_ns: int | None = None
        for each, at in parsed.bounds:
            self.bind(each, at)
        self.stages: tuple[Stage, ...] = ()
        if parsed.stages:
            from fanlight.query.stages import read_stages

            self.stages = read_stages(text, parsed.stages[1])
        self.select: Callable[[Event], bool] = compiled(parsed.node, self.setting)
        """The predicate of the terms; time bounds are not in it."""

    @classmethod
    def from_args(cls, args: list[str], *, now_ns: int | None = None, zone: tzinfo | None = None) -> Query:
        """Answer the query of a command line's arguments, from which a shell has taken the quotes.

        An argument with blanks is a phrase when it holds nothing but words, a comparison with a long
        value when other arguments stand beside it, and else a query of its own.
        """
        from fanlight.query.arguments import joined

        return cls(joined(args), now_ns=now_ns, zone=zone)

    def bind(self, each: Bound, at: int) -> None:
        """Narrow the query to one time bound."""
        # Loaded here: a search without a time does without it.
        from fanlight.query.moments import EXAMPLES, moment, span

        setting = self.setting
        if each.key == "last":
            long = span(each.value)
            if long is None:
                reason = f"last:{each.value} is no length of time; write last:15m, last:2h, last:3d"
                raise QueryError("bad-time", reason, self.text, at)
            when = setting.now_ns - long
        else:
            found = moment(each.value, setting.now_ns, setting.zone)
            if found is None:
                reason = (
                    f"{each.value!r} is no time; write {EXAMPLES}. "
                    f'For a property named {each.key} write "{each.key}":…'
                )
                raise QueryError("bad-time", reason, self.text, at)
            when = found
        if each.key in UPPER:
            self.high_ns = when if self.high_ns is None else min(when, self.high_ns)
        else:
            self.low_ns = when if self.low_ns is None else max(when, self.low_ns)

    def matches(self, event: Event) -> bool:
        """Tell whether the query selects an event: its terms hold, and its time, if any, is within bounds.

        Control events are always selected.
        """
        if not self.select(event):
            return False
        if self.low_ns is None and self.high_ns is None:
            return True
        return self.selects(event.time_ns)

    def shown(self, event: Event) -> Event:
        """Answer a selected event as it is shown: of its records, where it holds any, those selected."""
        if self.node is None or event.read()[0].kind not in HOLDERS:
            return event
        return without_others(event, self.select)

    def bounds(self) -> tuple[int | None, int | None]:
        """Answer the first and the last ns since 1970 that it selects; None where there is no bound."""
        return self.low_ns, self.high_ns

    def selects(self, when: int | Time | None) -> bool:
        """Tell whether an event of this time may be selected; one without a time may."""
        if when is None:
            return True
        ns = when.ns if isinstance(when, Time) else when
        return (self.low_ns is None or self.low_ns <= ns) and (self.high_ns is None or ns <= self.high_ns)

    def within(self, low_ns: int | None, high_ns: int | None, *terms: Node) -> Query:
        """Answer the query narrowed to a time and to further terms.

        Args:
            low_ns: the first ns since 1970; None for no further bound.
            high_ns: the last one.
            terms: what must hold besides.
        """
        from copy import copy

        narrowed = copy(self)
        lows = [each for each in (self.low_ns, low_ns) if each is not None]
        highs = [each for each in (self.high_ns, high_ns) if each is not None]
        narrowed.low_ns = max(lows, default=None)
        narrowed.high_ns = min(highs, default=None)
        return narrowed.over(every([*([self.node] if self.node else ()), *terms])) if terms else narrowed

    def over(self, node: Node) -> Query:
        """Answer the query with another tree, bounds and stages as they are."""
        from copy import copy

        other = copy(self)
        other.node = node
        other.select = compiled(node, self.setting)
        return other

    def literals(self) -> Prefilter | None:
        """Answer what a raw line must hold so that the query can select it; None when any line may."""
        from fanlight.query.plan import prefilter

        return prefilter(self.node, self.setting)

    def fields(self) -> frozenset[str]:
        """Answer the names that the terms and the stages look up."""
        from fanlight.query.plan import names

        return names(self.node).union(*(stage.fields() for stage in self.stages))

    def parts(self) -> tuple[Any, ...]:
        """Answer what makes two queries equal."""
        return self.node, self.limits, self.case, tuple(str(stage) for stage in self.stages)

    def __eq__(self, other: object) -> bool:
        return self.parts() == other.parts() if isinstance(other, Query) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.parts())

    def __str__(self) -> str:
        words = [] if self.case is None else [self.case]
        if self.node is not None:
            words.append(f"({self.node})" if self.limits and isinstance(self.node, Or) else str(self.node))
        words += [str(each) for each in self.limits]
        words += [f"| {stage}" for stage in self.stages]
        return " ".join(words)

    def __repr__(self) -> str:
        return f"Query({str(self)!r})"
