"""A segment is read up to its last whole record, whatever its tail looks like."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight.errors import SpoolError
from fanlight.wire import codec, messages, spool

HEAD = {"number": 7, "created": 5, "service": ["shop"], "accepted": array("Q", [3]), "client": ["c" * 32]}
BODIES = [
    codec.encode(
        messages.COMMIT, {"client": ["c" * 32], "client_sequence": array("Q", [n]), "strings": ["", "x"]}
    )
    for n in (1, 2, 3)
]


def write(directory, *records, head=HEAD):
    path = directory / spool.file_name(7)
    path.write_bytes(spool.pack_header(head) + b"".join(map(spool.pack_record, records)))
    return path


def sequences(path, position=0):
    return [message["client_sequence"][0] for _, message in spool.read(path, position)]


def test_what_was_written_is_read(tmp_path):
    path = write(tmp_path, *BODIES)
    assert sequences(path) == [1, 2, 3]
    assert spool.header(path)["service"] == ["shop"]
    assert spool.header(path)["accepted"].tolist() == [3]


def test_reading_goes_on_where_it_ended(tmp_path):
    path = write(tmp_path, *BODIES)
    positions = [position for position, _ in spool.read(path)]
    assert positions[-1] == path.stat().st_size
    assert sequences(path, positions[0]) == [2, 3]
    assert sequences(path, positions[-1]) == []


def test_segments_are_listed_oldest_first_and_nothing_else_is(tmp_path):
    for name in ("000000000010.seg", "000000000009.seg", "1790000000000.seg", "lock", "x.seg", "5.seg.bad"):
        (tmp_path / name).touch()
    assert [spool.number(path) for path in spool.segments(tmp_path)] == [9, 10, 1790000000000]
    assert spool.segments(tmp_path / "absent") == []


@pytest.mark.parametrize("filler", [b"", b"\0" * 40, b"\xff" * 40], ids=["torn", "zeroed", "garbage"])
def test_a_tail_cut_at_any_byte_keeps_all_records_before_it(tmp_path, filler):
    data = write(tmp_path, *BODIES).read_bytes()
    ends = [position for position, _ in spool.read(tmp_path / spool.file_name(7))]
    first = len(spool.pack_header(HEAD))
    path = tmp_path / "cut.seg"
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut] + filler)
        if cut < first:
            with pytest.raises(SpoolError):
                sequences(path)
            continue
        # Zeros behind the cut may be just what stood there.
        whole = sum(end <= cut or path.read_bytes()[:end] == data[:end] for end in ends)
        assert sequences(path) == [1, 2, 3][:whole]


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_byte_ends_the_reading_before_its_record(tmp_path, place, flip):
    path = write(tmp_path, *BODIES)
    ends = [len(spool.pack_header(HEAD)), *[position for position, _ in spool.read(path)]]
    data = bytearray(path.read_bytes())
    place %= len(data)
    data[place] ^= flip
    path.write_bytes(data)
    if place < ends[0]:
        with pytest.raises(SpoolError):
            sequences(path)
    else:
        whole = sum(end <= place for end in ends[1:])
        assert sequences(path) == [1, 2, 3][:whole]
        assert spool.rest(path, ends[whole]) in ("torn", "damaged")


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=100))
def test_garbage_is_no_segment(tmp_path, data):
    path = tmp_path / "1.seg"
    path.write_bytes(data)
    with pytest.raises(SpoolError):
        spool.header(path)


def test_the_rest_behind_the_last_whole_record_is_named(tmp_path):
    path = write(tmp_path, *BODIES)
    end = path.stat().st_size
    assert spool.rest(path, end) == ""
    record = spool.pack_record(BODIES[0])
    for tail, name in (
        (record[:5], "torn"),
        (record[:-1], "torn"),
        (bytes(5000), "torn"),
        (record[:-1] + b"?", "damaged"),
        (bytes(20) + b"x", "damaged"),
    ):
        path.write_bytes(path.read_bytes()[:end] + tail)
        assert [position for position, _ in spool.read(path)][-1] == end
        assert spool.rest(path, end) == name


def test_a_newer_version_and_a_lying_length_are_refused_before_anything_is_allocated(tmp_path):
    path = tmp_path / "1.seg"
    path.write_bytes(spool.FRONT.pack(spool.MAGIC, 2, 0, 0))
    with pytest.raises(SpoolError, match="version 2"):
        spool.header(path)
    path.write_bytes(spool.FRONT.pack(spool.MAGIC, 1, 0xFFFFFFFF, 0))
    with pytest.raises(SpoolError, match="damaged"):
        spool.header(path)


def test_a_whole_record_that_is_no_commit_is_told_with_its_place(tmp_path):
    path = write(tmp_path, BODIES[0], b"\x0a\xff")
    reading = spool.read(path)
    next(reading)
    with pytest.raises(SpoolError, match="no commit"):
        next(reading)
