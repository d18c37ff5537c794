"""JSON lines added up: what a stage looks up is taken from the decoded object, with no event made.

FAST PATH: an event with its schema costs several times what decoding the line does. Lines that are no
objects, and values that an event holds otherwise, are read as events are, one among the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.event import LINE, RAW, TIME
from fanlight.event.names import canonical
from fanlight.parsers.json import CLASSES, DEEP_BYTES, JsonFormat, is_deep
from fanlight.pipeline.files.found import SHORT, event_of
from fanlight.query.functions import hashable
from fanlight.query.grouping import answers, fresh, groups_told, take
from fanlight.query.match import KIND, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.parsers import Format
    from fanlight.pipeline.files.found import Found
    from fanlight.pipeline.files.search import Search
    from fanlight.query.grouping import Function, Grouping, Groups, Shape
    from fanlight.query.nodes import Path

OWN = frozenset({TIME, RAW, LINE, KIND})
SIMPLE = frozenset({str, int, float, bool, type(None)})


class Objects:
    """What was added up so far.

    Args:
        functions: of the stage.
        grouping: of the stage.
    """

    def __init__(self, functions: tuple[Function, ...], grouping: Grouping) -> None:
        self.functions = functions
        self.grouping = grouping
        self.groups: Groups = {}
        self.shapes: dict[str, Shape] = {}
        self.known: dict[tuple[Any, ...], list[Any]] = {}
        """The same as `groups`, by the values as they were decoded."""
        paths = [*grouping.paths, *(each.path for each in functions if each.path is not None)]
        self.names = [names_of(path) for path in paths]
        self.count = len(grouping.paths)

    def suits(self, found: Format) -> bool:
        """Tell whether lines of a format can be taken: every property is a key, or what one is called."""
        return isinstance(found, JsonFormat) and None not in self.names

    def take(self, search: Search, found: Found) -> None:
        """Take the lines of what was found."""
        format = search.format  # noqa: A001 the thing's own word
        assert isinstance(format, JsonFormat)
        decode, note = format.decode, search.note if found.spans is None else None
        row_of = self.reading(format)
        for raw in found.text().split(b"\n"):
            if len(raw) <= SHORT and not raw.strip():
                continue
            try:
                value = decode(raw)
                row = None if len(raw) > DEEP_BYTES and is_deep(raw, value) else row_of(value)
            except (ValueError, RecursionError):
                row = None
            if row is None:
                self.add([event_of(format, raw, 0, note)])
            else:
                self.enter(*row)

    def reading(self, of: JsonFormat) -> Callable[[Any], tuple[int | None, list[Any]] | None]:
        """Answer what takes the time and the values out of an object; None of one to be read as an event."""
        names = [each for each in self.names if each is not None]
        asked = {name for one, other, steps in names for name in (one, other, *beginnings(steps))}
        step = self.grouping.step_ns
        is_timed = step is not None or not asked.isdisjoint(of.keys["time"])
        is_renamed = not asked.isdisjoint({"level", "message", *of.keys["level"], *of.keys["message"]})

        def row(found: Any) -> tuple[int | None, list[Any]] | None:
            if found.__class__ is not dict:
                return None
            when = of.take_time(found) if is_timed else None
            if is_renamed:
                of.rename(found)
            values = [
                found[name] if name in found else found[other] if other in found else inside(found, steps)
                for name, other, steps in names
            ]
            if not all(map(is_plain, values)):
                return None
            return None if when is None else when.ns, values

        return row

    def enter(self, ns: int | None, values: list[Any]) -> None:
        """Enter the values of one line."""
        step, count = self.grouping.step_ns, self.count
        # 1, 1.0 and True are one key to Python.
        key: tuple[Any, ...] = tuple(
            [value if value.__class__ is str else (value.__class__, value) for value in values[:count]]
        )
        if step is not None:
            when = None if ns is None else ns // step * step
            key = (when, *key)
        sums = self.known.get(key)
        if sums is None:
            real = tuple(hashable(value) for value in values[:count])
            real = real if step is None else (when, *real)
            sums = self.groups.get(real)
            if sums is None:
                sums = self.groups[real] = [fresh(each) for each in self.functions]
            self.known[key] = sums
        at = count
        for each, added in zip(self.functions, sums, strict=True):
            if each.path is None:
                added.add(True, 1)
                continue
            value = values[at]
            at += 1
            if value is not None:
                added.add(value, 1)
                if len(self.shapes) < len(values) - count:
                    self.shapes.setdefault(str(each), (CLASSES[value.__class__], None))

    def add(self, events: Iterable[Event]) -> None:
        """Take events."""
        take(self.functions, self.grouping, events, self.groups, self.shapes)

    def rows(self) -> Iterator[Event]:
        """Yield an event for each group."""
        if not self.groups and not self.grouping.paths and self.grouping.step_ns is None:
            self.groups[()] = [fresh(each) for each in self.functions]
        return groups_told(answers(self.groups), self.functions, self.grouping, self.shapes)


def inside(found: dict[str, Any], steps: list[str]) -> Any:
    """Answer what lies on a dotted path; None when nothing does."""
    if len(steps) != 2:
        return within(found, steps) if steps else None
    # FAST PATH: most objects in objects are one in another.
    inner = found.get(steps[0])
    return inner.get(steps[1]) if inner.__class__ is dict else None


def is_plain(value: Any) -> bool:
    """Tell whether an event holds a value as it was decoded, and as one value."""
    sort = value.__class__
    return sort in SIMPLE and (sort is not int or types.INT_MIN <= value <= types.INT_MAX)


def names_of(path: Path) -> tuple[str, str, list[str]] | None:
    """Answer the keys that a path may mean: as written, as it is known, and one in another.

    None when it may mean more.
    """
    name = path.text
    other = name if path.exact else canonical(name)
    steps = name.split(".") if "." in name and not path.exact else []
    is_own = other in OWN or not OWN.isdisjoint(beginnings(steps))
    return None if name.startswith(("#", "span.")) or is_own or name in ("", '""') else (name, other, steps)


def beginnings(steps: list[str]) -> list[str]:
    """Answer the keys on the way to one in another."""
    return [".".join(steps[:cut]) for cut in range(1, len(steps) + 1)]
