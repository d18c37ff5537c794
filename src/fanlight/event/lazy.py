"""Regular expressions that are compiled when they are first asked: most of them never are in a search."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AnyStr, cast
else:
    from fanlight.event.light import cast

ASKED = ("findall", "finditer", "fullmatch", "match", "pattern", "search", "split", "sub")


class Lazy:
    """What a compiled pattern can be asked; the first question compiles it."""

    __slots__ = ("flags", "source", *ASKED)

    def __init__(self, source: Any, flags: int) -> None:
        self.source = source
        self.flags = flags

    def __getattr__(self, name: str) -> Any:
        """Compile, for a question was not there; from then on all are."""
        if name not in ASKED:
            raise AttributeError(f"a lazy pattern has no {name!r}")
        found = re.compile(self.source, self.flags)
        for each in ASKED:
            setattr(self, each, getattr(found, each))
        return getattr(found, name)


def lazily(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Answer a pattern that is compiled when it is first asked."""
    return cast("re.Pattern[AnyStr]", Lazy(source, flags))
