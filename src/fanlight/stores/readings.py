"""Events that commits bring beside traces, such as readings of servers: how every store keeps and finds them.

They come every few seconds whether or not anything happens, so a query is given them only when it
names `kind`: what asks for requests is not answered with the clockwork between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fanlight.event.packing import Packed, names_of, schema_of, unpack
from fanlight.event.times import Time
from fanlight.query.asof import KIND, PARTIAL
from fanlight.query.match import SPAN, value_test
from fanlight.query.nodes import Among, And, Exists, Field
from fanlight.query.plan import spellings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fanlight.event.event import Event
    from fanlight.query.nodes import Node
    from fanlight.query.query import Query
    from fanlight.wire.codec import Message

ASKED = "kind"
"""Name by which a query asks for them."""
EVERYWHERE = frozenset({ASKED, "line", "raw", "time"})
"""Names of what an event has beside its properties."""


class Told(NamedTuple):
    """One event as a commit tells it."""

    time_ns: int
    service: str
    shape: str
    values: str

    def event(self) -> Event:
        """Answer the event itself."""
        return event_of(self.time_ns, self.shape, self.values)


def event_of(time_ns: int, shape: str, values: str) -> Event:
    """Answer the event of a time and two texts; where the values tell no time, it is that one."""
    event = unpack(Packed(time_ns, 0, shape, None, values))
    if event.instant is None:
        event.instant = Time(time_ns)
    return event


def told(commit: Message) -> list[Told]:
    """Answer the events of a commit.

    Raises:
        IndexError: a text is not in the commit's strings.
        ValueError: the columns differ in length.
    """
    strings = commit["strings"] or [""]
    columns = (commit[f"event_{name}"] for name in ("time", "service", "shape", "values"))
    rows = zip(*columns, strict=True)
    return [Told(time, strings[service], strings[shape], values) for time, service, shape, values in rows]


def is_asked(query: Query) -> bool:
    """Tell whether a query asks for such events."""
    return ASKED in query.fields()


def selectable(query: Query, shapes: Iterable[str]) -> list[str]:
    """Answer the shapes of which a query may select events: of a kind that it asks for, with its names."""
    node = query.node
    parts = node.parts if isinstance(node, And) else (node,)
    return [shape for shape in shapes if all(may_hold(part, shape, query) for part in parts)]


def may_hold(part: Node | None, shape: str, query: Query) -> bool:
    """Tell whether one of the things that must hold may hold of events of a shape."""
    if not isinstance(part, Field | Among | Exists) or part.path.text.startswith(("#", SPAN)):
        return True
    names = spellings([part.path])
    own, may_have_more = names_of(shape)
    if ASKED in names and ASKED not in own:
        return bool(value_test(part, query.setting)(schema_of(shape)[0].kind, None, None))
    return bool(names & (own | EVERYWHERE)) or may_have_more


def of_kind(shapes: Iterable[str], *, whole: bool = False) -> list[str]:
    """Answer the shapes of readings, or those of whole servers alone."""
    return [
        shape
        for shape in dict.fromkeys(shapes)
        if schema_of(shape)[0].kind == KIND and not (whole and "worker" in names_of(shape)[0])
    ]


def of_servers(shapes: Iterable[str], names: frozenset[str]) -> list[str]:
    """Answer the shapes of readings of whole servers that have one of some names."""
    return [
        shape
        for shape in shapes
        if schema_of(shape)[0].kind == KIND
        and names & names_of(shape)[0]
        and PARTIAL.isdisjoint(names_of(shape)[0])
    ]
