"""Every format with its samples, what spoils them, and what must hold of whatever is read of that."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from fanlight import parsers
from fanlight.event import stamps
from fanlight.event.coding import from_json, to_json
from fanlight.formatters.cells import document
from fanlight.parsers.parser import LineParser

if TYPE_CHECKING:
    from fanlight.event.event import Event
    from fanlight.query.query import Query

NAMES = parsers.names()
DESCRIPTIONS = {name: tomllib.loads((Path(parsers.FOLDER) / f"{name}.toml").read_text()) for name in NAMES}
for several in ("combined+json", "combined+python+stamped"):
    parts = [DESCRIPTIONS[name]["samples"] for name in several.split("+")]
    DESCRIPTIONS[several] = {"samples": [sample for samples in parts for sample in samples]}
    NAMES.append(several)
WRITTEN_NS = stamps.iso("2026-02-03T12:00:00Z")[0]
SAMPLES = {name: [sample["line"] for sample in about["samples"]] for name, about in DESCRIPTIONS.items()}

ODD = [
    b"\x00",
    b"\xff\xfe",
    b"\r",
    b"\n",
    b"\r\n",
    b'"',
    b"\\",
    b"\xef\xbb\xbf",
    b"[",
    b"]",
    b"(",
    b"9" * 25,
    b"  ",
    b"%",
    b"#",
]


def format_of(name: str) -> parsers.Format:
    first = [line.encode() for line in DESCRIPTIONS[name].get("first", [])]
    return parsers.fitted(parsers.named(name, "UTC", WRITTEN_NS), first)


FORMATS = {name: format_of(name) for name in NAMES}


def parsed(name: str, text: bytes, query: Query | None = None) -> tuple[list[Event], LineParser]:
    parser = LineParser(FORMATS[name])
    events = [event for line in text.split(b"\n") for event in parser.parse(line, query)]
    return [*events, *parser.close(query)[:-1]], parser


def accounted(name: str, text: bytes) -> None:
    """Read a text, and see that every line of it is accounted for and every event can be shown and kept."""
    events, parser = parsed(name, text)
    counted = len(events) + parser.continuations + parser.blanks + parser.headings
    assert counted == text.count(b"\n") + 1 == parser.line_number
    for event in events:
        if event.kind == "fault":
            assert 0 <= event["position"] < max(len(event["raw"].encode("utf-8", "surrogateescape")), 1)
            assert event["reason"]
        document(event)
        again = from_json(to_json(event))
        assert [each.name for each in again] == [each.name for each in event]
        assert again.time_ns == event.time_ns
