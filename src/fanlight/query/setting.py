"""What the terms of a query mean beside their own words."""

from __future__ import annotations

from fanlight.query.lexer import INSENSITIVE, SENSITIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import tzinfo


class Setting:
    """What the terms of a query mean beside their own words."""

    __slots__ = ("fold_fields", "fold_keywords", "now_ns", "text", "zone")

    def __init__(self, text: str, case: str | None, now_ns: int, zone: tzinfo | None) -> None:
        self.text = text
        self.now_ns = now_ns
        self.zone = zone
        self.fold_keywords = case != SENSITIVE
        self.fold_fields = case == INSENSITIVE
