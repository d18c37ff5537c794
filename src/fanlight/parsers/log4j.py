"""Layouts of log4j, logback and JBoss, `%d{ISO8601} %-5p [%c] (%t) %m%n`, as formats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.errors import ConfigError
from fanlight.event import types
from fanlight.event.patterns import DatePattern
from fanlight.parsers.elements import LONG, STAMP, Element, Layout, padded
from fanlight.parsers.stamps import EPOCHS, ISO, Stamps, reading

if TYPE_CHECKING:
    from fanlight.parsers.grouped import PatternFormat

NUMBER = rb"\d{1,18}"
WORD = rb"[^\s]{0,300}?"
LEVEL = rb"(?:[A-Z][A-Z0-9_]{1,30}|(?i:trace|debug|info|notice|warn|warning|error|severe|fatal)\b)"
"""One of a program's own is written in capitals; any other word would be a text's."""
COLOUR = Element("", rb"(?:\x1b\[[\d;]*m)?")
NOTHING = Element("", b"")
THROWN = (
    rb"(?:(?:[A-Za-z_$][\w$]*\.)+[A-Za-z_$][\w$]*|[A-Z][\w$]*(?:Exception|Error))",
    rb"(?:: ",
    rb"(?:: .*)?)?",
)
"""JBoss writes the exception behind the message, with `: ` between."""
CONVERSIONS: dict[str, Element] = {
    **dict.fromkeys(("d", "date"), Element("time", ISO, types.TIMESTAMP)),
    **dict.fromkeys(("p", "level", "le", "P"), Element("level", LEVEL)),
    **dict.fromkeys(("c", "logger", "lo"), Element("logger")),
    **dict.fromkeys(("C", "class"), Element("class", WORD)),
    **dict.fromkeys(("t", "thread", "tn", "threadName"), Element("thread")),
    **dict.fromkeys(("T", "tid", "threadId"), Element("thread-id", NUMBER, types.INT)),
    **dict.fromkeys(("tp", "threadPriority"), Element("", NUMBER)),
    **dict.fromkeys(("m", "msg", "message", "s"), Element("message", LONG)),
    **dict.fromkeys(("F", "file"), Element("file")),
    **dict.fromkeys(("L", "line"), Element("source-line", rb"\d{1,18}|\?", types.INT)),
    **dict.fromkeys(("M", "method"), Element("function", WORD)),
    **dict.fromkeys(("l", "location"), Element("location")),
    **dict.fromkeys(("x", "NDC"), Element("ndc")),
    **dict.fromkeys(("X", "mdc", "MDC"), Element("mdc")),
    **dict.fromkeys(("r", "relative"), Element("since-start", NUMBER, types.DURATION, "ms")),
    **dict.fromkeys(("i", "pid", "processId", "process"), Element("pid", NUMBER, types.INT)),
    **dict.fromkeys(("sn", "sequenceNumber"), Element("sequence", NUMBER, types.INT)),
    **dict.fromkeys(("u", "uuid"), Element("uuid", WORD)),
    **dict.fromkeys(("N", "nano"), Element("nano", NUMBER, types.INT)),
    **dict.fromkeys(("marker", "markerSimpleName"), Element("marker")),
    **dict.fromkeys(("h", "H", "hostName"), Element("host", WORD)),
    **dict.fromkeys(("D", "module"), Element("module")),
    **dict.fromkeys(("cn", "contextName", "caller", "kvp", "k", "property", "$", "#"), Element("")),
    **dict.fromkeys(("e", "E"), Element("exception", THROWN[0])),
    **dict.fromkeys(("ex", "exception", "throwable", "xEx", "xException", "xThrowable", "rEx"), NOTHING),
    **dict.fromkeys(("rException", "rThrowable", "wEx", "wex", "nopex", "nopexception", "n", "z"), NOTHING),
    "K": COLOUR,
}
"""Conversion to what it is."""
AROUND = frozenset(
    {"highlight", "style", "clr", "notEmpty", "maxLen", "maxLength", "enc", "encode", "replace"}
)
"""Conversions that write what another layout in their braces or parentheses writes."""
COLOURS = frozenset(
    f"{bold}{name}"
    for bold in ("", "bold")
    for name in ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "gray", "faint")
) | frozenset(
    f"bold{name.title()}" for name in ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
)
START = re.compile(r"%(-?0?\d*)(?:\.-?\d+)?([A-Za-z]+|[$#%(])")
NAMED_DATES = frozenset({"", "DEFAULT", "ISO8601", "ISO8601_BASIC", "ISO8601_OFFSET_DATE_TIME_HHCMM"})
EPOCH_DATES = frozenset({"UNIX", "UNIX_MILLIS"})
ZONE = re.compile(r"UTC|GMT|[A-Z][A-Za-z]+/[A-Za-z_/]+")
DEEP = 8


class Dated(NamedTuple):
    """How the time of a layout is written."""

    kind: str = "iso"
    zone: str | None = None


class Compilation:
    """Cuts one layout into elements.

    Args:
        text: the layout.

    Attributes:
        parts: elements and the text between.
        dated: how its time is written.

    Raises:
        ConfigError: an unknown conversion, or none.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.dated = Dated()
        self.parts: list[str | Element] = []
        self.cut(text, DEEP)
        if not any(isinstance(part, Element) for part in self.parts):
            raise ConfigError(f"format {name}: {text!r} has no conversion, such as %d, %p or %m")

    def cut(self, text: str, deep: int) -> None:
        """Add the parts of a text."""
        at = 0
        while at < len(text):
            if text[at] == "\\" and at + 1 < len(text):
                self.say({"n": "", "r": "", "t": "\t"}.get(text[at + 1], text[at + 1]))
                at += 2
            elif text[at] != "%":
                self.say(text[at])
                at += 1
            else:
                at = self.conversion(text, at, deep)

    def say(self, text: str) -> None:
        """Add text that stands for itself."""
        if self.parts and isinstance(self.parts[-1], str):
            self.parts[-1] += text
        elif text:
            self.parts.append(text)

    def conversion(self, text: str, at: int, deep: int) -> int:
        """Add what a conversion writes; answer the place behind it."""
        found = START.match(text, at)
        if found is None:
            raise ConfigError(f"format {self.name}: nothing follows % at {at} in {text!r}")
        width, word = found.groups()
        end = found.end()
        if word == "%":
            self.say("%")
            return end
        if word == "(" or (text[end : end + 1] == "(" and (word in AROUND or word in COLOURS)):
            inner, end = enclosed(text, end - 1 if word == "(" else end, "()")
            arguments, end = braced(text, end)
            return self.around(inner, width, end, deep)
        arguments, end = braced(text, end)
        if word in AROUND:
            return self.around(arguments[0] if arguments else "", width, end, deep)
        known = next((word[:cut] for cut in range(len(word), 0, -1) if word[:cut] in CONVERSIONS), None)
        if known is None:
            from fanlight.registry import suggestion

            near = suggestion(word, list(CONVERSIONS))
            raise ConfigError(f"format {self.name}: unknown conversion %{word} at {at} in {text!r}{near}")
        if known != word:
            arguments, end = [], found.start(2) + len(known)
        self.add(known, padded(CONVERSIONS[known], width), arguments)
        return end

    def around(self, inner: str, width: str, end: int, deep: int) -> int:
        """Add what another layout writes, perhaps in colour, perhaps padded."""
        if not deep:
            raise ConfigError(f"format {self.name}: {self.text!r} has layouts in layouts deeper than {DEEP}")
        self.parts.append(COLOUR)
        if width.lstrip("-"):
            self.parts.append(Element("", rb" *"))
        self.cut(inner, deep - 1)
        if width.lstrip("-"):
            self.parts.append(Element("", rb" *"))
        self.parts.append(COLOUR)
        return end

    def add(self, word: str, element: Element, arguments: list[str]) -> None:
        """Add one conversion with what stands in its braces."""
        if word in ("d", "date"):
            element = self.date(element, arguments)
        elif element.name == "mdc" and arguments and "," not in arguments[0]:
            element = element._replace(name=arguments[0].partition(":-")[0].strip() or "mdc")
        if element.name == "exception":
            element = element._replace(before=THROWN[1], after=THROWN[2])
        self.parts.append(element)

    def date(self, element: Element, arguments: list[str]) -> Element:
        """Answer the element of a date, and note how it is written."""
        form, _, zone = (arguments[0].strip().strip("\"'") if arguments else "").rpartition(",")
        if not ZONE.fullmatch(zone.strip().strip("\"'")):
            form, zone = f"{form},{zone}" if form else zone, ""
        zone = (zone or (arguments[1] if len(arguments) > 1 else "")).strip().strip("\"'")
        form = form.strip("\"'")
        if form in NAMED_DATES and form != "ISO8601_BASIC":
            self.dated, pattern = Dated("iso", zone or None), ISO
        elif form in EPOCH_DATES:
            self.dated, pattern = Dated("epoch", zone or None), EPOCHS
        else:
            try:
                expression = DatePattern(form).expression.pattern
            except ValueError as error:
                raise ConfigError(f"format {self.name}: {error}") from None
            self.dated = Dated(form, zone or None)
            pattern = re.sub(r"(?<!\\)\((?!\?)", "(?:", expression).encode()
        return element._replace(pattern=pattern)


