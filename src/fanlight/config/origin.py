"""A value with where it came from."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Setting:
    """A value and where it came from: `--data`, `FANLIGHT_DATA`, a file's path, or `default`."""

    __slots__ = ("origin", "value")

    def __init__(self, value: Any, origin: str) -> None:
        self.value = value
        self.origin = origin
