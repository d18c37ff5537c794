"""What a request writes into the slot: whenever a reader comes, nothing that was told is taken back."""

from __future__ import annotations

import pytest

from fanlight.recording.slots.serving import answered, counted, sending
from fanlight.wire import slots as layout


def app(environ, start_response):
    return []


def counted_app(app):
    """Answer an application that is counted as what takes one argument, for all its two."""
    told = counted(lambda given: app(*given))
    return lambda *given: told(given)


CALLS = {
    "counted": lambda: counted_app(app)({}, bool),
    "answered": lambda: answered(app)({}, bool),
    "sent": lambda: sending(app)({}, bool),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_each_store_tells_as_much_as_those_before(slot, moments, call):
    for _ in range(3):
        call()
    assert [start > 0 for start, _, _ in moments] == [True, False, False, False] * 3
    assert [ended for _, ended, _ in moments] == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]
    spent = [told for _, _, told in moments]
    assert spent == sorted(spent)
    assert spent[-1] > 0
    assert len(slot.free) == layout.PLACES


@pytest.mark.parametrize("told", [counted_app, answered, sending])
def test_whoever_fails_has_ended_and_leaves_the_place(slot, place, told):
    def fails(environ, start_response):
        raise KeyError("x")

    with pytest.raises(KeyError):
        told(fails)({}, bool)
    assert place.ended[()] == 1
    assert len(slot.free) == layout.PLACES


@pytest.mark.parametrize("told", [counted_app, answered, sending])
def test_beyond_the_places_requests_are_counted_without_a_time(slot, told):
    slot.free.clear()
    seen = []
    told(lambda one, other: seen.append(slot.cells[layout.CROWD]))({}, bool)
    assert seen == [1]
    assert [slot.cells[word] for word in (layout.CROWD, layout.CROWD_ENDED)] == [0, 1]


def test_a_request_inside_another_has_a_place_of_its_own(slot):
    first, second = slot.free[:-3:-1]
    counted(counted(bool))(1)
    assert [each.ended[()] for each in (first, second)] == [1, 1]
    assert first.spent[()] >= second.spent[()]


@pytest.mark.parametrize("told", [counted_app, answered, sending])
@pytest.mark.parametrize("is_child", [True, False])
def test_a_request_that_forks_ends_in_its_parent_alone(slot, place, told, is_child):
    def fork(one, other):
        if is_child:
            # What the fork's hook does.
            slot.renew()

    told(fork)({}, bool)
    assert place.ended[()] == (not is_child)
    assert len(set(slot.free)) == len(slot.free) == layout.PLACES
