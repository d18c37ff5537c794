"""Properties as formatters write them: which of an event's, and as what."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import TYPE_CHECKING, Any

from fanlight.event.event import Event
from fanlight.event.property import written
from fanlight.event.times import Time
from fanlight.event.types import STRING
from fanlight.query.match import own
from fanlight.query.nodes import Path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fanlight.query.match import Found


@cache
def finder(name: str) -> Callable[[Event], Found | None]:
    """Answer what finds a name as a query does: `#0`, other spellings, dots into maps and nested events."""
    return own(Path(name))


def value_at(event: Event, name: str) -> tuple[Any, str | None]:
    """Answer the value of a name and its type."""
    whole = event.get(name)
    if whole is not None:
        return whole.value, whole.type
    found = finder(name)(event)
    return (None, None) if found is None else (found[0], found[2])


def cells(event: Event, fields: Sequence[str], *, is_own: bool = False) -> list[tuple[str, Any, str | None]]:
    """Answer name, value and type of the wanted properties, or of all that have a value.

    An event without any, as of a line that could not be read, is told by its raw text.

    Args:
        event: whose.
        fields: names that are wanted; none: all.
        is_own: nobody asked for the names, they are what some events have.
    """
    if is_own:
        own = {name: (value, kind) for name, value, kind in cells(event, ())}
        return [(name, *own.get(name, (None, None))) for name in fields]
    if fields:
        return [(name, *value_at(event, name)) for name in fields]
    found: list[tuple[str, Any, str | None]] = [
        (each.name, each.value, each.type) for each in event if each.value is not None
    ]
    if not found and event.raw is not None:
        found.append(("raw", event.raw, STRING))
    return found


def text_of(value: Any, kind: str | None) -> str:
    """Answer a value as text, "" when there is none."""
    if value is None:
        return ""
    if isinstance(value, Event) or (
        value.__class__ is list and any(isinstance(each, Event) for each in value)
    ):
        return json.dumps(plain(value), ensure_ascii=False)
    return written(value, kind)


def plain(value: Any) -> Any:
    """Answer a value as JSON can have it; durations stay nanoseconds."""
    if isinstance(value, Event):
        return document(value)
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value) if isinstance(value, Time) else written(value)


def document(event: Event, fields: Sequence[str] = ()) -> dict[str, Any]:
    """Answer an event as one JSON object."""
    return {name: plain(value) for name, value, _ in cells(event, fields)}


def encoded(event: Event, fields: Sequence[str]) -> str:
    """Answer an event as one line of JSON in ASCII: bytes that were no UTF-8 survive as escapes."""
    return json.dumps(document(event, fields))
