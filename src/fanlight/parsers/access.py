"""Access logs of Apache, nginx and Undertow: their format strings become one regular expression.

Directives may be Apache's (`%h`, `%>s`, `%{Referer}i`), nginx's variables (`$remote_addr`) or
Undertow's; what stands between them is text. Quoted values may hold backslash escapes. A line may be
cut off anywhere behind its time, and may have more behind the last value than the format says.
"""

from __future__ import annotations

import re

from fanlight.errors import ConfigError
from fanlight.event import types
from fanlight.event.stamps import access
from fanlight.parsers.fields import Field, Link
from fanlight.parsers.grouped import WHOLE, PatternFormat
from fanlight.parsers.stamps import EPOCHS, HTTPD, ISO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, NamedTuple

    from fanlight.parsers.stamps import Stamps
else:
    from fanlight.event.light import NamedTuple

QUOTED = rb'[^"\\]*(?:\\.[^"\\]*)*'
SCANNED = rb'[^"\\\n]*(?:\\[^\n][^"\\\n]*)*'
"""The same for scanners, which must not go over a line's end."""
BARE = rb"\S+"
SIMPLER = (
    (QUOTED, rb'[^"]*+'),
    (rb'[^ ?"\\]*(?:\\.[^ ?"\\]*)*', rb'[^ ?"]*+'),
    (rb'[^ "\\]*(?:\\.[^ "\\]*)*', rb'[^ "]*+'),
    (BARE, rb"[^ ]++"),
    (HTTPD, rb".{26}"),
)
"""Patterns, and quicker ones for lines without a backslash and without any white space but blanks."""
NUMBER = rb"\d+|-"
REAL = rb"\d+(?:\.\d+)?|-"

REQUEST = (
    rb'(?P<method>[A-Z][A-Z_-]*) (?P<path>[^ ?"\\]*(?:\\.[^ ?"\\]*)*)'
    rb'(?:\?(?P<query>[^ "\\]*(?:\\.[^ "\\]*)*))?'
    rb"(?: (?P<protocol>[A-Z]+/\d[\d.]*))?"
)
"""A request line; what is none, such as a handshake of another protocol, stays whole in `request`."""


class Directive(NamedTuple):
    """What one element of a format string stands for."""

    name: str
    type: str = types.STRING
    unit: str | None = None
    pattern: bytes = BARE


CLIENT = Directive("client")
STATUS = Directive("status", types.INT, None, rb"\d{3}|-")
SIZE = Directive("bytes", types.INT, None, NUMBER)
SECONDS = Directive("duration", types.DURATION, "s", REAL)
MICROSECONDS = Directive("duration", types.DURATION, "us", NUMBER)
MILLISECONDS = Directive("duration", types.DURATION, "ms", NUMBER)
TIME = Directive("time", types.TIMESTAMP, None, HTTPD)

APACHE: dict[str, Directive] = {
    **dict.fromkeys(("h", "a"), CLIENT),
    "A": Directive("server.address"),
    "B": SIZE,
    "b": SIZE,
    "D": MICROSECONDS,
    "H": Directive("protocol"),
    "I": Directive("received", types.INT, "bytes", NUMBER),
    "O": Directive("sent", types.INT, "bytes", NUMBER),
    "P": Directive("pid", types.INT, None, NUMBER),
    "S": Directive("transferred", types.INT, "bytes", NUMBER),
    "T": SECONDS,
    "U": Directive("path"),
    "V": Directive("host"),
    "X": Directive("connection"),
    "f": Directive("file"),
    "k": Directive("keepalive", types.INT, None, NUMBER),
    "l": Directive("logname"),
    "m": Directive("method"),
    "p": Directive("port", types.INT, None, NUMBER),
    "q": Directive("query", types.STRING, None, rb'[^ "]*'),
    "s": STATUS,
    "t": TIME,
    "u": Directive("user"),
    "v": Directive("host"),
    "{ms}T": MILLISECONDS,
    "{us}T": MICROSECONDS,
    "{s}T": SECONDS,
    "{tid}P": Directive("thread"),
}
"""Apache's letter to what it is; `%r` is apart, for it is four properties."""

