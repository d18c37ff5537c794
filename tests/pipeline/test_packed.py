"""What is compressed and damaged: what comes before the damage is read, and it is told."""

from __future__ import annotations

import gzip
import io
import os
import threading
from typing import TYPE_CHECKING

import pytest

from fanlight import Query
from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.search import Wishes
from fanlight.pipeline.packed import Frames

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


def zstd_of_a_pipe(data: bytes) -> bytes:
    """As what does not know how much it will hold, and behind another frame and one that is to be skipped."""
    zstandard = pytest.importorskip("zstandard")
    first = zstandard.ZstdCompressor(write_checksum=True).compress(data[: len(data) // 4])
    writer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    rest: bytes = writer.compress(data[len(data) // 4 :]) + writer.flush()
    return bytes(first) + b"\x50\x2a\x4d\x18\x03\0\0\0abc" + rest


@pytest.mark.parametrize("pack", [gzip.compress, zstd, zstd_of_a_pipe], ids=["gzip", "zstd", "frames"])
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


@pytest.mark.parametrize("pack", [gzip.compress, zstd, zstd_of_a_pipe], ids=["gzip", "zstd", "frames"])
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


def looked_at(packed: bytes, size: int) -> list[int]:
    """Answer the places at which frames are whole, of those where a piece was read to."""
    frames = Frames(io.BytesIO(packed))
    ends = []
    while frames.read(size):
        if frames.is_whole:
            ends.append(frames.stream.tell())
    return ends


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_frames_are_whole_at_their_ends_and_nowhere_else(size: int) -> None:
    data = bytes(1000) + TEXT[:3000]
    first, rest = zstd(data), zstd_of_a_pipe(data)
    assert looked_at(first + rest, size)[-1:] == [len(first + rest)]
    assert len(looked_at(first + rest, 1)) == 4
    for cut in range(1, len(rest)):
        places = looked_at((first + rest)[: len(first) + cut], size)
        assert (len(first) + cut in places) == (len(first) + cut in looked_at(first + rest, 1)), cut
