"""logfmt: `key=value key="text with blanks"` lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.event import UNTIMED
from fanlight.event.schema import Schema
from fanlight.event.times import Time
from fanlight.event.units import parse_quantity

if TYPE_CHECKING:
    from fanlight.event.event import Event
    from fanlight.parsers import Condition
    from fanlight.parsers.stamps import Stamps

PAIR = re.compile(rb'([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)("?)|([^\s"]*)))?(?=\s|$)')
NAMES = {
    **dict.fromkeys(("time", "ts", "timestamp", "t", "@timestamp"), "time"),
    **dict.fromkeys(("level", "lvl", "severity"), "level"),
    **dict.fromkeys(("message", "msg"), "message"),
}
"""Key to property."""

ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
TIMING = re.compile(rb'(?:^|\s)(?:time|ts|timestamp|t|@timestamp)=(?:"([^"]+)"|(\S+))')
INTEGER = re.compile(r"-?\d{1,18}")
REAL = re.compile(r"-?\d+\.\d+(?:[eE][-+]?\d+)?")
SCHEMAS_MAX = 4096


class LogfmtFormat:
    """A format of key and value pairs."""

    raw_is_text = False
    said = 0.95
    has_scaled = True
    heads = None

    def __init__(self, name: str, stamps: Stamps, title: str) -> None:
        self.name = name
        self.title = title
        self.hidden: dict[str, bytes] = {}
        self.stamps = stamps
        self.schemas: dict[tuple[Any, ...], Schema] = {}

    def score(self, lines: list[bytes]) -> float:
        """Answer the share of lines that are pairs from end to end, two at least."""
        total = 0.0
        for line in lines:
            pairs, rest = split(line)
            filled = sum(value is not None for _, value in pairs)
            if not rest and filled >= 2 and filled * 2 > len(pairs):
                total += 0.95 if any(NAMES.get(key) for key, _ in pairs) else 0.8
        return total / len(lines) if lines else 0.0

    def reader(self, names: frozenset[str] | None = None) -> LogfmtFormat:  # noqa: ARG002 the protocol
        """Answer what fills lazy events."""
        return self

    def moment(self, line: bytes) -> int | None:
        """Answer nanoseconds since 1970."""
        found = TIMING.search(line)
        if found is None:
            return None
        try:
            return self.stamps.any(found[1] or found[2])[0]
        except (ValueError, KeyError, OverflowError):
            return None

    def chain(self, asked: list[Condition]) -> bytes | None:  # noqa: ARG002 the protocol
        """Answer None: properties have no order in a line."""
        return None

    def hint(self, asked: Condition) -> bytes | None:
        """Answer what a line with such a value matches: its key, and the text when it is the beginning."""
        if asked.pattern is None or not asked.begins or asked.is_number:
            return None
        keys = [key for key, name in NAMES.items() if name == asked.name] or [asked.name]
        return rb"(?:" + b"|".join(re.escape(key.encode()) for key in keys) + rb')="?' + asked.pattern

    def fill(self, event: Event) -> None:
        """Read the event's text.

        Raises:
            ValueError: there is text that is no pair; says where.
        """
        text = event.text
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text or b"")
        pairs, rest = split(raw)
        if rest or not any(value is not None for _, value in pairs):
            raise ValueError(f"no key=value at position {len(raw) - len(rest)}")
        instant: Time | None = None
        found: dict[str, Any] = {}
        kinds: dict[str, str] = {}
        for key, value in pairs:
            name = NAMES.get(key, key)
            if name == "time":
                # Only the first that is one is the event's; another spelling is a property by its own name.
                name = key
                if value is not None and instant is None:
                    try:
                        instant = Time(*self.stamps.any(value.encode("utf-8", "surrogateescape")))
                        continue
                    except (ValueError, KeyError, OverflowError):
                        pass
            found[name], kinds[name] = (True, types.BOOL) if value is None else typed(value)
        # A `time` that is none is a property like others, which a timed event cannot have.
        if instant is not None and "time" in kinds:
            del kinds["time"], found["time"]
        event.instant = UNTIMED if instant is None and "time" in kinds else instant
        shape = tuple(kinds.items())
        schema = self.schemas.get(shape)
        if schema is None:
            units = tuple("ns" if kind == types.DURATION else None for kind in kinds.values())
            schema = Schema("log", tuple(kinds), tuple(kinds.values()), units)
            # Keys that data makes up must not fill the memory.
            if len(self.schemas) < SCHEMAS_MAX:
                self.schemas[shape] = schema
        event.schema = schema
        event.values = list(found.values())


def split(line: bytes) -> tuple[list[tuple[str, str | None]], bytes]:
    """Answer the pairs of a line, a key without a value having None, and what is left over behind them."""
    pairs: list[tuple[str, str | None]] = []
    at = 0
    while True:
        at += len(line) - at - len(line[at:].lstrip())
        found = PAIR.match(line, at)
        if found is None:
            return pairs, line[at:].strip()
        key = found[1].decode("utf-8", "surrogateescape")
        if found[2] is not None:
            value: str | None = unescaped(found[2].decode("utf-8", "surrogateescape"))
        else:
            value = None if found[4] is None else found[4].decode("utf-8", "surrogateescape")
        pairs.append((key, value))
        at = found.end()


def unescaped(text: str) -> str:
    """Answer a quoted text without its escapes; one that is unknown stays as it is."""
    if "\\" not in text:
        return text
    return ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1] else ESCAPES.get(found[2], found[2]), text
    )


def typed(text: str) -> tuple[Any, str]:
    """Answer a value and its type: a number, a duration, or text."""
    if text[:1].isdigit() or text[:1] == "-":
        if INTEGER.fullmatch(text):
            return int(text), types.INT
        if REAL.fullmatch(text):
            return float(text), types.FLOAT
        quantity = parse_quantity(text)
        if quantity is not None and quantity[1] == "ns" and abs(quantity[0]) <= types.INT_MAX:
            return round(quantity[0]), types.DURATION
    if text in ("true", "false"):
        return text == "true", types.BOOL
    return text, types.STRING


def formats(description: dict[str, Any], stamps: Stamps) -> LogfmtFormat:
    """Answer the format of a description."""
    return LogfmtFormat(description["name"], stamps, description.get("title", "logfmt"))
