"""Events: ordered, unique, typed properties; a schema and values, or a raw line that nobody has read yet."""

from __future__ import annotations

from fanlight.event import types
from fanlight.event.property import Property
from fanlight.event.schema import Schema, empty
from fanlight.event.times import Time, moment_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Protocol
else:
    from fanlight.event.light import Protocol


class Untimed:
    """The class of `UNTIMED`, of which there is one, copied or pickled as well."""

    __slots__ = ()

    def __reduce__(self) -> str:
        return "UNTIMED"

    __repr__ = __reduce__


UNTIMED: Any = Untimed()
"""The time of an event that has none and cannot have one; None is a time that is not set."""

TIME = "time"
RAW = "raw"
LINE = "line"
CONTROL = frozenset({"end", "shutdown", "fault"})
"""Kinds that steer a pipeline; no query may swallow them."""


class Origin(Protocol):
    """What made an event of a raw line, and can read it."""

    def fill(self, event: Event) -> None:
        """Set the event's `schema`, `values` and `instant` from its raw line."""


class Event:
    """An ordered list of unique properties; `time` is property 0 of a timed one, even when unset.

    Not safe for several threads.

    Args:
        properties: in their order; a name that comes again replaces, maps merge.
        kind: trace, span, metrics, log, fault, or of a control event.
        time: UNTIMED, None for timed but unset, a `Time`, nanoseconds since 1970, these with the offset
            in seconds as a tuple, or a `datetime`.

    Attributes:
        schema: shared with all events of this shape; None until the raw line is read.
        values: of its properties; until then what reads the line, so that a line costs no further slot.
        instant: the time in one of these forms, but no `datetime`.

    Raises:
        TypeError: no such time, or a `time` in `properties` for an untimed event.
        ValueError: `properties` tell another time than `time`, or two.
    """

    __slots__ = ("instant", "number", "schema", "text", "values")

    schema: Schema | None
    values: Any
    instant: Any
    text: str | bytes | None
    number: int

    def __init__(
        self, properties: Iterable[Property] = (), *, kind: str = "log", time: Any = UNTIMED
    ) -> None:
        self.schema = empty(kind)
        self.values = []
        self.instant = time if time is None or time is UNTIMED else moment_of(time)
        self.text = None
        self.number = 0
        for given in properties:
            before = self.time
            if given.name == TIME and given.type == types.TIMESTAMP and before is not None:
                if given.value is not None and before.ns != given.value.ns:
                    raise ValueError(f"conflicting timestamp values: time={before} and property {given}")
                given = Property(TIME, before, types.TIMESTAMP, None, given.format)  # noqa: PLW2901 none unsets it
            self.set(given)

    @classmethod
    def lazy(cls, origin: Origin, text: str | bytes, number: int) -> Event:
        """Answer the event of a raw line that is read when somebody first asks for a property.

        A fast path: made for every line that a query nominates.
        """
        event = object.__new__(cls)
        event.schema = None
        event.values = origin
        event.text = text
        event.number = number
        return event

    @classmethod
    def of(
        cls, schema: Schema, values: list[Any], instant: Any, text: str | bytes | None = None, number: int = 0
    ) -> Event:
        """Answer an event of a schema: as many values as it has names, in that order.

        A fast path: nothing is checked. A timed event's schema has no `time`.
        """
        event = cls.__new__(cls)
        event.schema = schema
        event.values = values
        event.instant = instant
        event.text = text
        event.number = number
        return event

    def read(self) -> tuple[Schema, list[Any]]:
        """Answer schema and values, of the raw line when nobody asked before."""
        schema = self.schema
        if schema is None:
            self.values.fill(self)
            schema = self.schema
            assert schema is not None
        return schema, self.values

    @property
    def kind(self) -> str:
        """What sort of event it is."""
        return self.read()[0].kind

    @property
    def is_control(self) -> bool:
        """Whether it steers the pipeline, so that queries let it pass."""
        return self.kind in CONTROL

    @property
    def is_timed(self) -> bool:
        """Whether it has a time, set or not."""
        self.read()
        return self.instant is not UNTIMED

    @property
    def time(self) -> Time | None:
        """When it happened; None when that is not set or it is untimed."""
        self.read()
        instant = self.instant
        if instant.__class__ is int:
            instant = self.instant = Time(instant)
        elif instant.__class__ is tuple:
            instant = self.instant = Time(*instant)
        return None if instant is UNTIMED else instant

    @property
    def time_ns(self) -> int | None:
        """Nanoseconds since 1970."""
        self.read()
        instant = self.instant
        if instant is None or instant is UNTIMED:
            return None
        if instant.__class__ is int:
            return instant
        ns: int = instant[0] if instant.__class__ is tuple else instant.ns
        return ns

    @property
    def raw(self) -> str | None:
        """The text that it was read from, lines joined by newlines, none at the end."""
        schema, values = self.read()
        place = schema.places.get(RAW)
        text = self.text if place is None else values[place]
        return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text

    @property
    def line(self) -> int | None:
        """Number of its first line, from 1; None when a property `line` of its own is no int."""
        schema, values = self.read()
        place = schema.places.get(LINE)
        if place is None:
            return self.number or None
        return values[place] if values[place].__class__ is int else None

    def append_raw_line(self, text: str) -> None:
        """Add a line to `raw`, without the newline that it may end with."""
        before = self.raw
        text = text.removesuffix("\n").removesuffix("\r")
        joined = text if before is None else f"{before}\n{text}"
        if RAW in self.read()[0].places:
            self.set(Property(RAW, joined, types.STRING))
        else:
            self.text = joined

    def value(self, name: str, default: Any = None) -> Any:
        """Answer the value of a name, as predicates ask for it: no property is made."""
        schema, values = self.read()
        place = schema.places.get(name)
        if place is not None:
            return values[place]
        if name == TIME:
            return self.time
        if name == RAW:
            return self.raw
        if name == LINE:
            return self.line
        return default

    def get(self, which: str | int, type: str | None = None) -> Property | None:  # noqa: A002 the field's own word
        """Answer a property by name or index, None when there is none, or only one of another type.

        Args:
            which: index from 0, or name.
            type: the property's, or the kind of the event that it holds.

        Raises:
            IndexError: a negative index.
        """
        schema, values = self.read()
        timed = self.instant is not UNTIMED
        if isinstance(which, int):
            if which < 0:
                raise IndexError(f"property index {which} is negative; the first is 0")
            if timed and which == 0:
                found: Property | None = Property(TIME, self.time, types.TIMESTAMP, None, schema.time_format)
            else:
                place = which - timed
                found = self.at(place) if place < len(values) else None
        elif which == TIME and timed:
            found = Property(TIME, self.time, types.TIMESTAMP, None, schema.time_format)
        else:
            at = schema.places.get(which)
            found = self.at(at) if at is not None else self.reserved(str(which))
        return found if found is None or type is None or found.is_of(type) else None

    def reserved(self, name: str) -> Property | None:
        """Answer `raw` or `line` of a line that was read."""
        if name == RAW and self.text is not None:
            return Property(RAW, self.raw, types.STRING)
        if name == LINE and self.number:
            return Property(LINE, self.number, types.INT)
        return None

    def at(self, place: int) -> Property:
        """Answer the property in a place of the schema."""
        schema, values = self.read()
        return Property(
            schema.names[place],
            values[place],
            schema.types[place],
            schema.units[place],
            schema.formats[place],
        )

    def set(self, given: Property) -> Property | None:
        """Put a property: at the end, or in place of the one of that name; a map merges into a map.

        Returns:
            The one that was replaced, the merged map, or None.

        Raises:
            TypeError: None, a timestamp `time` on an untimed event, or another one on a timed event.
        """
        if not isinstance(given, Property):
            raise TypeError(f"a Property is set, not {given!r}")
        schema, values = self.read()
        if given.name == TIME and (given.type == types.TIMESTAMP or self.instant is not UNTIMED):
            return self.set_time(given)
        place = schema.places.get(given.name)
        value = given.value.copy() if given.type in (types.MAP, types.LIST) and given.value else given.value
        if place is None:
            self.schema = schema.plus(given.name, given.type, given.unit, given.format)
            values.append(value)
            return None
        before = self.at(place)
        if before.type == types.MAP and given.type == types.MAP:
            values[place] = {**(values[place] or {}), **(value or {})}
            return self.at(place)
        values[place] = value
        self.schema = schema.retyped(place, given.type, given.unit, given.format)
        return before

    def set_time(self, given: Property) -> Property | None:
        """Change the time of a timed event; answer the one before, None when it was not set."""
        if self.instant is UNTIMED:
            raise TypeError(f"an untimed event cannot take {given}; make it with time=None")
        if given.type != types.TIMESTAMP:
            raise TypeError(f"the time of a timed event is a timestamp, not the {given.type} {given}")
        before = self.get(TIME)
        self.instant = given.value
        self.schema = self.read()[0].timed(given.format)
        return before if before is not None and before.value is not None else None

    def put(self, name: str, value: Any, type: str | None = None) -> Property | None:  # noqa: A002 as above
        """Set a property by its parts; None takes out the one of that name, and of that type when given.

        Returns:
            What `set` or `remove` answers.
        """
        return self.remove(name, type) if value is None else self.set(Property(name, value, type))

    def remove(self, name: str, type: str | None = None) -> Property | None:  # noqa: A002 the field's own word
        """Take a property out, if it is of the type when one is given; answer it.

        The time of a timed event is unset and stays in its place.
        """
        found = self.get(name, type)
        if found is None:
            return None
        if name == TIME and self.instant is not UNTIMED:
            self.instant = None
            return found
        schema, values = self.read()
        place = schema.places.get(name)
        if place is None:
            # Raw text and line number are the event's own.
            if name == RAW:
                self.text = None
            else:
                self.number = 0
            return found
        self.schema = schema.minus(place)
        del values[place]
        return found

    def clear(self) -> None:
        """Take every property out; the time keeps its place and its value."""
        schema = self.read()[0]
        self.schema = empty(schema.kind, schema.time_format)
        self.values = []

    def properties(self, type: str | None = None) -> list[Property]:  # noqa: A002 the field's own word
        """Answer all properties in their order, or those of a type or that hold events of a kind."""
        return [given for given in self if type is None or given.is_of(type)]

    def walk(self) -> Iterator[Event]:
        """Yield this event and every one nested in it, outer ones first."""
        # Not by recursion: events may be nested deeper than the interpreter's stack.
        pending: list[Any] = [self]
        while pending:
            found = pending.pop()
            if isinstance(found, Event):
                yield found
                pending += reversed(found.read()[1])
            elif found.__class__ is list:
                pending += reversed(found)
            elif found.__class__ is dict:
                pending += reversed(found.values())

    def preferred_representation(self, separator: str = "\n") -> str | None:  # noqa: ARG002 for those that wish
        """Answer how it wants to be shown, with newlines of its own; "" shows nothing, None is no wish.

        Args:
            separator: between its parts.
        """
        return None

    def preferred_header(self, separator: str = "\n") -> str | None:  # noqa: ARG002 as above
        """Answer what it wants to stand above events like it; as `preferred_representation`."""
        return None

    def shown(self) -> str:
        """Answer what is printed of it by default: as it prefers, else its raw text, else its kind."""
        preferred = self.preferred_representation()
        return preferred if preferred is not None else f"{self.kind if self.raw is None else self.raw}\n"

    def __iter__(self) -> Iterator[Property]:
        schema, values = self.read()
        if self.instant is not UNTIMED:
            yield Property(TIME, self.time, types.TIMESTAMP, None, schema.time_format)
        for place in range(len(values)):
            yield self.at(place)

    def __len__(self) -> int:
        return len(self.read()[1]) + (self.instant is not UNTIMED)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.read()[0].places or self.get(name) is not None)

    def __getitem__(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            from fanlight.registry import suggestion

            meant = suggestion(name, [own.name for own in self])
            raise KeyError(f"the event has no property {name!r}{meant}")
        return found.value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return self.kind == other.kind and self.properties() == other.properties()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __str__(self) -> str:
        return " ".join([self.kind, *map(str, self)])

    def __repr__(self) -> str:
        return f"Event({self.properties()!r}, kind={self.kind!r})"
