"""Laws of every format over lines that nobody would write: spoilt samples, odd bytes, queries pushed down."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoilt import FORMATS, NAMES, ODD, SAMPLES, accounted, parsed

from fanlight.event.coding import from_json, to_json
from fanlight.formatters.cells import document
from fanlight.query.query import Query

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 64 << 10
"""Characters of a long line: with the square of them as steps a test would not end."""
LONG_S = 30.0
"""CPU seconds for one; a line that is read once takes some hundredths."""
STRETCHED = 8 << 10
"""The same of lines that go on within: many, hence shorter."""
WORTH_S = 0.05
"""CPU seconds of one for which a line four times as long is looked at as well; most take some thousandths."""
GROWTH = 10
"""That one may take that much longer: between four times, for being longer, and 16 times, the square."""


@st.composite
def spoilt_text(draw: st.DrawFn, name: str) -> bytes:
    """Answer some samples below one another, with pieces taken out, put in and put twice."""
    text = "\n".join(draw(st.lists(st.sampled_from(SAMPLES[name]), min_size=1, max_size=3))).encode()
    for _ in range(draw(st.integers(0, 5))):
        begin = draw(st.integers(0, len(text)))
        end = begin + draw(st.integers(0, 12))
        piece = draw(st.one_of(st.sampled_from([*ODD, b"", text[begin : begin + 40]]), st.binary(max_size=6)))
        text = text[:begin] + piece + text[end:]
    return text


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(data=st.data())
def test_every_line_of_a_spoilt_file_is_accounted_for_and_its_events_can_be_shown_and_kept(
    name: str, data: st.DataObject
) -> None:
    accounted(name, data.draw(spoilt_text(name)))


NUMBERS = [b"9" * 18, b"9" * 25, b"-" + b"9" * 25, b"9" * 25 + b".5", b"1e300", b"-1.5e300", b"9" * 25 + b"s"]


@pytest.mark.parametrize("name", NAMES)
def test_a_number_beyond_64_bits_is_kept_in_some_way(name: str) -> None:
    for sample in SAMPLES[name]:
        raw = sample.encode()
        for found in re.finditer(rb"(?<![\d.:-])\d+(?:\.\d+)?(?![\d.:-])", raw):
            for number in NUMBERS:
                text = raw[: found.start()] + number + raw[found.end() :]
                for event in parsed(name, text)[0]:
                    assert [each.name for each in from_json(to_json(event))] == [each.name for each in event]


QUERIES = [
    *("error", "shop OR web1", "NOT shop", "level:error", "level=ERROR", "exception:ValueError", "stack:add"),
    *("from:2026-01-31T23:59:59Z", "to:2026-01-31T23:59:58Z", "status:5xx", "NOT level:INFO", '"no route"'),
    *("from:2026-01-31T22:00:00Z to:2026-01-31T23:59:59.5Z add", "exists(stack)", "count:17", "17"),
    *(
        "message~'it .*'",
        "/[a-z]+Error/",
        "duration:>1s",
        "1500000000",
        "user:jo",
        'name:"Jo"',
        "cafe",
        "café",
    ),
]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(data=st.data(), text=st.sampled_from(QUERIES))
def test_a_query_that_is_pushed_down_selects_what_it_selects_afterwards(
    name: str, data: st.DataObject, text: str
) -> None:
    query = Query(text)
    spoilt = data.draw(spoilt_text(name))
    # Of what a query does not look at nobody knows whether it can be read.
    before = [event for event in parsed(name, spoilt, query)[0] if not event.is_control]
    events = [event for event in parsed(name, spoilt)[0] if not event.is_control]
    after = [query.shown(event) for event in events if query.matches(event)]
    assert [(event.line, to_json(event)) for event in before] == [
        (event.line, to_json(event)) for event in after
    ]


@pytest.mark.parametrize("name", NAMES)
def test_what_an_editor_adds_changes_no_event(name: str) -> None:
    for sample in SAMPLES[name]:
        plain, _ = parsed(name, sample.encode())
        edited, _ = parsed(name, b"\xef\xbb\xbf" + sample.encode().replace(b"\n", b"\r\n") + b"\r\n")
        assert [document(event) for event in plain] == [document(event) for event in edited]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("json", "pino")])
def test_bytes_that_are_no_text_are_kept(name: str) -> None:
    for sample in SAMPLES[name]:
        text = sample.encode() + b" \x00\xff\xfe"
        raws = [str(event.raw).encode("utf-8", "surrogateescape") for event in parsed(name, text)[0]]
        assert any(raw.endswith(b"\x00\xff\xfe") for raw in raws)


def long_lines(sample: bytes) -> dict[str, bytes]:
    """Answer lines that a careless pattern reads again and again."""
    head = sample.split(b"\n")[0]
    pieces = [b"a", b" ", b'"', b"\\", b"a.b", b"a: ", b"(", b"[", b"=1 ", b"/", b'a="b" ', b"- ", b",", b"1"]
    found = {f"{piece!r}": (head + b" " + piece * LONG)[:LONG] for piece in pieces}
    found |= {f"only {piece!r}": (piece * LONG)[:LONG] for piece in pieces}
    half = head[: len(head) // 2]
    found["begun again and again"] = (half * (LONG // max(len(half), 1)))[:LONG]
    found["lines"] = sample + b"\n" + b"\tat a.B.c(B.java:1)\n" * (LONG // 20)
    found["other lines"] = sample + b"\n" + b"a.b.C: x\n" * (LONG // 9) + b"\tat a.B.c(B.java:1)"
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_line_takes_time_beyond_its_length(name: str) -> None:
    slow: dict[str, Any] = {}
    for what, text in long_lines(SAMPLES[name][0].encode()).items():
        begun = time.process_time()
        FORMATS[name].score(text.split(b"\n")[:64])
        parsed(name, text, Query("from:2020-01-01T00:00:00Z NOT nothing"))
        took = time.process_time() - begun
        if took > LONG_S:
            slow[what] = took
    assert not slow


def stretched(sample: bytes, length: int = STRETCHED) -> dict[str, bytes]:
    """Answer lines that go on with one piece behind each word of a sample, as a pattern may not expect."""
    head = sample.split(b"\n")[0]
    pieces = [b" ", b"a", b"a ", b"- ", b"a/", b"[", b"] ", b'"', b"\\", b"0", b") = "]
    found = {
        f"{piece!r} at {cut.end()}": head[: cut.end()] + piece * (length // len(piece))
        for cut in re.finditer(rb"\W+|\w+", head)
        for piece in pieces
    }
    found["blanks and a letter"] = head + b" " * length + b"x"
    return found


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_no_line_takes_time_beyond_its_length_wherever_it_goes_on(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    growths: dict[str, float] = {}
    for sample in SAMPLES[name]:
        for what, text in stretched(sample.encode()).items():
            if read_s(name, text) > WORTH_S:
                longer = stretched(sample.encode(), 4 * STRETCHED)[what]
                # In turns, for the machine's pace changes; other work makes the same cost more, never less.
                turns = [(read_s(name, text), read_s(name, longer)) for _ in range(4)]
                growths[what] = min(turn[1] for turn in turns) / min(turn[0] for turn in turns)
    if growths:
        record_property(
            "measured", f"{name}: {max(growths.values()):.1f} times in {len(growths)} doubtful lines"
        )
    record_property("limit", f"{GROWTH} times the time for four times the line")
    assert not {what: growth for what, growth in growths.items() if growth > GROWTH}


def read_s(name: str, text: bytes) -> float:
    """Answer the CPU seconds for all that is done with a line."""
    begun = time.process_time()
    FORMATS[name].score([text])
    FORMATS[name].moment(text)
    parsed(name, text)
    return time.process_time() - begun
