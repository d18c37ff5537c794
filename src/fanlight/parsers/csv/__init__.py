"""Tables as text: CSV and TSV with a heading, columns with types behind `#`, W3C extended logs, Zeek's logs.

What the columns are is said by lines of the file itself: a format is fitted to a file's first lines, and
again to every heading further down. A cell in quotes may hold line ends, and `""` for a quote.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.event import UNTIMED
from fanlight.event.schema import Schema
from fanlight.event.times import Time
from fanlight.parsers.csv.columns import Column, typed
from fanlight.parsers.csv.headings import DIALECTS, Dialect, typed_columns, w3c_offset, zeek_types

if TYPE_CHECKING:
    from fanlight.event.event import Event
    from fanlight.parsers import Condition
    from fanlight.parsers.stamps import Stamps

SCHEMAS_MAX = 4096
BLANKS = re.compile(r'("(?:[^"]|"")*"(?= |\t|$))|[ \t]+')
NAME = re.compile(r"(?!(?:[^ ]+ +){4})[^\W\d][\w .:()/@%#*+-]{0,79}")
"""What a column's heading looks like, of four words at most, when nothing else tells a table."""
LEVEL = re.compile(r"[A-Z]{3,9}[1-5]?")
"""What a level looks like in a column that only the format calls one."""


