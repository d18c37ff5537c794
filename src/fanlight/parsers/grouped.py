"""What formats of one regular expression share: a named group is a property."""

from __future__ import annotations

import re
from functools import cached_property, partial

from fanlight.errors import ConfigError
from fanlight.event import types
from fanlight.event.schema import Schema
from fanlight.event.times import Time
from fanlight.event.units import BYTES, TIME_NS
from fanlight.parsers import stacks
from fanlight.parsers.digits import duration, number_of, real_number, whole_number
from fanlight.parsers.fields import TRACED, Field, group_of
from fanlight.parsers.places import LineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.event.event import Event
    from fanlight.parsers import Condition
    from fanlight.parsers.fields import Link

GROUP = re.compile(rb"\(\?P<(\w+)>")
WHOLE = "whole_"
"""An empty group at the end of a pattern whose tail may be missing: whether nothing was."""
TIME = "time"
WHOLE_MISSING = 0.5
"""What a line counts for in detection when its tail is missing."""


class PatternFormat:
    """A format of one regular expression.

    Args:
        name: for people, unique.
        pattern: over the bytes of a line, with named groups; those that no field has are not read.
        fields: in the order of the properties.
        stamp: reads the text of the group `time`; None when there is none.
        more: `title`, `heads`, `links` (the elements in their order, for `chain`), `until_time` (the
            pattern's beginning, when that is enough to find the time), `quick` (a pattern with the same
            groups that matches just as this one wherever it matches a line without a backslash or white
            space but blanks, and may match fewer lines), `joint` (a piece of that with properties, what
            takes it as one text, and that text's pattern), `time_shape` (what the time has to match, for
            `quick` may not look), `until` (answers as much of the pattern as finds some properties). With
            heads, a stack trace in an event's lines becomes its `exception` and `stack`, no part of the rest.
    """

    def __init__(
        self,
        name: str,
        pattern: bytes,
        fields: tuple[Field, ...],
        stamp: Callable[[bytes], tuple[int, int | None]] | None = None,
        **more: Any,
    ) -> None:
        self.name = name
        self.title: str = more.get("title", name)
        meant = [each for field in fields for each in field.values]
        self.raw_is_text: bool = more.get("raw_is_text", not meant)
        self.heads: re.Pattern[bytes] | None = more.get("heads")
        self.links: tuple[Link, ...] = more.get("links", ())
        self.until_time: bytes | None = more.get("until_time")
        self.until: Callable[[frozenset[str]], bytes] = more.get("until", lambda _: pattern)
        self.has_scaled = any(
            field.type == types.DURATION or BYTES.get((field.unit or "").lower(), 1) != 1 for field in fields
        )
        self.hidden: dict[str, bytes] = {text: shown.encode() for _, text, shown in meant}
        self.quick: bytes | None = more.get("quick")
        self.joint: tuple[bytes, bytes, bytes] | None = more.get("joint")
        self.time_shape: bytes | None = more.get("time_shape")
        self.source = pattern
        self.grouped = fields
        named = {field.name for field in fields}
        self.fields = (
            fields if self.heads is None else (*fields, *(each for each in TRACED if each.name not in named))
        )
        self.stamp = stamp
        self.said = 1 - 0.5 / (1 + len(fields) + (stamp is not None))
        self.flags = re.DOTALL if self.heads else 0

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """The whole of it; compiled when first asked for, for most formats of a search never are.

        Raises:
            ConfigError: it is no regular expression, or lacks a field's group.
        """
        try:
            found = re.compile(self.source, self.flags)
        except re.error as error:
            raise ConfigError(f"format {self.name}: {error} in its pattern") from None
        missing = [field.name for field in self.grouped if group_of(field.name) not in found.groupindex]
        if missing:
            raise ConfigError(f"format {self.name}: no group of the pattern is named {missing[0]!r}")
        return found

    @cached_property
    def timing(self) -> re.Pattern[bytes] | None:
        """The pattern with the time as its only group; None when no time is told."""
        if self.stamp is None:
            return None
        names = frozenset({TIME})
        return re.compile(only(self.until_time or self.until(names), names), self.flags)

    def score(self, lines: list[bytes]) -> float:
        """Answer the share of lines that match, less what they leave unsaid."""
        total = 0.0
        events = lines if self.heads is None else joined(lines, self.heads)
        if not events:
            # Before the pattern is compiled: most formats are none of a file's.
            return 0.0
        is_optional = WHOLE in self.pattern.groupindex
        for event in events:
            found = self.pattern.match(event)
            if found is None or not self.tells_time(found):
                continue
            total += WHOLE_MISSING if is_optional and found[WHOLE] is None else 1.0
        # Continuation lines are no lines of another format, as long as heads are not the exception.
        out_of = len(events) if len(events) * 50 > len(lines) else len(lines)
        return total / out_of * self.said

    def tells_time(self, found: re.Match[bytes]) -> bool:
        """Answer whether the text in the place of the time is one."""
        if self.stamp is None:
            return True
        try:
            return found[TIME] is not None and bool(self.stamp(found[TIME]))
        except (ValueError, KeyError, OverflowError):
            return False

    def reader(self, names: frozenset[str] | None = None) -> Reader:
        """Answer what fills lazy events."""
        return Reader(self, names)

    def moment(self, line: bytes) -> int | None:
        """Answer nanoseconds since 1970 of a line."""
        found = self.timing.match(line) if self.timing else None
        if found is None or self.stamp is None or found[1] is None:
            return None
        try:
            return self.stamp(found[1])[0]
        except (ValueError, KeyError, OverflowError):
            return None

    def chain(self, asked: list[Condition]) -> bytes | None:
        """Answer the elements from the first that is asked for to the last, each as it is asked for.

        A number that is asked for alone comes with the element before it: of an access log's line, the
        status stands between the same characters as the duration does.
        """
        wanted = {each.name: each for each in asked}
        places = [place for place, link in enumerate(self.links) if link.name in wanted]
        if len(places) == 1 and places[0] and wanted[self.links[places[0]].name].pattern is None:
            places.insert(0, places[0] - 1)
        if len(places) < 2:
            return None
        out: list[bytes] = []
        for place in range(places[0], places[-1] + 1):
            link = self.links[place]
            asked_for = wanted.get(link.name)
            piece = None if asked_for is None else self.asked_piece(link, asked_for, is_first=not out)
            if piece is None:
                out.append(link.text + link.any)
            else:
                out.append((link.text if out else b"") + piece)
        return b"".join(out) + self.links[places[-1]].after

    def asked_piece(self, link: Link, asked: Condition, *, is_first: bool) -> bytes | None:
        """Answer an element with a value that meets a condition; None when that cannot be said."""
        # The first comes with what stands before it, as short as can be: engines look for a text first.
        field = next(field for field in self.fields if field.name == link.name)
        before = re.escape(link.plain[-2:]) if is_first else b""
        if field.type in (types.DURATION, types.INT) and asked.pattern is None and asked.at_least:
            digits = number_of(field.type, field.unit, asked.at_least)
            return None if digits is None else before + rb"(?:" + digits + rb")"
        if asked.pattern is None or (asked.is_number and field.type != types.INT):
            return None
        if field.type == types.INT:
            is_whole = asked.begins and asked.ends
            return before + field.zeros + rb"(?:" + asked.pattern + rb")" if is_whole else None
        if field.type != types.STRING:
            return None
        head = link.head + (b"" if asked.begins else link.filler)
        if is_first:
            head = re.escape((link.head or link.plain)[-1:]) if asked.begins else b""
        # What may follow the value covers the rest of the value too.
        tail = link.tail if asked.ends else link.tail or link.filler
        return head + rb"(?:" + asked.pattern + rb")" + tail

    def hint(self, asked: Condition) -> bytes | None:
        """Answer what a line with such a value matches: its text, with what always stands around it."""
        field = next((field for field in self.fields if field.name == asked.name), None)
        if field is None:
            return None
        if asked.is_number and (field.type != types.INT or asked.pattern is None):
            is_text = field.type == types.STRING or asked.at_least is None
            found = None if is_text else number_of(field.type, field.unit, asked.at_least or 0)
            around = (field.before, field.after)
            return None if found is None or None in around else found.join(around)  # type: ignore[arg-type]
        if asked.pattern is None or field.type not in (types.STRING, types.INT) or field.values:
            return None
        text = rb"(?:" + asked.pattern + rb")"
        if asked.begins and field.before is not None:
            text = field.before + (field.zeros if field.type == types.INT else b"") + text
        if asked.ends and field.after is not None:
            text += field.after
        return text


