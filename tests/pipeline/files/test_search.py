"""Files searched: what is selected is what the predicate selects, however the bytes lie."""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_lines import FILES, queries, texts

from fanlight import parsers
from fanlight.errors import ParserError
from fanlight.event.event import Event
from fanlight.parsers.parser import LineParser
from fanlight.pipeline.files import mapped, scanners
from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.blocks import BLOCK, LINE_MAX, Blocks
from fanlight.pipeline.files.search import Wishes
from fanlight.pipeline.files.source import Source, open_source
from fanlight.query.query import Query

if TYPE_CHECKING:
    from collections.abc import Callable


class Memory(Source):
    """A file's bytes, some at a time."""

    def __init__(self, data: bytes, piece: int = 1 << 30) -> None:
        super().__init__("memory", None, None)
        self.data = data
        self.piece = piece
        self.place = 0

    def readinto(self, room: memoryview) -> int:
        part = self.data[self.place : self.place + min(len(room), self.piece)]
        room[: len(part)] = part
        self.place += len(part)
        return len(part)

    def close(self) -> None:
        pass


def selected(text: str, data: bytes, piece: int = 1 << 30, **wishes: object) -> list[bytes]:
    answer = Answer(Query(text), ["x"], Wishes(**wishes), lambda _: Memory(data, piece))  # type: ignore[arg-type]
    return [line for found in answer.found() for line in found.raw().splitlines()]


def decided(text: str, data: bytes, name: str) -> list[bytes]:
    """Answer what the predicate alone selects, event by event."""
    query, parser = Query(text), LineParser(parsers.named(name, "UTC"))
    lines = data.removesuffix(b"\n").split(b"\n")
    events = [event for line in lines for event in parser.parse(line)] + parser.close()
    kept: list[bytes] = []
    for event in events[:-1]:
        raw = str(event.raw).encode("utf-8", "surrogateescape")
        plain = Event(kind="log") if event.kind == "fault" else event
        plain.text = raw
        if query.matches(plain):
            kept += str(query.shown(plain).raw).encode("utf-8", "surrogateescape").split(b"\n")
    return kept


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_needles_and_predicate_select_what_the_predicate_selects(name: str, data: st.DataObject) -> None:
    """By each engine the same lines: to make them up takes longer than to search them."""
    lines = data.draw(st.lists(st.one_of(FILES[name], texts), min_size=1, max_size=8))
    raw = "\n".join(lines).encode() + b"\n"
    text = data.draw(queries)
    piece = data.draw(st.sampled_from([1 << 30, 7]))
    right = [line for line in decided(text, raw, name) if line.strip()]
    with pytest.MonkeyPatch.context() as patch:
        engines = ("aho-corasick", "hyperscan", "re2", "bytes")
        for engine, without in zip(engines, ("", "ahocorasick_rs", "hyperscan", "re2"), strict=True):
            if without:
                patch.setitem(sys.modules, without, None)
            found = selected(text, raw, piece, format=name, zone="UTC")
            assert [line for line in found if line.strip()] == right, engine


@pytest.mark.parametrize("name", ["combined-time", "json", "logfmt"])
@given(data=st.data())
def test_what_a_query_does_not_select_is_the_rest(name: str, data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.one_of(FILES[name], texts), min_size=1, max_size=8))
    raw = "\n".join(lines).encode() + b"\n"
    text = data.draw(queries)
    both = [line for way in (False, True) for line in selected(text, raw, format=name, invert=way)]
    negated = selected(f"NOT ({text})", raw, format=name)
    assert sorted(filter(bytes.strip, both)) == sorted(filter(bytes.strip, raw.split(b"\n")))
    assert negated == selected(text, raw, format=name, invert=True)


def test_a_query_that_refuses_reads_only_lines_that_it_may_refuse() -> None:
    lines = [b'{"a": %d, "message": "%s"}' % (number, b"zq" * (number % 9 == 0)) for number in range(500)]
    raw = b"\n".join([*lines, b"no object", b"no zqq either"]) + b"\n"
    answer = Answer(Query("NOT /zq+z/"), ["x"], Wishes(format="json"), lambda _: Memory(raw))
    found = [line for each in answer.found() for line in each.raw().splitlines()]
    assert found == [line for line in raw.splitlines() if b"zqz" not in line and b"zqqz" not in line]
    assert not answer.searches[0].faults
    assert "selected; of the others" in "".join(answer.searches[0].plan())


