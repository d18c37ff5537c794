"""A followed file is read once, whatever is done to it between two looks."""

from __future__ import annotations

import gzip
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from fanlight.pipeline.files.follow import Followed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLD = b"".join(b"10:00:%02d old %d\n" % (n, n) for n in range(30))
NEW = b"".join(b"11:00:%02d new %d\n" % (n, n) for n in range(60))


class OverError(Exception):
    """Nothing more happens to the file."""


def followed(path: Path, *happenings: Callable[[], object]) -> bytes:
    """Answer what is read of a file, to which one thing after another happens while the reader waits."""
    left = list(happenings)

    def wait(_: float) -> None:
        if not left:
            raise OverError
        left.pop(0)()

    source = Followed(str(path), wait)
    room, found = memoryview(bytearray(100)), b""
    try:
        while True:
            found += bytes(room[: source.readinto(room)])
    except OverError:
        return found
    finally:
        source.stream.close()


def refill(path: Path, text: bytes) -> None:
    """Empty a file and fill it again; as time goes by between two looks, so does its own."""
    written_ns = path.stat().st_mtime_ns
    path.write_bytes(text)
    os.utime(path, ns=(written_ns + 1000, written_ns + 1000))


@pytest.mark.parametrize("size", [len(OLD) - 20, len(OLD), len(OLD) + 1, len(NEW)])
def test_a_file_that_was_emptied_and_filled_again_is_read_from_its_beginning(
    size: int, tmp_path: Path
) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(OLD)
    assert followed(path, lambda: refill(path, NEW[:size])) == OLD + NEW[:size]


def test_a_file_is_known_again_by_its_first_bytes_too(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    same = b"".join(b"it is quiet %d\n" % n for n in range(50))
    path.write_bytes(OLD + same)
    again = NEW[: len(OLD) - 1] + b"\n" + same
    assert followed(path, lambda: refill(path, again)) == OLD + same + again


def test_the_last_line_of_what_was_there_ends(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(OLD + b"and then")
    assert followed(path, lambda: refill(path, NEW)) == OLD + b"and then\n" + NEW


def test_what_is_added_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"")

    def add(text: bytes) -> None:
        with path.open("ab") as file:
            file.write(text)

    pieces = [b"a", b"b\n", OLD, b"", OLD, NEW]
    assert followed(path, *(partial(add, piece) for piece in pieces), partial(os.utime, path)) == b"".join(
        pieces
    )


def test_a_file_that_is_renamed_and_packed_is_read_to_its_end(tmp_path: Path) -> None:
    path, old = tmp_path / "app.log", tmp_path / "app.log.1"
    path.write_bytes(OLD)

    def rotate() -> None:
        path.rename(old)
        with old.open("ab") as file:
            file.write(b"11:00:00 late\n")
        path.write_bytes(NEW)
        old.with_suffix(".gz").write_bytes(gzip.compress(old.read_bytes()))
        old.unlink()

    assert followed(path, rotate) == OLD + b"11:00:00 late\n" + NEW
