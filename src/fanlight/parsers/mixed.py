"""Files that several formats share, as when an application and its server write to one stream."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fanlight.event.event import Event
from fanlight.parsers.fields import TRACED
from fanlight.parsers.grouped import add_trace, joined
from fanlight.parsers.stacks import begin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.event.event import Origin
    from fanlight.parsers import Condition, Format
    from fanlight.parsers.fields import Field

FEWEST = 2
"""Lines by which a further format shows."""
SHARE = 0.04
"""And which share of all lines those are at least."""
PARTS = 4
"""Formats of one file."""
TOLD = re.compile(rb'\d\d:\d\d|^\s*\{"|[A-Z]{4,8}\b')
"""What a line has that some format may tell more of: a time, an object, a level."""
NAMED = re.compile(rb"\(\?P<\w+>")
OBJECT = rb'\{"[^\n]*\}\s*\Z'


class Heads:
    """What an event begins with when several formats share a file; asked as a pattern is, of one line."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self.asked = pattern.match

    def match(self, text: Any, begin: int = 0, end: int | None = None) -> re.Match[bytes] | None:
        """Answer whether the line at a place begins an event; nothing of the lines behind it counts."""
        edge = text.find(b"\n", begin) if end is None else text.find(b"\n", begin, end)
        if edge < 0:
            edge = len(text) if end is None else end
        return self.asked(text, begin, edge)


class MixedFormat:
    """The format of a file that has lines of several.

    Args:
        parts: the one that tells most first; none of them has sections.
    """

    def __init__(self, parts: list[Format]) -> None:
        self.parts = sorted(parts, key=lambda part: -part.said)
        self.name = "+".join(part.name for part in self.parts)
        self.title = "; ".join(part.title for part in self.parts)
        self.said = min(part.said for part in self.parts)
        self.raw_is_text = all(part.raw_is_text for part in self.parts)
        self.has_scaled = any(part.has_scaled for part in self.parts)
        self.hidden = {text: shown for part in self.parts for text, shown in part.hidden.items()}
        self.heads: Any = None
        if any(part.heads for part in self.parts):
            self.heads = Heads(re.compile(b"|".join(head_of(part) for part in self.parts)))
        told: list[Field] = [field for part in self.parts for field in getattr(part, "fields", ())]
        has_all = all(hasattr(part, "fields") for part in self.parts)
        if has_all:
            self.fields = (*dict.fromkeys([*told, *TRACED]),)

    def score(self, lines: list[bytes]) -> float:
        """Answer the share of events that one of the formats tells of."""
        events = lines if self.heads is None else joined(lines, self.heads)
        count = sum(1 for event in events if any(accepts(part, event) for part in self.parts))
        return self.said * count / len(events) if events else 0.0

    def reader(self, names: frozenset[str] | None = None) -> MixedReader:
        """Answer what fills lazy events."""
        return MixedReader(self, names)

    def moment(self, line: bytes) -> int | None:
        """Answer nanoseconds since 1970 of a line, as the first format says that tells it."""
        return next((when for part in self.parts if (when := part.moment(line)) is not None), None)

    def chain(self, asked: list[Condition]) -> bytes | None:  # noqa: ARG002 the protocol
        """Answer None: the formats have orders of their own."""
        return None

    def hint(self, asked: Condition) -> bytes | None:
        """Answer the hints of all; None when one of the formats has none."""
        hints = [part.hint(asked) for part in self.parts]
        known = [hint for hint in hints if hint is not None]
        return b"|".join(b"(?:%b)" % hint for hint in known) if len(known) == len(hints) else None


class MixedReader:
    """Fills lazy events with the format that takes them, the one that tells most first."""

    def __init__(self, of: MixedFormat, names: frozenset[str] | None) -> None:
        self.of = of
        self.readers: list[tuple[Origin, bool]] = [
            (part.reader(names), part.heads is not None) for part in of.parts
        ]
        self.has_stack = names is None or not names.isdisjoint(field.name for field in TRACED)

    def fill(self, event: Event) -> None:
        """Read the event's text.

        Raises:
            ValueError: it is of none of the formats.
        """
        text = event.text or b""
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        first = raw.partition(b"\n")[0].rstrip(b"\r")
        for reader, has_lines in self.readers:
            found = Event.lazy(reader, raw if has_lines else first, event.number)
            try:
                reader.fill(found)
            except ValueError:
                continue
            event.schema, event.values, event.instant = found.schema, found.values, found.instant
            if self.has_stack and not has_lines and len(first) < len(raw):
                rest = raw.replace(b"\r\n", b"\n")
                trace = begin(rest)
                if trace is not None:
                    add_trace(event, rest, trace)
            return
        raise ValueError(f"a line of none of the formats {self.of.name}")


def head_of(part: Format) -> bytes:
    """Answer what an event of a format begins with; where each line is one, what such a line is."""
    if part.heads is not None:
        return b"(?:%b)" % part.heads.pattern
    return b"(?:%b)" % NAMED.sub(b"(?:", source_of(part) or OBJECT)


def source_of(part: Format) -> bytes | None:
    """Answer the regular expression of a format's lines; None when it has none."""
    found: bytes | None = getattr(getattr(part, "inner", part), "source", None)
    return found


def accepts(part: Format, line: bytes) -> bool:
    """Tell whether a line is one of a format, whole."""
    return part.score([line]) >= part.said * 0.9


def is_mixable(part: Format) -> bool:
    """Tell whether a format may share a file with others: it tells its lines from theirs."""
    is_known = part.heads is not None or source_of(part) is not None or part.name == "json"
    return is_known and part.said > 0 and not hasattr(part, "section") and not hasattr(part, "has_records")


def tells(part: Format, line: bytes) -> bool:
    """Tell whether a format says of a line what no chance would: a time, a level, or an object's names."""
    if part.name == "json" or part.moment(line) is not None:
        return True
    return any(field.name in ("level", "status") for field in getattr(part, "fields", ()))


def mixed(best: Format, lines: list[bytes], others: Iterable[Format]) -> Format:
    """Answer the format that fits best, or with it those that its other lines have.

    Args:
        best: the format.
        lines: the first of a file that are not blank.
        others: all there are.
    """
    if not is_mixable(best):
        return best
    parts = [best]
    left = [line for line in lines if TOLD.search(line) and not accepts(best, line)]
    fewest = max(FEWEST, SHARE * len(lines))
    candidates = [part for part in others if part is not best and is_mixable(part)]
    while len(left) >= fewest and len(parts) < PARTS:
        taken, hits = most(candidates, left)
        if taken is None or len(hits) < fewest:
            break
        parts.append(taken)
        left = [line for line in left if line not in hits]
    return MixedFormat(parts) if len(parts) > 1 else best


def most(candidates: list[Format], left: list[bytes]) -> tuple[Format | None, set[bytes]]:
    """Answer the format that takes most of the lines that are left, and which."""
    best: Format | None = None
    taken: set[bytes] = set()
    highest = 0.0
    for part in candidates:
        hits = set(accepted(part, left))
        if len(hits) * part.said > highest:
            best, taken, highest = part, hits, len(hits) * part.said
    return best, taken


def accepted(part: Format, lines: list[bytes]) -> Iterator[bytes]:
    """Yield the lines of a format."""
    for line in lines:
        if accepts(part, line) and tells(part, line):
            yield line
