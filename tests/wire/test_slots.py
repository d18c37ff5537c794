"""The layout of a slot: what is derived from its words, and which bytes are refused."""

import math
import os
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.wire import slots as layout

NAMES = ("shop", "gunicorn", "gthread")


def slot(words=(), places=(), names=NAMES):
    """Answer a slot's bytes: some words of the head, and the words of its first places, times in ns."""
    memory = bytearray(layout.SIZE)
    cells, places_at = (memoryview(memory).cast(kind) for kind in "qd")
    cells[0], cells[1], cells[2] = layout.MAGIC, layout.VERSION, layout.PLACES
    for word in (layout.SLOT, *range(layout.TOTAL, layout.CREATED + 1)):
        cells[word] = -1
    for word, value in dict(words).items():
        (places_at if word in layout.TALLIES else cells)[word] = value
    for number, place in enumerate(places):
        at = layout.HEAD_WORDS + number * layout.PLACE_WORDS
        for offset, value in enumerate(place):
            is_time = offset in (layout.START, layout.SPENT)
            places_at[at + offset] = value / 1e9 if is_time else value
    layout.put_text(memory, names)
    return bytes(memory)


def test_what_was_handed_over_and_has_not_begun_waits():
    read = layout.parse(slot({layout.QUEUED: 15, layout.MAX_THREADS: 2}, [(100, 3, 50), (200, 2, 40)]))
    assert (read.busy, read.ended, read.requests) == (2, 5, 5)
    assert (read.backlog, read.capacity, read.oldest_start_ns) == (8, 0, 100)
    assert read.spent_ns(1_000) == 50 + 40 + 900 + 800
    # What began behind the moment that is asked for took nothing off.
    assert read.spent_ns(150) == 50 + 40 + 50


def test_a_loop_tells_no_time_that_its_threads_were_busy_for():
    places = [(100, 3, 0)]
    assert layout.parse(slot({}, places)).spent_ns(1_000) == 900
    read = layout.parse(slot({layout.UNTIMED: 1}, places))
    assert (read.spent_ns(1_000), read.busy, read.oldest_start_ns) == (0, 1, 100)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 1e300])
def test_what_no_clock_tells_and_nobody_counts_is_nothing(broken):
    at = layout.HEAD_WORDS * layout.WORD
    for word in range(layout.PLACE_WORDS):
        memory = bytearray(slot({layout.APART: 1}))
        struct.pack_into("<d", memory, at + word * layout.WORD, broken)
        read = layout.parse(bytes(memory))
        assert (read.spent_ns(1_000), read.ended, read.requests) == (0, 0, 0)
        assert read.oldest_start_ns in (None, 0)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 1e300, -1.0])
@pytest.mark.parametrize("word", layout.TALLIES)
def test_what_nobody_counts_up_is_unknown(word, broken):
    read = layout.parse(slot({word: broken}))
    assert (read.known(word), read.backlog, read.not_begun) == (None,) * 3


def test_what_nobody_told_is_unknown_and_not_zero():
    read = layout.parse(slot())
    assert (read.backlog, read.capacity, read.reactor, read.not_begun) == (None,) * 4
    assert read.known(layout.TOTAL) is None
    assert (read.busy, read.requests, read.oldest_start_ns) == (0, 0, None)


def test_connections_that_nobody_answers_or_queues_are_parked():
    words = {layout.CONNECTIONS: 9, layout.LIMIT: 10, layout.QUEUED: 4}
    read = layout.parse(slot(words, [(100, 1, 5)]))
    assert (read.backlog, read.reactor, read.capacity) == (2, 6, 1)
    read = layout.parse(slot({layout.CONNECTIONS: 9, layout.CREATED: 4}, [(100, 1, 5)]))
    assert (read.not_begun, read.reactor) == (2, 6)


def test_a_read_between_two_writes_never_makes_a_number_negative():
    # It has begun already, as far as the places tell, and was handed over after the head was read.
    read = layout.parse(slot({layout.QUEUED: 3, layout.CREATED: 3, layout.CONNECTIONS: 0}, [(1, 4, 0)]))
    assert (read.backlog, read.not_begun, read.reactor) == (0, 0, 0)


