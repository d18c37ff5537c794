"""Lines with texts: by the engine and without it, those that plain Python says have one."""

from __future__ import annotations

import mmap
import sys
import tempfile
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.pipeline.files import mapped
from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.engines import letters, texts
from fanlight.pipeline.files.search import Wishes
from fanlight.query.query import Query

if TYPE_CHECKING:
    from fanlight.pipeline.files.engines.patterns import Scanner

ODD = [*texts.FILLERS, b"\x00", b"\r", b"\xef\xbb\xbf", b"\xc3\xa9", b"\xe2\x84\xaa", b"\xff", b"\xc3"]
"""NUL, carriage return, a byte order mark, letters of two and three bytes, and what is no UTF-8."""
short = st.text("abAB", min_size=1, max_size=7).map(str.encode)
words = st.one_of(short, st.sampled_from([b"ab\r", b"a b", b"\r", b"\x00a", b"b\xc3\xa9a", b"\xff", b"blue"]))
rows = st.lists(
    st.one_of(short, words, st.sampled_from([*ODD, b"\n", b"\r\n", b"b\na", b"BLU"])), max_size=30
)
wanted_of = st.lists(st.tuples(words, st.booleans()), min_size=1, max_size=4).map(
    lambda some: [(text.lower() if ignores_case else text, ignores_case) for text, ignores_case in some]
)


def plainly(wanted: list[tuple[bytes, bool]], data: bytes) -> list[bytes]:
    """Answer the lines with one of some texts."""
    return [
        line
        for line in data.split(b"\n")[:-1]
        if any(text in (line.lower() if ignores_case else line) for text, ignores_case in wanted)
    ]


def scanned(scan: Scanner, data: bytes, begin: int = 0) -> list[bytes]:
    """Answer the lines that a scanner answers of a text that is mapped."""
    with mmap.mmap(-1, len(data) or 1) as text:
        text[: len(data)] = data
        edges = scan(text, begin, len(data))
        assert edges == scan(bytearray(data), begin, len(data))
        assert edges == sorted(set(edges))
        return [data[data.rfind(b"\n", begin, edge) + 1 or begin : edge] for edge in edges]


@given(
    wanted=wanted_of,
    parts=rows,
    sample=st.sampled_from(
        [b"", b"a" * 4096, b"xyz\n" * 1024, b"xxb\n" * 20 + b"x" * 4096, b"xxB\n" * 20 + b"x" * 4096]
    ),
    size=st.sampled_from([1, 16, 1 << 20]),
    dense=st.sampled_from([0, 1, 256]),
    worth=st.sampled_from([0, 8]),
)
def test_both_ways_find_the_lines_that_have_a_text(
    wanted: list[tuple[bytes, bool]], parts: list[bytes], sample: bytes, size: int, dense: int, worth: int
) -> None:
    data = b"".join(parts) + b"\n"
    right = plainly(wanted, data)
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in (
            (texts, "STEP", size),
            (texts, "DENSE", dense),
            (texts, "PAUSE", 2),
            (letters, "STEP", size),
            (letters, "COPIED", size),
            (letters, "WORTH", worth),
        ):
            patch.setattr(module, name, value)
        engine = texts.by_engine(wanted, sample)
        assert (engine is not None) == texts.suits(wanted, sample.lower())
        behind = data.find(b"\n") + 1
        for scan in (engine or letters.finder(wanted), letters.finder(wanted, sample)):
            assert scanned(scan, data) == right
            assert scanned(scan, data, behind) == plainly(wanted, data[behind:])


@pytest.mark.parametrize("engine", ["aho-corasick", "hyperscan", "bytes"])
@given(
    word=st.sampled_from(["a", "ab", "aba", "abab", "aabab", "blue"]),
    other=st.sampled_from([None, "ba", "bbaab", "BLUEB"]),
    parts=rows,
    bom=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    end=st.sampled_from([b"", b"\n", b"\r\n"]),
)
def test_words_in_a_file_of_any_bytes_are_found_as_plain_python_finds_them(
    engine: str, word: str, other: str | None, parts: list[bytes], bom: bytes, end: bytes
) -> None:
    # What begins in a line and ends in the next is in neither.
    data = b"".join(parts * 40) + end
    asked = [word] if other is None else [word, other]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in (("PIECE", 8192), ("ALIGNED", 4096), ("WORTH", 1)):
            patch.setattr(mapped, name, value)
        for name in {"hyperscan": ["ahocorasick_rs"], "bytes": ["ahocorasick_rs", "hyperscan"]}.get(
            engine, []
        ):
            patch.setitem(sys.modules, name, None)
        path = Path(folder) / "app.log"
        path.write_bytes(bom + data)
        found = {
            invert: b"".join(
                each.raw()
                for each in Answer(
                    Query(" ".join(asked)), [str(path)], Wishes(format="plain", invert=invert)
                ).found()
            )
            for invert in (False, True)
        }
    lines = data.removeprefix(b"\xef\xbb\xbf" * (not bom)).removesuffix(b"\n").split(b"\n")
    wanted = [(each.lower().encode(), True) for each in asked]
    right = plainly(wanted, b"\n".join(lines) + b"\n")
    assert found[False].split(b"\n")[:-1] == right
    # A line with nothing in it is no event.
    wrong = [line for line in found[True].split(b"\n") if line.strip()]
    assert wrong == [line for line in lines if line.strip() and line not in right]


