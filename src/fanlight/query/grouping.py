"""Groups of events by properties and steps of time, and what is added up in each, by weight."""

from __future__ import annotations

import re
from math import inf
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.event import TIME, UNTIMED, Event
from fanlight.event.property import Property
from fanlight.event.times import Time
from fanlight.query.functions import (
    FUNCTIONS,
    MEASURES,
    PERCENTILE,
    function,
    hashable,
    ordering,
    original,
)
from fanlight.query.match import index_of, own, value_of
from fanlight.query.moments import span
from fanlight.registry import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fanlight.query.nodes import Path
    from fanlight.query.words import Words

    Shape = tuple[str | None, str | None]
    """Type and unit of a property."""
    Groups = dict[tuple[Any, ...], list[Any]]
    """Something for each function, by what `hashable` makes of the group's values."""

WEIGHTED = frozenset({"trace", "span"})
STEP = re.compile(r"time:(.+)")


def weight_of(event: Event) -> float:
    """Answer how many events one stands for: what was sampled says so, every other stands for itself."""
    if event.kind not in WEIGHTED:
        return 1
    weight = event.value("weight", 1)
    return weight if weight.__class__ in (int, float) and 0 < weight < inf else 1


class Function:
    """One thing that is added up: `count`, `avg(duration)`.

    Attributes:
        name: of the function.
        path: what it looks at; None for `count` of everything.
    """

    __slots__ = ("name", "path")

    def __init__(self, name: str, path: Path | None) -> None:
        self.name = name
        self.path = path

    def __str__(self) -> str:
        return self.name if self.path is None else f"{self.name}({self.path})"


