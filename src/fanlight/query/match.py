"""A tree to one predicate, compiled once into closures."""

from __future__ import annotations

from fanlight.errors import QueryError
from fanlight.event.event import CONTROL, LINE, RAW, TIME, Event
from fanlight.event.names import canonical
from fanlight.query.nodes import Among, And, Exists, Field, Keyword, Node, Not, Or, Path, Pattern
from fanlight.query.records import HOLDERS, any_record
from fanlight.query.regex import searcher
from fanlight.query.values import fold, test_of, tests_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from fanlight.query.setting import Setting

    Predicate = Callable[[Event], bool]
    Holds = Callable[[Any, str | None, str | None], bool]
    Found = tuple[Any, str | None, str | None]
    """A value, its unit, its type."""

SPAN = "span."
APART = CONTROL | HOLDERS.keys()
"""Kinds of event on which the terms are not simply tried."""
KIND = "kind"
STRUCTURE = frozenset({"duration", "lost", "parent", "pid", "span-count", "start"})
"""Numbers of every trace and span: asked for by name, found by no keyword."""


def compiled(node: Node | None, setting: Setting) -> Predicate:
    """Answer the predicate of a tree; control events are always selected.

    Raises:
        QueryError: a regular expression is not in the dialect.
    """
    if node is None:
        return lambda _: True
    inner = predicate(node, setting)

    def matches(event: Event) -> bool:
        # A raw line that nobody has read is no control event, and is not read to find out.
        if event.values is not None and event.schema is not None and event.schema.kind in APART:
            return event.schema.kind in CONTROL or any_record(event, inner)
        return inner(event)

    return matches


def predicate(node: Node, setting: Setting) -> Predicate:
    """Answer the predicate of one part."""
    if isinstance(node, Field):
        return finder(node.path, test_of(node, setting).of)
    if isinstance(node, And):
        return conjunction([predicate(part, setting) for part in node.parts])
    if isinstance(node, Or):
        return union(node, setting)
    if isinstance(node, Not):
        inner = predicate(node.part, setting)
        return lambda event: not inner(event)
    if isinstance(node, (Keyword, Pattern)):
        return anywhere([text_test(node, setting)])
    assert isinstance(node, Among | Exists)
    return finder(node.path, value_test(node, setting))


def value_test(node: Field | Among | Exists, setting: Setting) -> Holds:
    """Answer what is asked of the value at a path."""
    if isinstance(node, Exists):
        return lambda value, *_: value is not None
    if isinstance(node, Field):
        return test_of(node, setting).of
    tests = tests_of(node, setting)
    if len(tests) == 1:
        return tests[0].of
    return lambda value, unit, kind: any(test.of(value, unit, kind) for test in tests)


def conjunction(parts: list[Predicate]) -> Predicate:
    """Answer what all parts select."""
    if len(parts) == 2:
        one, two = parts
        return lambda event: one(event) and two(event)
    return lambda event: all(part(event) for part in parts)


def union(node: Or, setting: Setting) -> Predicate:
    """Answer what some part selects; an event's texts are gone through once for all keywords."""
    words = [part for part in node.parts if isinstance(part, Keyword | Pattern)]
    parts = [predicate(part, setting) for part in node.parts if not isinstance(part, Keyword | Pattern)]
    if words:
        parts.insert(0, anywhere([text_test(word, setting) for word in words]))
    if len(parts) == 1:
        return parts[0]
    return lambda event: any(part(event) for part in parts)


def text_test(node: Keyword | Pattern, setting: Setting) -> Callable[[str], Any]:
    """Answer the test of one text for a keyword or a pattern.

    Raises:
        QueryError: the pattern is not in the dialect.
    """
    if isinstance(node, Pattern):
        try:
            return searcher(node.text, fold=setting.fold_keywords)
        except QueryError as error:
            at = setting.text.find(f"/{node.text}/") + error.column
            raise QueryError(error.code, error.reason, setting.text, at) from None
    text = node.text
    if not setting.fold_keywords:
        return lambda value: text in value
    folded = fold(text)
    return lambda value: folded in fold(value)


def anywhere(tests: list[Callable[[str], Any]]) -> Predicate:
    """Answer whether one of the tests holds of some text or whole number of an event, at any depth."""
    single = tests[0] if len(tests) == 1 else None

    def holds(event: Event) -> bool:
        raw = event.text
        if raw is not None:
            if isinstance(raw, bytes):
                raw = raw.decode("utf-8", "surrogateescape")
            if any(test(raw) for test in tests):
                return True
        values = worded(event)
        if single:
            return any(single(text) for text in texts(values))
        return any(test(text) for text in texts(values) for test in tests)

    return holds