class CsvFormat:
    """A format of tables.

    Args:
        name: unique.
        title: for people.
        dialect: how they are written.
        stamps: reads times.
        columns: as far as they are known; None before a heading was read.
        heading: the line that told them.
    """

    raw_is_text = False
    heads = None
    escape = b'""'
    """What a line has where a text has something else."""

    def __init__(
        self,
        name: str,
        title: str,
        dialect: Dialect,
        stamps: Stamps,
        *,
        columns: tuple[Column, ...] | None = None,
        heading: bytes = b"",
    ) -> None:
        self.name = name
        self.title = title
        self.dialect = dialect
        self.stamps = stamps
        self.columns = columns
        self.heading = heading
        self.said = dialect.said
        self.is_bare = bool(columns) and not heading and not dialect.mark
        """Whether its columns are told by the format, and by no line."""
        self.hidden: dict[str, bytes] = {}
        self.has_scaled = any(column.type == types.DURATION for column in columns or ())
        self.mark = dialect.mark.encode() or heading
        mark = re.escape(dialect.delimiter)
        blanks = "" if dialect.delimiter == " " else " *"
        self.cell = re.compile(
            rf'{blanks}(?:"([^"]*(?:""[^"]*)*)"{blanks}(?={mark}|\Z)|([^{mark}]*))({mark}|\Z)', re.DOTALL
        )

    def section(self, line: bytes) -> CsvFormat | None:
        """Answer the format of the lines below a heading; None when a line is none.

        A heading that means nothing is one of nothing new.
        """
        if self.dialect.mark:
            if not line.startswith(self.mark):
                return None
        elif self.columns is not None:
            return self if line == self.heading and not self.is_bare else None
        elif not line.strip():
            return None
        try:
            cells = [cell or "" for cell in self.cells(line)]
            if cells[0] == "#types" and self.columns:
                columns = zeek_types(cells, [column.name for column in self.columns], self.stamps)
            else:
                columns = self.dialect.columns(cells, self.stamps) or ()
        except ValueError:
            columns = ()
        if not columns and self.dialect.mark:
            return self.moved(line)
        return CsvFormat(
            self.name,
            self.title,
            self.dialect,
            self.stamps,
            columns=columns or (Column("column-01"),),
            heading=line,
        )

    def moved(self, line: bytes) -> CsvFormat:
        """Answer the format behind a line that is no heading, which may say what clock the times are on."""
        offset = w3c_offset(line) if self.dialect is DIALECTS["w3c"] else None
        if offset is None:
            return self
        with suppress(ValueError):
            found = CsvFormat(self.name, self.title, self.dialect, self.stamps.on(offset))
            return found.fitted([self.heading]) if self.columns else found
        return self

    def fitted(self, lines: list[bytes]) -> CsvFormat:
        """Answer the format with the columns that a file's first lines tell."""
        found = self
        for line in lines:
            if not line.strip():
                continue
            changed = found.section(line)
            if changed is None or (changed is found and not self.dialect.mark):
                break
            found = changed
        return found

    def is_open(self, line: bytes, *, inside: bool = False) -> bool:
        """Tell whether a line ends within a cell in quotes.

        Args:
            line: without its end.
            inside: the line before it did.
        """
        delimiter = self.dialect.delimiter.encode()
        at = 0
        while True:
            if not inside:
                while line[at : at + 1] == b" ":
                    at += 1
                if line[at : at + 1] == b'"':
                    inside, at = True, at + 1
            while inside:
                at = line.find(b'"', at)
                if at < 0:
                    return True
                inside = line[at + 1 : at + 2] == b'"'
                at += 2 if inside else 1
            at = line.find(delimiter, at) + 1
            if at == 0:
                return False

    def cells(self, line: bytes | str) -> list[str | None]:
        """Answer the cells of a line; None where there is nothing between the marks.

        Raises:
            ValueError: a quote that nothing closes; says where.
        """
        text = line.decode("utf-8", "surrogateescape") if isinstance(line, bytes) else line
        missing = self.dialect.missing
        if self.dialect.delimiter == " " and ("  " in text or "\t" in text):
            # Oracle's columns stand apart by several blanks, CloudFront's by tabs; none of them is empty.
            text = BLANKS.sub(lambda found: found[1] or " ", text).strip(" ")
        if '"' not in text:
            cells = [cell.strip() for cell in text.split(self.dialect.delimiter)]
            return [None if cell in missing else cell for cell in cells]
        out: list[str | None] = []
        at = 0
        while True:
            found = self.cell.match(text, at)
            assert found is not None
            if found[1] is not None:
                out.append(found[1].replace('""', '"'))
            else:
                cell = found[2].strip()
                if cell.startswith('"') and cell.count('"') % 2:
                    raise ValueError(f"unbalanced quotes at position {at}")
                out.append(None if cell in missing else cell)
            at = found.end()
            if not found[3]:
                return out

    def score(self, lines: list[bytes]) -> float:
        """Answer the share of lines that have as many cells as the heading, which has to look like one."""
        found = self.fitted(lines)
        columns = found.columns or ()
        if len(columns) < 2 or not (self.dialect.mark or self.is_bare or self.is_table(found, len(lines))):
            return 0.0
        rows = fitting = 0
        held: list[bytes] = []
        for line in lines:
            changed = None if held else found.section(line)
            if changed is not None:
                found = changed
                continue
            is_inside = found.is_open(line, inside=bool(held))
            held.append(line)
            # A row that goes on behind the last line may be one.
            if is_inside and line is not lines[-1]:
                continue
            with suppress(ValueError):
                fitting += (is_inside and not self.is_bare) or found.fits(found.cells(b"\n".join(held)))
            rows += 1
            held = []
        return self.said * fitting / rows if rows else self.said if self.dialect.mark else 0.0

    def fits(self, cells: list[str | None]) -> bool:
        """Tell whether cells are a row; where no line told the columns, each has to suit its column.

        Raises:
            ValueError: a cell is none of its column's type.
        """
        if not self.is_bare:
            return len(cells) == len(self.fields)
        # Later versions of what wrote it add some at the end.
        if not len(self.fields) * 0.8 <= len(cells) <= len(self.fields):
            return False
        for column, cell in zip(self.fields, cells, strict=False):
            if cell and column.read is not None:
                column.read(cell)
            if cell and column.name == "level" and not LEVEL.fullmatch(cell):
                return False
        return self.instant(cells).__class__ is Time

    def is_table(self, found: CsvFormat, count: int) -> bool:
        """Tell whether what was taken for a heading looks like one, in a file of some lines."""
        names = [cell or "" for cell in found.cells(found.heading)]
        is_named = all(NAME.fullmatch(name) for name in names) and len(set(names)) == len(names)
        return is_named and count > 1 and (len(names) > 2 or self.dialect.delimiter == "\t" or count > 3)

    def reader(self, names: frozenset[str] | None = None) -> CsvReader:
        """Answer what fills lazy events."""
        return CsvReader(self, names)

    @property
    def fields(self) -> tuple[Column, ...]:
        """The columns, as they are known."""
        return self.columns or ()

    def moment(self, line: bytes) -> int | None:
        """Answer nanoseconds since 1970 of a line."""
        try:
            instant = self.instant(self.cells(line))
        except ValueError:
            return None
        return None if instant is None or instant is UNTIMED else instant.ns

    def instant(self, cells: list[str | None]) -> Any:
        """Answer the time of some cells: UNTIMED when no column tells one, None when the cell is empty.

        Raises:
            ValueError: the cell is no time.
        """
        for column, cell in zip(self.columns or (), cells, strict=False):
            if column.moment is None:
                continue
            if cell is None:
                return None
            day = self.day(cells)
            text = f"{day}T{cell}" if day else cell
            try:
                return Time(*column.moment(text.encode("utf-8", "surrogateescape")))
            except (ValueError, KeyError, OverflowError):
                raise ValueError(f"no time: {text[:60]!r}") from None
        return UNTIMED

    def day(self, cells: list[str | None]) -> str | None:
        """Answer the day that a W3C log has in a column of its own."""
        if self.dialect is not DIALECTS["w3c"]:
            return None
        for column, cell in zip(self.columns or (), cells, strict=False):
            if column.name == "date":
                return cell
        return None

    def chain(self, asked: list[Condition]) -> bytes | None:  # noqa: ARG002 the protocol
        """Answer None: nobody asked for it yet."""
        return None

    def hint(self, asked: Condition) -> bytes | None:
        """Answer the text that is asked of a column that is not converted."""
        column = next((each for each in self.columns or () if each.name == asked.name), None)
        if column is None or asked.is_number or asked.pattern is None or column.moment or column.read:
            return None
        return asked.pattern


