"""logfmt: `key=value` pairs, an event a line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from fanlight.formatters.cells import cells, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.event.event import Event

BARE = re.compile(r'[^\s"=\\\x00-\x1f\x7f]+')
"""Values that need no quotes."""


class Logfmt:
    """Writes pairs."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields

    def event(self, event: Event) -> Iterator[str]:
        """Yield the pairs that have a value."""
        pairs = [
            f"{key_of(name)}={worded(text_of(value, kind))}"
            for name, value, kind in cells(event, self.fields)
            if value is not None
        ]
        yield " ".join(pairs) + "\n"

    def end(self) -> Iterator[str]:
        """Yield nothing."""
        yield from ()


def key_of(name: str) -> str:
    """Answer a name without what a key cannot have."""
    return re.sub(r'[\s"=\x00-\x1f\x7f]', "_", name)


def worded(text: str) -> str:
    """Answer a value, in quotes when it needs them."""
    return text if BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
