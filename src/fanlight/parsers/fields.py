"""Properties of a format of one regular expression: what a group becomes, and what stands around it."""

from __future__ import annotations

from fanlight.errors import ConfigError
from fanlight.event import types
from fanlight.parsers import stacks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from fanlight.event.light import NamedTuple


class Field(NamedTuple):
    """One property of a format: the group of its name, and what the text becomes."""

    name: str
    type: str = types.STRING
    unit: str | None = None
    """That the text is written in; a duration comes out in ns whatever it was."""
    before: bytes | None = None
    """What always stands directly before the value, as a regular expression; None when unknown."""
    after: bytes | None = None
    empty: tuple[bytes, ...] = (b"-", b"")
    """Texts that mean that there is no value."""
    zeros: bytes = rb"0*"
    """Zeros that may stand before a whole number's digits; none where their count is fixed."""
    values: tuple[tuple[str, str, str], ...] = ()
    """Texts that stand for others: as written, as meant, in lower case, and a pattern of where."""


TRACED = tuple(Field(name, kind) for name, kind in stacks.NAMES.items())
"""What events of several lines may have beside the groups of their pattern."""


class Link(NamedTuple):
    """An element of a line, as a scanner may see it: patterns that match no less than is there."""

    name: str
    """Of the property that may be asked for; "" when none can be."""
    plain: bytes
    """Text before it."""
    text: bytes
    """The same as a pattern."""
    any: bytes
    """Whatever it may be; never over a line's end."""
    filler: bytes
    """Any part of the value."""
    after: bytes
    """What follows it."""
    head: bytes = b""
    """What stands between the text before and the value."""
    tail: bytes = b""


def fields_of(description: dict[str, Any]) -> tuple[Field, ...]:
    """Answer the fields of a format's description: `type`, `unit` and `values` of each.

    Raises:
        ConfigError: an unknown type.
    """
    fields = []
    for name, about in description.get("fields", {}).items():
        kind = about.get("type", types.STRING)
        if kind not in types.TYPES:
            raise ConfigError(f"format {description['name']}: unknown type {kind!r} of the field {name!r}")
        # Of a text that means another, `shown` tells what stands around it, so that it is found quickly.
        shown = about.get("shown", "{}")
        values = tuple(
            (text, meant, shown.replace("{}", text)) for text, meant in about.get("values", {}).items()
        )
        fields.append(Field(name, kind, about.get("unit"), values=values))
    return tuple(fields)


def group_of(name: str) -> str:
    """Answer the name of a property's group: `thread-name` cannot be one."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)
