"""Options of parts: what can be set of one transform, formatter or target, with kind and meaning."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "count": ((int,), "a whole number that is not negative"),
    "flag": ((bool,), "true or false"),
    "names": ((list, tuple), "a list of names"),
    "pairs": ((dict,), "a table of names and texts"),
    "seconds": ((int, float), "seconds, above 0"),
    "text": ((str,), "text"),
}
"""Kind to what TOML may say for it, and how people call that."""


class Option:
    """One thing that can be set of a part.

    Args:
        kind: a name in `KINDS`.
        default: value when nobody sets it.
        about: one line for people.
        choices: of a text, or of each name, the ones that it may be; none where it may be any.
    """

    __slots__ = ("about", "choices", "default", "kind")

    def __init__(self, kind: str, default: Any, about: str, choices: tuple[str, ...] = ()) -> None:
        self.kind = kind
        self.default = default
        self.about = about
        self.choices = choices


def complete(options: Mapping[str, Option], given: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Answer a part's options with the defaults for what is not given.

    Args:
        options: all that the part has.
        given: name to value, as TOML says it.
        what: whose options they are, for people.

    Raises:
        ConfigError: an option that the part does not have, or a value of another kind.
    """
    from fanlight.registry import known_or_error

    for name, value in given.items():
        known_or_error(name, list(options), f"option of {what}")
        check(options[name], name, value, what)
    return {name: given.get(name, option.default) for name, option in options.items()}


def made(part: Any, given: Mapping[str, Any] | None, what: str, *more: Any) -> Any:
    """Answer a part with its options, those that are left out with their defaults.

    Args:
        part: a class that is made with its options; it has them all as `OPTIONS`.
        given: name to value.
        what: the part, for people.
        more: what it is made with besides.

    Raises:
        ConfigError: as for `complete`.
    """
    return part(complete(part.OPTIONS, given or {}, what), *more)


def check(option: Option, name: str, value: Any, what: str) -> None:
    """Refuse a value that an option cannot have.

    Raises:
        ConfigError: says what would do.
    """
    from fanlight.errors import ConfigError
    from fanlight.registry import known_or_error

    types, expected = KINDS[option.kind]
    fits = isinstance(value, types) and (option.kind == "flag" or not isinstance(value, bool))
    if fits and option.kind == "count":
        fits = value >= 0
    elif fits and option.kind == "seconds":
        fits = 0 < value < float("inf")
    elif fits and option.kind == "names":
        fits = all(isinstance(each, str) for each in value)
    elif fits and option.kind == "pairs":
        fits = all(isinstance(each, str) for each in value.values())
    if not fits:
        raise ConfigError(f"{value!r} is no value of {name!r} of {what}; expected {expected}")
    for each in (value if option.kind == "names" else (value,)) if option.choices else ():
        known_or_error(each, list(option.choices), f"{name} of {what}")