def enclosed(text: str, at: int, marks: str) -> tuple[str, int]:
    """Answer what is between the mark at a place and the one that closes it, and the place behind."""
    depth = 0
    for place in range(at, len(text)):
        if text[place - 1 : place] == "\\":
            continue
        depth += (text[place] == marks[0]) - (text[place] == marks[1])
        if not depth:
            return text[at + 1 : place], place + 1
    return text[at + 1 :], len(text)


def braced(text: str, at: int) -> tuple[list[str], int]:
    """Answer what stands in the braces from a place on, and the place behind them."""
    found: list[str] = []
    while text[at : at + 1] == "{":
        inner, at = enclosed(text, at, "{}")
        found.append(inner)
    return found, at


def formats(description: dict[str, Any], stamps: Stamps) -> PatternFormat:
    """Answer the format of a description: `format` is the layout, `time` the shape of its time if not `%d`'s.

    Raises:
        ConfigError: a conversion is unknown, or its date means nothing.
    """
    name, text = description["name"], description["format"]
    found = Compilation(name, text)
    parts = [part for part in found.parts if part != ""]
    while parts and parts[-1] in (NOTHING, COLOUR):
        parts.pop()
    if "time" in description:
        stamp = reading(stamps, description["time"])
        parts = [
            part._replace(pattern=STAMP) if isinstance(part, Element) and part.name == "time" else part
            for part in parts
        ]
    else:
        own = Stamps(found.dated.zone, stamps.written_ns) if found.dated.zone else stamps
        kind = found.dated.kind
        stamp = reading(own, kind) if kind in ("iso", "epoch") else own.formed(kind)
    return Layout(parts).format(name, description.get("title", text), stamp)
