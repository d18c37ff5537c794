"""What the standard library's `typing` and `datetime` give, without the time that loading them takes.

FAST PATH: a search of a small file spends more on imports than on anything else, and each of its modules
would ask for these. A type checker sees the library's own, for what it looks at is never loaded:

    TYPE_CHECKING = False
    if TYPE_CHECKING:
        from typing import NamedTuple
    else:
        from fanlight.event.light import NamedTuple
"""

from __future__ import annotations

from operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date, datetime, timedelta, timezone, tzinfo
    from typing import Any, Self
else:
    try:
        # What `datetime` answers with; that module is the same once more, written in Python.
        from _datetime import date, datetime, timedelta, timezone, tzinfo
    except ImportError:  # pragma: no cover - an interpreter without it
        from datetime import date, datetime, timedelta, timezone, tzinfo

__all__ = ["UTC", "NamedTuple", "Protocol", "cast", "date", "datetime", "timedelta", "timezone", "tzinfo"]

UTC = timezone.utc  # noqa: UP017 the other name is not in the quick module
Protocol = object
"""Protocols are for the type checker."""


def cast(_: str, value: Any) -> Any:
    """Answer a value as it is."""
    return value


class NamedTuple(tuple):  # type: ignore[type-arg]
    """A tuple with names for its places, of which the last may have defaults: as `typing.NamedTuple`."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()
    _field_defaults: dict[str, object] = {}  # noqa: RUF012 each class has its own

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)
        cls._field_defaults = {name: vars(cls)[name] for name in cls._fields if name in vars(cls)}
        for place, name in enumerate(cls._fields):
            setattr(cls, name, property(itemgetter(place)))

    def __new__(cls, *values: object, **named: object) -> Self:
        """Make one of values by place and by name.

        Raises:
            TypeError: one is missing, or is too much.
        """
        if named or len(values) != len(cls._fields):
            given = {**cls._field_defaults, **dict(zip(cls._fields, values, strict=False)), **named}
            is_twice = len(values) > len(cls._fields) or not named.keys().isdisjoint(
                cls._fields[: len(values)]
            )
            if is_twice or given.keys() != set(cls._fields):
                raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}")
            values = tuple(given[name] for name in cls._fields)
        return super().__new__(cls, values)

    def _replace(self, **named: object) -> Self:
        """Answer the same with other values in some places."""
        return type(self)(**{**dict(zip(self._fields, self, strict=True)), **named})

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getnewargs__(self) -> tuple[object, ...]:
        """Answer what makes it anew when it is copied."""
        return tuple(self)
