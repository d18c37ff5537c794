"""What decides comparisons on a raw line of one pattern: the groups alone are looked at, no event is made."""

from __future__ import annotations

from fanlight.event import types
from fanlight.event.names import canonical
from fanlight.parsers.grouped import PatternFormat
from fanlight.query.nodes import And, Field
from fanlight.query.values import ratio, test_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.parsers import Format
    from fanlight.parsers.grouped import Reader
    from fanlight.query.nodes import Node
    from fanlight.query.query import Query
    from fanlight.query.values import Test

    Verdict = Callable[[bytes], bool]

ODD = (ValueError, KeyError, OverflowError)
"""What reading a text raises that is not what it should be."""
KNOWN, SHORT = 4096, 256
"""Texts of a property of which it is kept whether they are asked for, and bytes of the longest of them."""


def comparing(query: Query, format: Format, otherwise: Verdict) -> Verdict | None:  # noqa: A002 the thing's own word
    """Answer what decides a query of comparisons that all narrow it; None for any other query or format.

    FAST PATH: an event with its time and its properties costs four times as much as the groups that are asked
    for.

    Args:
        query: asks.
        format: of the lines.
        otherwise: decides on lines that cannot be read.
    """
    node = query.node
    parts = node.parts if isinstance(node, And) else () if node is None else (node,)
    if not isinstance(format, PatternFormat) or format.heads is not None or not parts:
        return None
    reader = format.reader(query.fields())
    places = {field.name: place for place, field in enumerate(reader.fields)}
    asked = []
    for part in parts:
        name = name_of(part, places)
        if name is None:
            return None
        assert isinstance(part, Field)
        place = places[name]
        schema = reader.schema
        asked.append((place, holding(test_of(part, query.setting), schema.units[place], schema.types[place])))
    return verdict_of(reader, asked, otherwise)


def name_of(part: Node, places: dict[str, int]) -> str | None:
    """Answer the one property that a comparison looks up; None when it may be another, or none."""
    if not isinstance(part, Field) or "." in part.path.text:
        return None
    other = part.path.text if part.path.exact else canonical(part.path.text)
    found = [name for name in dict.fromkeys((part.path.text, other)) if name in places]
    return found[0] if len(found) == 1 else None


def holding(test: Test, unit: str | None, kind: str) -> Callable[[Any], bool]:
    """Answer what tells whether a value of one type meets a comparison, as `Test.of` would."""
    inverse, text, numbers = test.inverse, test.text, test.numbers
    if kind == types.STRING and text is not None:
        return lambda value: bool(text(value)) is not inverse
    if kind == types.INT and numbers is not None:
        factor, has = ratio(unit, numbers.unit), numbers.has
        return lambda value: has(value * factor) is not inverse
    return lambda value: test.of(value, unit, kind)


class Known(dict[bytes | None, bool]):
    """Whether texts of one property are asked for; a text is read when it is met first.

    Args:
        holds: tells of a value.
        convert: makes it of the text.

    Raises:
        ValueError: a text is not what it should be; also KeyError and OverflowError.
    """

    def __init__(self, holds: Callable[[Any], bool], convert: Callable[[bytes | None], Any]) -> None:
        self.holds = holds
        self.convert = convert

    def __missing__(self, text: bytes | None) -> bool:
        value = self.convert(text)
        found = value is not None and self.holds(value)
        if text is None or len(text) <= SHORT:
            if len(self) >= KNOWN:
                self.clear()
            self[text] = found
        return found


def verdict_of(reader: Reader, asked: list[tuple[int, Callable[[Any], bool]]], otherwise: Verdict) -> Verdict:
    """Answer the verdict: every property is there and meets its test."""
    match, stamp, time_place = reader.match, reader.stamp, reader.time_place
    known = [(reader.places[at] - 1, Known(holds, reader.converters[at])) for at, holds in asked]

    def verdict(raw: bytes) -> bool:
        found = match(raw)
        if found is None:
            return otherwise(raw)
        texts = found.groups()
        selected = True
        try:
            if time_place and (time := texts[time_place - 1]) is not None:
                stamp(time)  # type: ignore[misc]
            for place, of in known:
                # Each: one that cannot be read makes the line none of the format.
                if not of[texts[place]]:
                    selected = False
        except ODD:
            return otherwise(raw)
        return selected

    return verdict
