"""JSON objects behind what a runtime of containers writes before them, or in the text of another object."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fanlight.errors import ConfigError
from fanlight.event.event import UNTIMED, Event
from fanlight.event.schema import Schema

if TYPE_CHECKING:
    from fanlight.parsers import Condition, Format
    from fanlight.parsers.stamps import Stamps

FEWEST = 0.1
"""Share of lines that hold an object, from which on a file is one of these; others may hold plain text."""
SAID = 0.98
MESSAGE, TIME = "message", "time"


class WrappedFormat:
    """A format whose message is a JSON object in some lines: its keys are properties of the event.

    What the outer format tells comes first, and its time is the event's where it has one.

    Args:
        name: unique.
        title: for people.
        outer: reads a line.
        inner: reads the message.
        mark: bytes of every line that holds an object.
    """

    raw_is_text = False
    has_scaled = False
    heads = None
    said = SAID

    def __init__(self, name: str, title: str, outer: Format, inner: Format, mark: bytes) -> None:
        self.name = name
        self.title = title
        self.outer = outer
        self.objects = inner
        self.mark = mark
        self.hidden = {**outer.hidden, **inner.hidden}
        self.own = frozenset(field.name for field in getattr(outer, "fields", ()))
        self.reading = outer.reader()
        self.reading_within = inner.reader()

    def score(self, lines: list[bytes]) -> float:
        """Answer the share of lines that the outer format tells of, when enough of them hold an object."""
        holding = [line for line in lines if self.mark in line]
        if len(holding) < FEWEST * len(lines) or not any(map(self.holds, holding[:3])):
            return 0.0
        return self.outer.score(lines) / self.outer.said * self.said

    def holds(self, line: bytes) -> bool:
        """Tell whether a line's message is an object, or one line of text with its end."""
        found = Event.lazy(self.reading, line, 0)
        try:
            self.reading.fill(found)
        except ValueError:
            return False
        message = found.value(MESSAGE)
        return isinstance(message, str) and (message.endswith("\n") or self.read(message) is not None)

    def reader(self, names: frozenset[str] | None = None) -> WrappedFormat:  # noqa: ARG002 the protocol
        """Answer what fills lazy events, with all properties."""
        return self

    def moment(self, line: bytes) -> int | None:
        """Answer nanoseconds since 1970 of a line."""
        found = self.outer.moment(line)
        if found is not None or self.mark not in line:
            return found
        # What looks like a time may stand in a text that is no object: only reading tells.
        event = Event.lazy(self, line, 0)
        try:
            self.fill(event)
        except ValueError:
            return None
        return event.time_ns

    def chain(self, asked: list[Condition]) -> bytes | None:  # noqa: ARG002 the protocol
        """Answer None: properties have no order in an object."""
        return None

    def hint(self, asked: Condition) -> bytes | None:
        """Answer what a line with such a value matches, whichever of both formats has it."""
        within = self.objects.hint(asked)
        if asked.name not in self.own:
            return within
        outside = self.outer.hint(asked)
        return None if within is None or outside is None else b"(?:%b)|(?:%b)" % (outside, within)

    def fill(self, event: Event) -> None:
        """Read the event's text.

        Raises:
            ValueError: it is none of the outer format.
        """
        text = event.text
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text or b"")
        found = Event.lazy(self.reading, raw, event.number)
        self.reading.fill(found)
        schema, values, instant = found.schema, found.values, found.instant
        assert schema is not None
        assert values is not None
        place = schema.places.get(MESSAGE)
        message = None if place is None else values[place]
        within = self.read(message) if isinstance(message, str) else None
        if within is not None:
            # A `time` that is none is a property like others, which a timed event cannot have.
            if instant is None or (instant is UNTIMED and TIME not in schema.places):
                instant = within.instant
            schema, taken = together(schema, within.read()[0], instant is not UNTIMED)
            every = [*values, *within.read()[1]]
            values = [every[at] for at in taken]
        elif place is not None and isinstance(message, str):
            # Docker keeps the end of the line with it.
            values = [*values[:place], message.removesuffix("\n"), *values[place + 1 :]]
        event.schema, event.values, event.instant = schema, values, instant

    def read(self, message: str) -> Event | None:
        """Answer the event of an object; None when it is none."""
        if not message.startswith("{"):
            return None
        found = Event.lazy(self.reading_within, message.strip().encode("utf-8", "surrogateescape"), 0)
        try:
            self.reading_within.fill(found)
        except ValueError:
            return None
        return found


@lru_cache(maxsize=1024)
def together(outside: Schema, within: Schema, is_timed: bool) -> tuple[Schema, tuple[int, ...]]:
    """Answer the schema of both, and which of the values of one and of the other it has."""
    size = len(outside.names)
    taken: dict[str, int] = {name: at for at, name in enumerate(outside.names) if name != MESSAGE}
    for at, name in enumerate(within.names):
        if name == TIME and is_timed:
            continue
        taken[name] = size + at
    columns = [*outside.columns(), *within.columns()]
    parts: Any = [tuple(part) for part in zip(*(columns[at] for at in taken.values()), strict=True)]
    names, types, units, formats = parts or [(), (), (), ()]
    return Schema(outside.kind, names, types, units, formats, outside.time_format), tuple(taken.values())


def formats(description: dict[str, Any], stamps: Stamps) -> WrappedFormat:  # noqa: ARG001 the table's
    """Answer the format of a description: `outer` is of a line, `inner` of its message, `mark` of both.

    Raises:
        ConfigError: one of the formats is missing.
    """
    name, outer, inner = (description.get(key) for key in ("name", "outer", "inner"))
    if outer is None or inner is None:
        raise ConfigError(f"format {name}: outer has to name the format of a line, inner that of its message")
    mark = str(description.get("mark", "{")).encode()
    return WrappedFormat(str(name), description.get("title", outer.name), outer, inner, mark)
