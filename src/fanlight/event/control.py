"""Events that steer a pipeline, which no query can swallow: end of stream, shutdown, fault."""

from __future__ import annotations

from typing import Any

from fanlight.event import types
from fanlight.event.event import Event
from fanlight.event.property import Property


class EndOfStream(Event):
    """The last event of a parser's `close()`, exactly once; shows nothing."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(kind="end")

    def preferred_representation(self, separator: str = "\n") -> str:  # noqa: ARG002 of every event
        """Answer nothing to show."""
        return ""


class Shutdown(Event):
    """Tells whoever takes events from a queue to leave; shows nothing."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(kind="shutdown")

    def preferred_representation(self, separator: str = "\n") -> str:  # noqa: ARG002 of every event
        """Answer nothing to show."""
        return ""


class Fault(Event):
    """Something that could not be read, in place of the event that it would have been.

    Its properties are `fault`, `message`, `exception` and `cause`, `position`, as far as they are known.

    Args:
        message: what was wrong.
        type: what sort of fault it is, such as `parsing`.
        cause: the exception behind it; a `line_number` or `lineno` of it is the line when none is given.
        line: number of the line, from 1.
        position: column of the line, from 1.
        raw: the text that could not be read.
    """

    __slots__ = ()

    def __init__(
        self,
        message: str | None = None,
        *,
        type: str | None = None,  # noqa: A002 the field's own word
        cause: BaseException | None = None,
        line: int | None = None,
        position: int | None = None,
        raw: str | bytes | None = None,
    ) -> None:
        said = None if cause is None else str(cause)
        known = (
            ("fault", type, types.STRING),
            ("message", message, types.STRING),
            ("exception", None if cause is None else cause.__class__.__name__, types.STRING),
            ("cause", said or None, types.STRING),
            ("position", position, types.INT),
        )
        super().__init__((Property(*each) for each in known if each[1] is not None), kind="fault")
        self.number = line or line_of(cause) or 0
        self.text = raw

    def preferred_representation(self, separator: str = "\n") -> str:  # noqa: ARG002 of every event
        """Answer `FAULT (parsing), line 7: no such month, ValueError: …` and a newline."""
        text = f"FAULT ({self.value('fault') or 'UNTYPED'})"
        if self.line is not None:
            text += f", line {self.line}"
        if self.value("message") is not None:
            text += f": {self.value('message')}"
        if self.value("exception") is not None:
            text += f", {self.value('exception')}"
            text += f": {self.value('cause')}" if self.value("cause") is not None else ""
        return f"{text}\n"

    def told(self) -> str:
        """Answer it as tables tell of it: `parsing error at line 7, position 12: no such month`."""
        places = [
            f"{name} {value}"
            for name, value in (("line", self.line), ("position", self.value("position")))
            if value
        ]
        where = f" at {', '.join(places)}" if places else ""
        why = self.value("message") or self.value("cause") or self.value("exception")
        return f"{self.value('fault') or 'parsing'} error{where}" + (f": {why}" if why else "")


def line_of(cause: BaseException | None) -> int | None:
    """Answer the line number that an exception carries."""
    for name in ("line_number", "lineno"):
        line: Any = getattr(cause, name, None)
        if line.__class__ is int:
            return int(line)
    return None


CLASSES: dict[str, type[Event]] = {"end": EndOfStream, "fault": Fault, "shutdown": Shutdown}
"""Kind to the class of such an event."""


def of_kind(event: Event) -> Event:
    """Answer a plain event as one of its kind's class, with what it holds."""
    known = CLASSES.get(event.kind)
    if known is None:
        return event
    made = known.__new__(known)
    for slot in Event.__slots__:
        setattr(made, slot, getattr(event, slot))
    return made
