"""A value with where it came from, to the line of a file."""

from __future__ import annotations

from fanlight.config.places import content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT = "default"


class Setting:
    """A value and where it came from.

    Attributes:
        value: as read.
        origin: `--data`, `FANLIGHT_DATA`, a file's path, or `default`.
        written: the dotted name in that file; "" where it came from elsewhere.
    """

    __slots__ = ("origin", "value", "written")

    def __init__(self, value: Any, origin: str, written: str = "") -> None:
        self.value = value
        self.origin = origin
        self.written = written

    def place(self) -> str:
        """Answer where the value came from; `path:line` of a file, which is read again for that."""
        return located(self.origin, self.written) if self.written else self.origin


def located(path: str, written: str) -> str:
    """Answer `path:line` of what sets a dotted name, the path alone when nothing there does."""
    number = line_of(content(path).decode("utf-8", "replace"), written)
    return f"{path}:{number}" if number else path


def line_of(text: str, written: str) -> int:
    """Answer the line on which a TOML text sets a dotted name, 0 when it does not.

    TOML's parser tells no lines. A statement ends where its lines first read by themselves, so each
    is read alone, below the table that the last header named.
    """
    import tomllib

    header = ""
    begun, statement = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun if statement else number
        statement += line + "\n"
        try:
            table = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        is_header = statement.lstrip().startswith("[")
        header = path_of(table) if is_header else header
        names = [header] if is_header else [header + name for name in [*flatten(table), path_of(table)]]
        # A table is set by the first line that names it or anything in it.
        if any(f"{name}.".startswith(f"{written}.") for name in names):
            return begun
        statement = ""
    return 0


def path_of(table: Mapping[str, Any]) -> str:
    """Answer the dotted path that a header names, with a dot at its end."""
    path = ""
    while table:
        name, below = next(iter(table.items()))
        path += f"{name}."
        table = below if isinstance(below, dict) else {}
    return path


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Answer nested tables as one with dotted keys."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat
