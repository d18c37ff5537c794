"""Which types a property's value may have, and which one a Python value is of."""

from __future__ import annotations

from collections.abc import Mapping

from fanlight.event.light import date, datetime, timedelta
from fanlight.event.times import Time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STRING = "string"
INT = "int"
FLOAT = "float"
BOOL = "bool"
TIMESTAMP = "timestamp"
DATE = "date"
DURATION = "duration"
BYTES = "bytes"
MAP = "map"
LIST = "list"
EVENT = "event"
UNDEFINED = "undefined"

TYPES = (
    *(STRING, INT, FLOAT, BOOL, TIMESTAMP, DATE),
    *(DURATION, BYTES, MAP, LIST, EVENT, UNDEFINED),
)
NUMBERS = frozenset({INT, FLOAT, DURATION})

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
"""An int has 64 bits, as in the store and on the wire."""

OF_CLASS = {
    str: STRING,
    int: INT,
    float: FLOAT,
    bool: BOOL,
    Time: TIMESTAMP,
    datetime: TIMESTAMP,
    date: DATE,
    timedelta: DURATION,
    bytes: BYTES,
    dict: MAP,
    list: LIST,
    tuple: LIST,
    type(None): UNDEFINED,
}


def type_of(value: Any) -> str:
    """Answer the type that a value is of.

    Raises:
        TypeError: no property may hold such a value.
    """
    # A fast path: exactly one of the classes.
    found = OF_CLASS.get(value.__class__)
    if found is not None:
        return found
    if hasattr(value, "is_timed") and hasattr(value, "properties"):
        return EVENT
    if isinstance(value, Mapping):
        return MAP
    for known, name in OF_CLASS.items():
        if known is not bool and isinstance(value, known):
            return name
    raise TypeError(f"a property cannot hold a {type(value).__qualname__}; known types: {', '.join(TYPES)}")