UNDERTOW: dict[str, Directive] = {"D": MILLISECONDS, "I": Directive("thread")}
"""Letters that mean something else there."""

NGINX: dict[str, Directive] = {
    "remote_addr": CLIENT,
    "http_x_forwarded_for": Directive("forwarded"),
    "remote_user": Directive("user"),
    "time_local": TIME,
    "time_iso8601": Directive("time", types.TIMESTAMP, None, ISO),
    "msec": Directive("time", types.TIMESTAMP, None, EPOCHS),
    "status": STATUS,
    "body_bytes_sent": SIZE,
    "bytes_sent": Directive("sent", types.INT, "bytes", NUMBER),
    "request_length": Directive("received", types.INT, "bytes", NUMBER),
    # Always with three digits; what another server adds without them may count anything.
    "request_time": SECONDS._replace(pattern=rb"\d+\.\d+|-"),
    "upstream_response_time": Directive("upstream.duration"),
    "upstream_addr": Directive("upstream.address"),
    "request_method": Directive("method"),
    "request_id": Directive("trace"),
    "uri": Directive("path"),
    "request_uri": Directive("target"),
    "args": Directive("query", types.STRING, None, rb'[^ "]*'),
    "query_string": Directive("query", types.STRING, None, rb'[^ "]*'),
    "server_protocol": Directive("protocol"),
    "server_name": Directive("host"),
    "host": Directive("host"),
    "http_host": Directive("host"),
    "http_referer": Directive("referer"),
    "http_user_agent": Directive("agent"),
    "pid": Directive("pid", types.INT, None, NUMBER),
    "connection": Directive("connection"),
    "scheme": Directive("scheme"),
}
HEADERS = {"referer": "referer", "user-agent": "agent", "x-forwarded-for": "forwarded", "host": "host"}
"""Request headers that have a name of their own among properties."""

PRESETS = {
    "common": '%h %l %u %t "%r" %>s %b',
    "combined": '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"',
    "performance": '"%I" %h %u [%t] "%r" "%q" %s %b %D',
}

ELEMENT = re.compile(
    r"%[!\d,]*[<>]?(?:\{(?P<argument>[^}]*)\}(?P<of>[a-zA-Z^]*)|(?P<letter>[a-zA-Z?%]))"
    r"|\$\{?(?P<variable>[a-z][a-z0-9_]*)\}?"
)


def formats(description: dict[str, Any], stamps: Stamps) -> PatternFormat:
    """Answer the format of a description: `format` is a format string, or a preset's name.

    Raises:
        ConfigError: an unknown directive; says which.
    """
    name = description["name"]
    text = description["format"].replace("&quot;", '"')
    text = PRESETS.get(text, text)
    is_undertow = description.get("flavour") == "undertow" or text == PRESETS["performance"]
    table = {**APACHE, **UNDERTOW} if is_undertow else APACHE
    return Compilation(name, text, table).format(description.get("title", text), stamps)


