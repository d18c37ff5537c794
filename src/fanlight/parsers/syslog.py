"""Syslog: RFC 3164 and 5424, with the priority's level and facility, and structured data as a map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.parsers.fields import Field, fields_of
from fanlight.parsers.grouped import PatternFormat
from fanlight.parsers.stamps import reading, shaped

if TYPE_CHECKING:
    from fanlight.event.event import Event, Origin
    from fanlight.parsers import Condition
    from fanlight.parsers.stamps import Stamps

LEVELS = ("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")
FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5"),
    *("local6", "local7"),
)
DERIVED = (Field("level"), Field("facility"), Field("data", types.MAP))
"""What is made of the priority and of structured data."""
PRIORITY, STRUCTURED, COUNT = "priority", "structured", "frame"
"""Groups that are read for what is made of them."""
SD_ELEMENT = re.compile(r'\[([^ =\]"]+)((?: [^ =\]"]+="(?:[^"\\\]]|\\.)*")*)\]', re.DOTALL)
SD_PARAM = re.compile(r' ([^ =\]"]+)="((?:[^"\\\]]|\\.)*)"', re.DOTALL)
SD_ESCAPE = re.compile(r'\\(["\\\]])')


def shown_as() -> dict[str, bytes]:
    """Answer each level and facility with the priorities that a line shows in its place."""
    found = {}
    for at, level in enumerate(LEVELS):
        found[level] = [number for number in range(192) if number % 8 == at]
    for at, facility in enumerate(FACILITIES):
        found[facility] = found.get(facility, []) + list(range(at * 8, at * 8 + 8))
    return {name: b"<(?:%s)>" % b"|".join(b"%d" % number for number in some) for name, some in found.items()}


class SyslogFormat:
    """A format of one regular expression, of which some groups become more than one property.

    Args:
        inner: reads the groups `priority`, `structured` and `frame` among others.
    """

    has_scaled = False

    def __init__(self, inner: PatternFormat) -> None:
        self.inner = inner
        self.name = inner.name
        self.title = inner.title
        self.heads = inner.heads
        self.said = inner.said
        known = {field.name for field in inner.fields}
        self.raw_is_text = PRIORITY not in known
        self.hidden: dict[str, bytes] = {} if self.raw_is_text else shown_as()
        own = (PRIORITY, STRUCTURED, COUNT)
        self.fields = tuple(field for field in inner.fields if field.name not in own)
        if not self.raw_is_text:
            self.fields += DERIVED[:2]
        if STRUCTURED in known:
            self.fields += DERIVED[2:]

    def score(self, lines: list[bytes]) -> float:
        """Answer the share of lines that match."""
        return self.inner.score(lines)

    def reader(self, names: frozenset[str] | None = None) -> Origin:
        """Answer what fills lazy events."""
        if self.raw_is_text:
            return self.inner.reader(names)
        if names is not None:
            # A dotted path leads through the map's own name.
            wanted = {name.partition(".")[0] for name in names}
            more = {PRIORITY} if wanted & {"level", "facility"} else set()
            names = names | more | ({STRUCTURED} if "data" in wanted else set()) | {COUNT}
        return SyslogReader(self.inner.reader(names), names)

    def moment(self, line: bytes) -> int | None:
        """Answer nanoseconds since 1970 of a line."""
        return self.inner.moment(line)

    def chain(self, asked: list[Condition]) -> bytes | None:  # noqa: ARG002 the protocol
        """Answer None: nobody asked for it yet."""
        return None

    def hint(self, asked: Condition) -> bytes | None:
        """Answer the text that is asked for; of structured data its values alone are known."""
        return self.inner.hint(asked)


class SyslogReader:
    """Fills lazy events, and makes level, facility and structured data of what the line has for them."""

    def __init__(self, inner: Origin, names: frozenset[str] | None) -> None:
        self.inner = inner
        self.names = names

    def fill(self, event: Event) -> None:
        """Read the event's text.

        Raises:
            ValueError: it is none of this format; says why.
        """
        self.inner.fill(event)
        counted = event.remove(COUNT)
        if counted is not None:
            text = event.text or b""
            there = len(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
            there -= len(str(counted.value)) + 1
            if there > counted.value + 1:
                event.schema = None
                event.values = self
                raise ValueError(f"{counted.value} bytes are counted, {there} stand there: several frames")
        priority = event.remove(PRIORITY)
        if priority is not None:
            self.put(event, "level", LEVELS[priority.value % 8])
            if priority.value >> 3 < len(FACILITIES):
                self.put(event, "facility", FACILITIES[priority.value >> 3])
        structured = event.remove(STRUCTURED)
        if structured is not None:
            self.put(event, "data", data_of(structured.value))

    def put(self, event: Event, name: str, value: Any) -> None:
        """Set a property, if it is asked for."""
        if self.names is None or name in self.names:
            event.put(name, value)


def data_of(text: str) -> dict[str, dict[str, str]]:
    """Answer structured data: id to name to value."""
    return {
        element[1]: {name: SD_ESCAPE.sub(r"\1", value) for name, value in SD_PARAM.findall(element[2])}
        for element in SD_ELEMENT.finditer(text)
    }


def formats(description: dict[str, Any], stamps: Stamps) -> SyslogFormat:
    """Answer the format of a description, as one of the kind `pattern` has it."""
    heads = description.get("heads")
    return SyslogFormat(
        PatternFormat(
            description["name"],
            shaped(description["pattern"]),
            fields_of(description),
            reading(stamps, description["time"]),
            title=description["title"],
            heads=re.compile(heads.encode()) if heads else None,
        )
    )