class Grouping:
    """By what events are put together: properties, and a step of time.

    Attributes:
        paths: of the properties.
        step_ns: of time, None when time does not matter.
        step: as written.
    """

    __slots__ = ("paths", "step", "step_ns")

    def __init__(self, paths: tuple[Path, ...], step: str = "") -> None:
        self.paths = paths
        self.step = step
        self.step_ns = span(step) if step else None

    def __str__(self) -> str:
        parts = [str(path) for path in self.paths]
        return ", ".join([*parts, f"time:{self.step}"] if self.step else parts)

    def keys(self) -> Callable[[Event], tuple[Any, ...]]:
        """Answer what puts an event in its group."""
        finders = [value_of(path) for path in self.paths]
        step = self.step_ns

        def key(event: Event) -> tuple[Any, ...]:
            values = tuple(hashable(find(event)) for find in finders)
            if step is None:
                return values
            ns = event.time_ns
            return (None if ns is None else ns // step * step, *values)

        return key


def read_functions(words: Words) -> tuple[Function, ...]:
    """Take functions with commas between them.

    Raises:
        QueryError: an unknown function, or one without its property.
    """
    found = [read_function(words)]
    while words.took(","):
        found.append(read_function(words))
    return tuple(found)


def read_function(words: Words) -> Function:
    """Take one function."""
    name = words.take().lower()
    if name == "median":
        name = "p50"
    if function(name) is None:
        reason = f"unknown function {name!r}{suggestion(name, [*FUNCTIONS, 'p95'])}"
        words.fail("unknown-function", reason)
    path = None
    if words.took("("):
        if words.peek() != ")":
            path = words.path(name)
        if not words.took(")"):
            words.take()
            words.fail("bad-stage", f"{name}( is never closed; write {name}(property)")
    if path is None and name != "count":
        words.fail("missing-name", f"{name} takes a property, as in {name}(duration)")
    return Function(name, path)


def read_grouping(words: Words) -> Grouping:
    """Take properties and a step of time, with commas between them."""
    paths: list[Path] = []
    step = ""
    while True:
        found = STEP.fullmatch(words.peek())
        if found:
            words.take()
            step = read_step(words, found.group(1))
        else:
            paths.append(words.path("by"))
        if not words.took(","):
            return Grouping(tuple(paths), step)


def read_step(words: Words, text: str) -> str:
    """Answer a step of time that is one.

    Raises:
        QueryError: it is none.
    """
    if not (span(text) or 0) > 0:
        words.fail("bad-stage", f"{text!r} is no step of time; write 10s, 1m, 1h")
    return text


def add_up(functions: tuple[Function, ...], grouping: Grouping, events: Iterable[Event]) -> Iterator[Event]:
    """Answer an event for each group, in the groups' order, with what each function says.

    Events that know a quicker way to the same answer have an `add_up` of their own; it answers None
    where it is none.
    """
    quick = getattr(events, "add_up", None)
    found: Iterator[Event] | None = None if quick is None else quick(functions, grouping)
    return summed(functions, grouping, events) if found is None else found


def summed(functions: tuple[Function, ...], grouping: Grouping, events: Iterable[Event]) -> Iterator[Event]:
    """Yield the groups of events, one after another."""
    groups: Groups = {}
    shapes: dict[str, Shape] = {}
    take(functions, grouping, events, groups, shapes)
    if not groups and not grouping.paths and grouping.step_ns is None:
        groups[()] = [fresh(each) for each in functions]
    return groups_told(answers(groups), functions, grouping, shapes)


def take(
    functions: tuple[Function, ...],
    grouping: Grouping,
    events: Iterable[Event],
    groups: Groups,
    shapes: dict[str, Shape],
) -> None:
    """Let functions take events, each in its group.

    Args:
        functions: which.
        grouping: by what.
        events: are taken.
        groups: each function with what it took so far, by group.
        shapes: type and unit of what a function looked at first, by the function as written.
    """
    key_of = grouping.keys()
    finders = [None if each.path is None else value_of(each.path) for each in functions]
    for event in events:
        weight = weight_of(event)
        key = key_of(event)
        sums = groups.get(key)
        if sums is None:
            sums = groups[key] = [fresh(each) for each in functions]
        for each, find, added in zip(functions, finders, sums, strict=True):
            value = True if find is None else find(event)
            if value is not None:
                added.add(value, weight)
                if each.path is not None and str(each) not in shapes:
                    shapes[str(each)] = shape(each.path, event)


def fresh(each: Function) -> Any:
    """Answer what adds up values and took none yet."""
    make = function(each.name)
    assert make is not None, each
    return make()


def answers(groups: Groups) -> Groups:
    """Answer what each function says, by group."""
    return {key: [added.answer() for added in sums] for key, sums in groups.items()}


def groups_told(
    told: Groups,
    functions: tuple[Function, ...],
    grouping: Grouping,
    shapes: dict[str, Shape],
) -> Iterator[Event]:
    """Yield an event for each group, in the groups' order.

    Args:
        told: what each function says, by what `hashable` makes of the group's values.
        functions: which were added up.
        grouping: by what.
        shapes: type and unit of what a function looked at, by the function as written.
    """
    for key in sorted(told, key=lambda key: [place_of(original(part)) for part in key]):
        values = zip(functions, told[key], strict=True)
        yield result(key, grouping, [measured(each, value, shapes) for each, value in values])


def place_of(value: Any) -> tuple[int, Any, str]:
    """Answer where a group's value stands among others; of equal ones the class decides, as 1 and 1.0."""
    return (*ordering(value), value.__class__.__name__)


def shape(path: Path, event: Event) -> Shape:
    """Answer type and unit of a property."""
    look = own(path)
    for each in event.walk() if index_of(path) is None else (event,):
        found = look(each)
        if found is not None:
            return found[2], found[1]
    return None, None


def is_measure(each: Function) -> bool:
    """Answer whether a function answers in the unit of what it looks at."""
    return each.name in MEASURES or PERCENTILE.fullmatch(each.name) is not None


def measured(each: Function, value: Any, shapes: dict[str, Shape]) -> Property:
    """Answer what a function says, in the unit of what it looked at."""
    name = str(each)
    kind, unit = shapes.get(name, (None, None))
    if value.__class__ is int and not types.INT_MIN <= value <= types.INT_MAX:
        # A property holds 64 bits; a sum, or a number of a log, may need more.
        return Property(name, float(value), unit=unit)
    if not is_measure(each):
        return Property(name, value)
    if kind == types.DURATION and isinstance(value, int | float):
        return Property(name, round(value), types.DURATION)
    return Property(name, value, unit=unit)


def result(key: tuple[Any, ...], grouping: Grouping, values: list[Property]) -> Event:
    """Answer the event of one group."""
    when: Any = UNTIMED
    if grouping.step_ns is not None:
        when = None if key[0] is None else Time(key[0])
        key = key[1:]
    given = []
    for path, part in zip(grouping.paths, key, strict=True):
        value = original(part)
        # A `time` that is none, as a text, is a property like others.
        if path.text != TIME or (when is UNTIMED and not isinstance(value, Time | None)):
            given.append(Property(path.text, value))
        elif when is UNTIMED:
            when = value
    return Event([*given, *values], kind="metrics", time=when)