class Compilation:
    """Turns one format string into a pattern with its fields."""

    def __init__(self, name: str, text: str, table: dict[str, Directive]) -> None:
        self.name = name
        self.text = text
        self.table = table
        self.fields: list[Field] = []
        self.time: bytes | None = None
        self.asked: bytes = b""
        """The pattern of a request line in quotes."""
        self.links: list[Link] = []
        self.is_required = ELEMENT.search(text) is not None and "%t" not in text and "$time" not in text

    def format(self, title: str, stamps: Stamps) -> PatternFormat:
        """Answer the format."""
        parts: list[tuple[bytes, bool]] = []
        known: list[int] = []
        for part in self.parts():
            parts.append(part)
            known.append(len(self.fields))
        if not parts:
            raise ConfigError(
                f"format {self.name}: {self.text!r} has no directive, such as %h or $remote_addr"
            )
        last_required = next((at for at, (_, is_time) in enumerate(parts) if is_time), 0)

        def until(names: frozenset[str]) -> bytes:
            # What follows is optional: it never changes what was found before it.
            needed = max((at for at, field in enumerate(self.fields) if field.name in names), default=-1)
            last = next((at for at, count in enumerate(known) if count > needed), len(parts))
            return nested(parts[: max(last, last_required) + 1], last_required, b"")

        pattern = nested(parts, last_required, rb"(?P<%s>)" % WHOLE.encode())
        reader = None if self.time is None else access if self.time == HTTPD else stamps.any
        # Lines with all elements and without escapes, which most logs have alone, are read quicker.
        whole = b"".join(part for part, _ in parts)
        more: dict[str, Any] = {"links": tuple(self.links), "time_shape": self.time, "until": until}
        if self.asked:
            more["joint"] = simpler(self.asked), rb'[^"]*+', self.asked
        return PatternFormat(
            self.name, pattern, tuple(self.fields), reader, title=title, quick=simpler(whole), **more
        )

    def parts(self) -> Iterator[tuple[bytes, bool]]:
        """Yield each element's pattern, the text before it included, and whether it is the time."""
        elements = list(ELEMENT.finditer(self.text))
        for at, found in enumerate(elements):
            before = self.text[elements[at - 1].end() if at else 0 : found.start()]
            behind = self.text[found.end() : elements[at + 1].start() if at + 1 < len(elements) else None]
            literal, closing = re.escape(before.encode()), behind[:1].encode()
            known = len(self.fields)
            self.links.append(link_of(before, closing))
            if found["letter"] == "%":
                yield literal + b"%", False
            elif found["letter"] == "?":
                yield literal + BARE, False
            elif found["letter"] == "r" or found["variable"] == "request":
                yield literal + self.request(before, closing), False
            else:
                value, is_time = self.value(self.directive(found), before, closing)
                yield literal + value, is_time
            if len(self.fields) > known:
                self.links[-1] = named_link(self.links[-1], self.fields[-1], closing)

    def directive(self, found: re.Match[str]) -> Directive:
        """Answer what an element stands for.

        Raises:
            ConfigError: nothing known.
        """
        if found["variable"]:
            name = found["variable"]
            if name.startswith("http_") and name not in NGINX:
                return Directive("header." + name[5:].replace("_", "-"))
            # A variable of the user's own, made with `map` or `set`, is text.
            return NGINX.get(name, Directive(name))
        if found["argument"] is not None:
            return self.with_argument(found["argument"], found["of"])
        known = self.table.get(found["letter"])
        if known is None:
            raise ConfigError(f"format {self.name}: unknown directive {found[0]!r} in {self.text!r}")
        return known

    def with_argument(self, argument: str, of: str) -> Directive:
        """Answer what `%{argument}of` stands for; `%{i,Name}` is the Java servers' way to write it."""
        exact = self.table.get(f"{{{argument}}}{of}")
        if exact is not None:
            return exact
        if not of and argument[1:2] == ",":
            of, argument = argument[0], argument[2:].strip()
        if of == "t":
            if argument in ("sec", "msec", "usec"):
                return Directive("time", types.TIMESTAMP, None, EPOCHS)
            return Directive("time", types.TIMESTAMP, None, ISO)
        if of == "i" and argument.lower() in HEADERS:
            return Directive(HEADERS[argument.lower()])
        room = {"i": "header", "o": "answer", "c": "cookie", "C": "cookie", "e": "environment", "n": "note"}
        if of not in room and of not in ("p", "^ti", "^to", "x"):
            raise ConfigError(f"format {self.name}: unknown directive '%{{{argument}}}{of}' in {self.text!r}")
        return Directive(f"{room.get(of, of.strip('^'))}.{argument.lower()}")

    def value(self, known: Directive, before: str, closing: bytes) -> tuple[bytes, bool]:
        """Answer the pattern of a value in its place, and whether it is the time."""
        name = known.name
        if name == "time":
            if self.time is not None:
                return rb"(?:" + known.pattern + rb")", False
            self.time = known.pattern
            group = rb"(?P<time>" + known.pattern + rb")"
            # Apache's %t writes brackets of its own; nginx's and the Java servers' formats show them.
            if known.pattern == HTTPD and not before.endswith("["):
                return rb"\[" + group + rb"\]", True
            return group, True
        if any(field.name == name for field in self.fields):
            return rb"(?:" + inside(known, before, closing) + rb")", False
        behind = b"[ \\r\\n]" if closing in (b"", b" ") else re.escape(closing)
        zeros = b"" if known is STATUS else rb"0*"
        self.fields.append(Field(name, known.type, known.unit, around(before), behind, zeros=zeros))
        group = "".join(letter if letter.isalnum() else "_" for letter in name).encode()
        return rb"(?P<" + group + rb">" + inside(known, before, closing) + rb")", False

    def request(self, before: str, closing: bytes) -> bytes:
        """Answer the pattern of a request line."""
        behind = rb"(?: |%s)" % re.escape(closing or b" ")
        # Where a format shows the query string apart, the request line has none.
        apart = "%q" in self.text or "$args" in self.text
        source = REQUEST.replace(b"(?P<query>", b"(?:") if apart else REQUEST
        for name in ("method", "path", "query", "protocol", "request"):
            if name == "query" and apart:
                continue
            first = around(before) if name == "method" else None
            if name == "path" and before:
                first = rb"[A-Z] "
            self.fields.append(Field(name, types.STRING, None, first, behind if name == "method" else None))
        other = QUOTED if closing == b'"' else rb"[^\n]*?"
        # The odd one is taken when the usual one does not reach the closing mark.
        end = re.escape(closing) if closing else rb"(?: |$)"
        found = rb"(?:" + source + rb"(?=" + end + rb"|$)|(?P<request>" + other + rb"))"
        if closing == b'"':
            self.asked = found
        return found


