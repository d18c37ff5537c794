"""The answer of a query as a table: which columns, and what stands in each cell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.event import types
from fanlight.event.names import NAMES, canonical
from fanlight.web import wording
from fanlight.web.pages.frame import segment_words
from fanlight.web.parameters import address
from fanlight.web.queries import field, filtering, link

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.query.query import Query

FIRST = (
    *("time", "level", "duration", "service", "endpoint", "segment", "status"),
    *("method", "path", "client", "logger", "program", "message", "exception", "trace"),
)
"""What is worth a column of its own when a query asks for nothing in particular, in this order."""

COLUMNS_MAX = 12
CELL_MAX = 240
"""Characters of a cell; a details row has up to `NOTE_MAX`."""
NOTE_MAX = 2000
NOTES_MAX = 40
"""Properties of a details row: a line of JSON may have thousands."""
QUIET = {"unsampled": False, "pruned": False, "whole": True, "failed": False, "lost": 0, "weight": 1}
"""Values that say nothing: what every ordinary trace has."""
PLAIN = frozenset({"status", "pid", "port", "line", "source-line", "parent", "position"})
"""Numbers that name something rather than count it."""


class Column(NamedTuple):
    """A column: its property, what it means, and how its cells are written."""

    name: str
    meaning: str
    type: str
    unit: str | None
    is_number: bool


class Cell(NamedTuple):
    """What stands in a cell. `time` is its RFC 3339 text where it is a time."""

    text: str
    href: str | None = None
    time: str | None = None
    is_number: bool = False
    is_bad: bool = False
    is_row: bool = False


class Row(NamedTuple):
    """A row: its cells, and the properties that have no column."""

    cells: list[Cell]
    notes: list[tuple[str, str]]


class Table(NamedTuple):
    """The answer: columns and rows."""

    columns: list[Column]
    rows: list[Row]


def is_tabled(query: Query) -> bool:
    """Tell whether the stages of a query make columns of their own, instead of events as they are."""
    return any(type(stage).__name__ in ("Stats", "Top", "Timechart", "Fields") for stage in query.stages)


def table(found: Mapping[str, Any], query: Query, times: dict[str, str]) -> Table:
    """Answer the table of an answer.

    Args:
        found: `columns` and `rows` as `/v1/query` answers them.
        query: that was asked.
        times: the page's time, for links.
    """
    every = [column(each) for each in found["columns"]]
    wanted = every if is_tabled(query) else chosen(every, query)
    out = []
    for values in found["rows"]:
        row = {each.name: value for each, value in zip(every, values, strict=True)}
        cells = [cell(each, row, query, times) for each in wanted]
        shown = {each.name for each in wanted}
        out.append(Row(cells, notes(row, every, shown)))
    return Table(wanted, out)


def column(told: Mapping[str, Any]) -> Column:
    """Answer a column of an answer; what is known of its name says what it means."""
    name = told["name"]
    known = NAMES.get(canonical(name))
    is_number = told["type"] in (types.INT, types.FLOAT, types.DURATION) and name not in PLAIN
    unit = told["unit"] or (known.unit if known else None)
    return Column(name, known.meaning if known else "", told["type"], unit, is_number)


def chosen(every: Sequence[Column], query: Query) -> list[Column]:
    """Answer the columns of events: those of everyday use, and what the query asks for."""
    asked_for = query.fields()
    names = [name for name in FIRST if any(each.name == name for each in every)]
    names[-1:-1] = [each.name for each in every if each.name in asked_for and each.name not in names]
    if not names:
        names = [each.name for each in every]
    return [next(each for each in every if each.name == name) for name in names[:COLUMNS_MAX]]


def cell(at: Column, row: Mapping[str, Any], query: Query, times: dict[str, str]) -> Cell:
    """Answer one value in words, and where it leads."""
    value = row[at.name]
    if value is None:
        return Cell("", is_number=at.is_number)
    if at.type == types.TIMESTAMP and isinstance(value, str):
        return Cell(value, time=value)
    text = cut(written(value, at), CELL_MAX)
    if is_tabled(query):
        return Cell(text, drill(at, value, query, times), is_number=at.is_number)
    if at.name == "segment":
        return Cell(segment_words(text), is_bad=value == "error")
    href = leads_to(at.name, row, times)
    return Cell(
        value[:8] if href and at.name == "trace" else text,
        href,
        None,
        at.is_number,
        False,
        at.name == "trace",
    )


def leads_to(name: str, row: Mapping[str, Any], times: dict[str, str]) -> str | None:
    """Answer the page that is about a value of an event, where there is one."""
    if name == "trace" and is_trace(row[name]):
        return address(f"/trace/{row[name]}", times)
    if name == "endpoint" and isinstance(row.get("segment"), str) and row.get("service"):
        whose = {each: str(row[each]) for each in ("service", "endpoint", "segment")}
        return address("/endpoint", {**whose, **times})
    return None


def drill(at: Column, value: Any, query: Query, times: dict[str, str]) -> str | None:
    """Answer the address of the events behind a group's value; None for what a function says."""
    if at.name == "trace" and is_trace(value):
        return address(f"/trace/{value}", times)
    told = any(type(stage).__name__ == "Fields" for stage in query.stages)
    if told or "(" in at.name or at.name == "count" or not isinstance(value, str | bool | int):
        return None
    said = str(value).lower() if isinstance(value, bool) else str(value)
    said += "ns" if at.type == types.DURATION else ""
    return link(filtering(query, field(at.name, said)), times)


def notes(row: Mapping[str, Any], every: Sequence[Column], shown: set[str]) -> list[tuple[str, str]]:
    """Answer the properties of a row that no column shows and that say something."""
    rest = [
        each
        for each in every
        if each.name not in shown
        and row[each.name] is not None
        and not (each.name in QUIET and QUIET[each.name] == row[each.name])
    ]
    said = [(each.name, cut(written(row[each.name], each), NOTE_MAX)) for each in rest[:NOTES_MAX]]
    return [*said, ("…", f"and {len(rest) - NOTES_MAX} more")] if len(rest) > NOTES_MAX else said


def written(value: Any, at: Column) -> str:
    """Answer a value as people read it: durations and sizes in their units."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        holds_more = isinstance(value, dict | list)
        return json.dumps(value, ensure_ascii=False, default=str) if holds_more else str(value)
    if at.type == types.DURATION or at.unit == "ns":
        return wording.duration(value)
    if at.unit == "bytes":
        return wording.size(value)
    if at.name in PLAIN:
        return str(value)
    number = wording.count(value) if value == int(value) or abs(value) >= 1000 else f"{value:.4g}"
    return f"{number}%" if at.unit == "%" else number


def is_trace(value: object) -> bool:
    """Tell whether a value is the id of a trace."""
    return isinstance(value, str) and len(value) == 32 and set(value) <= set("0123456789abcdef")


def cut(text: str, most: int) -> str:
    """Answer a text that a page has room for."""
    return text if len(text) <= most else f"{text[:most]}…"
