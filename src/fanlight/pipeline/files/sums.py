"""Sums: what groups of lines add up to, from columns; the same as their events would add up to.

FAST PATH: a group is a range of sorted numbers. Nothing is done for a single line in Python, and for a
group no more than to answer it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fanlight.event import types
from fanlight.event.batch import Batch
from fanlight.event.event import UNTIMED, Event
from fanlight.parsers.grouped import TIME
from fanlight.pipeline.files.columns import NO_NUMBER, NONE, NUMBER_MAX, Wanted
from fanlight.query.functions import ordering
from fanlight.query.grouping import is_measure, measured, result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.query.grouping import Function, Grouping

UNITS = (1_000_000, 1)
"""What all numbers of a column may be multiples of: durations mostly are written in milliseconds."""
TABLE_MIN = 1 << 16
PIECE = 4096
"""Groups that are turned into events at a time."""


class TooMany(Exception):  # noqa: N818 no error: the lines are added up in another way
    """Groups, or their sums, have no room in 64 bits."""


class Sums:
    """Columns of all blocks, and what they add up to.

    Args:
        functions: of the stage.
        grouping: of the stage.
        kinds: of each function's property, its type and unit; None where all events count.
    """

    def __init__(
        self,
        functions: tuple[Function, ...],
        grouping: Grouping,
        kinds: list[tuple[str, str | None] | None],
    ) -> None:
        self.functions = functions
        self.grouping = grouping
        self.kinds = kinds
        self.wanted: list[Wanted] = []
        self.tables: list[dict[Any, int]] = []
        self.chunks: list[tuple[int, list[Any]]] = []
        self.count = 0
        self.shapes: dict[str, Any] = {}
        self.schemas: dict[tuple[type, ...], Any] = {}

    def column(self, name: str, *, is_number: bool) -> int:
        """Answer the place of a column, which is there from now on."""
        wanted = Wanted(name, is_number)
        if wanted not in self.wanted:
            self.wanted.append(wanted)
            self.tables.append({})
        return self.wanted.index(wanted)

    def add(self, count: int, columns: list[Any]) -> None:
        """Take the columns of some events."""
        self.count += count
        self.chunks.append((count, columns))

    def joined(self, place: int) -> Any:
        """Answer a whole column."""
        parts = [columns[place] for _, columns in self.chunks]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def keyed(self, place: int, step: int | None) -> tuple[Any, list[Any]]:
        """Answer a column of keys as ranks in the order of the answer, and the values by rank."""
        column = self.joined(place)
        if self.wanted[place].is_number:
            steps = column // (step or 1)
            # An event without a time comes behind all others.
            steps[column == NO_NUMBER] = NUMBER_MAX
            values, ranks = ranked(steps)
            return ranks, [None if value == NUMBER_MAX else value * (step or 1) for value in values.tolist()]
        table = list(self.tables[place])
        order = sorted(range(len(table)), key=lambda at: ordering(table[at]))
        # The last place, which -1 means too, is of events without a value.
        ranks_of = np.empty(len(table) + 1, np.int64)
        ranks_of[order] = np.arange(len(table))
        ranks_of[NONE] = len(table)
        return ranks_of[column], [*(table[at] for at in order), None]

    def rows(self, places: list[int], measures: list[int | None]) -> Iterator[Batch]:
        """Yield the groups in their order.

        Args:
            places: of the columns of keys; that of time first, when it is asked for.
            measures: of each function, the place of its column.

        Raises:
            TooMany: before the first event.
        """
        group, keys = self.keys(places)
        groups, counts, ranges = self.by_group(group, dict.fromkeys(measures), is_one=not places)
        answers: list[list[Any]] = []
        for function, kind, measure in zip(self.functions, self.kinds, measures, strict=True):
            if measure is None or kind is None:
                answers.append(counts.tolist())
                continue
            answers.append(ranges[measure].of(function.name, is_whole=kind[0] == types.DURATION))
            if ranges[measure].is_filled:
                self.shapes[str(function)] = kind
        return self.batches(groups, keys, answers)

    def keys(self, places: list[int]) -> tuple[Any, list[list[Any]]]:
        """Answer the number of each event's group, in the order of the answer, and the values of each key.

        Raises:
            TooMany: there is no room for the numbers.
        """
        keys: list[list[Any]] = []
        group = np.zeros(self.count, np.int64)
        size = 1
        for place in places:
            ranks, values = self.keyed(place, self.grouping.step_ns)
            size *= len(values) + 1
            if size >= NUMBER_MAX:
                raise TooMany
            group = group * len(values) + ranks
            keys.append(values)
        return group, keys

    def by_group(
        self, group: Any, measures: dict[int | None, None], *, is_one: bool
    ) -> tuple[Any, Any, dict[int, Ranges]]:
        """Answer the groups, how many events each has, and the numbers of each measure.

        Args:
            group: of each event.
            measures: places of columns; None is none.
            is_one: all events are one group, which is there when none is.
        """
        asked = [measure for measure in measures if measure is not None]
        ranges: dict[int, Ranges] = {}
        whole = next((measure for measure in asked if self.count and self.is_whole(measure)), None)
        if whole is None:
            groups, counts = np.unique(group, return_counts=True)
            if is_one and not len(groups):
                groups, counts = np.zeros(1, np.int64), np.zeros(1, np.int64)
        else:
            # One sort tells the groups too.
            found = ranges[whole] = Ranges(group, None, self.joined(whole))
            groups, counts = found.groups, found.counts
        for measure in asked:
            if measure != whole:
                ranges[measure] = self.ranges(measure, group, groups)
        return groups, counts, ranges

    def is_whole(self, measure: int) -> bool:
        """Answer whether every event has a number in a column."""
        nothing = NO_NUMBER if self.wanted[measure].is_number else NONE
        return not any((columns[measure] == nothing).any() for _, columns in self.chunks)

    def ranges(self, measure: int, group: Any, groups: Any) -> Ranges:
        """Answer a column of numbers by group; what is in no event is left out."""
        column = self.joined(measure)
        there = column != (NO_NUMBER if self.wanted[measure].is_number else NONE)
        return Ranges(group[there], groups, column[there])

    def events_of(self) -> Iterator[tuple[dict[str, Any], int | None]]:
        """Yield the values of each event that was taken, by name, and its time."""
        tables = [list(table) for table in self.tables]
        for count, columns in self.chunks:
            lists = [column.tolist() for column in columns]
            for row in zip(*lists, strict=True) if lists else [()] * count:
                values: dict[str, Any] = {}
                when = None
                for each, table, value in zip(self.wanted, tables, row, strict=True):
                    if value == (NO_NUMBER if each.is_number else NONE):
                        continue
                    if each.name == TIME:
                        when = value
                    else:
                        values[each.name] = value if each.is_number else table[value]
                yield values, when

    def batches(self, groups: Any, keys: list[list[Any]], answers: list[list[Any]]) -> Iterator[Batch]:
        """Yield the groups, some at a time."""
        paths = [path.text for path in self.grouping.paths]
        timed = (TIME,) if self.grouping.step_ns is not None else ()
        functions = [str(function) for function in self.functions]
        names = (*timed, *paths, *functions)
        kinds = [
            self.shapes[name][0] if name in self.shapes and is_measure(function) else types.UNDEFINED
            for name, function in zip(functions, self.functions, strict=True)
        ]
        shown = (*(types.TIMESTAMP for _ in timed), *(types.UNDEFINED for _ in paths), *kinds)
        for first in range(0, len(groups), PIECE):
            last = first + PIECE
            columns: list[list[Any]] = []
            rest = groups[first:last]
            for values in reversed(keys):
                columns.insert(0, [values[at] for at in (rest % len(values)).tolist()])
                rest = rest // len(values)
            columns += [answer[first:last] for answer in answers]
            yield Batch(names, shown, columns, self.events)

    def events(self, columns: list[list[Any]]) -> Iterator[Event]:
        """Yield the groups' events; those with values of the same classes share a schema."""
        is_timed = self.grouping.step_ns is not None
        for row in zip(*columns, strict=True):
            classes = tuple([value.__class__ for value in row])
            schema = self.schemas.get(classes)
            if schema is None:
                event = self.slowly(row)
                self.schemas[classes] = event.read()[0]
                yield event
            elif is_timed:
                yield Event.of(schema, list(row[1:]), row[0])
            else:
                yield Event.of(schema, list(row), UNTIMED)

    def slowly(self, row: tuple[Any, ...]) -> Event:
        """Answer the event of one group, as a stage makes it."""
        count = len(row) - len(self.functions)
        values = [
            measured(function, value, self.shapes)
            for function, value in zip(self.functions, row[count:], strict=True)
        ]
        return result(row[:count], self.grouping, values)


