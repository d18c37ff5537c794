"""Events that hold records of their own, as a thread dump its threads: each is asked by itself."""

from __future__ import annotations

from fanlight.event.event import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Predicate = Callable[[Event], bool]

HOLDERS = {"thread-dump": "threads"}
"""Kind of event to its property whose nested events are records."""
SECTIONS = {"thread-dump": ("deadlocks", "threads", "thread")}
"""To a list of nested events that name records: that list, the property with the names, the record's own."""


def records(event: Event) -> list[Event]:
    """Answer the records of an event; none where it holds none."""
    found = event.value(HOLDERS.get(event.kind, ""))
    return [each for each in found if isinstance(each, Event)] if isinstance(found, list) else []


def any_record(event: Event, select: Predicate) -> bool:
    """Tell whether a predicate selects one of the records, or the event itself when it has none."""
    found = records(event)
    if not found:
        return select(event)
    head = heading(event)
    return any(select(alone(event, each, head)) for each in found)


def heading(event: Event) -> str:
    """Answer what stands above the first blank line of an event's raw text."""
    return (event.raw or "").replace("\r", "").partition("\n\n")[0]


def alone(event: Event, record: Event, head: str) -> Event:
    """Answer an event as one of its records sees it: as if there were no other.

    Args:
        event: holds the record.
        record: to be asked.
        head: raw text of the event that is of all its records.
    """
    schema, values = event.read()
    seen: list[Any] = list(values)
    seen[schema.places[HOLDERS[schema.kind]]] = [record]
    section, names, name = SECTIONS[schema.kind]
    place = schema.places.get(section)
    if place is not None and isinstance(values[place], list):
        mine = record.value(name)
        told = [each for each in values[place] if isinstance(each, Event) and mine in each.value(names, ())]
        seen[place] = told or None
    return Event.of(schema, seen, event.instant, f"{head}\n\n{record.raw or ''}", event.number)


def without_others(event: Event, select: Predicate) -> Event:
    """Answer an event with only those of its records that a predicate selects, in its raw text as well."""
    found = records(event)
    head = heading(event)
    kept = [each for each in found if select(alone(event, each, head))]
    if not kept or len(kept) == len(found):
        return event
    schema, values = event.read()
    left: list[Any] = list(values)
    left[schema.places[HOLDERS[schema.kind]]] = kept
    gone = {id(each) for each in kept}
    text = cut(event.raw or "", [(each.raw or "", id(each) not in gone) for each in found])
    return Event.of(schema, left, event.instant, text, event.number)


def cut(raw: str, parts: list[tuple[str, bool]]) -> str:
    """Answer a text without some of its parts, and without the blank line behind each of those.

    Args:
        raw: the text.
        parts: in their order, and whether each goes.
    """
    raw = raw.replace("\r", "")
    out: list[str] = []
    at = 0
    for part, goes in parts:
        begin = raw.find(part, at) if part else -1
        if begin < 0:
            continue
        end = begin + len(part)
        if goes:
            out.append(raw[at:begin])
            behind = len(raw) - len(raw[end:].lstrip("\n"))
            # Two line ends are the part's own and its blank line; what else is blank belongs to what follows.
            end = min(behind, end + 2)
        else:
            out.append(raw[at:end])
        at = end
    return "".join([*out, raw[at:]]).rstrip("\n")