def only(pattern: bytes, names: frozenset[str]) -> bytes:
    """Answer a pattern with only the groups of some properties; fewer groups cost less."""
    groups = {group_of(name).encode() for name in names}
    return GROUP.sub(lambda found: found[0] if found[1] in groups else b"(?:", pattern)


def joined(lines: list[bytes], heads: re.Pattern[bytes]) -> list[bytes]:
    """Answer the events of some lines, without their stack traces; lines before the first head are none."""
    events: list[list[bytes]] = []
    for line in lines:
        if heads.match(line) is not None:
            events.append([line])
        elif events:
            events[-1].append(line)
    texts = [b"\n".join(some) for some in events]
    traces = [stacks.begin(text) for text in texts]
    return [text if trace is None else text[: trace[0]] for text, trace in zip(texts, traces, strict=True)]


class Reader:
    """Fills lazy events of a pattern's format; of all properties, or of some, which is cheaper."""

    def __init__(self, of: PatternFormat, names: frozenset[str] | None) -> None:
        self.of = of
        self.fields = tuple(field for field in of.grouped if names is None or field.name in names)
        self.has_lines = of.heads is not None
        self.has_stack = names is None or not names.isdisjoint(stacks.WITHIN)
        wanted = frozenset(field.name for field in self.fields) | {TIME}
        source = of.source if names is None else of.until(wanted)
        pattern = re.compile(only(source, wanted), of.flags)
        self.match = pattern.match
        groups = pattern.groupindex
        self.places = tuple(groups[group_of(field.name)] for field in self.fields)
        self.time_place = groups.get(TIME, 0) if of.stamp else 0
        self.converters = tuple(converter(field) for field in self.fields)
        self.stamp = of.stamp
        self.schema = Schema(
            "log",
            tuple(field.name for field in self.fields),
            tuple(field.type for field in self.fields),
            tuple("ns" if field.type == types.DURATION else field.unit for field in self.fields),
        )
        self.without: dict[tuple[int, ...], Schema] = {}

    def fill(self, event: Event) -> None:
        """Read the event's text.

        Raises:
            ValueError: it is none of this format; says why.
        """
        text = event.text
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text or b""
        trace = None
        if self.has_lines and b"\n" in raw:
            raw = raw.replace(b"\r\n", b"\n").rstrip(b"\r\n")
            trace = stacks.begin(raw)
        found = self.match(raw if trace is None else raw[: trace[0]])
        if found is None:
            raise ValueError(f"not a line of the format {self.of.name}")
        groups = found.groups()
        values = [convert(groups[at - 1]) for convert, at in zip(self.converters, self.places, strict=True)]
        if self.stamp is not None and self.time_place:
            event.instant = self.moment(groups[self.time_place - 1], found.start(self.time_place))
        else:
            event.instant = None
        if None in values:
            gone = tuple(place for place, value in enumerate(values) if value is None)
            event.schema = self.lacking(gone)
            event.values = [value for value in values if value is not None]
        else:
            event.schema = self.schema
            event.values = values
        if trace is not None and self.has_stack:
            add_trace(event, raw, trace)

    def moment(self, text: bytes | None, at: int | None = None) -> Time | None:
        """Answer the time at a place, None when the line was cut before it.

        Raises:
            ValueError: it is none.
        """
        if text is None:
            return None
        assert self.stamp is not None
        try:
            ns, offset_s = self.stamp(text)
            return Time(ns, offset_s)
        except (ValueError, KeyError, OverflowError):
            raise LineError(f"no time: {text.decode('utf-8', 'replace')!r}", at) from None

    def lacking(self, gone: tuple[int, ...]) -> Schema:
        """Answer the schema without some places; a property that has no value is absent."""
        found = self.without.get(gone)
        if found is None:
            full = self.schema
            kept = [place for place in range(len(full.names)) if place not in gone]
            found = Schema(
                "log",
                tuple(full.names[place] for place in kept),
                tuple(full.types[place] for place in kept),
                tuple(full.units[place] for place in kept),
            )
            self.without[gone] = found
        return found


