"""Columns: what a stage looks up in the lines of a format, as numbers, with no event made for a line.

FAST PATH: every line is read by one pass of a regular expression over a block, and each text that comes
again is converted once. A line that the quick pattern does not take is read as an event is, so that the
columns hold what the events would have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fanlight.event import types
from fanlight.parsers.fields import group_of
from fanlight.parsers.grouped import TIME, PatternFormat, Reader, only

if TYPE_CHECKING:
    from collections.abc import Callable

NONE = -1
"""In a column of keys: no value."""
UNREAD = -2
"""A text that cannot be converted: the line is none of the format."""
NO_NUMBER = -(1 << 63)
UNREAD_NUMBER = NO_NUMBER + 1
NUMBER_MAX = 1 << 62
REMEMBERED = 1 << 16
"""Numbers that are remembered by their text; keys are remembered all, for the answer has them."""
NEWLINE = 0x0A
ODD = (b"\\", b"\r", b"\t", b"\v", b"\f")
"""Where one of these is in a block, the quick pattern is not asked."""

JOINT = "joint_"
"""Group of a text that holds several properties."""
UNREADABLE = b"\n"
"""In place of the texts of a line that cannot be read; no text has one, and none can be converted."""


class TooLarge(Exception):  # noqa: N818 no error: the lines are read in another way
    """A number has no room in a column."""


class Keys(dict[bytes | None, int]):
    """Text to the place of its value, in a table that all files of an answer share.

    Args:
        convert: a text to its value; raises ValueError when it is none.
        table: value to its place.
    """

    def __init__(self, convert: Callable[[bytes | None], Any], table: dict[Any, int]) -> None:
        super().__init__()
        self.convert = convert
        self.table = table
        self[UNREADABLE] = UNREAD

    def __missing__(self, text: bytes | None) -> int:
        place = self[text] = self.place_of(text)
        return place

    def place_of(self, text: bytes | None) -> int:
        """Answer the place of the value of a text that was not there before."""
        try:
            value = self.convert(text)
        except (ValueError, KeyError, OverflowError):
            return UNREAD
        return NONE if value is None else self.table.setdefault(value, len(self.table))


class Amounts(dict[bytes | None, int]):
    """Text to whole number."""

    def __init__(self, convert: Callable[[bytes | None], Any]) -> None:
        super().__init__()
        self.convert = convert
        self[UNREADABLE] = UNREAD_NUMBER

    def __missing__(self, text: bytes | None) -> int:
        try:
            value = self.convert(text)
        except (ValueError, KeyError, OverflowError):
            value = UNREAD_NUMBER
        else:
            if value is None:
                value = NO_NUMBER
            elif not -NUMBER_MAX < value < NUMBER_MAX:
                raise TooLarge
        if len(self) >= REMEMBERED:
            self.clear()
            self[UNREADABLE] = UNREAD_NUMBER
        self[text] = value
        return int(value)


class Parts(Keys):
    """Text that holds several properties to the place of the value of one.

    Args:
        convert: text of the property to its value.
        table: value to its place.
        match: matches a whole text.
        group: number of the property's group.
    """

    def __init__(
        self,
        convert: Callable[[bytes | None], Any],
        table: dict[Any, int],
        match: Callable[[bytes], re.Match[bytes] | None],
        group: int,
    ) -> None:
        super().__init__(convert, table)
        self.match = match
        self.group = group
        self.misses = 0

    def __missing__(self, text: bytes | None) -> int:
        self.misses += 1
        found = None if text is None else self.match(text)
        place = UNREAD if found is None else self.place_of(found[self.group])
        if len(self) >= REMEMBERED:
            self.clear()
        self[text] = place
        return place


class Layout(NamedTuple):
    """A pattern of lines, and where in its groups the columns are."""

    pattern: re.Pattern[bytes]
    places: list[int]
    memos: list[Keys | Amounts]


class Wanted(NamedTuple):
    """One column: a property of the format, as keys or as numbers."""

    name: str
    is_number: bool


class Cutter:
    """Cuts the lines of one format into columns.

    Args:
        format: of the lines.
        wanted: the columns, in their order; `time` as a number is ns since 1970.
        tables: of each column of keys, value to place; shared by all formats of an answer.
        names: all that the query looks up; a line is read when these of it can be.
    """

    def __init__(
        self,
        format: PatternFormat,  # noqa: A002 the thing's own word
        wanted: tuple[Wanted, ...],
        tables: list[dict[Any, int]],
        names: frozenset[str],
    ) -> None:
        reader = format.reader(names | {each.name for each in wanted})
        converters = {
            field.name: convert for field, convert in zip(reader.fields, reader.converters, strict=True)
        }
        converters[TIME] = moment_of(reader)
        self.unread = 0
        self.lines = 0
        self.memos: list[Keys | Amounts] = []
        asked: list[str] = []
        for each, table in zip(wanted, tables, strict=True):
            convert = converters[each.name]
            self.memos.append(Amounts(convert) if each.is_number else Keys(convert, table))
            asked.append(each.name)
        self.count = len(asked)
        # Beside the columns, what decides whether a line can be read.
        for field in reader.fields:
            if field.name not in asked and field.type != types.STRING:
                self.memos.append(Keys(converters[field.name], {}))
                asked.append(field.name)
        if format.stamp is not None and TIME not in asked and self.memos:
            self.memos.append(Amounts(converters[TIME]))
            asked.append(TIME)
        names = frozenset(asked)
        pattern = re.compile(only(format.source, names), format.flags)
        groups = pattern.groupindex
        places = [groups[group_of(name)] - 1 for name in asked]
        self.slow = Layout(pattern, places, self.memos)
        self.quick: Layout | None = None
        self.joint: Layout | None = None
        # Where a group takes no part, all matches at once tell an empty text.
        if format.quick is not None and all(b"" in field.empty for field in reader.fields):
            quick = lined(only(format.quick, names))
            if quick.groupindex == groups:
                self.quick = Layout(quick, places, self.memos)
                self.joint = None if format.joint is None else self.joined(format, format.joint, asked)

    def joined(self, of: PatternFormat, joint: tuple[bytes, bytes, bytes], asked: list[str]) -> Layout | None:
        """Answer how lines are cut whose joint texts are read apart; None when they cannot be.

        Lines share such texts: to read each once is quicker than to find its parts in every line.
        """
        piece, text, source = joint
        inner = re.compile(source)
        within = {name for name in asked if group_of(name) in inner.groupindex}
        if of.quick is None or of.quick.count(piece) != 1:
            return None
        if within:
            text = rb"(?P<%s>%s)" % (JOINT.encode(), text)
        outside = only(of.quick.replace(piece, text), frozenset({*asked, JOINT}) - within)
        pattern = lined(outside)
        memos = list(self.memos)
        places = []
        for at, (name, memo) in enumerate(zip(asked, self.memos, strict=True)):
            if name not in within:
                places.append(pattern.groupindex[group_of(name)] - 1)
            elif isinstance(memo, Keys):
                group = inner.groupindex[group_of(name)]
                memos[at] = Parts(memo.convert, memo.table, inner.fullmatch, group)
                places.append(pattern.groupindex[JOINT] - 1)
            else:
                return None
        return Layout(pattern, places, memos)

    def cut(self, data: bytes) -> tuple[int, list[Any]]:
        """Answer how many events there are in lines, and their columns.

        Args:
            data: whole lines, without a newline behind the last.

        Raises:
            TooLarge: a number has no room.
        """
        if not self.memos:
            count = sum(1 for line in data.split(b"\n") if line.strip())
            return count, []
        layout, rows = self.quickly(data)
        columns = [rows] if layout.pattern.groups == 1 else list(zip(*rows, strict=True))
        count = len(rows)
        found = []
        for place, memo in zip(layout.places, layout.memos, strict=True):
            kind = np.int64 if isinstance(memo, Amounts) else np.int32
            found.append(np.fromiter(map(memo.__getitem__, columns[place] if rows else ()), kind, count))
            if isinstance(memo, Parts) and memo.misses * 2 > self.lines > REMEMBERED:
                # Hardly a text comes again.
                self.joint = None
        self.lines += count
        return count, self.read(found)

    def quickly(self, data: bytes) -> tuple[Layout, list[Any]]:
        """Answer the texts of each line, by one pass if it can be, else line by line."""
        layout = self.joint or self.quick
        if layout is not None and not any(odd in data for odd in ODD):
            # Each match begins a line. As many as there are lines: each has one, and none goes over its end.
            rows = layout.pattern.findall(data)
            if len(rows) == int(np.count_nonzero(np.frombuffer(data, np.uint8) == NEWLINE)) + 1:
                return layout, rows
        return self.slow, self.slowly(data)

    def slowly(self, data: bytes) -> list[Any]:
        """Answer the texts of each line, line by line; of one that cannot be read, none at all."""
        count = self.slow.pattern.groups
        nothing: Any = UNREADABLE if count == 1 else (UNREADABLE,) * count
        rows: list[Any] = []
        match = self.slow.pattern.match
        for line in data.split(b"\n"):
            if line.strip():
                found = match(line.rstrip(b"\r"))
                rows.append(nothing if found is None else found[1] if count == 1 else found.groups())
        return rows

    def read(self, columns: list[Any]) -> list[Any]:
        """Answer the wanted columns; of a line that cannot be read no column has anything."""
        bad = None
        for column in columns:
            mark = UNREAD if column.dtype == np.int32 else UNREAD_NUMBER
            found = column == mark
            if found.any():
                bad = found if bad is None else bad | found
        wanted = columns[: self.count]
        if bad is not None:
            self.unread += int(bad.sum())
            for column in wanted:
                column[bad] = NONE if column.dtype == np.int32 else NO_NUMBER
        return wanted


def lined(pattern: bytes) -> re.Pattern[bytes]:
    """Answer a pattern that finds what begins a line, and takes what is left of it."""
    return re.compile(rb"(?m:^" + pattern + rb").*")


def moment_of(reader: Reader) -> Callable[[bytes | None], int | None]:
    """Answer what reads a time: ns since 1970; ValueError when there is none in its place."""
    shape = re.compile(reader.of.time_shape or b"[^\n]*", re.DOTALL)

    def moment(text: bytes | None) -> int | None:
        if text is not None and shape.fullmatch(text) is None:
            raise ValueError
        found = reader.moment(text)
        return None if found is None else found.ns

    return moment