def test_many_texts_and_three_that_come_often_are_left_to_who_looks_for_patterns() -> None:
    some = [(b"blue", True), (b"grey", True), (b"red", False), (b"green", False)]
    assert texts.by_engine(some[:2], b"blue red") is not None
    assert len(texts.spelled(some[:2], b"")) == 16
    assert texts.by_engine(some[:3], b"x" * 4096 + b" Blue") is not None
    assert texts.by_engine(some[:3], b"x" * 4096 + b" Blue red") is None
    assert texts.by_engine(some, b"") is None


def test_of_a_long_text_the_rarest_share_is_looked_for() -> None:
    found = texts.spelled([(b"needlein", True)], b"needle " * 50 + b"lei ein need")
    assert {share.lower() for share, _ in found} == {b"lei"}
    assert not any(is_whole for _, is_whole in found)
    assert len(found) == 8


@pytest.mark.parametrize("dense", [1, 4000])
def test_a_text_with_a_rare_letter_is_found_by_it_also_where_it_is_not_rare(dense: int) -> None:
    rows = [b"10.0.0.1 /x"] * 600 + [b"/Zebra", b"zoo", b"a zebra"] * dense
    data = b"\n".join(rows * 2) + b"\n"
    scan = letters.finder([(b"zebra", True)], data[:4096])
    assert letters.rare_letter((b"zebra", True), data[:4096])
    assert scanned(scan, data) == [row for row in rows * 2 if b"ebra" in row]


@pytest.mark.parametrize("common", ["u", "U"])
@pytest.mark.parametrize("later", [b"uuuuuuu UUUUUUU", b"on Linux", b"BLUE", b"bLUe bluE blue"])
def test_a_text_with_a_letter_that_is_common_in_one_case_is_found_by_it(
    common: str, later: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "WORTH", 0)
    usual = f"{'-bel, BEL' * 9} {common}".encode()
    rows = [usual + each for each in (b"blue", b"bl ue", b"BLUE", b"Bl", b"x")]
    data = b"\n".join([usual] * 90 + rows * 9 + [later] * 4000 + rows) + b"\n"
    assert not letters.rare_letter((b"blue", True), data[:4096])
    assert letters.few_letter((b"blue", True), data[:4096]) == common.encode()
    assert scanned(letters.finder([(b"blue", True)], data[:4096]), data) == plainly([(b"blue", True)], data)


@pytest.mark.parametrize("later", [b"zoo", b"zzzzzzzzzz ZZZZZ", b"/ZEBRA", b"zebr a zebr"])
def test_the_engine_looks_for_a_rare_letter_as_long_as_it_is_rare(later: bytes) -> None:
    data = b"\n".join([b"ebra"] * 900 + [b"a Zebra"] + [later] * 60_000 + [b"/zEbRA"]) + b"\n"
    assert {share.lower() for share, _ in texts.started([(b"zebra", True)], data[:4096])} == {b"zebr"}
    assert texts.started([(b"zebra", True), (b"ebra", True)], data[:4096]) == []
    scan = texts.by_engine([(b"zebra", True)], data[:4096])
    assert scan is not None
    assert scanned(scan, data) == plainly([(b"zebra", True)], data)


def test_a_long_line_of_nothing_but_hits_takes_the_memory_of_its_copies() -> None:
    data = bytearray(b"item" * (1 << 20) + b"\n")
    scan = texts.by_engine([(b"item", True)], bytes(4096))
    assert scan is not None
    tracemalloc.start()
    try:
        assert scan(data, 0, len(data)) == [len(data) - 1]
        assert tracemalloc.get_traced_memory()[1] < 4 * len(data)
    finally:
        tracemalloc.stop()