def worded(event: Event) -> list[Any]:
    """Answer the values that keywords look at; not the numbers by which a trace is held together."""
    schema, values = event.read()
    if schema.kind not in ("trace", "span"):
        return values
    return [
        value
        for name, value in zip(schema.names, values, strict=True)
        if value.__class__ is not int or name not in STRUCTURE
    ]


def texts(values: Any) -> Iterator[str]:
    """Yield what keywords look at: texts and whole numbers, also those in lists, maps and events."""
    for value in values:
        sort = value.__class__
        if sort is str:
            yield value
        elif sort is int:
            yield str(value)
        elif sort is list:
            yield from texts(value)
        elif sort is dict:
            yield from texts(value.values())
        elif isinstance(value, Event):
            raw = value.raw
            if raw is not None:
                yield raw
            yield from texts(worded(value))


def finder(path: Path, holds: Holds) -> Predicate:
    """Answer whether the value at a path meets a test.

    An event's own property decides; where it has none, or one that holds an event, any nested event's does.
    """
    if index_of(path) is not None:
        alone = own(path)
        return lambda event: (found := alone(event)) is not None and holds(*found)
    if path.text.startswith(SPAN) and not path.exact:
        below = own(Path(path.text[len(SPAN) :], exact=False))
        return lambda event: any(
            holds(*found) for inner in nested(event) for found in [below(inner)] if found is not None
        )
    mine = own(path)

    def decide(event: Event) -> bool:
        found = mine(event)
        if found is not None and (not isinstance(found[0], Event) or holds(*found)):
            return holds(*found)
        return any(holds(*found) for inner in nested(event) for found in [mine(inner)] if found is not None)

    return decide


def index_of(path: Path) -> int | None:
    """Answer the place among an event's properties that a path names, as `#0`; None when it is a name."""
    is_index = not path.exact and path.text.startswith("#") and path.text[1:].isdecimal()
    return int(path.text[1:]) if is_index else None


def at_index(index: int) -> Callable[[Event], Found | None]:
    """Answer what looks up the property at a place."""

    def look(event: Event) -> Found | None:
        found = event.get(index)
        return None if found is None or found.value is None else (found.value, found.unit, found.type)

    return look


def nested(event: Event) -> Iterator[Event]:
    """Yield the events in an event, at any depth."""
    for value in event.read()[1]:
        sort = value.__class__
        if sort is list:
            for inner in value:
                if isinstance(inner, Event):
                    yield from inner.walk()
        elif isinstance(value, Event):
            yield from value.walk()


def own(path: Path) -> Callable[[Event], Found | None]:
    """Answer what looks up a path in one event alone: value, unit, type; None when it has no value."""
    index = index_of(path)
    if index is not None:
        return at_index(index)
    name = path.text
    other = name if path.exact else canonical(name)
    steps = name.split(".") if "." in name and not path.exact else []

    def look(event: Event) -> Found | None:
        schema, values = event.read()
        place = schema.places.get(name)
        if place is None and other != name:
            place = schema.places.get(other)
        if place is not None:
            value = values[place]
            return None if value is None else (value, schema.units[place], schema.types[place])
        if other == TIME:
            time = event.time
            return None if time is None else (time, None, None)
        if other == RAW:
            raw = event.raw
            return None if raw is None else (raw, None, None)
        if steps:
            value = within(event, steps)
            return None if value is None else (value, None, None)
        if other == LINE and event.number:
            return event.number, None, None
        return (schema.kind, None, None) if other == KIND else None

    return look


def within(holder: Any, steps: list[str]) -> Any:
    """Answer what lies on a dotted path through maps and nested events; None when nothing does."""
    for cut in range(len(steps), 0, -1):
        key = ".".join(steps[:cut])
        if isinstance(holder, Event):
            value = holder.value(key)
        elif isinstance(holder, dict):
            value = holder.get(key)
        else:
            return None
        if value is not None:
            return value if cut == len(steps) else within(value, steps[cut:])
    return None


def value_of(path: Path) -> Callable[[Event], Any]:
    """Answer what looks up a stage's property: the event's own, else that of its first nested event."""
    look = own(path)
    is_index = index_of(path) is not None

    def find(event: Event) -> Any:
        found = look(event)
        if found is None and not is_index:
            for inner in nested(event):
                found = look(inner)
                if found is not None:
                    break
        return None if found is None else found[0]

    return find
