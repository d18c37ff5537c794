"""A Fanlight in the background: what it says first, and its log."""

import os

import pytest

from fanlight.errors import FanlightError
from fanlight.pipeline.start import LOG_BYTES, first_report, open_log


def write(path, text):
    log = open_log(str(path))
    try:
        os.write(log, text)
    finally:
        os.close(log)


def test_a_log_goes_on_until_it_is_large_and_one_older_one_is_kept(tmp_path):
    path = tmp_path / "fanlight.log"
    write(path, b"a" * LOG_BYTES)
    write(path, b"b")
    assert path.stat().st_size == LOG_BYTES + 1
    assert os.listdir(tmp_path) == ["fanlight.log"]
    for text in (b"c", b"d"):
        write(path, text)
        assert path.read_bytes().endswith(text)
    assert path.read_bytes() == b"cd"
    older = tmp_path / "fanlight.log.1"
    assert older.stat().st_size == LOG_BYTES + 1
    path.write_bytes(b"e" * (LOG_BYTES + 1))
    write(path, b"f")
    assert (path.read_bytes(), older.read_bytes()[:1]) == (b"f", b"e")
    assert len(os.listdir(tmp_path)) == 2


def test_a_log_is_its_users_alone_and_no_link(tmp_path):
    before = os.umask(0)
    try:
        write(tmp_path / "fanlight.log", b"a")
    finally:
        os.umask(before)
    assert (tmp_path / "fanlight.log").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "fanlight.log")
    with pytest.raises(OSError, match="symbolic links"):
        open_log(str(tmp_path / "link"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b'{"error": "the disk is full"}', "did not start: the disk is full"),
        (b"", "fanlight.log"),
        (b"x", "log"),
    ],
)
def test_one_that_could_not_begin_is_an_error_with_its_reason(said, told):
    report, theirs = os.pipe()
    os.write(theirs, said)
    os.close(theirs)
    with pytest.raises(FanlightError, match=told):
        first_report(report, "/data")
