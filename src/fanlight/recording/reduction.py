"""Values that the application gave, to text and numbers: after its end a trace holds no object of it."""

from __future__ import annotations

from itertools import repeat

from fanlight.recording.redaction import REDACTED, secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PLAIN = frozenset({str, int, float, bool, type(None)})
"""Exactly these types stay as they are; a subclass may do anything when it is shown."""
TEXTUAL = frozenset({"datetime", "decimal", "fractions", "ipaddress", "pathlib", "uuid", "zoneinfo"})
"""Modules whose objects tell their value in `str()` and do nothing else by it."""
TEXT_CHARACTERS = 200
MESSAGE_CHARACTERS = 4_096
ITEMS = 8
ENTRIES = 64
"""Entries of a dict inside of a payload or an annotation that are kept; the rest is counted."""
DEPTH = 3


def reduce_events(events: list[Any]) -> None:
    """Replace, in place, what the application's own values in a lane's events refer to."""
    for place, event in enumerate(events):
        kind = event.__class__
        if kind is dict:
            reduce_values(event)
        elif kind is tuple and len(event) == 6 and event[3].__class__ not in PLAIN:
            start, name, title, payload, handle, _ = event
            events[place] = (start, name, title, reduced(payload), handle, None)


def reduce_values(values: dict[str, Any]) -> None:
    """Make the values of a dict of our own plain, in place; dicts stay such, one level deep."""
    for key, value in values.items():
        if value.__class__ not in PLAIN:
            values[key] = entries(value) if value.__class__ is dict else plain(value)


def reduced(payload: Any) -> Any:
    """Answer a payload as a normalizer takes it: plain values, and tuples and dicts of those."""
    if isinstance(payload, dict):
        return {
            key if key.__class__ is str else shown(key, 1): nested(value)
            for key, value in list(payload.items())
        }
    return nested(payload)


def nested(value: Any) -> Any:
    """Answer a value of a payload; tuples and dicts stay such, one level deep."""
    kind = value.__class__
    if kind is tuple:
        return tuple(map(plain, value))
    return entries(value) if kind is dict else plain(value)


def entries(value: dict[Any, Any]) -> dict[str, Any]:
    """Answer the first entries of a dict with plain values, and under `…` how many more there were."""
    size = len(value)
    # A list at once: another thread may still be filling it.
    items = list(value.items())[:ENTRIES]
    found = {key if key.__class__ is str else shown(key, 1): plain(item) for key, item in items}
    if size > ENTRIES:
        found["…"] = size - ENTRIES
    return found


def plain(value: Any) -> Any:
    """Answer a value as str, int, float, bool or None; anything else as a short text."""
    kind = value.__class__
    if kind in PLAIN:
        return value
    try:
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return int.__int__(value)
        if isinstance(value, float):
            return float.__float__(value)
        return shown(value, DEPTH)
    except Exception:
        # The class is the application's: whatever it does when it is shown stays here.
        return "<unprintable>"


def shown(value: Any, depth: int) -> str:
    """Answer a short text for a value without running code of the application's own classes.

    Only containers of Python itself are looked into; a lazy query set would ask the database.
    """
    kind = type(value)
    if kind in PLAIN:
        text = repr(value)
    elif kind in (list, tuple, set, frozenset) and depth:
        items = [shown(item, depth - 1) for item, _ in zip(value, range(ITEMS), strict=False)]
        more = ", …" if len(value) > ITEMS else ""
        text = f"[{', '.join(items)}{more}]"
    elif kind is dict and depth:
        items = [
            f"{shown(key, 0)}: {REDACTED if secret(str(key)) else shown(item, depth - 1)}"
            for (key, item), _ in zip(value.items(), range(ITEMS), strict=False)
        ]
        more = ", …" if len(value) > ITEMS else ""
        text = f"{{{', '.join(items)}{more}}}"
    elif kind.__module__.partition(".")[0] in TEXTUAL:
        text = str(value)
    elif kind in (bytes, bytearray, memoryview):
        text = f"<{len(value)} bytes>"
    else:
        text = f"<{kind.__module__}.{kind.__qualname__}>"
    return text if len(text) <= TEXT_CHARACTERS else text[:TEXT_CHARACTERS] + "…"


def characters(value: Any, least: int = 0) -> int:
    """Answer how many characters the texts in a value have, those in dicts, tuples and lists too.

    Args:
        value: plain, as everything is here once its trace has ended.
        least: shorter ones do not count.
    """
    kind = value.__class__
    if kind is str:
        return len(value) if len(value) >= least else 0
    if kind is dict:
        value = value.values()
    elif kind is not tuple and kind is not list:
        return 0
    return sum(map(characters, value, repeat(least)))


def described(error: BaseException) -> tuple[str, str]:
    """Answer an exception's type name and its message, cut; never the object, which pins frames."""
    try:
        message = str(error)[:MESSAGE_CHARACTERS]
    except Exception:
        # An exception that cannot say what it is about is still an exception.
        message = ""
    return type_name(type(error)), message


def type_name(kind: type) -> str:
    """Answer a class's name with its module's, but for those that Python has built in."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
