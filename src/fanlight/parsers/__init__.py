"""Parsers: text to events.

In come the lines of a log, out come events with typed properties; a line that cannot be read comes
out as a fault that keeps it. What a log looks like is a *format*: immutable, shared by all files of
that look, able to tell how well it fits and to read one line. What a file is read with is a *parser*:
it counts the lines, holds an event back until its last line has come, and asks the query before it
reads more than it must.

To add a format that a regular expression can describe: a file in `parsers/formats/` with its pattern,
its fields and sample lines, which are its tests. To add a kind of format: a file here with a function
that answers a `Format`, and one line in the table.
"""

from __future__ import annotations

import os
from importlib import import_module

from fanlight.event.lazy import lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable
    from typing import Any, NamedTuple, Protocol, cast

    from fanlight.event.event import Event, Origin
    from fanlight.parsers.stamps import Stamps
    from fanlight.query.query import Query
else:
    from fanlight.event.light import NamedTuple, Protocol, cast


class Condition(NamedTuple):
    """What a query asks of one property, as far as a look at raw bytes can help to answer it."""

    name: str
    pattern: bytes | None = None
    """A regular expression that a part of the value's text matches."""
    begins: bool = False
    """Whether that part is the beginning of the text."""
    ends: bool = False
    """Whether it is the end."""
    at_least: float | None = None
    """The least number that is asked for: nanoseconds of a duration, bytes of a size."""
    is_number: bool = False
    """Whether numbers are compared, so that the pattern is of a number's digits."""


class Format(Protocol):
    """One look of a log; never changes, may be shared by threads."""

    name: str
    title: str
    raw_is_text: bool
    """Whether a property's text stands in the raw line as it is, with no escapes between."""
    has_scaled: bool
    """Whether whole numbers are other than they are written, as a duration of `1.5s` is."""
    hidden: dict[str, bytes]
    """Texts of properties that the raw line shows as something else, with a pattern of that."""
    heads: re.Pattern[bytes] | None
    """What an event's first line begins with; None when every line is an event."""

    said: float
    """The score when every line fits: more for a format that tells more."""

    def score(self, lines: list[bytes]) -> float:
        """Answer how well it fits, 0 to `said`."""

    def reader(self, names: frozenset[str] | None = None) -> Origin:
        """Answer what fills lazy events: of these properties alone, or of all.

        Its `fill` raises ValueError with a reason when the text is none of this format.
        """

    def moment(self, line: bytes) -> int | None:
        """Answer nanoseconds since 1970 of a head line, None when it tells no time."""

    def chain(self, asked: list[Condition]) -> bytes | None:
        """Answer a regular expression that a line of every event matches which meets all conditions.

        None when there is no such thing that says more than the hints do.
        """

    def hint(self, asked: Condition) -> bytes | None:
        """Answer a regular expression that some line of every event matches which meets a condition.

        None when there is no such thing short of reading the event.
        """


class Sections(Protocol):
    """What a format is besides when lines of the file itself say what the others hold."""

    mark: bytes
    """What those lines begin with."""

    def section(self, line: bytes) -> Format | None:
        """Answer the format of the lines below such a line; None when it is none."""

    def fitted(self, lines: list[bytes]) -> Format:
        """Answer the format with what a file's first lines say."""

    def is_open(self, line: bytes, *, inside: bool = False) -> bool:
        """Tell whether the next line belongs to the same event.

        Args:
            line: without its end.
            inside: it belonged to the one before.
        """


def fitted(found: Format, lines: list[bytes]) -> Format:
    """Answer a format with what the first lines of a file say, where it is one of that sort."""
    return cast("Sections", found).fitted(lines) if hasattr(found, "fitted") else found


class Parser(Protocol):
    """Reads one file, line by line."""

    name: str
    line_number: int

    def parse(self, line: str | bytes, query: Query | None = None) -> list[Event]:
        """Answer the events that end with this line.

        Raises:
            ParserError: it is closed.
        """

    def close(self) -> list[Event]:
        """Answer what was held back, then the end of the stream; nothing the second time."""


TABLE: dict[str, str] = {
    "access": "fanlight.parsers.access:formats",
    "csv": "fanlight.parsers.csv:formats",
    "json": "fanlight.parsers.json:formats",
    "log4j": "fanlight.parsers.log4j:formats",
    "logfmt": "fanlight.parsers.logfmt:formats",
    "logging": "fanlight.parsers.logging:formats",
    "pattern": "fanlight.parsers.pattern:formats",
    "plain": "fanlight.parsers.plain:formats",
    "syslog": "fanlight.parsers.syslog:formats",
    "threads": "fanlight.parsers.threads:formats",
    "wrapped": "fanlight.parsers.wrapped:formats",
}
"""Kind of format to a function that answers the formats of a description in `formats/`."""

SURE = 0.5
"""A score below this is a guess, so that plain text is the better answer."""
BANNER = 8
"""Lines that may stand before the first event, for each event that is seen behind them."""


FOLDER = os.path.join(os.path.dirname(__file__), "formats")


def names() -> list[str]:
    """Answer the names of the formats that are described, sorted."""
    return sorted(name.removesuffix(".toml") for name in os.listdir(FOLDER) if name.endswith(".toml"))


def text_of(name: str) -> str:
    """Answer what stands in the file of a format before its samples."""
    # Samples are tests; reading them would cost every search, and so would pathlib.
    with open(os.path.join(FOLDER, f"{name}.toml"), encoding="utf-8") as file:
        return file.read().partition("\n[[samples]]")[0]


