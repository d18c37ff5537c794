"""CSV of RFC 4180, with a header."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from fanlight.event.event import TIME, UNTIMED
from fanlight.event.times import Time
from fanlight.event.types import TIMESTAMP
from fanlight.formatters.cells import cells, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.batch import Batch
    from fanlight.event.event import Event
    from fanlight.event.schema import Schema

REMEMBERED = 8192
"""Numbers of a column whose text is remembered."""
HELD = 1000
"""Events held back for the header, when nobody said which properties; later names have no column."""


class Csv:
    """Writes a header and rows."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        self.is_own = not fields
        self.held: list[Event] = []
        self.header = ""
        self.schema: Schema | None = None
        self.columns: list[tuple[int, str, dict[int, str]]] = []
        self.is_timed = False
        self.known: dict[tuple[str, str], dict[Any, str]] = {}
        """Of the columns of batches, the texts of values."""
        if fields:
            self.header = row(fields)

    def event(self, event: Event) -> Iterator[str]:
        """Yield the row, and before the first one the header."""
        if not self.fields:
            self.held.append(event)
            if len(self.held) >= HELD:
                yield from self.release()
            return
        if self.header:
            yield self.header
            self.header = ""
        yield row(self.texts(event))

    def batch(self, batch: Batch) -> Iterator[str]:
        """Yield the rows of events side by side."""
        if not self.fields:
            if self.held:
                yield from self.release()
            else:
                # As with events: in the order in which the first of them have the properties.
                firsts = [first_value(column) for column in batch.columns]
                there = [place for place, first in enumerate(firsts) if first < HELD]
                there.sort(key=lambda place: firsts[place])
                self.fields = tuple(batch.names[place] for place in there)
                self.header = row(self.fields) if self.fields else ""
        if not self.fields or not set(self.fields) <= set(batch.names):
            for event in batch.events():
                yield from self.event(event)
            return
        yield self.header
        self.header = ""
        columns = []
        for name in self.fields:
            place = batch.names.index(name)
            known = self.known.setdefault((name, batch.types[place]), {})
            columns.append(shown(batch.columns[place], batch.types[place], known))
        yield rows(columns)

    def texts(self, event: Event) -> list[str]:
        """Answer the cells of a row.

        FAST PATH: events of one schema have their values in the same places, and numbers come again.
        """
        schema, values = event.read()
        if schema is not self.schema:
            self.schema = schema
            self.columns = []
            if all(name in schema.places or name == TIME for name in self.fields):
                places = [schema.places.get(name, -1) for name in self.fields]
                kinds = [schema.types[place] if place >= 0 else TIMESTAMP for place in places]
                self.columns = [(place, kind, {}) for place, kind in zip(places, kinds, strict=True)]
            self.is_timed = -1 in (place for place, _, _ in self.columns)
        if not self.columns or (self.is_timed and event.instant is UNTIMED):
            found = cells(event, self.fields, is_own=self.is_own)
            return [text_of(value, kind) for _, value, kind in found]
        texts = []
        for place, kind, known in self.columns:
            value = values[place] if place >= 0 else event.instant
            if value.__class__ is str:
                texts.append(value)
            elif value.__class__ is int:
                text = known.get(value)
                if text is None:
                    if len(known) >= REMEMBERED:
                        known.clear()
                    text = known[value] = text_of(value if place >= 0 else event.time, kind)
                texts.append(text)
            else:
                texts.append(text_of(value if place >= 0 else event.time, kind))
        return texts

    def release(self) -> Iterator[str]:
        """Yield what was held back, under a header of all its names."""
        self.fields = tuple(dict.fromkeys(name for event in self.held for name, _, _ in cells(event, ())))
        held, self.held = self.held, []
        if self.fields:
            yield row(self.fields)
            for event in held:
                yield from self.event(event)

    def end(self) -> Iterator[str]:
        """Yield what was held back; of no events, the header that is known."""
        if self.held:
            yield from self.release()
        elif self.header:
            yield self.header


class Line:
    """A file of one line, for the library writes to files alone."""

    def write(self, text: str) -> str:
        """Answer what is written."""
        return text


WRITER = csv.writer(Line(), lineterminator="\n")


def first_value(column: list[Any]) -> int:
    """Answer the place of the first value; behind the last when there is none."""
    return next((place for place, value in enumerate(column) if value is not None), len(column) + HELD)


def shown(column: list[Any], kind: str, known: dict[Any, str]) -> list[Any]:
    """Answer a column's values as they are written; the same value is made a text once.

    Args:
        column: values.
        kind: their type.
        known: texts of values that came before; those that come now are added.
    """
    classes = set(map(type, column))
    if classes <= {str}:
        return column
    if classes <= {str, int, type(None)}:
        if len(known) > REMEMBERED:
            known.clear()
        for value in set(column).difference(known):
            known[value] = text_of(Time(value) if kind == TIMESTAMP and value is not None else value, kind)
        return list(map(known.__getitem__, column))
    # Numbers that are equal and of two classes are written in two ways.
    return [text_of(value, kind) for value in column]


def rows(columns: list[list[Any]]) -> str:
    """Answer rows of which the columns are given, each with its line end.

    FAST PATH: where no cell has to be quoted, joining them is several times as quick as the library.
    """
    if len(columns) > 1 and all(is_plain(column) for column in columns):
        return "\n".join([*map(",".join, zip(*columns, strict=True)), ""])
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(zip(*columns, strict=True))
    return out.getvalue()


def is_plain(column: list[str]) -> bool:
    """Answer whether no cell of a column has to be quoted."""
    text = "".join(column)
    return not any(mark in text for mark in ',"\r\n')


def row(values: list[str] | tuple[str, ...]) -> str:
    """Answer one row with its line end."""
    return str(WRITER.writerow(values))
