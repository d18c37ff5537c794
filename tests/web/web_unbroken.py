"""A shop whose every name is hundreds of characters that no browser may break, or that nobody sees."""

from __future__ import annotations

from functools import partial
from typing import Any

from web_shop import Shop

UNBROKEN = ("e" + "\u0301\u0489" * 250, "x\u2060" * 120, "\u2800\u3164" * 150, "a\u200d\u00ad\u2060" * 100)
"""Combining marks, words joined, blanks that count as letters, joiners."""
NAMES = frozenset(
    {"title", "description", "location", "host", "release", "message", "logger", "exception", "statement"}
)
ASKED = frozenset({"endpoint", "trace", "servers", "compare", "overview", "status"})


def spoiled(told: Any, key: str = "", text: str = UNBROKEN[0]) -> Any:
    """Answer what was told with such texts for names."""
    if isinstance(told, dict):
        return {name: spoiled(each, name, UNBROKEN[len(name) % len(UNBROKEN)]) for name, each in told.items()}
    if isinstance(told, list | tuple):
        some = [spoiled(each, key, UNBROKEN[(at + len(key)) % len(UNBROKEN)]) for at, each in enumerate(told)]
        return tuple(some) if isinstance(told, tuple) else some
    return text if isinstance(told, str) and key in NAMES else told


class Unbroken(Shop):
    """Tells what the shop does, with such names."""

    def __init__(self, *now: int) -> None:
        super().__init__(*now)
        self.rows[1] |= {"endpoint": UNBROKEN[0], "service": "shop", "segment": ""}
        self.rows[2] |= {"endpoint": UNBROKEN[1], "service": "shop", "segment": ""}

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return partial(asked, found) if name in ASKED else found


def asked(ask: Any, *arguments: Any, **named: Any) -> Any:
    """Answer what a method answers, spoiled."""
    return spoiled(ask(*arguments, **named))
