"""Plain text: every line is an event with a message; what is left when nothing else fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.event import UNTIMED
from fanlight.event.schema import Schema

if TYPE_CHECKING:
    from fanlight.event.event import Event
    from fanlight.parsers import Condition
    from fanlight.parsers.stamps import Stamps

SCHEMA = Schema("log", ("message",), (types.STRING,))


class PlainFormat:
    """A format that any line has."""

    raw_is_text = True
    said = 0.0
    has_scaled = False
    heads = None

    def __init__(self, name: str, title: str) -> None:
        self.name = name
        self.title = title
        self.hidden: dict[str, bytes] = {}

    def score(self, lines: list[bytes]) -> float:  # noqa: ARG002 the protocol
        """Answer nothing: whatever has a better reason goes before."""
        return 0.0

    def reader(self, names: frozenset[str] | None = None) -> PlainFormat:  # noqa: ARG002 the protocol
        """Answer what fills lazy events."""
        return self

    def moment(self, line: bytes) -> int | None:  # noqa: ARG002 the protocol
        """Answer None: no time is known."""
        return None

    def chain(self, asked: list[Condition]) -> bytes | None:  # noqa: ARG002 the protocol
        """Answer None: properties have no order in a line."""
        return None

    def hint(self, asked: Condition) -> bytes | None:
        """Answer the text that is asked of the message."""
        return asked.pattern if asked.name == "message" else None

    def fill(self, event: Event) -> None:
        """Take the whole line as message."""
        text = event.text
        event.schema = SCHEMA
        event.values = [
            text.decode("utf-8", "surrogateescape") if isinstance(text, bytes | bytearray) else text
        ]
        event.instant = UNTIMED


def formats(description: dict[str, Any], stamps: Stamps) -> PlainFormat:  # noqa: ARG001 the protocol
    """Answer the format of a description."""
    return PlainFormat(description["name"], description.get("title", "plain text"))