def test_what_is_beyond_the_places_counts():
    words = {layout.CROWD: 3, layout.CROWD_ENDED: 10}
    read = layout.parse(slot(words, [(100, 1, 5)] * layout.PLACES))
    assert (read.busy, read.ended, read.requests) == (259, 266, 266)


def test_requests_are_counted_apart_only_where_it_is_said_so():
    places = [(0, 3, 50), (200, 2, 40)]
    words = {layout.CROWD_ENDED: 10, layout.ANSWERED: 27}
    assert layout.parse(slot(words, places)).requests == 15
    assert layout.parse(slot({**words, layout.APART: 1}, places)).requests == 27
    read = layout.parse(slot({**words, layout.APART: layout.BY_CONNECTION}, places))
    assert (read.requests, read.busy, read.under_way) == (15, 1, 0)


def test_places_behind_an_untouched_block_are_not_looked_at():
    whole = slot(places=[(7, 1, 1)] * (layout.BLOCK - 1))
    assert len(layout.parse(whole).places) == layout.BLOCK * layout.PLACE_WORDS
    head = layout.HEAD_WORDS * layout.WORD + layout.BLOCK_BYTES
    assert layout.parse(whole[:head]).places == layout.parse(whole).places


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "torn"),
        (slot()[:1000], "torn"),
        (b"\0" * layout.SIZE, "foreign"),
        (slot({1: layout.VERSION + 1}), "version"),
    ],
)
def test_what_is_no_slot_is_refused_with_the_reason(data, why):
    with pytest.raises(ValueError, match=why):
        layout.parse(data)


@given(st.binary(max_size=2 * layout.SIZE), st.booleans())
def test_any_bytes_are_a_slot_or_refused(data, is_headed):
    data = slot()[:16] + data if is_headed else data
    try:
        read = layout.parse(data)
    except ValueError as error:
        refused = str(error)
    else:
        refused = ""
        assert read.busy >= read.head[layout.CROWD]
        assert read.capacity is None or read.capacity >= 0
    assert refused in {"", "torn", "foreign", "version"}


@given(st.text(max_size=400), st.text(max_size=80))
def test_a_name_that_is_too_long_is_cut_and_harms_no_other(service, kind):
    service, kind = (name.replace("\0", "") for name in (service, kind))
    read = layout.parse(slot(names=(service, "uvicorn", kind)))
    assert read.texts[1] == "uvicorn"
    told = service.encode("utf-8", "replace")[: layout.SERVICE_BYTES - 1]
    assert read.texts[0] == told.decode("utf-8", "replace")


def test_a_process_is_known_by_its_number_and_its_start():
    started = layout.process_start(os.getpid())
    assert layout.is_alive(os.getpid(), started)
    assert not layout.is_alive(os.getpid(), started + 1)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = layout.process_start(child.pid)
    assert layout.is_alive(child.pid, born)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    # Still a zombie, which does nothing any more.
    assert not layout.is_alive(child.pid, born)
    child.communicate()
    assert not layout.is_alive(child.pid, born)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("12.345", (12, 345)),
        (".12.345", (12, 345)),
        ("12", None),
        ("a.b", None),
        ("12.", None),
        ("home", None),
    ],
)
def test_a_file_is_named_after_its_process(name, owner):
    assert layout.owner(name) == owner


def test_two_ways_to_one_directory_lead_to_the_same_slots(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "way").symlink_to(tmp_path / "run")
    same = {layout.folders(str(tmp_path / name), 1000)[0] for name in ("run", "way")}
    assert len(same) == 1
    assert layout.folders(str(tmp_path / "run"), 1001)[0] not in same


def test_more_that_are_busy_than_there_are_threads_leave_no_room_and_owe_none():
    assert layout.parse(slot({layout.MAX_THREADS: 1}, [(100, 0, 0, 0), (200, 0, 0, 0)])).capacity == 0
