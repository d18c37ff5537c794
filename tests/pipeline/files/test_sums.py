"""What groups of lines add up to: of columns the same as of events, on any lines, whole or broken."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import parsers
from fanlight.event.batch import Batch
from fanlight.formatters.csv import Csv, rows
from fanlight.pipeline.files import adding, columns, sums
from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.found import event_of
from fanlight.pipeline.files.search import Wishes
from fanlight.pipeline.files.source import Source
from fanlight.query.query import Query

if TYPE_CHECKING:
    from fanlight.event.event import Event
    from fanlight.event.schema import Schema


class Memory(Source):
    """A file's bytes, some at a time."""

    def __init__(self, data: bytes, piece: int) -> None:
        super().__init__("memory", None, None)
        self.data = data
        self.piece = piece

    def readinto(self, room: memoryview) -> int:
        part = self.data[: min(len(room), self.piece)]
        self.data = self.data[len(part) :]
        room[: len(part)] = part
        return len(part)

    def close(self) -> None:
        pass


def answered(text: str, files: list[bytes], names: list[str | None], *, quick: bool) -> list[Event]:
    """Answer the groups of some files, each of its own format, from columns or from events."""
    contents = iter(files)
    answer = Answer(Query(text), [f"file {at}" for at in range(len(files))], Wishes(zone="UTC"))
    answer.opened = lambda _: Memory(next(contents), 50)
    with pytest.MonkeyPatch.context() as patch:
        formats = iter(names)
        patch.setattr(parsers, "detect", lambda *_: (parsers.named(next(formats) or "plain", "UTC"), 1.0))
        if not quick:
            patch.setattr(adding.Selected, "add_up", lambda *_: None)
        return list(answer.events())


def shown(event: Event) -> tuple[object, ...]:
    """Answer all that there is to see of an event, types and units with it."""
    schema: Schema = event.read()[0]
    return (
        event.kind,
        event.is_timed,
        event.time,
        schema.columns(),
        [type(each.value) for each in event],
        event,
    )


stamps = st.one_of(
    st.builds(
        "[31/Jan/2026:12:{:02}:{:02} +0{}00]".format, st.integers(0, 3), st.integers(0, 59), st.integers(0, 2)
    ),
    st.sampled_from(
        ["[31/Foo/2026:12:00:00 +0000]", "[31/Jan/2026:12:00:00]", "-", "[31/Jan/2026:12:00:61 +0000]"]
    ),
)
requests = st.sampled_from(
    [
        *(
            '"GET /a HTTP/1.1"',
            '"GET /b?c=d HTTP/1.1"',
            '"POST /a"',
            '"-"',
            '"\\x16\\x03"',
            '"GET /q\\"uote HTTP/1.1"',
        ),
        *('"GET  /a HTTP/1.1"', '"get /a"', '"GET /é HTTP/1.1"', '"', '""', '"GET / b HTTP/1.1"'),
    ]
)
tails = st.sampled_from(
    [
        *(' 200 17 "-" "curl" 0.250', ' 404 - "-" "curl" -', ' 503 5 "http://x" "a b" 1.5 more "of it"'),
        *(' 200 17 "-" "curl', " 200", "", ' 99999999999999999999 1 "-" "-" 1', ' 200 17 "-" "-" 2\r'),
        *(
            ' 200 9223372036854775807 "-" "-" 9223372036',
            ' 200 4611686018427387903 "-" "-" 3',
            ' 200 1 "a\\" "b" 4',
        ),
    ]
)
access_lines = st.one_of(
    st.builds(
        "10.0.0.{} - {} {} {}{}".format,
        st.integers(0, 3),
        st.sampled_from(["ann", "-", ""]),
        stamps,
        requests,
        tails,
    ),
    st.sampled_from(["", "  ", "nonsense", '" "', "10.0.0.1 - -"]),
)
plain_access = st.builds(
    '10.0.0.{} - - [31/Jan/2026:12:00:{:02} +0000] "GET /{} HTTP/1.1" 200 {} "-" "curl" 0.{:03}'.format,
    st.integers(0, 3),
    st.integers(0, 59),
    st.sampled_from("abc"),
    st.integers(0, 5),
    st.integers(0, 999),
)
json_lines = st.builds(
    '{{"path": "/{}", "duration": {}, "time": 1769860800}}'.format, st.sampled_from("ab"), st.integers(0, 9)
)
FILES = {"combined-time": st.one_of(access_lines, plain_access), "combined": access_lines, "json": json_lines}
QUERIES = [
    "| stats count(), p50(duration), p95(duration) by path, time:1m",
    "| stats count, min(bytes), max(bytes), sum(bytes), avg(bytes) by status",
    "| stats avg(duration), sum(duration), p0(duration), p100(duration), p99.9(duration)",
    "| stats count(duration), distinct(path), distinct(bytes), count(agent) by client, method",
    "| stats sum(path), p50(path) by user",
    "| top 2 path by p95(duration)",
    "| top path",
    "| timechart 30s max(duration) by path",
    "| timechart count",
    "| stats count() by time:1h, response-code, path | sort -count | head 3",
    "| stats count",
    "path:a | stats count() by path, time:1m",
    "NOT status:404 | stats p95(duration) by path",
    "curl | stats count() by agent",
    "| stats p95(duration) by nothing",
    "| stats count(), count() by path",
    "| stats max(duration) by #3",
]


