"""Frames arrive whole however the bytes are cut, and never larger than agreed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import WireError
from fanlight.wire import frames
from fanlight.wire.frames import HEADER, MAX_BODY, FrameReader, frame, header

BODIES = st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=40)), max_size=10)


@given(BODIES, st.lists(st.integers(1, 50), max_size=60))
def test_however_the_bytes_are_cut_the_same_frames_come_out(bodies, cuts):
    data = b"".join(frame(kind, body) for kind, body in bodies)
    reader = FrameReader()
    out = []
    position = 0
    for size in [*cuts, len(data)]:
        out += reader.feed(data[position : position + size])
        position += size
    assert out == [(kind, 1, body) for kind, body in bodies]
    assert reader.pending == 0


def test_two_frames_in_one_piece_and_one_in_three():
    reader = FrameReader()
    one, two = frame(frames.ACK, b"one"), frame(frames.ACK, b"two")
    assert [body for *_, body in reader.feed(one + two)] == [b"one", b"two"]
    assert list(reader.feed(one[:3])) == []
    assert list(reader.feed(one[3:9])) == []
    assert reader.pending == 9
    assert [body for *_, body in reader.feed(one[9:])] == [b"one"]


def test_the_header_is_eight_bytes_little_endian():
    assert frame(frames.BATCH, b"abc") == b"\x03\0\0\0\x04\0\x01\0abc"
    assert header(b"\x03\0\0\0\x04\0\x01\0abc") == (3, frames.BATCH, 1)


def test_a_body_over_the_limit_is_refused_before_it_comes():
    reader = FrameReader(limit=64)
    assert [len(body) for *_, body in reader.feed(frame(frames.ACK, b"x" * 64))] == [64]
    with pytest.raises(WireError, match="65 bytes; the limit is 64"):
        list(reader.feed(HEADER.pack(65, frames.ACK, 1)))


def test_the_largest_claim_takes_no_memory():
    reader = FrameReader()
    with pytest.raises(WireError):
        list(reader.feed(HEADER.pack(0xFFFFFFFF, frames.BATCH, 1)))
    assert reader.pending <= HEADER.size


def test_frames_before_a_bad_one_are_delivered():
    reader = FrameReader(limit=10)
    got = []
    with pytest.raises(WireError):
        got.extend(reader.feed(frame(1, b"fine") + HEADER.pack(11, 1, 1)))
    assert got == [(1, 1, b"fine")]


def test_what_the_caller_leaves_comes_with_the_next_piece():
    reader = FrameReader()
    feed = reader.feed(frame(1, b"a") + frame(2, b"b"))
    assert next(feed)[2] == b"a"
    feed.close()
    assert [body for *_, body in reader.feed(b"")] == [b"b"]


def test_a_message_too_large_to_be_read_is_not_written():
    assert len(frame(frames.BATCH, bytes(MAX_BODY))) == MAX_BODY + 8
    with pytest.raises(WireError, match="over the limit"):
        frame(frames.BATCH, bytes(MAX_BODY + 1))
