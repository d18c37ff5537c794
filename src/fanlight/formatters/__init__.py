"""Formatters: events to text, and snapshots to text.

Of a query's answer: in come events, one at a time; out goes text for people or programs, with the
newlines in it. Of snapshots, for a target: in come those of one instant, out go messages without line
ends, each by itself what its reader parses. The same word in both tables is the same notation (`json`),
written as the answer of a query and as a message want it. What comes from outside is not made safe for
a terminal here: whoever writes to one does that.

To add one: a file here with a class that meets `Formatter` or `SnapshotFormatter`, and one line in its
table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from fanlight.config.options import made
from fanlight.registry import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fanlight.config.options import Option
    from fanlight.event.event import Event
    from fanlight.wire.readings import Snapshot


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


class SnapshotFormatter(Protocol):
    """Made once for a target with its options, then given the snapshots of each instant."""

    OPTIONS: ClassVar[dict[str, Option]]

    def __call__(self, snapshots: Sequence[Snapshot]) -> list[Any]:
        """Answer the messages: texts without a line end, or what a target takes in a text's place."""


SNAPSHOTS: dict[str, str] = {
    "json": "fanlight.formatters.compact:Compact",
    "logfmt": "fanlight.formatters.quoted:Quoted",
    "passthrough": "fanlight.formatters.unchanged:Unchanged",
    "prometheus": "fanlight.formatters.exposition:Exposition",
}
"""Name, as users write it, to a class that is made with its options."""


def snapshot_part(name: str) -> type[SnapshotFormatter]:
    """Answer the class of a formatter of snapshots.

    Raises:
        ConfigError: there is no such formatter; says the nearest.
    """
    return cast("type[SnapshotFormatter]", load(name, SNAPSHOTS, "snapshot_formatters"))


def snapshot_formatter(name: str, given: Mapping[str, Any] | None = None) -> SnapshotFormatter:
    """Answer a new formatter of snapshots.

    Args:
        name: of the table, or of an entry point.
        given: its options; what is left out has its default.

    Raises:
        ConfigError: there is no such formatter or option; says the nearest.
    """
    return cast("SnapshotFormatter", made(snapshot_part(name), given, f"formatter {name!r}"))
