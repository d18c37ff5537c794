"""What stack traces of all languages share: an exception, its frames, and the exceptions behind it."""

from __future__ import annotations

from typing import Any

from fanlight.event import types
from fanlight.event.event import UNTIMED, Event
from fanlight.event.schema import shaped
from fanlight.parsers.stacks import KIND

DEEP = 16
"""How many events deep exceptions may be, which no store has to refuse; the raw text has all."""


class Thrown:
    """An exception that is being read."""

    __slots__ = ("behind", "frames", "kind", "message", "where")

    def __init__(self, kind: str | None, message: list[str] | None = None) -> None:
        self.kind = kind
        self.message = message or []
        self.frames: list[str] = []
        self.where: tuple[str | None, str | None, int | None] = (None, None, None)
        """Function, file and line in which it was thrown."""
        self.behind: dict[str, Event | list[Event]] = {}
        """`cause`, `context`, `suppressed`, `parts` to what they hold."""

    def event(self) -> Event:
        """Answer the event of it; what is behind it is one already."""
        function, file, line = self.where
        told: list[tuple[str, Any, str]] = [
            ("exception", self.kind, types.STRING),
            ("message", "\n".join(self.message).rstrip() or None, types.STRING),
            ("stack", "\n".join(self.frames).rstrip() or None, types.STRING),
            ("function", function, types.STRING),
            ("file", file, types.STRING),
            ("source-line", line, types.INT),
            *(
                (name, held, types.LIST if isinstance(held, list) else types.EVENT)
                for name, held in self.behind.items()
            ),
        ]
        kept = [each for each in told if each[1] is not None]
        schema = shaped(KIND, [(name, kind, None, None) for name, _, kind in kept], None)
        return Event.of(schema, [value for _, value, _ in kept], UNTIMED)
