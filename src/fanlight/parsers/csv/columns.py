"""Columns of tables: names, types, and what makes a value of a cell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.event import types
from fanlight.event.names import canonical
from fanlight.event.reading import read_bool, read_float, read_int
from fanlight.parsers.digits import held, rounded
from fanlight.parsers.stamps import reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.event.stamps import Moment
    from fanlight.parsers.stamps import Stamps

INTEGER = re.compile(r"-?[0-9]{1,18}")
REAL = re.compile(r"-?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?")
TIME = "time"


class Column(NamedTuple):
    """One column of a table."""

    name: str
    type: str | None = None
    """None: as each cell looks."""
    read: Callable[[str], Any] | None = None
    """Makes the value; None for text, or as the cell looks."""
    moment: Callable[[bytes], Moment] | None = None
    """Of the column that tells the event's time."""


def typed(text: str) -> tuple[Any, str]:
    """Answer a value and its type, as the cell looks: a whole number, another, true, false, or text."""
    if text[:1].isdigit() or text[:1] == "-":
        if INTEGER.fullmatch(text):
            return int(text), types.INT
        if REAL.fullmatch(text):
            return float(text), types.FLOAT
    if text in ("true", "false"):
        return text == "true", types.BOOL
    return text, types.STRING


def seconds(text: str) -> int:
    """Answer ns of a number of seconds."""
    return rounded(read_float(text) * 1e9)


def taken(text: str) -> int:
    """Answer ns of a time that was taken: whole numbers are ms, as IIS writes them, others seconds."""
    return held(read_int(text) * 1_000_000) if "." not in text else seconds(text)


def port_or_count(text: str) -> int:
    """Answer a whole number."""
    return read_int(text)


READERS: dict[str, tuple[str, Callable[[str], Any] | None]] = {
    "string": (types.STRING, None),
    "int": (types.INT, read_int),
    "long": (types.INT, read_int),
    "float": (types.FLOAT, read_float),
    "double": (types.FLOAT, read_float),
    "boolean": (types.BOOL, read_bool),
    "bool": (types.BOOL, read_bool),
    "duration": (types.DURATION, seconds),
    "taken": (types.DURATION, taken),
}
"""Type as a heading names it, to the property's and what reads it."""


def column_of(name: str, kind: str | None, stamps: Stamps) -> Column:
    """Answer the column of a name and a type: of `READERS`, `time:<date pattern>`, a date pattern, or None.

    Raises:
        ValueError: there is no such type.
    """
    name = name.strip()
    is_time = canonical(name) == TIME
    if kind in ("long", "epoch") and is_time:
        return Column(TIME, types.TIMESTAMP, None, reading(stamps, "epoch"))
    if kind is None and is_time:
        return Column(TIME, types.TIMESTAMP, None, stamps.any)
    if kind is None:
        return Column(name)
    if kind in READERS:
        return Column(name, *READERS[kind])
    form = kind.removeprefix("time:").strip() if kind.startswith("time:") else kind
    if not form or form == "time" or not ("y" in form or "H" in form or form in ("any", "epoch", "iso")):
        raise ValueError(
            f"unknown type {kind!r} of the column {name!r}; known are {', '.join(READERS)} and"
            " time:<date pattern>, such as time:yyyy-MM-dd HH:mm:ss"
        )
    moment = reading(stamps, form) if form in ("any", "epoch", "iso") else stamps.formed(form)
    if is_time:
        return Column(TIME, types.TIMESTAMP, None, moment)
    from fanlight.event.times import Time

    return Column(name, types.TIMESTAMP, lambda text: Time(*moment(text.encode())))


def named_once(columns: list[Column]) -> tuple[Column, ...]:
    """Answer columns with names that are there and unique; one time alone is the event's."""
    seen: set[str] = set()
    out: list[Column] = []
    for place, column in enumerate(columns, 1):
        name = column.name or f"column-{place:02d}"
        while name in seen:
            name += f"-{place}"
        seen.add(name)
        is_first = column.moment is None or not any(each.moment for each in out)
        out.append(column._replace(name=name) if is_first else Column(name))
    return tuple(out)