@given(data=st.data())
def test_columns_add_up_to_what_events_do(data: st.DataObject) -> None:
    names = data.draw(
        st.lists(st.sampled_from(["combined-time", "combined-time", *FILES]), min_size=1, max_size=3)
    )
    files = ["\n".join(data.draw(st.lists(FILES[name], min_size=1, max_size=12))).encode() for name in names]
    for text in QUERIES:
        quick = answered(text, files, list(names), quick=True)
        slow = answered(text, files, list(names), quick=False)
        assert [shown(row) for row in quick] == [shown(row) for row in slow], text


def test_whole_lines_are_taken_by_the_quick_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    line = b'10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 17 "-" "curl" 0.250\n'
    slow: list[bytes] = []
    found = columns.Cutter.slowly
    monkeypatch.setattr(columns.Cutter, "slowly", lambda self, data: slow.append(data) or found(self, data))
    groups = answered("| stats count() by path", [line * 1000], ["combined-time"], quick=True)
    assert [(row.value("path"), row.value("count")) for row in groups] == [("/a", 1000)]
    assert slow == []
    answered("| stats count() by path", [line + b"\n" + line], ["combined-time"], quick=True)
    assert slow


def test_lines_that_cannot_be_read_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 17 "-" "curl" 0.250\nnonsense\n'
    answer = Answer(Query("| stats count() by path"), ["x"], Wishes(format="combined-time"))
    answer.opened = lambda _: Memory(data, 1000)
    assert [(row.value("path"), row.value("count")) for row in answer.events()] == [("/a", 1), (None, 1)]
    assert answer.searches[0].faults == {"not a line of the format combined-time": 1}


def test_numbers_without_room_are_added_up_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "NUMBER_MAX", 1000)
    line = b'10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 %d "-" "curl" 0.250\n'
    data = b"".join(line % number for number in range(100))
    groups = answered("| stats sum(bytes), p50(bytes) by path", [data], ["combined-time"], quick=True)
    assert [row.value("sum(bytes)") for row in groups] == [4950]


@pytest.mark.parametrize("fields", [(), ("path", "count"), ("time", "nothing")])
@given(data=st.data())
def test_rows_of_a_batch_are_those_of_its_events(fields: tuple[str, ...], data: st.DataObject) -> None:
    lines = data.draw(st.lists(FILES["combined-time"], min_size=1, max_size=20))
    text = data.draw(st.sampled_from(QUERIES[:9]))
    content = "\n".join(lines).encode()

    def written(*, batched: bool) -> str:
        answer = Answer(Query(text), ["x"], Wishes(format="combined-time", zone="UTC"))
        answer.opened = lambda _: Memory(content, 1000)
        writer = Csv(fields)
        rows = answer.events()
        out = []
        for each in getattr(rows, "mixed", rows) if batched else rows:
            out += writer.batch(each) if isinstance(each, Batch) else writer.event(each)
        return "".join([*out, *writer.end()])

    assert written(batched=True) == written(batched=False)


@given(line=FILES["combined-time"], data=st.data())
def test_a_reader_of_some_properties_reads_what_the_reader_of_all_does(
    line: str, data: st.DataObject
) -> None:
    found = parsers.named(data.draw(st.sampled_from(["combined-time", "combined", "common"])), "UTC")
    names = data.draw(st.frozensets(st.sampled_from([field.name for field in found.fields])))
    whole, some = (
        event_of(found.reader(wanted), line.encode().partition(b"\n")[0]) for wanted in (None, names)
    )
    assert whole.time == some.time
    assert {name: whole.value(name) for name in names} == {name: some.value(name) for name in names}


def test_requests_that_hardly_come_again_are_not_read_each_for_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(columns, "REMEMBERED", 5)
    line = '10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /%s HTTP/1.1" 200 17 "-" "curl" 0.250\n'
    cutters: list[columns.Cutter] = []
    make = columns.Cutter.__init__
    monkeypatch.setattr(
        columns.Cutter, "__init__", lambda self, *given: cutters.append(self) or make(self, *given)
    )
    few = "".join(line % (number % 3) for number in range(60)).encode()
    many = "".join(line % number for number in range(60)).encode()
    for data, is_joint in ((few, True), (many, False)):
        cutters.clear()
        found = [
            [
                shown(row)
                for row in answered("| stats count() by path", [data], ["combined-time"], quick=quick)
            ]
            for quick in (True, False)
        ]
        assert found[0] == found[1]
        assert [cutter.joint is not None for cutter in cutters] == [is_joint]


@given(st.lists(st.integers(-9, 9) | st.integers(-(1 << 61), 1 << 61)), st.sampled_from([1, 1000, 1_000_000]))
def test_ranks_are_places_among_the_different_numbers(numbers: list[int], unit: int) -> None:
    column = np.array([number // unit * unit for number in numbers], np.int64)
    values, ranks = sums.ranked(column)
    assert values.tolist() == sorted(set(column.tolist()))
    assert values[ranks].tolist() == column.tolist()


@given(st.lists(st.lists(st.text("ab,\"\n\r'é ", max_size=3), min_size=2, max_size=2), max_size=5))
def test_cells_are_quoted_where_they_have_to_be(cells: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(cells)
    assert rows([list(column) for column in zip(*cells, strict=True)] or [[], []]) == out.getvalue()


def test_no_event_at_all_adds_up_to_one_row() -> None:
    data = b'10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 17 "-" "curl" 0.250\n'
    text = "nothing | stats count(), p50(duration), sum(bytes)"
    found = [answered(text, [data, data], ["combined-time"] * 2, quick=quick) for quick in (True, False)]
    assert [shown(row) for row in found[0]] == [shown(row) for row in found[1]]
    assert [row.value("count") for row in found[0]] == [0]