def simpler(pattern: bytes) -> bytes:
    """Answer a quicker pattern, for lines without a backslash and without white space but blanks."""
    for slow, quick in SIMPLER:
        pattern = pattern.replace(slow, quick)
    return pattern


def nested(parts: list[tuple[bytes, bool]], last_required: int, end: bytes) -> bytes:
    """Answer the pattern of elements, of which some at the end of a line may be missing."""
    pattern = end
    # From behind, so that each element is optional together with all that follow.
    for at in range(len(parts) - 1, -1, -1):
        pattern = parts[at][0] + pattern
        if at > last_required:
            pattern = rb"(?:" + pattern + rb")?"
    return pattern


def link_of(before: str, closing: bytes) -> Link:
    """Answer an element for scanners, nothing being asked of it."""
    is_quoted = before.endswith('"') and closing == b'"'
    after = rb"[ \r\n]" if closing in (b"", b" ") else re.escape(closing)
    text = before.encode()
    return Link("", text, re.escape(text), SCANNED if is_quoted else rb"[^\n]*", SCANNED, after)


def named_link(last: Link, field: Field, closing: bytes) -> Link:
    """Answer an element with the property that it is, and what any part of its value is."""
    if field.name == "request":
        # Of a request line, the path.
        filler = rb'[^ "\\\n]*(?:\\[^\n][^ "\\\n]*)*'
        return (
            last._replace(name="path", head=rb"[A-Z_-]+ ", filler=filler, tail=SCANNED)
            if closing == b'"'
            else last
        )
    if last.any == SCANNED:
        return last._replace(name=field.name)
    bare = rb"[^\s]+" if field.type == types.STRING else rb"[-0-9.]+"
    return last._replace(name=field.name, any=bare, filler=rb"[^\s]*")


def inside(known: Directive, before: str, closing: bytes) -> bytes:
    """Answer the pattern of a value between two marks."""
    if before.endswith('"') and closing == b'"':
        return QUOTED if known.pattern == BARE else known.pattern
    if before.endswith("[") and closing == b"]":
        return rb"[^\]\n]*" if known.pattern == BARE else known.pattern
    if known.pattern == BARE and closing not in (b"", b" "):
        return rb"[^\s" + re.escape(closing) + rb"]+"
    return known.pattern


def around(before: str) -> bytes | None:
    """Answer what stands directly before a value: the text of the format back to a mark and a blank."""
    return re.escape(before[-2:].encode()) or None


def directives(name: str) -> list[str]:
    """Answer what in a format string writes a property: nginx's variable, Apache's directive."""
    found = [f"nginx's ${each}" for each, known in NGINX.items() if known.name == name][:1]
    return found + [f"Apache's %{each}" for each, known in APACHE.items() if known.name == name][:1]