def firsts(column: Any) -> Any:
    """Answer the places in a sorted column where another number begins."""
    changes = np.empty(len(column), bool)
    changes[:1] = True
    np.not_equal(column[1:], column[:-1], out=changes[1:])
    return np.flatnonzero(changes)


def ranked(column: Any) -> tuple[Any, Any]:
    """Answer the different numbers of a column in order, and the rank of each number among them.

    FAST PATH: numbers that lie close together, as minutes do, or as durations of whole milliseconds, are
    looked up in a table; others are sorted.
    """
    if not len(column):
        return column, column
    unit = next((unit for unit in UNITS if unit == 1 or not (column % unit).any()), 1)
    numbers = column if unit == 1 else column // unit
    low, high = int(numbers.min()), int(numbers.max())
    if high - low > max(TABLE_MIN, len(column)):
        # Sorting numbers alone and looking each up is quicker than sorting places.
        values = np.unique(column)
        return values, np.searchsorted(values, column)
    places = numbers - low
    table = np.zeros(high - low + 1, np.int64)
    table[places] = 1
    values = np.flatnonzero(table)
    table[values] = np.arange(len(values))
    return (values + low) * unit, table[places]


class Ranges:
    """The numbers of each group, side by side and in order.

    Args:
        group: of each number.
        groups: all there are, in order; one may have no number. None: those that have one.
        column: the numbers.

    Raises:
        TooMany: there is no room to sort by.
    """

    def __init__(self, group: Any, groups: Any, column: Any) -> None:
        self.is_filled = bool(len(column))
        values, ranks = ranked(column)
        count = len(values) or 1
        if len(group) and (int(group.max()) + 1) * count >= NUMBER_MAX:
            raise TooMany
        # One sort of whole numbers puts groups and numbers in order.
        self.both = np.sort(group * count + ranks)
        owner = self.both // count
        self.values = values[self.both - owner * count]
        self.begins = firsts(owner)
        self.counts = np.diff(self.begins, append=len(owner))
        found = owner[self.begins]
        self.groups = found if groups is None else groups
        self.size = len(self.groups)
        self.places = None if len(found) == self.size else np.searchsorted(self.groups, found).tolist()

    def of(self, name: str, *, is_whole: bool) -> list[Any]:
        """Answer what a function says of each group.

        Args:
            name: of the function.
            is_whole: means are rounded.

        Raises:
            TooMany: a sum has no room.
        """
        nothing = 0 if name in ("count", "distinct") else None
        if not self.is_filled:
            return [nothing] * self.size
        said = self.said(name)
        if name == "avg" and is_whole:
            said = [round(value) for value in said]
        if self.places is None:
            return said
        out: list[Any] = [nothing] * self.size
        for place, value in zip(self.places, said, strict=True):
            out[place] = value
        return out

    def said(self, name: str) -> list[Any]:
        """Answer what a function says of each group that has a number."""
        values, begins, counts = self.values, self.begins, self.counts
        if name in ("sum", "avg"):
            return self.totals(is_mean=name == "avg")
        if name == "count":
            found = counts
        elif name == "distinct":
            changes = np.zeros(len(values), np.int64)
            changes[firsts(self.both)] = 1
            found = np.add.reduceat(changes, begins)
        elif name in ("min", "max"):
            found = values[begins if name == "min" else begins + counts - 1]
        else:
            # The smallest number that enough of the group do not exceed.
            share = float(name[1:]) / 100
            found = values[begins + np.maximum(np.ceil(share * counts).astype(np.int64), 1) - 1]
        return list(found.tolist())

    def totals(self, *, is_mean: bool) -> list[Any]:
        """Answer the sum, or the mean, of each group that has a number."""
        largest = max(abs(int(self.values.max())), abs(int(self.values.min())))
        if largest * int(self.counts.max()) >= NUMBER_MAX:
            raise TooMany
        sums = np.add.reduceat(self.values, self.begins).tolist()
        if not is_mean:
            return list(sums)
        # Of Python's numbers, which are divided exactly however large they are.
        return [total / count for total, count in zip(sums, self.counts.tolist(), strict=True)]
