"""Formatters: events to text.

In come events, one at a time; out goes text for people or programs, with the newlines in it. What
comes from outside is not made safe for a terminal here: whoever writes to one does that.

To add one: a file here with a class that meets `Formatter`, and one line in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from fanlight.registry import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.event.event import Event


class Formatter(Protocol):
    """Writes one answer: made for it, then asked for each event, then for the end."""

    def event(self, event: Event) -> Iterator[str]:
        """Yield the text that comes with an event; some hold it back."""

    def end(self) -> Iterator[str]:
        """Yield what was held back, and what an answer ends with."""


TABLE: dict[str, str] = {
    "csv": "fanlight.formatters.csv:Csv",
    "json": "fanlight.formatters.json:Json",
    "jsonl": "fanlight.formatters.jsonl:Jsonl",
    "logfmt": "fanlight.formatters.logfmt:Logfmt",
    "raw": "fanlight.formatters.raw:Raw",
    "table": "fanlight.formatters.table:Table",
    "text": "fanlight.formatters.text:Text",
}
"""Name, as users write it, to a class that is made with the names of the properties that are wanted."""


def formatter(name: str, fields: tuple[str, ...] = ()) -> Formatter:
    """Answer a new formatter.

    Args:
        name: of the table, or of an entry point.
        fields: names of the properties that are wanted, in this order; none: all of an event's.

    Raises:
        ConfigError: there is no such formatter; says the nearest.
    """
    make = cast("Callable[[tuple[str, ...]], Formatter]", load(name, TABLE, "formatters"))
    return make(fields)
