"""What is compressed and damaged: what comes before the damage is read, and it is told."""

from __future__ import annotations

import gzip
import os
import threading
from typing import TYPE_CHECKING

import pytest

from fanlight import Query
from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.search import Wishes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = b"".join(b"blue %d\n" % number for number in range(200_000))


def zstd(data: bytes) -> bytes:
    zstandard = pytest.importorskip("zstandard")
    packed: bytes = zstandard.ZstdCompressor().compress(data)
    return packed


def found(path: Path) -> tuple[int, list[str]]:
    answer = Answer(Query("blue"), [str(path)], Wishes(format="plain"))
    count = sum(len(each) for each in answer.found())
    return count, answer.searches[0].notes()


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_of_a_file_that_is_cut_off_what_is_there_is_read(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    packed = pack(TEXT)
    path = tmp_path / "log"
    path.write_bytes(packed[: len(packed) // 2])
    count, notes = found(path)
    assert 40_000 < count < 200_000
    assert len(notes) == 1
    assert "what is compressed there is cut off behind" in notes[0]


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_what_stands_behind_its_end_costs_nothing_before_it(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_bytes(pack(TEXT) + b"something else " * 9)
    count, notes = found(path)
    assert count == 200_000
    assert "is damaged behind" in notes[0]


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_several_behind_each_other_are_one(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(pack(TEXT) * 2)
    assert found(path) == (400_000, [])


def test_a_pipe_that_breaks_off_is_read_to_there(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    packed = gzip.compress(TEXT)
    writer = threading.Thread(target=lambda: path.write_bytes(packed[: len(packed) // 2]))
    writer.start()
    count, notes = found(path)
    writer.join()
    assert 0 < count < 200_000
    assert any("is cut off" in note for note in notes)
