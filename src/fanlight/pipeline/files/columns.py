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
from fanlight.parsers.grouped import TIME, PatternFormat, Reader, group_of, only

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
ODD = (b"\\", b"\r", b"\t", b"\v", b"\f")
"""Where one of these is in a block, the quick pattern is not asked."""

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
        try:
            value = self.convert(text)
        except (ValueError, KeyError, OverflowError):
            place = UNREAD
        else:
            place = NONE if value is None else self.table.setdefault(value, len(self.table))
        self[text] = place
        return place


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
        self.slow = re.compile(only(format.source, names), format.flags)
        groups = self.slow.groupindex
        self.places = [groups[group_of(name)] - 1 for name in asked]
        self.quick: re.Pattern[bytes] | None = None
        # Where a group takes no part, all matches at once tell an empty text.
        if format.quick is not None and all(b"" in field.empty for field in reader.fields):
            quick = re.compile(rb"(?m:^" + only(format.quick, names) + rb").*")
            self.quick = quick if quick.groupindex == groups else None

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
        rows = self.quickly(data)
        if rows is None:
            rows = self.slowly(data)
        columns = [rows] if self.slow.groups == 1 else list(zip(*rows, strict=True))
        count = len(rows)
        found = []
        for place, memo in zip(self.places, self.memos, strict=True):
            kind = np.int64 if isinstance(memo, Amounts) else np.int32
            found.append(np.fromiter(map(memo.__getitem__, columns[place] if rows else ()), kind, count))
        return count, self.read(found)

    def quickly(self, data: bytes) -> list[Any] | None:
        """Answer the texts of each line, by one pass; None when a line needs more than that."""
        if self.quick is None or any(odd in data for odd in ODD):
            return None
        # Each match begins a line. As many as there are lines: each has one, and none goes over its end.
        rows = self.quick.findall(data)
        return rows if len(rows) == data.count(b"\n") + 1 else None

    def slowly(self, data: bytes) -> list[Any]:
        """Answer the texts of each line, line by line; of one that cannot be read, none at all."""
        count = self.slow.groups
        nothing: Any = UNREADABLE if count == 1 else (UNREADABLE,) * count
        rows: list[Any] = []
        match = self.slow.match
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


def moment_of(reader: Reader) -> Callable[[bytes | None], int | None]:
    """Answer what reads a time: ns since 1970; ValueError when there is none in its place."""
    shape = re.compile(reader.of.time_shape or b"[^\n]*", re.DOTALL)

    def moment(text: bytes | None) -> int | None:
        if text is not None and shape.fullmatch(text) is None:
            raise ValueError
        found = reader.moment(text)
        return None if found is None else found.ns

    return moment
