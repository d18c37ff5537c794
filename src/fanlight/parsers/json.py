"""JSON lines: an object a line, its keys properties, its objects maps."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.event import UNTIMED
from fanlight.event.schema import Schema
from fanlight.event.stamps import epoch
from fanlight.event.times import SECOND_NS, Time
from fanlight.parsers.digits import digits_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.event.event import Event
    from fanlight.parsers import Condition
    from fanlight.parsers.stamps import Stamps

KEYS = {
    "time": (
        *("time", "timestamp", "@timestamp", "ts", "t", "datetime", "date", "asctime"),
        *("eventTime", "event_time", "Timestamp", "__REALTIME_TIMESTAMP", "timeUnixNano"),
        *("instant", "@t", "EdgeStartTimestamp"),
    ),
    "level": (
        "level",
        "severity",
        "lvl",
        "loglevel",
        "levelname",
        "log.level",
        "level_name",
        "Level",
        "severityText",
        "error_severity",
        "@l",
    ),
    "message": ("message", "msg", "text", "@message", "MESSAGE", "body", "Message", "log", "@m", "@mt"),
}
"""Property to the keys that mean it; the first that is there is it."""

LEVELS: dict[Any, str] = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}
"""Levels that some libraries write as numbers."""

CLASSES: dict[type, str] = {
    str: types.STRING,
    int: types.INT,
    float: types.FLOAT,
    bool: types.BOOL,
    dict: types.MAP,
    list: types.LIST,
}
SCHEMAS_MAX = 4096
SECONDS_MAX, MICROSECONDS_MAX = 1e11, 1e17
"""Below which a number with a fraction counts seconds, or at least no nanoseconds."""
EXPONENT = rb"-?[0-9.]+[eE]"
DEEP = 128
"""Values in one another: what shows, compares and keeps an event has to get to the innermost."""
DEEP_BYTES = 2 * DEEP
"""Bytes that so many take at least."""
TOO_DEEP = f"no JSON: nested deeper than {DEEP}"


def decoder() -> Callable[[bytes], Any]:
    """Answer the quickest decoder there is."""
    try:
        import msgspec
    except ImportError:
        import json

        return json.loads
    return msgspec.json.Decoder().decode


class JsonFormat:
    """A format of JSON lines.

    Args:
        name: unique.
        keys: property to the keys that mean it, as `KEYS`.
        stamps: reads times.
        title: for people.
        levels: other values that stand for levels.
        needed: keys that each object has, as bytes of a line.
    """

    raw_is_text = False
    has_scaled = False
    heads = None

    def __init__(
        self,
        name: str,
        keys: dict[str, tuple[str, ...]],
        stamps: Stamps,
        title: str,
        *,
        levels: dict[Any, str] | None = None,
        needed: tuple[bytes, ...] = (),
    ) -> None:
        self.name = name
        self.title = title
        self.keys = keys
        self.stamps = stamps
        self.levels = LEVELS | (levels or {})
        self.needed = needed
        # An object may be of a format that tells more of it.
        self.said = 0.98 if needed else 0.97
        self.schemas: dict[tuple[Any, ...], Schema] = {}
        level = rb'"(?:' + b"|".join(re.escape(key.encode()) for key in keys["level"]) + rb')"\s*:\s*'
        shown: dict[str, list[bytes]] = {}
        for value, meant in self.levels.items():
            shown.setdefault(meant, []).append(re.escape(str(value).encode()))
        self.hidden = {
            meant: level + rb'"?(?:' + b"|".join(some) + rb")(?![0-9A-Za-z])" for meant, some in shown.items()
        }

    @cached_property
    def decode(self) -> Callable[[bytes], Any]:
        """The quickest decoder there is; looked for when the first line is read."""
        return decoder()

    @cached_property
    def long(self) -> re.Pattern[bytes]:
        """Digits of which a number may have more than an int holds."""
        return re.compile(rb"[0-9]{19}")

    @cached_property
    def timing(self) -> re.Pattern[bytes]:
        """Where a time stands in a raw line."""
        keys = b"|".join(re.escape(key.encode()) for key in self.keys["time"])
        return re.compile(
            rb'"(?:' + keys + rb')"\s*:\s*(?:\{\s*"\$date"\s*:\s*)?'
            rb'(?:"([^"]{8,40})"|(\d{9,19}(?:\.\d+)?)'
            rb'|\{\s*"epochSecond"\s*:\s*(\d{1,11})\s*,\s*"nanoOfSecond"\s*:\s*(\d{1,9})\b)'
        )

    def score(self, lines: list[bytes]) -> float:
        """Answer the share of lines that are objects; those with a time or a message count in full."""
        total = 0.0
        for line in lines:
            if line.lstrip()[:1] != b"{" or not all(key in line for key in self.needed):
                continue
            try:
                value = self.decode(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                total += (
                    self.said if any(key in value for keys in self.keys.values() for key in keys) else 0.8
                )
        return total / len(lines) if lines else 0.0

    def reader(self, names: frozenset[str] | None = None) -> JsonFormat:  # noqa: ARG002 the protocol
        """Answer what fills lazy events; decoding is so quick that all properties are read."""
        return self

    def moment(self, line: bytes) -> int | None:
        """Answer nanoseconds since 1970, found without decoding."""
        found = self.timing.search(line)
        if found is None:
            return None
        if found[3]:
            return int(found[3]) * SECOND_NS + int(found[4])
        try:
            return self.stamps.any(found[1] or found[2])[0]
        except (ValueError, KeyError, OverflowError):
            return None

    def chain(self, asked: list[Condition]) -> bytes | None:  # noqa: ARG002 the protocol
        """Answer None: properties have no order in a line."""
        return None

    def hint(self, asked: Condition) -> bytes | None:
        """Answer what a line with such a value matches: the key, and behind it the text or the digits."""
        keys = self.keys.get(asked.name, (asked.name.rpartition(".")[2],))
        names = keys if asked.name in self.keys else tuple(dict.fromkeys((asked.name, *keys)))
        before = rb'"(?:' + b"|".join(re.escape(key.encode()) for key in names) + rb')"\s*:\s*'
        if asked.is_number:
            if asked.pattern is not None:
                digits = asked.pattern
            elif asked.at_least is not None and asked.at_least >= 1:
                digits = digits_from(asked.at_least)
            else:
                return None
            # A text, a list or a map may hold such a number too.
            return before + rb'(?:["\[{]|' + EXPONENT + rb"|" + digits + rb")"
        if asked.pattern is None or not asked.begins or asked.name in ("time", "level"):
            return None
        return before + rb'(?:[\[{]|"?' + asked.pattern + rb")"

    def fill(self, event: Event) -> None:
        """Read the event's text.

        Raises:
            ValueError: it is no JSON object; says where.
        """
        text = event.text
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text or b"")
        try:
            found = self.decode(raw)
        except UnicodeDecodeError:
            # Bytes that are no UTF-8 survive as they are.
            import json

            found = json.loads(raw.decode("utf-8", "surrogateescape"))
        except ValueError as error:
            raise ValueError(f"no JSON: {error}") from None
        except RecursionError:
            raise ValueError(TOO_DEEP) from None
        if not isinstance(found, dict):
            raise ValueError("no JSON object")  # noqa: TRY004 of a text
        if len(raw) > DEEP_BYTES and is_deep(raw, found):
            raise ValueError(TOO_DEEP)
        if self.long.search(raw):
            found = fitting(found)
        instant: Any = self.take_time(found)
        # A `time` that is none is a property like others, which a timed event cannot have.
        event.instant = UNTIMED if instant is None and "time" in found else instant
        self.rename(found)
        shape = tuple((name, value.__class__) for name, value in found.items())
        schema = self.schemas.get(shape)
        if schema is None:
            names = tuple(name or '""' for name, _ in shape)
            kinds = tuple(CLASSES.get(kind, types.UNDEFINED) for _, kind in shape)
            schema = Schema("log", names, kinds)
            # Keys that data makes up must not fill the memory.
            if len(self.schemas) < SCHEMAS_MAX:
                self.schemas[shape] = schema
        event.schema = schema
        event.values = list(found.values())

    def take_time(self, found: dict[str, Any]) -> Time | None:
        """Answer the time and take it out; what is none stays what it was."""
        for key in self.keys["time"]:
            value = found.get(key)
            if value is None or value.__class__ is bool:
                continue
            moment = self.moment_of(value)
            if moment is not None:
                del found[key]
                return moment
        return None

    def moment_of(self, value: Any) -> Time | None:
        """Answer the time that a value tells, None when it tells none."""
        found: Time | None = None
        try:
            if value.__class__ is str:
                found = Time(*self.stamps.any(value.encode()))
            elif value.__class__ is int:
                found = Time(*epoch(b"%d" % value))
            elif value.__class__ is float and abs(value) < SECONDS_MAX:
                found = Time(round(value * 1e6) * (SECOND_NS // 10**6))
            elif value.__class__ is float and abs(value) < MICROSECONDS_MAX:
                found = Time(*epoch(f"{value:.6f}"))
            elif value.__class__ is dict:
                found = self.moment_within(value)
        except (ValueError, KeyError, OverflowError):
            return None
        return found

    def moment_within(self, value: dict[str, Any]) -> Time | None:
        """Answer the time that an object tells as MongoDB or log4j writes one; None when it tells none."""
        seconds, ns = value.get("epochSecond"), value.get("nanoOfSecond")
        if seconds.__class__ is int and ns.__class__ is int and len(value) == 2:
            return Time(seconds * SECOND_NS + ns) if 0 <= ns < SECOND_NS and 0 <= seconds < 10**11 else None
        inner = value.get("$date")
        return self.moment_of(inner) if len(value) == 1 and inner.__class__ is not dict else None

    def rename(self, found: dict[str, Any]) -> None:
        """Give level, message and others their names."""
        for name in self.keys:
            if name in found or name == "time":
                continue
            for key in self.keys[name]:
                if key in found:
                    found[name] = found.pop(key)
                    break
        level = found.get("level")
        if level.__class__ in (int, str) and level in self.levels:
            found["level"] = self.levels[level]


def is_deep(raw: bytes, found: Any) -> bool:
    """Tell whether values lie deeper in one another than anything that is logged.

    Args:
        raw: the text.
        found: what it was decoded to.
    """
    if raw.count(b"{") + raw.count(b"[") <= DEEP:
        return False
    level = [found]
    for _ in range(DEEP):
        inner = [each.values() if each.__class__ is dict else each for each in level]
        level = [each for values in inner for each in values if each.__class__ in (dict, list)]
        if not level:
            return False
    return True


def fitting(value: Any) -> Any:
    """Answer a value whose whole numbers beyond 64 bits are texts, at any depth."""
    if value.__class__ is int:
        return value if types.INT_MIN <= value <= types.INT_MAX else str(value)
    if value.__class__ is dict:
        return {key: fitting(inner) for key, inner in value.items()}
    return [fitting(inner) for inner in value] if value.__class__ is list else value


def formats(description: dict[str, Any], stamps: Stamps) -> JsonFormat:
    """Answer the format of a description.

    `keys` may name other keys for time, level, message and what else, `levels` what values of a level mean,
    `needed` keys that every object has.
    """
    given = {name: tuple(keys) for name, keys in description.get("keys", {}).items()}
    return JsonFormat(
        description["name"],
        {**KEYS, **given},
        stamps,
        description.get("title", "JSON lines"),
        levels=description.get("levels"),
        needed=tuple(b'"%b"' % key.encode() for key in description.get("needed", ())),
    )
