"""One property of an event: a view made on demand."""

from __future__ import annotations

from functools import total_ordering

from fanlight.event import types
from fanlight.event.light import date, datetime, timedelta
from fanlight.event.times import Time, time_of
from fanlight.event.units import written_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@total_ordering
class Property:
    """A name with a typed value; never changes. Properties are ordered by their names.

    What it was made of may change afterwards: it holds copies of maps and lists.

    Args:
        name: case matters, blanks may be in it.
        value: None where there is none; None of a map reads as an empty one. A `datetime` becomes a
            `Time`, a `timedelta` ns.
        type: of `fanlight.event.types`; the value's own when it is left out.
        unit: of a number, such as `ms` or `bytes`; durations are always ns.
        format: how to write the value. For times and dates a pattern such as `yyyy-MM-dd HH:mm:ss,SSS`,
            or one of `strftime` when there is a `%` in it; else a format spec.

    Raises:
        ValueError: an empty name, or a value that is not of the type.
    """

    __slots__ = ("format", "name", "type", "unit", "value")

    name: str
    value: Any
    type: str
    unit: str | None
    format: str | None

    def __init__(
        self,
        name: str,
        value: Any = None,
        type: str | None = None,  # noqa: A002 the field's own word
        unit: str | None = None,
        format: str | None = None,  # noqa: A002 the field's own word
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"a property's name is a text of at least one character, not {name!r}")
        if isinstance(value, timedelta):
            value = (value.days * 86_400 + value.seconds) * 1_000_000_000 + value.microseconds * 1000
            kind = fitting(name, value, type or types.DURATION)
        else:
            if isinstance(value, datetime):
                value = time_of(value)
            kind = types.type_of(value) if type is None else fitting(name, value, type)
        if kind in HELD:
            value = HELD[kind](name, value)
        put = object.__setattr__
        put(self, "name", name)
        put(self, "value", value)
        put(self, "type", kind)
        put(self, "unit", unit)
        put(self, "format", format)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a property never changes; set a new one on the event instead of {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Property, (self.name, self.value, self.type, self.unit, self.format)

    def is_of(self, type: str) -> bool:  # noqa: A002 the field's own word
        """Answer whether it is of a type, or holds an event of that kind."""
        return self.type == type or (
            self.type == types.EVENT and self.value is not None and self.value.kind == type
        )

    def externalize(self, key: str | None = None) -> str | None:
        """Answer the value as text, None when there is none.

        Args:
            key: of a map: that entry alone.
        """
        value = self.value
        if key is not None:
            value = value.get(key) if isinstance(value, dict) else None
        return None if value is None else written(value, self.type if key is None else None, self.format)

    def from_string(self, text: str) -> Property:
        """Answer a property like this one with the value that a text holds.

        Raises:
            ValueError: the text is no value of the type; it is read strictly and to its end.
        """
        # Loaded here, for a search reads no property from text.
        from fanlight.event.reading import read

        return Property(self.name, read(text, self.type, self.format), self.type, self.unit, self.format)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Property):
            return NotImplemented
        mine, its = self.value, other.value
        # A value that is not equal to itself is the float nan.
        return (mine == its or (mine != mine and its != its)) and all(  # noqa: PLR0124 see above
            getattr(self, slot) == getattr(other, slot) for slot in ("name", "type", "unit", "format")
        )

    def __lt__(self, other: object) -> bool:
        return self.name < other.name if isinstance(other, Property) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.name, self.type))

    def __str__(self) -> str:
        text = self.externalize()
        quoted = text is not None and self.type in (types.STRING, types.EVENT)
        return f'{self.name}="{text}"' if quoted else f"{self.name}={text}"

    def __repr__(self) -> str:
        more = "".join(
            f", {slot}={getattr(self, slot)!r}" for slot in ("unit", "format") if getattr(self, slot)
        )
        return f"Property({self.name!r}, {self.value!r}, {self.type!r}{more})"


def held_int(name: str, value: Any) -> Any:
    """Answer an int that 64 bits hold."""
    if value is not None and not types.INT_MIN <= value <= types.INT_MAX:
        raise ValueError(
            f"property {name!r}: {str(value)[:40]} is no int of 64 bits; make it a string or float"
        )
    return value


def held_map(name: str, value: Any) -> dict[str, Any]:
    """Answer a copy of a map, whose keys are texts."""
    copy = {} if value is None else dict(value)
    for key in copy:
        if not isinstance(key, str):
            raise ValueError(f"property {name!r}: a map's keys are texts, not {key!r}")  # noqa: TRY004 as any misfit
    return copy


def held_list(name: str, value: Any) -> list[Any] | None:
    """Answer a copy of a list."""
    del name
    return None if value is None else list(value)


HELD = {
    types.INT: held_int,
    types.DURATION: held_int,
    types.MAP: held_map,
    types.LIST: held_list,
}
"""What is checked or copied of a value by its type."""


def fitting(name: str, value: Any, kind: str) -> str:
    """Answer the type when the value is of it.

    Raises:
        ValueError: it is not, or there is no such type.
    """
    if kind not in types.TYPES:
        from fanlight.registry import suggestion

        raise ValueError(f"unknown type {kind!r} of property {name!r}{suggestion(kind, list(types.TYPES))}")
    if value is None or kind == types.UNDEFINED:
        return kind
    found = types.type_of(value)
    if found == kind or (found == types.INT and kind == types.DURATION):
        return kind
    if found == types.INT and kind == types.TIMESTAMP:
        raise ValueError(f"property {name!r}: a timestamp is a Time, not the bare number {value!r}")
    raise ValueError(f"cannot create the {kind} property {name!r} with the {found} {value!r}")


def formed(value: Time | date, form: str) -> str:
    """Answer a time or a date in a format."""
    from fanlight.event.reading import written_time

    return written_time(value, form)


def written(value: Any, kind: str | None = None, form: str | None = None) -> str:
    """Answer a value as text.

    Args:
        value: not None.
        kind: its type, when that is more than the value shows.
        form: as `Property.format`.
    """
    if isinstance(value, Time | date):
        text = str(value) if form is None else formed(value, form)
    elif value.__class__ is bool:
        text = "true" if value else "false"
    elif kind == types.DURATION:
        text = written_duration(value)
    elif isinstance(value, bytes | bytearray):
        text = bytes(value).hex()
    elif isinstance(value, dict | list | tuple):
        import json

        text = json.dumps(value, ensure_ascii=False, default=written)
    else:
        text = str(value) if form is None else format(value, form)
    return text