@pytest.mark.parametrize("name", ["combined-time", "json"])
@given(data=st.data())
def test_a_file_that_is_mapped_answers_what_one_that_is_read_answers(name: str, data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.one_of(FILES[name], texts), min_size=1, max_size=8)) * 70
    raw = "\n".join(lines).encode() + data.draw(st.sampled_from([b"", b"\n"]))
    text = data.draw(queries)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, pytest.MonkeyPatch.context() as patch:
        for key, value in (("PIECE", 8192), ("ALIGNED", 4096), ("WORTH", 1)):
            patch.setattr(mapped, key, value)
        path = Path(folder) / "app.log"
        path.write_bytes(data.draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + raw)
        answer = Answer(Query(text), [str(path)], Wishes(format=name, zone="UTC"))
        found = [line for each in answer.found() for line in each.raw().splitlines()]
    assert found == selected(text, raw, format=name, zone="UTC")


@given(
    lines=st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=20),
    piece=st.integers(1, 40),
)
def test_blocks_lose_no_byte(lines: list[bytes], piece: int) -> None:
    data = b"\n".join(lines)
    blocks = Blocks(Memory(data, piece))
    read = b"".join(bytes(blocks.buffer[begin:end]) for begin, end in blocks)
    assert read.removesuffix(b"\n") == data.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n")


def test_lines_longer_than_a_block_are_whole() -> None:
    long = b"x" * (BLOCK * 3) + b"needle"
    assert selected("needle", b"a\n" + long + b"\nb\n", format="plain") == [long]


def test_a_line_that_is_too_long_is_cut_and_counted_and_those_behind_it_are_found() -> None:
    answer = Answer(
        Query("needle"),
        ["x"],
        Wishes(format="plain"),
        lambda _: Memory(b"needle " + b"x" * (LINE_MAX + 5) + b" needle\nneedle 2\n"),
    )
    found = [line[:20] for each in answer.found() for line in each.raw().splitlines()]
    assert found == [b"needle " + b"x" * 13, b"needle 2"]
    assert answer.searches[0].cut == 1
    assert "longer than 16 MiB" in answer.searches[0].notes()[0]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfblue\nred\n",
        b"blue\r\nred\r\n",
        b"blue\nred",
        b"\x00\xff blue\n\nred\n",
    ],
    ids=["byte order mark", "carriage returns", "no newline at the end", "NUL and no UTF-8"],
)
def test_odd_bytes_are_read(data: bytes) -> None:
    assert [line.strip(b"\r\x00\xff ") for line in selected("blue", data, format="plain")] == [b"blue"]
    assert len(selected("NOT blue", data, format="plain")) == 1


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def zstd(data: bytes) -> bytes:
    zstandard = pytest.importorskip("zstandard")
    return zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
def test_a_file_is_unpacked_whatever_it_is_called(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "log", pack(b"blue\nred\nblue 2\n" * 40_000))
    answer = Answer(Query("blue"), [str(path)], Wishes())
    assert sum(len(found) for found in answer.found()) == 80_000


def test_a_strict_search_stops_at_the_first_bad_line_and_says_where() -> None:
    data = b'{"a": 1}\n{"a": 2}\nnonsense\n{"a": 3}\n'
    with pytest.raises(ParserError, match=r"memory:3:5: no JSON"):
        selected("a:1", data, format="json", is_strict=True)
    assert selected("a:3", data, format="json") == [b'{"a": 3}']


def test_what_is_bad_is_counted_by_its_reason() -> None:
    data = b'{"a": 1}\nnonsense 1\n'
    answer = Answer(Query("a:>0"), ["x"], Wishes(format="json"), lambda _: Memory(data))
    assert sum(len(found) for found in answer.found()) == 1
    for keeps in (True, False):
        wishes = Wishes(format="json")
        wishes.keeps_unread = keeps
        answer = Answer(Query("NOT a:7"), ["x"], wishes, lambda _: Memory(data))
        assert sum(len(found) for found in answer.found()) == 2
        # Otherwise what the query cannot refuse is not looked at.
        assert sum(answer.searches[0].faults.values()) == keeps


def log_of(count: int, step_s: int, late: Callable[[int], int] = lambda _: 0) -> bytes:
    import time

    rows = []
    for number in range(count):
        stamp = time.strftime(
            "%d/%b/%Y:%H:%M:%S +0000", time.gmtime(1_769_860_800 + number * step_s - late(number))
        )
        rows.append(
            f'10.0.0.1 - - [{stamp}] "GET /{number} HTTP/1.1" 200 17 "-" "a longer agent of a browser"'
        )
    return "\n".join(rows).encode() + b"\n"


