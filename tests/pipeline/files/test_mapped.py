"""A file mapped piece by piece: no byte is lost, and nobody can truncate what is looked at."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.pipeline.files import mapped
from fanlight.pipeline.files.mapped import Mapped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

LINES = [b"line %d of a file\n" % number for number in range(4000)]
DATA = b"".join(LINES)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pieces be of a few pages."""
    monkeypatch.setattr(mapped, "PIECE", 16384)
    monkeypatch.setattr(mapped, "ALIGNED", 4096)
    monkeypatch.setattr(mapped, "WORTH", 1)


@pytest.fixture
def path() -> Iterator[Path]:
    # In memory, where a lease can be had whatever the disk is.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "app.log"
        path.write_bytes(DATA)
        yield path


def pieces(path: Path, look: object = None) -> tuple[list[bytes], int]:
    """Answer the pieces of a file, and the place from where on it is to be read."""
    with path.open("rb", buffering=0) as file:
        found = Mapped(file.fileno(), path.stat().st_size)
        read = look or (lambda text, begin, end: bytes(text[begin:end]))
        return list(found.looked(read)), found.place  # type: ignore[arg-type]


@pytest.mark.usefixtures("small")
def test_pieces_are_whole_lines_and_all_of_them(path: Path) -> None:
    found, place = pieces(path)
    assert b"".join(found) == DATA
    assert place == len(DATA)
    assert len(found) > 3
    assert all(piece.endswith(b"\n") for piece in found)


@pytest.mark.usefixtures("small")
def test_a_last_line_without_an_end_and_a_line_longer_than_a_piece_are_left(path: Path) -> None:
    path.write_bytes(DATA + b"no end")
    assert pieces(path)[1] == len(DATA)
    path.write_bytes(b"first\n" + b"x" * 50_000 + b"\n" + DATA)
    assert pieces(path) == ([b"first\n"], 6)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("piece", [0, 2])
def test_who_truncates_a_file_waits_until_it_is_not_looked_at(path: Path, piece: int) -> None:
    waiting: list[threading.Thread] = []
    seen: list[int] = []

    def look(text: mmap, begin: int, end: int) -> bytes:
        seen.append(begin)
        if len(seen) == piece + 1:
            waiting.append(threading.Thread(target=os.truncate, args=(path, 0)))
            waiting[0].start()
            waiting[0].join(0.1)
            assert waiting[0].is_alive()
        return bytes(text[begin:end])

    found, place = pieces(path, look)
    waiting[0].join(60)
    assert not path.stat().st_size
    assert b"".join(found) == DATA[:place]


@pytest.mark.usefixtures("small")
def test_nobody_waits_between_two_pieces(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        found = Mapped(file.fileno(), len(DATA))
        some = found.looked(lambda text, begin, end: bytes(text[begin:end]))
        next(some)
        # The lease was given back, else this would wait for ever.
        os.truncate(path, 5)
        assert list(some) == []


@pytest.mark.usefixtures("small")
def test_what_somebody_writes_to_or_others_may_change_is_not_mapped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with path.open("ab"):
        assert pieces(path) == ([], 0)
    monkeypatch.setattr(mapped, "KINDS", frozenset({b"nfs4"}))
    assert pieces(path) == ([], 0)


@given(lengths=st.lists(st.integers(0, 9000), max_size=12), end=st.sampled_from([b"", b"\n", b"tail"]))
def test_no_byte_is_looked_at_twice_or_left_out(lengths: list[int], end: bytes) -> None:
    data = b"\n".join(b"y" * length for length in lengths) + end
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in (("PIECE", 8192), ("ALIGNED", 4096), ("WORTH", 1)):
            patch.setattr(mapped, name, value)
        path = Path(folder) / "app.log"
        path.write_bytes(data)
        found, place = pieces(path)
    assert b"".join(found) == data[:place]
    assert all(piece.endswith(b"\n") for piece in found)


@pytest.mark.usefixtures("small")
def test_who_interrupts_a_look_that_holds_the_text_is_heard(path: Path) -> None:
    held: list[object] = []

    def look(text: mmap, begin: int, end: int) -> bytes:
        held.append((memoryview(text), begin, end))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pieces(path, look)
