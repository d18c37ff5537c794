"""The beat of an event loop in its slot: it says nothing new while it is on time, and late when it is not."""

import time

import pytest
from written import write, write_word

from fanlight.wire import slots as layout

NS = 1_000_000_000
BEAT_NS = 50_000_000


@pytest.fixture
def beating(folder, sources, process):
    """A reader, the slot of a worker whose loop was to come by a beat from now, and that moment."""
    one = process()
    path = write(folder, one.pid)
    now_ns = time.monotonic_ns()
    write_word(path, layout.DUE, now_ns + BEAT_NS)
    source = sources()
    return source, path, now_ns


@pytest.mark.parametrize("whole", [False, True], ids=["at a glance", "whole"])
def test_a_loop_that_comes_by_is_answered_as_the_same_object(whole, beating):
    source, path, now_ns = beating
    before = source.read(now_ns)
    assert [each.overdue_ns for each in before.workers] == [0]
    for beats in range(1, 25):
        write_word(path, layout.DUE, now_ns + beats * BEAT_NS)
        assert source.read(now_ns + beats * BEAT_NS, whole=whole) is before
    assert before.workers[0].stamp_ns == now_ns


@pytest.mark.parametrize("whole", [False, True], ids=["at a glance", "whole"])
def test_a_loop_that_is_late_is_so_by_the_time_since_its_last_beat(whole, beating):
    source, path, now_ns = beating
    before = source.read(now_ns)
    write_word(path, layout.DUE, now_ns + 2 * BEAT_NS)
    assert source.read(now_ns + BEAT_NS, whole=whole) is before
    late = source.read(now_ns + 2 * BEAT_NS + 1, whole=whole)
    assert [each.overdue_ns for each in late.workers] == [1]
    later = source.read(now_ns + 2 * BEAT_NS + 700, whole=whole)
    assert [each.overdue_ns for each in later.workers] == [700]
    write_word(path, layout.DUE, now_ns + 4 * BEAT_NS)
    assert [each.overdue_ns for each in source.read(now_ns + 3 * BEAT_NS, whole=whole).workers] == [0]


def test_a_beat_that_comes_late_is_late_at_once(beating):
    source, path, now_ns = beating
    source.read(now_ns)
    write_word(path, layout.DUE, now_ns + 2 * BEAT_NS)
    found = source.read(now_ns + 2 * BEAT_NS + 9, whole=False)
    assert [each.overdue_ns for each in found.workers] == [9]


@pytest.mark.parametrize(
    ("word", "value", "kind", "name", "told"),
    [
        (layout.CONNECTIONS, 3, "q", "reactor", 3),
        (layout.CREATED, 4.0, "d", "not_begun", 4),
        (layout.STATE, layout.ENDED_WELL, "q", "booted", False),
        (layout.ANSWERED, 7, "q", "requests_count", 7),
        (layout.HEAD_WORDS + layout.START, 1.0, "d", "busy", 1),
    ],
    ids=["connections", "tasks", "state", "requests", "a request begun"],
)
def test_whatever_else_a_loop_tells_with_its_beat_is_seen(word, value, kind, name, told, beating):
    source, path, now_ns = beating
    source.read(now_ns)
    write_word(path, layout.DUE, now_ns + 2 * BEAT_NS)
    write_word(path, word, value, kind)
    found = source.read(now_ns + BEAT_NS, whole=False).workers
    assert [(getattr(each, name), each.overdue_ns) for each in found] == [(told, 0)]


def test_a_loop_whose_first_beat_comes_is_not_late_and_was_unknown_before(folder, sources, process):
    path = write(folder, process().pid)
    source = sources()
    assert [each.overdue_ns for each in source.read(NS).workers] == [None]
    write_word(path, layout.DUE, 3 * NS)
    assert [each.overdue_ns for each in source.read(2 * NS).workers] == [0]


def test_a_loop_on_time_whose_master_tells_another_total_is_not_late_by_it(folder, sources, process):
    one, master = process(), process()
    above = write(folder, master.pid, ROLE=layout.MINDS, TOTAL=2)
    words = {"MASTER": master.pid, "MASTER_STARTED": layout.process_start(master.pid)}
    path = write(folder, one.pid, DUE=2 * NS, **words)
    source = sources()
    assert [(each.total, each.overdue_ns) for each in source.read(NS).workers] == [(2, 0)]
    write_word(path, layout.DUE, 4 * NS)
    write_word(above, layout.TOTAL, 3)
    assert [(each.total, each.overdue_ns) for each in source.read(3 * NS).workers] == [(3, 0)]