@pytest.mark.parametrize(
    "late", [lambda _: 0, lambda number: number * 7919 % 59], ids=["in order", "late lines"]
)
@pytest.mark.parametrize(
    "bounds",
    [
        "from:2026-01-31T14:00:00Z to:2026-01-31T14:10:00Z",
        "from:2026-02-01T12:00:00Z",
        "to:2026-01-31T12:00:30Z",
        "to:2020-01-01T00:00:00Z",
    ],
)
def test_a_window_of_a_sorted_file_is_found_by_binary_search(
    bounds: str, late: Callable[[int], int], tmp_path: Path
) -> None:
    data = log_of(40_000, 3, late)
    path = write(tmp_path / "access.log", data)
    answer = Answer(Query(bounds), [str(path)], Wishes())
    found = b"".join(each.raw() for each in answer.found())
    query, format_ = Query(bounds), parsers.named("combined")
    wanted = [line for line in data.splitlines(keepends=True) if query.selects(format_.moment(line))]
    assert found == b"".join(wanted)
    assert answer.searches[0].scanned < len(data) / 2


def test_a_file_out_of_order_is_read_whole(tmp_path: Path) -> None:
    data = log_of(3000, 60) + log_of(3000, 60)
    path = write(tmp_path / "access.log", data)
    answer = Answer(Query("from:2026-01-31T14:00:00Z to:2026-01-31T14:10:00Z"), [str(path)], Wishes())
    assert sum(len(each) for each in answer.found()) == 22
    assert answer.searches[0].window is None


def test_line_numbers_count_from_the_files_beginning(tmp_path: Path) -> None:
    path = write(tmp_path / "access.log", log_of(40_000, 3))
    answer = Answer(
        Query("from:2026-01-31T14:00:00Z to:2026-01-31T14:00:10Z"), [str(path)], Wishes(counts_lines=True)
    )
    lines = path.read_bytes().splitlines()
    found = list(answer.events())
    assert found
    assert [lines[event.line - 1].decode() for event in found] == [event.raw for event in found]


@pytest.mark.parametrize("text", ['" "', '"  " NOT b', '" " OR c', r"/\s/", "/./", '" " AND "  "'])
def test_a_line_of_blanks_is_no_event_for_who_looks_for_blanks(text: str) -> None:
    data = b"a  b\n  \n\t\n \t \r\n\n a  c\n"
    found = [line for line in (b"a  b", b" a  c") if "NOT" not in text or b"b" not in line]
    assert selected(text, data, format="plain") == found


@pytest.mark.parametrize("name", ["logfmt", "json", "stamped"])
@pytest.mark.parametrize(
    "asked",
    [
        "/GRÖN/",
        "/k$/",
        "/[j-k]/",
        "message~^grön",
        "message=GRÖN",
        "message~^K",
        "message:^s",
        "message~k",
        r"message~^\w$",
    ],
)
def test_letters_beyond_ascii_have_a_case_too(name: str, asked: str) -> None:
    form = {
        "logfmt": "time=2026-01-31T12:00:00Z message={}",
        "json": '{{"time":"2026-01-31T12:00:00Z","message":"{}"}}',
        "stamped": "2026-01-31 12:00:00,000 INFO [main] a.B - {}",
    }[name]
    data = "".join(form.format(text) + "\n" for text in ("grön", "GRÖN", "\u212a", "\u017f", "x")).encode()
    text = f"--case-insensitive {asked}"
    assert sorted(selected(text, data, format=name)) == sorted(decided(text, data, name))


def test_events_of_several_lines_are_found_whole_by_any_of_them(tmp_path: Path) -> None:
    block = b"2026-01-31 12:00:00Z ERROR it broke\n  at a.b\n  at needle.c\n2026-01-31 12:00:01Z INFO fine\n"
    path = write(tmp_path / "app.log", block * 20_000)
    answer = Answer(Query("needle level:ERROR"), [str(path)], Wishes(format="stamped"))
    blocks = [found.raw() for found in answer.found()]
    assert len(blocks) > 2
    assert b"".join(blocks) == (b"2026-01-31 12:00:00Z ERROR it broke\n  at a.b\n  at needle.c\n" * 20_000)