class CsvReader:
    """Fills lazy events of a table; of all columns, or of some."""

    def __init__(self, of: CsvFormat, names: frozenset[str] | None) -> None:
        self.of = of
        self.names = names
        self.schemas: dict[tuple[Any, ...], Schema] = {}

    def fill(self, event: Event) -> None:
        """Read the event's text.

        Raises:
            ValueError: a cell is no value of its column's type, or a quote is not closed; says where.
        """
        cells = self.of.cells(event.text or b"")
        columns = self.of.columns
        if columns is None:
            columns = tuple(Column(f"column-{place:02d}") for place in range(1, len(cells) + 1))
        event.instant = self.of.instant(cells)
        values: list[Any] = []
        shape: list[tuple[str, str]] = []
        for column, cell in zip(columns, cells, strict=False):
            if cell is None or column.moment is not None or (not cell and column.read is not None):
                continue
            if self.names is not None and column.name not in self.names:
                continue
            if column.type is None:
                value, kind = typed(cell)
            else:
                value, kind = (cell if column.read is None else self.read(column, cell)), column.type
            values.append(value)
            shape.append((column.name, kind))
        key = tuple(shape)
        schema = self.schemas.get(key)
        if schema is None:
            units = tuple("ns" if kind == types.DURATION else None for _, kind in shape)
            schema = Schema("log", tuple(name for name, _ in shape), tuple(kind for _, kind in shape), units)
            if len(self.schemas) < SCHEMAS_MAX:
                self.schemas[key] = schema
        event.schema = schema
        event.values = values

    def read(self, column: Column, cell: str) -> Any:
        """Answer the value of a cell.

        Raises:
            ValueError: it is none of the column's type.
        """
        assert column.read is not None
        try:
            return column.read(cell)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"column {column.name}: {error}") from None


def formats(description: dict[str, Any], stamps: Stamps) -> CsvFormat:
    """Answer the format of a description: `dialect` is one of `DIALECTS`.

    `columns` names those of files without a heading, as one would.

    Raises:
        ConfigError: there is no such dialect.
    """
    from fanlight.registry import known_or_error

    dialect = DIALECTS[known_or_error(description["dialect"], list(DIALECTS), "dialect of tables")]
    told = description.get("columns")
    columns = typed_columns(told, stamps) if told else None
    return CsvFormat(description["name"], description["title"], dialect, stamps, columns=columns)