def described(name: str) -> dict[str, Any]:
    """Answer what the file of a format says about it, but for its samples."""
    text = text_of(name)
    found: dict[str, Any] = {"name": name}
    for line in text.splitlines():
        key, equals, value = line.partition(" = ")
        mark, inner = value[:1], value[1:-1]
        is_text = len(value) > 1 and mark in "'\"" and value.endswith(mark) and mark not in inner
        if not (equals and key.isalpha() and is_text) or (mark == '"' and "\\" in inner):
            break
        found[key] = inner
    else:
        # FAST PATH: nothing but texts without escapes, so that the library need not be loaded.
        return found
    import tomllib

    return {"name": name, **tomllib.loads(text)}


def format_of(description: dict[str, Any], stamps: Stamps | None = None) -> Format:
    """Answer the format that a description makes.

    Args:
        description: with `kind`, of the table, and what that kind asks for. Formats that it names as
            `outer` and `inner` come to their kind made.
        stamps: reads times; None reads those without an offset as this machine's, of now or before.

    Raises:
        ConfigError: the kind is unknown, or its description is wrong.
    """
    from fanlight import registry
    from fanlight.parsers.stamps import Stamps

    registry.known_or_error(description.get("kind", ""), list(TABLE), "kind of format")
    module, _, attribute = TABLE[description["kind"]].partition(":")
    make: Callable[..., Format] = getattr(import_module(module), attribute)
    stamps = stamps or Stamps()
    parts = {
        part: format_of(described(registry.known_or_error(description[part], names(), "format")), stamps)
        for part in ("outer", "inner")
        if part in description
    }
    return make(description | parts, stamps)


ACCESS_TIME = lazily(rb"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [-+]\d{4}\]")


def named(name: str, zone: str | None = None, written_ns: int | None = None) -> Format:
    """Answer the format of a name, or of the format string of an access log or of Python's logging.

    Args:
        name: such as `combined`, or `%h %l %u %t "%r" %>s %b`, or nginx's `$remote_addr …`, or
            `%(asctime)s %(message)s`, or `{asctime} {message}`.
        zone: where times are meant that tell no offset; None is this machine's.
        written_ns: when the file was last written, by which times are read that tell no year or no day.

    Raises:
        ConfigError: unknown; says the nearest.
    """
    from fanlight.parsers.stamps import Stamps

    if "%" in name or "$" in name or "{" in name:
        return format_of(
            {"name": "custom", "title": name, "kind": kind_of(name), "format": name}, Stamps(zone, written_ns)
        )
    from fanlight.registry import known_or_error

    if "+" in name:
        from fanlight.parsers.mixed import MixedFormat

        return MixedFormat([named(part, zone, written_ns) for part in name.split("+")])
    return format_of(described(known_or_error(name, names(), "format")), Stamps(zone, written_ns))


CONVERSION = lazily(r"%-?\d*(?:\.-?\d+)?(?:d|date|n|msg|message|le|level|logger|thread)(?![A-Za-z])")
"""What only a layout of log4j has; `%m` is the method in an access log, where no date is `%d`."""


def kind_of(text: str) -> str:
    """Answer which kind of format a format string is of, by how its elements are written."""
    if "%(" in text or ("{" in text and "%" not in text and "$" not in text):
        return "logging"
    return "log4j" if CONVERSION.search(text) else "access"


def detect(
    lines: list[bytes], zone: str | None = None, written_ns: int | None = None
) -> tuple[Format, float]:
    """Answer the format that fits best, and how well, 0 to 1.

    Args:
        lines: the first of a file, without line ends.
        zone: as `named`.
        written_ns: as `named`.
    """
    from fanlight.parsers.stamps import Stamps

    stamps = Stamps(zone, written_ns)
    filled = [line for line in lines if line.strip()]
    kind = "access" if filled and ACCESS_TIME.search(filled[0]) else ""
    if kind:
        # FAST PATH: no other kind of log has such a time, and most of a small search was to look at all.
        mark = f'kind = "{kind}"'
        some = [format_of(described(name), stamps) for name in names() if mark in text_of(name)]
        best, highest = best_of(some, filled)
        if best is not None and highest >= best.said:
            return fitted(best, filled), highest
    formats = [format_of(described(name), stamps) for name in names()]
    best, highest = best_of(formats, filled)
    if best is not None and (highest < best.said or best.heads is not None):
        from fanlight.parsers.mixed import mixed

        several = mixed(best, filled, formats)
        if several is not best and (sure := several.score(filled)) >= SURE:
            return several, sure
    if best is None or highest < SURE:
        return format_of(described("plain"), stamps), highest
    if is_aside(best, filled):
        return format_of(described("plain"), stamps), 0.0
    return fitted(best, filled), highest


def is_aside(found: Format, lines: list[bytes]) -> bool:
    """Tell whether the events of a format only come behind pages of what is none of it."""
    if found.heads is None:
        return False
    heads = [at for at, line in enumerate(lines) if found.heads.match(line)]
    return bool(heads) and heads[0] > BANNER * len(heads)


def best_of(formats: list[Format], filled: list[bytes]) -> tuple[Format | None, float]:
    """Answer the format that fits lines best, and how well."""
    best: Format | None = None
    highest = 0.0
    # Those that tell most go first; when one fits altogether, none behind it can fit better.
    for found in sorted(formats, key=lambda found: -found.said) if filled else ():
        if highest >= found.said:
            break
        score = found.score(filled)
        if score > highest:
            best, highest = found, score
    return best, highest