@pytest.mark.parametrize("engine", ["all", "hyperscan", "re2"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "aho-corasick"),
        ("/x+/ OR none", "hyperscan, until hits were dense,"),
        ("x NOT b7", "aho-corasick"),
    ],
)
def test_the_engine_changes_where_hits_are_dense_and_the_answer_does_not(
    engine: str, text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine != "all":
        monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)
    if engine == "re2":
        monkeypatch.setitem(sys.modules, "hyperscan", None)
    dense = [b"xxx b%d%70d" % (number % 50, 0) for number in range(20_000)]
    sparse = [b"%70d" % 1 if number % 100 else b"X b1" for number in range(20_000)]
    data = b"\n".join(dense + sparse + dense) + b"\n"
    answer = Answer(Query(text), ["x"], Wishes(format="plain"), lambda _: Memory(data))
    found = b"".join(each.raw() for each in answer.found())
    wanted = [line for line in dense + sparse + dense if b"x" in line.lower()]
    if "NOT" in text:
        wanted = [line for line in wanted if b"b7" not in line]
    assert found.split(b"\n")[:-1] == wanted
    if engine == "all":
        assert answer.searches[0].engine == said


@pytest.mark.parametrize("missing", [["ahocorasick_rs", "hyperscan"], ["ahocorasick_rs", "hyperscan", "re2"]])
def test_of_a_file_whose_first_bytes_end_within_a_line_each_conjunct_is_tried(
    missing: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    path = write(tmp_path / "app.log", b"a x\n" + b"ab " * 200_000 + b"\na y\n")
    answer = Answer(Query("(a OR b OR c OR d OR e) AND (x OR y)"), [str(path)], Wishes(format="plain"))
    assert b"".join(each.raw() for each in answer.found()) == b"a x\na y\n"


def test_every_engine_is_there_to_be_tested(tmp_path: Path) -> None:
    pytest.importorskip("hyperscan")
    assert scanners.scanner_of([scanners.needle_of(b"blue", ignores_case=True)])[1] == "aho-corasick"
    assert scanners.scanner_of([scanners.Needle(b"bl.e")])[1] == "hyperscan"
    source = open_source(str(write(tmp_path / "x", b"")))
    assert source.size == 0
    source.close()


def night_of(zone: str, step_s: int) -> list[tuple[int, str]]:
    """Answer the lines of a week around the night in which clocks are set back, by their true time."""
    begin = 1792800000  # 2026-10-24 00:00 UTC
    rows = []
    for at in range(begin, begin + 3 * 86_400, step_s):
        wall = datetime.fromtimestamp(at, ZoneInfo(zone))
        rows.append((at, f"{wall:%Y-%m-%d %H:%M:%S},000 INFO at {at} {'x' * 60}"))
    return rows


@pytest.mark.parametrize(
    "bounds",
    [
        "from:2026-10-25T00:10:00Z to:2026-10-25T00:20:00Z",
        "from:2026-10-25T00:55:00Z to:2026-10-25T02:05:00Z",
        "from:2026-10-25T03:00:00Z to:2026-10-25T03:10:00Z",
        "to:2026-10-25T00:30:00Z",
    ],
)
def test_a_window_in_the_night_that_has_an_hour_twice_has_all_of_its_lines(
    bounds: str, tmp_path: Path
) -> None:
    rows = night_of("Europe/Berlin", 7)
    path = write(tmp_path / "app.log", "\n".join(row for _, row in rows).encode() + b"\n")
    answer = Answer(Query(bounds), [str(path)], Wishes(format="stamped", zone="Europe/Berlin"))
    found = b"".join(each.raw() for each in answer.found())
    query, format_ = Query(bounds), parsers.named("stamped", "Europe/Berlin")
    wanted = [row.encode() for _, row in rows if query.selects(format_.moment(row.encode()))]
    assert found.splitlines() == wanted


def test_a_year_that_a_log_does_not_tell_is_that_of_its_last_line(tmp_path: Path) -> None:
    path = write(tmp_path / "syslog", b"Dec 31 23:59:59 web1 a[1]: old\nJan  1 00:00:01 web1 a[1]: new\n")
    os.utime(path, ns=(0, 1767225602 * 10**9))  # 2026-01-01 00:00:02 UTC
    answer = Answer(
        Query("from:2025-12-31T00:00:00Z to:2026-01-01T00:00:00Z"), [str(path)], Wishes(zone="UTC")
    )
    assert [event.value("message") for event in answer.events()] == ["old"]
    answer = Answer(Query("from:2026-01-01T00:00:00Z"), [str(path)], Wishes(zone="UTC"))
    assert [event.value("message") for event in answer.events()] == ["new"]
