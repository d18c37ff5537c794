"""A trail's bytes, whatever they are, tell of whole entries that were written there and of nothing else."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from fanlight.wire import account, trail
from fanlight.wire.trail import Name

TEXTS = st.text(max_size=40)
NAMES = st.builds(
    lambda *texts, ignored: Name(*texts, ignored=ignored), TEXTS, TEXTS, TEXTS, TEXTS, ignored=st.booleans()
)


def shown(name: Name) -> tuple[object, ...]:
    return name.endpoint, name.segment, name.category, name.title, name.ignored


def written(finished: int, named: list[Name]) -> bytes:
    """Answer the trail of a process that has finished so many traces, each with the next of these names."""
    words = array("Q", bytes(trail.NAMES_AT))
    for order in range(1, finished + 1):
        at = order % trail.ENTRIES * trail.ENTRY_WORDS
        number = 1 + order % len(named)
        words[at : at + 3] = array("Q", (order, 1_000 + order, number << trail.NAME_SHIFT | order))
    texts = b"".join(name.packed() for name in named)
    return words.tobytes() + texts.ljust(trail.NAMES_BYTES, b"\0")


def told(finished: int) -> array[int]:
    words = account.opened()
    words[account.FINISHED] = finished
    return words


@given(st.lists(NAMES, min_size=1, max_size=5), st.integers(1, 5_000), st.integers(0, 3_000))
def test_the_last_entries_come_back_with_their_names(named, finished, many):
    found = trail.last(written(finished, named), told(finished), many)
    known = min(finished, many, trail.ENTRIES)
    assert [(start, spent) for _, start, spent in found] == [
        (1_000 + order, order) for order in range(finished - known + 1, finished + 1)
    ]
    assert [shown(name) for name, _, _ in found] == [
        shown(named[order % len(named)]) for order in range(finished - known + 1, finished + 1)
    ]


@given(st.binary(max_size=600), st.integers(0, 3_000), st.integers(0, 1 << 62))
def test_any_bytes_are_read_to_their_end(data, many, finished):
    names = data.ljust(trail.NAMES_BYTES, b"\0")[: trail.NAMES_BYTES]
    for each in (data, bytes(trail.NAMES_AT) + names, (data * 1_000)[: trail.SIZE].ljust(trail.SIZE, b"\1")):
        for name, start_ns, spent_ns in trail.last(each, told(finished), many):
            assert shown(name)
            assert 0 <= start_ns < 1 << 64
            assert 0 <= spent_ns <= trail.LONGEST_NS


def test_an_entry_of_an_earlier_round_is_none():
    before = written(3, [Name("a", "", "app.job", "a", ignored=False)])
    assert trail.last(before, told(3 + trail.ENTRIES), 3) == []
