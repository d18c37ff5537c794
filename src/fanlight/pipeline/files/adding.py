"""The events that files answer, for a stage: one by one, or added up without making them."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from fanlight.event import types
from fanlight.event.batch import Batch, Batched
from fanlight.event.event import Event
from fanlight.event.names import canonical
from fanlight.event.schema import Schema
from fanlight.parsers.grouped import TIME, PatternFormat
from fanlight.pipeline.files.added.objects import Objects
from fanlight.query.grouping import is_measure, summed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.parsers import Format
    from fanlight.parsers.fields import Field
    from fanlight.pipeline.files.answer import Answer
    from fanlight.pipeline.files.columns import Cutter
    from fanlight.pipeline.files.found import Found
    from fanlight.pipeline.files.search import Search
    from fanlight.pipeline.files.sums import Sums
    from fanlight.query.grouping import Function, Grouping
    from fanlight.query.nodes import Path

WORTH = 2_000_000
"""Bytes of a file from which on columns are worth what their library costs to load."""
OWN = frozenset({TIME, "raw", "line", "kind"})
KINDS = frozenset({types.STRING, types.INT, types.DURATION})
NUMBERS = frozenset({types.INT, types.DURATION})


class Selected:
    """What a stage takes for the events of an answer.

    Args:
        answer: selects.
        names: the properties that are looked up.
    """

    def __init__(self, answer: Answer, names: frozenset[str]) -> None:
        self.answer = answer
        self.names = names

    def __iter__(self) -> Iterator[Event]:
        return self.answer.selected(self.names)

    def add_up(self, functions: tuple[Function, ...], grouping: Grouping) -> Iterator[Event] | None:
        """Answer an event for each group, as `grouping.add_up` does; None when the events are needed."""
        given = [*(path.text for path in grouping.paths), *map(str, functions)]
        if self.answer.is_endless or len(set(given)) < len(given) or TIME in given:
            return None
        return Batched(self.added(functions, grouping))

    def added(self, functions: tuple[Function, ...], grouping: Grouping) -> Iterator[Event | Batch]:
        """Yield the groups: of columns as far as files allow it, else of events."""
        adding: Adding | None = None
        parts = self.answer.parts()
        for search, found in parts:
            if adding is None:
                objects = Objects(functions, grouping)
                if objects.suits(search.format):
                    yield from self.objects(objects, search, found, parts)
                    return
                is_small = search.source.size is not None and search.source.size < WORTH
                if is_small or not has_numpy():
                    yield from summed(functions, grouping, self.events(search, found, parts))
                    return
                adding = Adding(functions, grouping, self.names)
            if not adding.take(search, found):
                rest = chain(adding.events(), self.events(search, found, parts))
                yield from summed(functions, grouping, rest)
                return
        if adding is None:
            yield from summed(functions, grouping, [])
            return
        rows = adding.rows()
        if rows is None:
            yield from summed(functions, grouping, adding.events())
        else:
            yield from rows

    def objects(
        self, objects: Objects, search: Search, found: Found, parts: Iterator[tuple[Search, Found]]
    ) -> Iterator[Event]:
        """Yield the groups of lines that are objects; of other files, of events."""
        for each, some in chain([(search, found)], parts):
            if objects.suits(each.format):
                objects.take(each, some)
            else:
                objects.add(self.events(each, some, parts))
        yield from objects.rows()

    def events(self, search: Search, found: Found, parts: Iterator[tuple[Search, Found]]) -> Iterator[Event]:
        """Yield the events of what was found, and of what is found from here on."""
        return self.answer.read(chain([(search, found)], parts), self.names)


def has_numpy() -> bool:
    """Answer whether the library of columns is there."""
    try:
        import numpy  # noqa: F401, ICN001 asked for its being there
    except ImportError:
        return False
    return True


class Adding:
    """What was added up so far, in columns.

    Args:
        functions: of the stage.
        grouping: of the stage.
        names: the properties that the query looks up.
    """

    def __init__(self, functions: tuple[Function, ...], grouping: Grouping, names: frozenset[str]) -> None:
        from fanlight.pipeline.files.columns import Cutter
        from fanlight.pipeline.files.sums import Sums

        self.functions = functions
        self.grouping = grouping
        self.names = names
        self.make = Cutter
        self.make_sums = Sums
        self.sums: Sums | None = None
        self.fields: list[Field] = []
        self.keys: list[int] = []
        self.measures: list[int | None] = []
        self.cutters: dict[Search, Cutter] = {}

    def take(self, search: Search, found: Found) -> bool:
        """Take what was found; answer whether it could be, else nothing of it was."""
        cutter = self.cutters.get(search)
        if cutter is None:
            cutter = self.cutter_of(search.format)
            if cutter is None:
                return False
            self.cutters[search] = cutter
        from fanlight.pipeline.files.columns import TooLarge

        unread, is_fresh = cutter.unread, found.spans is None
        try:
            count, columns = cutter.cut(found.text())
        except TooLarge:
            return False
        assert self.sums is not None
        self.sums.add(count, columns)
        if is_fresh and cutter.unread > unread:
            # Nobody has looked at these lines before, so nobody has counted them.
            search.faults[f"not a line of the format {search.format.name}"] += cutter.unread - unread
        return True

    def cutter_of(self, format: Format) -> Cutter | None:  # noqa: A002 the thing's own word
        """Answer what cuts the lines of a format; None when its events are more than its lines show."""
        if not isinstance(format, PatternFormat) or format.heads is not None:
            return None
        paths = [*self.grouping.paths, *(each.path for each in self.functions if each.path is not None)]
        fields = [field_of(path, format) for path in paths]
        if any(field is None or field.type not in KINDS for field in fields):
            return None
        known = [field for field in fields if field is not None]
        count = len(self.grouping.paths)
        measured = iter(known[count:])
        functions = [(each, None if each.path is None else next(measured)) for each in self.functions]
        for function, field in functions:
            if is_measure(function) and field is not None and field.type not in NUMBERS:
                return None
        if self.grouping.step_ns is not None and format.stamp is None:
            return None
        if self.sums is None:
            self.begin(known[:count], functions)
        elif [(field.name, field.type, field.unit) for field in known] != [
            (field.name, field.type, field.unit) for field in self.fields
        ]:
            return None
        self.fields = known
        assert self.sums is not None
        return self.make(format, tuple(self.sums.wanted), self.sums.tables, self.names)

    def begin(self, keys: list[Field], functions: list[tuple[Function, Field | None]]) -> None:
        """Begin with the columns that the fields of the first file ask for."""
        kinds = [
            None if field is None else (field.type, "ns" if field.type == types.DURATION else field.unit)
            for _, field in functions
        ]
        sums = self.sums = self.make_sums(self.functions, self.grouping, kinds)
        if self.grouping.step_ns is not None:
            self.keys.append(sums.column(TIME, is_number=True))
        self.keys += [sums.column(field.name, is_number=False) for field in keys]
        self.measures = [
            None if field is None else sums.column(field.name, is_number=field.type in NUMBERS)
            for _, field in functions
        ]

    def rows(self) -> Iterator[Batch] | None:
        """Answer the groups; None when there is no room for the numbers."""
        from fanlight.pipeline.files.sums import TooMany

        assert self.sums is not None
        try:
            return self.sums.rows(self.keys, self.measures)
        except TooMany:
            return None

    def events(self) -> Iterator[Event]:
        """Yield events that have in them what was taken."""
        if self.sums is None:
            return
        kinds = {field.name: (field.type, field.unit) for field in self.fields}
        for values, when in self.sums.events_of():
            names = tuple(values)
            types_of = tuple(kinds[name][0] for name in names)
            units = tuple("ns" if kinds[name][0] == types.DURATION else kinds[name][1] for name in names)
            yield Event.of(Schema("log", names, types_of, units), list(values.values()), when)


def field_of(path: Path, format: PatternFormat) -> Field | None:  # noqa: A002 the thing's own word
    """Answer the one field that a path means in a format's lines; None when there may be another answer."""
    if path.text.startswith(("#", "span.")):
        return None
    known = {field.name: field for field in format.fields}
    other = path.text if path.exact else canonical(path.text)
    found = [known[name] for name in dict.fromkeys((path.text, other)) if name in known]
    return found[0] if len(found) == 1 and found[0].name not in OWN else None