def add_trace(event: Event, raw: bytes, trace: Any) -> None:
    """Add `exception` and `stack` of a stack trace to an event.

    Args:
        event: read.
        raw: its text.
        trace: where it begins in it, and of which sort it is.
    """
    thrown = stacks.read(raw[trace[0] :], trace[1], raw[: trace[0]])
    for name, value in (("exception", thrown.value("exception")), ("stack", thrown)):
        assert event.schema is not None
        if value is not None and name not in event.schema.places:
            event.schema = event.schema.plus(name, stacks.NAMES[name], None, None)
            event.values.append(value)


def converter(field: Field) -> Callable[[bytes | None], Any]:
    """Answer what makes a property's value of its bytes; None stays None."""
    if field.type == types.INT:
        return partial(whole_number, field.empty, BYTES.get((field.unit or "").lower(), 1))
    if field.type == types.DURATION:
        return partial(duration, field.empty, TIME_NS[field.unit or "ns"])
    if field.type == types.FLOAT:
        return partial(real_number, field.empty)
    if field.values:
        known: dict[bytes | None, str] = {text.encode(): meant for text, meant, _ in field.values}
        return known.get
    return partial(string, field.empty)


def string(empty: tuple[bytes, ...], text: bytes | None) -> str | None:
    """Answer text; bytes that are no UTF-8 survive as surrogates."""
    return None if text is None or text in empty else text.decode("utf-8", "surrogateescape")
