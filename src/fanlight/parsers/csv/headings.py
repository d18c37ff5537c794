"""Headings of tables: the lines that say what the columns are, in each dialect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from fanlight.parsers.csv.columns import Column, column_of, named_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.parsers.stamps import Stamps

Found = tuple[Column, ...]


class Dialect(NamedTuple):
    """How a kind of table is written."""

    delimiter: str
    columns: Callable[[list[str], Stamps], Found | None]
    """The columns of a heading's cells; None when it says nothing of columns."""
    mark: str = ""
    """What every heading begins with; "" when a file's first line is the only one."""
    missing: tuple[str, ...] = ("",)
    """Cells that mean that there is no value."""
    said: float = 0.92


FIELD = re.compile(r"(.*?)\s*\(([^()]*)\)\s*")


def typed_columns(cells: list[str], stamps: Stamps) -> Found:
    """Answer the columns of `name` and `name(type)`; a comma at the end is forgiven.

    Raises:
        ValueError: an empty field, unbalanced parentheses, or an unknown type.
    """
    if cells and not cells[-1].strip():
        cells = cells[:-1]
    columns = []
    for place, cell in enumerate(cells):
        if not cell.strip():
            raise ValueError(f"invalid heading: column {place + 1} has no name")
        found = FIELD.fullmatch(cell)
        if found is None and cell.count("(") != cell.count(")"):
            raise ValueError(f"invalid heading: unbalanced parentheses in {cell.strip()!r}")
        name, kind = (found[1], found[2].strip()) if found else (cell, None)
        if kind is not None and kind.startswith("time") and not kind.startswith("time:"):
            raise ValueError(f"invalid heading: {cell.strip()!r} has 'time' without a ':' and a format")
        if kind == "time:":
            raise ValueError(f"invalid heading: {cell.strip()!r} has no format behind 'time:'")
        kind = "long" if kind == "time:long" else kind
        columns.append(column_of(name, kind, stamps))
    return named_once(columns)


def plain(cells: list[str], stamps: Stamps) -> Found | None:
    """Answer the columns of names; what stands in parentheses is a type where it is the name of one."""
    columns: list[Column] = []
    for cell in cells:
        try:
            columns.extend(typed_columns([cell], stamps) if cell.strip() else [Column("")])
        except ValueError:
            columns.append(column_of(cell, None, stamps))
    return named_once(columns)


def headed(cells: list[str], stamps: Stamps) -> Found | None:
    """Answer the columns of a line that begins with `#`; one that is a comment has none."""
    first = cells[0].lstrip("#")
    if len(cells) < 2 and "(" not in first:
        return None
    return typed_columns([first, *cells[1:]], stamps)


W3C_NAMES = {
    "date": "date",
    "date-local": "date",
    "cs-method": "method",
    "cs-uri-stem": "path",
    "cs-uri-query": "query",
    "cs-uri": "target",
    "cs-username": "user",
    "c-ip": "client",
    "x-forwarded-for": "forwarded",
    "cs(user-agent)": "agent",
    "cs(referer)": "referer",
    "cs(host)": "virtual-host",
    "cs-host": "virtual-host",
    "cs-version": "protocol",
    "cs-protocol-version": "protocol",
    "s-ip": "local-address",
    "s-port": "port",
    "s-computername": "host",
    "sc-status": "status",
    "sc-bytes": "bytes",
    "cs-bytes": "bytes-in",
    "time-taken": "duration",
    "timetakenms": "duration",
}
W3C_TYPES = {
    **dict.fromkeys(("status", "bytes", "bytes-in", "port", "sc-substatus", "sc-win32-status"), "int"),
    "duration": "taken",
    "gmt-time": "string",
}


def w3c_offset(line: bytes) -> str | None:
    """Answer how far from UTC a log says that its times are, as Oracle's servers do; None else."""
    word, _, offset = line.decode("utf-8", "replace").lower().partition(":")
    return offset.strip() if word == "#gmt-offset" else None


def w3c(cells: list[str], stamps: Stamps) -> Found | None:
    """Answer the columns of `#Fields: date time …`; other directives have none."""
    if cells[0].lower() != "#fields:":
        return None
    columns: list[Column] = []
    names = [cell.lower() for cell in cells[1:] if cell]
    for name in names:
        known = W3C_NAMES.get(name, name)
        if name in ("time", "time-local"):
            # With the date in a column of its own it is in UTC, as the standard has it, if nothing else says.
            in_utc = name == "time" and "date" in names and not stamps.is_told
            columns.append(Column("time", "timestamp", None, (stamps.on("+0000") if in_utc else stamps).any))
        else:
            columns.append(column_of(known, W3C_TYPES.get(known, "string"), stamps))
    return named_once(columns)


ZEEK_TYPES = {
    **dict.fromkeys(("count", "int", "port"), "int"),
    "double": "double",
    "interval": "duration",
    "time": "epoch",
}


def zeek(cells: list[str], stamps: Stamps) -> Found | None:
    """Answer the columns of `#fields`; `#types` is read by whoever knows the names."""
    if cells[0] != "#fields":
        return None
    return named_once([column_of(name, "epoch" if name == "ts" else None, stamps) for name in cells[1:]])


def zeek_types(cells: list[str], names: list[str], stamps: Stamps) -> Found:
    """Answer the columns of some names and their `#types`."""
    kinds = [ZEEK_TYPES.get(cell, "string") for cell in cells[1:]]
    kinds += ["string"] * (len(names) - len(kinds))
    return named_once(
        [
            column_of(name, kind if kind != "epoch" else "time:epoch", stamps)
            for name, kind in zip(["ts" if name == "time" else name for name in names], kinds, strict=False)
        ]
    )


DIALECTS = {
    "csv": Dialect(",", plain),
    "tsv": Dialect("\t", plain, said=0.93),
    "headed": Dialect(",", headed, "#", said=0.94),
    "w3c": Dialect(" ", w3c, "#", ("", "-"), said=0.96),
    "zeek": Dialect("\t", zeek, "#", ("", "-"), said=0.96),
}
"""By the name that a description calls them."""
