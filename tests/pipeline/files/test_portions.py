"""A file in pieces: every event is in one of them, wherever it is cut and however often it is read."""

from __future__ import annotations

import gzip
import os
from random import Random
from typing import TYPE_CHECKING

import pytest

from fanlight.errors import ParserError
from fanlight.event.packing import unpack
from fanlight.pipeline.files import portions
from fanlight.pipeline.files.portions import Portions, known
from fanlight.pipeline.files.reading import Reading
from fanlight.query.query import Query
from fanlight.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fanlight.stores import Store

LONG = "x" * 30
ACCESS = "".join(
    f'10.0.0.{number % 9} - - [31/Jan/2026:12:00:{number % 60:02}] "GET /{number} HTTP/1.1" 200 17 {LONG}\n'
    for number in range(400)
)
STACKS = "".join(
    f"2026-01-31 12:00:{number % 60:02},000 ERROR app: {number}\n" + "  File x\n" * (number % 4)
    for number in range(300)
)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut everywhere: pieces of seven events, read a hundred bytes at a time."""
    monkeypatch.setattr(portions, "EVENTS", 7)
    monkeypatch.setattr(portions, "BLOCK", 100)


TABLE = "time,name,count\n" + "".join(
    f'2026-01-31T12:00:{at:02}Z,"two\nlines {at}",{at}\n' for at in range(12)
)
HEADED = "# time, a, b\n01/31/26 12:00:00, 1, 2\n01/31/26 12:00:01, 3, 4\n# time, c\n" + "".join(
    f"01/31/26 12:00:{at:02}, {at}\n" for at in range(2, 12)
)


def imported(store: Store, path: Path, pieces: int | None = None) -> Portions:
    """Import a file, or some pieces of it."""
    reading = Portions(known(str(path), store.imports.files()))
    for number, piece in enumerate(reading):
        if number == pieces:
            break
        reading.went(store.imports.keep(piece, 0))
    return reading


def raws(store: Store) -> list[str]:
    return [unpack(packed).raw or "" for _, _, packed in store.imports.kept]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [ACCESS, STACKS, "plain\nwords\n\nhere\n", TABLE, HEADED],
    ids=["access", "stacks", "plain", "table", "headings"],
)
@pytest.mark.parametrize("cuts", [[None], [1, 1, 2, None], [0, 3, None, None]], ids=str)
def test_events_are_those_of_one_reading(
    text: str, cuts: list[int | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "app.log"
    path.write_text(text)
    store = open_store("memory:")
    for pieces in cuts:
        reading = imported(store, path, pieces)
    found = [
        (event.number, event.raw, [each.name for each in event if each.name not in ("line", "raw", "file")])
        for event in store.events(Query(""))
    ]
    right = [
        (event.value("line") or event.number, event.raw, [each.name for each in event])
        for event in Reading(str(path), None, None).run()
    ]
    assert sorted(found) == sorted(right)
    (file,) = store.imports.files()
    assert file.position == len(text)
    assert file.lines == text.count("\n")
    assert reading.left == 0


def test_what_is_appended_is_all_that_comes(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    store = open_store("memory:")
    for part in ("one\ntwo\n", "three\n", "", "four\nfive\n"):
        with path.open("a") as file:
            file.write(part)
        imported(store, path)
    assert raws(store) == ["one", "two", "three", "four", "five"]
    assert [unpack(packed).line for _, _, packed in store.imports.kept] == [1, 2, 3, 4, 5]  # type: ignore[attr-defined]


def test_a_line_without_an_end_waits_while_the_file_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("one\ntw")
    store = open_store("memory:")
    assert imported(store, path).left == 2
    with path.open("a") as file:
        file.write("o\nthree")
    os.utime(path, (1, 1))
    assert imported(store, path).left == 0
    assert raws(store) == ["one", "two", "three"]


@pytest.mark.parametrize("how", ["renamed", "copied", "packed"])
def test_a_file_is_known_wherever_it_is(how: str, tmp_path: Path) -> None:
    path, other = tmp_path / "app.log", tmp_path / "app.log.1"
    path.write_text(ACCESS[:5000])
    store = open_store("memory:")
    imported(store, path, 3)
    if how == "renamed":
        path.rename(other)
    else:
        other.write_bytes(gzip.compress(ACCESS.encode()) if how == "packed" else ACCESS.encode())
    imported(store, other)
    text = ACCESS[:5000] if how == "renamed" else ACCESS
    whole = text if text.endswith("\n") else text[: text.rindex("\n") + 1]
    assert raws(store) == whole.splitlines()
    assert len(store.imports.files()) == 1


def zstd(data: bytes) -> bytes:
    zstandard = pytest.importorskip("zstandard")
    packed: bytes = zstandard.ZstdCompressor().compress(data)
    return packed


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
@pytest.mark.parametrize("lines", [0, 3], ids=["single", "several"])
def test_of_a_packed_file_that_is_cut_off_each_event_is_kept_once_when_it_is_whole(
    lines: int, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    chance = Random(7)
    text = "".join(
        f"2026-01-31 12:00:00,000 ERROR app: {chance.random()}\n" + "  File x\n" * (number % (lines + 1))
        for number in range(8_000)
    )
    path = tmp_path / "app.log.packed"
    packed = pack(text.encode())
    store = open_store("memory:")
    for share in (0.6, 0.8):
        path.write_bytes(packed[: int(len(packed) * share)])
        reading = imported(store, path)
        assert "is cut off" in (reading.broken or "")
        assert reading.file.events
    path.write_bytes(packed)
    reading = imported(store, path)
    assert (reading.broken, reading.left) == (None, 0)
    assert raws(store) == text.removesuffix("\n").replace("\n2026", "\n\x002026").split("\n\x00")
    assert len(store.imports.files()) == 1


def test_a_file_that_was_truncated_is_another(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    store = open_store("memory:")
    for text in ("one\ntwo\n", "three\nfour\nfive\n"):
        path.write_text(text)
        imported(store, path)
    assert raws(store) == ["one", "two", "three", "four", "five"]
    assert len(store.imports.files()) == 2


def test_two_short_files_of_the_same_words_are_two(tmp_path: Path) -> None:
    store = open_store("memory:")
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text("started\n")
        imported(store, tmp_path / name)
    assert raws(store) == ["started", "started"]


def test_a_line_that_cannot_be_read_is_kept_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    path.write_text('{"level": "error"}\nnonsense\n{"level": "info"}\n' * 4)
    store = open_store("memory:")
    assert imported(store, path).faults == 4
    assert raws(store).count("nonsense") == 4


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(ParserError, match="is no file"):
        known(str(fifo), [])
