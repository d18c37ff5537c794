"""What every format promises, run over the room's table and the descriptions in its folder."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanlight import parsers
from fanlight.errors import ParserError
from fanlight.event import stamps
from fanlight.event.event import Event
from fanlight.formatters.cells import document
from fanlight.parsers.parser import LineParser

FOLDER = Path(parsers.FOLDER)
DESCRIPTIONS = {name: tomllib.loads((FOLDER / f"{name}.toml").read_text()) for name in parsers.names()}
SAMPLES = [(name, sample) for name, about in DESCRIPTIONS.items() for sample in about["samples"]]
WRITTEN_NS = stamps.iso("2026-02-03T12:00:00Z")[0]
"""When files were last written, for times that tell no year."""
FIRST = {name: [line.encode() for line in about.get("first", [])] for name, about in DESCRIPTIONS.items()}
"""First lines of a file, for formats that are told by them."""
FORMATS = {name: parsers.fitted(parsers.named(name, "UTC", WRITTEN_NS), FIRST[name]) for name in DESCRIPTIONS}

LINES = [line.encode() for _, sample in SAMPLES for line in sample["line"].split("\n")]

lines = st.lists(
    st.one_of(
        st.binary(max_size=60).map(lambda line: line.replace(b"\n", b"")),
        st.sampled_from(LINES),
        st.sampled_from(LINES).flatmap(lambda line: st.integers(0, len(line)).map(lambda cut: line[:cut])),
    ),
    max_size=12,
)


def shown(event: Event) -> dict[str, Any]:
    """Answer an event as samples write one: its time as text, events in it as tables."""
    return document(event)


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_a_sample_line_becomes_its_event(name: str, sample: dict[str, Any]) -> None:
    event = Event.lazy(FORMATS[name].reader(), sample["line"].encode(), 1)
    assert shown(event) == sample["event"]


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_a_sample_is_told_by_text_as_by_bytes(name: str, sample: dict[str, Any]) -> None:
    assert shown(Event.lazy(FORMATS[name].reader(), sample["line"], 1)) == sample["event"]


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_a_property_has_its_value_when_it_alone_is_read(name: str, sample: dict[str, Any]) -> None:
    for wanted, value in sample["event"].items():
        event = Event.lazy(FORMATS[name].reader(frozenset({wanted})), sample["line"].encode(), 1)
        assert shown(event)[wanted] == value, wanted


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_the_moment_of_a_line_is_its_events_time(name: str, sample: dict[str, Any]) -> None:
    line = sample["line"].encode()
    event = Event.lazy(FORMATS[name].reader(), line, 1)
    if event.time is not None:
        assert FORMATS[name].moment(line) == event.time_ns


@pytest.mark.parametrize("name", [name for name in DESCRIPTIONS if name != "plain"])
def test_samples_are_detected_as_what_they_are(name: str) -> None:
    texts = [sample["line"] for sample in DESCRIPTIONS[name]["samples"]]
    rows = [line.encode() for text in texts for line in text.split("\n")]
    found, confidence = parsers.detect([*FIRST[name], *rows, *rows])
    assert found.name == name
    assert confidence > parsers.SURE


@pytest.mark.parametrize("name", list(DESCRIPTIONS))
def test_a_format_says_what_it_is_called(name: str) -> None:
    assert FORMATS[name].name == name
    assert FORMATS[name].title


@settings(max_examples=100, deadline=None)
@given(given_lines=lines)
def test_every_line_is_an_event_a_part_of_one_blank_or_a_fault_and_no_text_is_lost(
    given_lines: list[bytes],
) -> None:
    """The same lines for every format: to make them up takes longer than to read them."""
    # Blank lines between, carriage returns at ends and a byte order mark in front belong to no event.
    wanted = b"".join(given_lines).removeprefix(b"\xef\xbb\xbf")
    wanted_sorted = sorted(re.sub(rb"[\r\n\s]+", b"", wanted))
    for name, found in FORMATS.items():
        parser = LineParser(found)
        events, headings = [], b""
        for line in given_lines:
            before = parser.headings
            events += parser.parse(line)
            headings += line if parser.headings > before else b""
        events += parser.close()
        assert events[-1].kind == "end", name
        counted = len(events) - 1 + parser.continuations + parser.blanks + parser.headings
        assert counted == parser.line_number == len(given_lines), name
        raws = b"".join(str(event.raw).encode("utf-8", "surrogateescape") for event in events[:-1])
        assert sorted(re.sub(rb"[\r\n\s]+", b"", raws + headings)) == wanted_sorted, name


@pytest.mark.parametrize("name", list(DESCRIPTIONS))
def test_a_closed_parser_says_so(name: str) -> None:
    parser = LineParser(FORMATS[name])
    assert [event.kind for event in parser.close()] == ["end"]
    assert parser.close() == []
    with pytest.raises(ParserError, match="is closed"):
        parser.parse("x")


@settings(max_examples=200)
@given(line=st.binary(max_size=80).map(lambda line: line.replace(b"\n", b"")))
def test_the_score_of_anything_is_a_share_and_its_moment_a_number_or_nothing(line: bytes) -> None:
    for name, found in FORMATS.items():
        assert 0 <= found.score([line]) <= found.said + 1e-9, name
        moment = found.moment(line)
        assert moment is None or isinstance(moment, int), name


@pytest.mark.parametrize("depth", [100, 1_000, 100_000])
def test_json_nested_too_deep_is_a_fault_and_others_are_read(depth: int) -> None:
    deep = b'{"message":"x","k":' + b'{"a":' * depth + b"12345678901234567890" + b"}" * depth + b"}"
    found, _ = parsers.detect([b'{"message":"x"}'] * 3 + [deep])
    assert found.name == "json"
    parser = LineParser(found)
    events = [each for line in (deep, deep[:-9], b'{"message":"y"}') for each in parser.parse(line)]
    assert [each.kind for each in events] == ["log" if depth == 100 else "fault", "fault", "log"]


NO_ROWS = {
    "openam": "\t".join(["2026-01-31 23:59:59", *map(str, range(12))]),
    "postgres-csv": ",".join(["2026-01-31 23:59:59", *map(str, range(25))]),
    "mysql-error": "2026-01-31 23:59:59 17 [Foo] bar",
    "openstack": "2026-01-31 23:59:59.123 17 POST /cart 200 12ms",
    "monolog": "[2026-01-31 23:59:59] index.HTML: bar",
    "elasticsearch": "[2026-01-31T23:59:59,123][POST ][shop] bar",
}


@pytest.mark.parametrize(("name", "line"), NO_ROWS.items())
def test_what_only_looks_like_a_servers_log_is_text_with_a_time(name: str, line: str) -> None:
    assert FORMATS[name].score([line.encode()] * 20) == 0
    assert parsers.detect([line.encode()] * 20)[0].name in ("stamped", "plain")


def test_one_line_of_a_servers_log_behind_pages_of_prose_does_not_tell_the_file() -> None:
    prose = [b"It was a line of prose, number %d." % number for number in range(40)]
    for name in ("mysql-error", "openstack", "stamped"):
        line = SAMPLES[[each for each, _ in SAMPLES].index(name)][1]["line"].encode()
        assert parsers.detect([*prose, line])[0].name == "plain"
        assert parsers.detect([*prose[:7], *[line] * 3])[0].name == name
