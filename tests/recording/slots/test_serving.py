"""What a request writes into the slot: whenever a reader comes, nothing that was told is taken back."""

from __future__ import annotations

import asyncio
from array import array

import pytest

from fanlight.recording.slots import serving
from fanlight.recording.slots.serving import begun, counted, sending
from fanlight.recording.slots.slot import Slot
from fanlight.recording.wsgi import wsgi
from fanlight.wire import slots as layout


class Cells:
    """Words that remember the first place as it was after each store."""

    def __init__(self, words: array) -> None:
        self.words = words
        self.moments: list[tuple[int, ...]] = []

    def __getitem__(self, word: int) -> int:
        return self.words[word]

    def __setitem__(self, word: int, value: int) -> None:
        self.words[word] = value
        first = layout.HEAD_WORDS
        self.moments.append(tuple(self.words[first : first + layout.PLACE_WORDS]))


@pytest.fixture
def slot(monkeypatch: pytest.MonkeyPatch) -> Slot:
    made = Slot()
    monkeypatch.setattr(serving, "HERE", made)
    return made


async def answer(_scope, _receive):
    """Answer nothing."""


CALLS = {
    "counted": lambda: counted(lambda environ, start_response: [])({}, bool),
    "begun": lambda: asyncio.run(begun(answer(1, 2))),
    "sent": lambda: sending(wsgi(lambda environ, start_response: []))({}, bool),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_each_store_tells_as_much_as_those_before(slot, call):
    slot.cells = Cells(slot.cells)
    for _ in range(3):
        call()
    moments = slot.cells.moments
    assert [start > 0 for start, *_ in moments] == [True, False, False, False] * 3
    assert [ended for _, ended, *_ in moments] == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]
    spent = [told for *_, told, _ in moments]
    assert spent == sorted(spent)
    assert spent[-1] > 0
    assert len(slot.free) == layout.PLACES


def test_a_request_inside_another_has_a_place_of_its_own(slot):
    counted(lambda one, other: counted(lambda one, other: None)(1, 2))(1, 2)
    words = slot.cells[layout.HEAD_WORDS : layout.HEAD_WORDS + 2 * layout.PLACE_WORDS]
    assert words[layout.ENDED :: layout.PLACE_WORDS] == array("q", [1, 1])
    assert words[layout.SPENT] >= words[layout.PLACE_WORDS + layout.SPENT]


@pytest.mark.parametrize("is_child", [True, False])
def test_a_request_that_forks_ends_in_its_parent_alone(slot, is_child):
    def fork(one, other):
        if is_child:
            # What the fork's hook does.
            slot.renew()

    counted(fork)(1, 2)
    assert slot.cells[layout.HEAD_WORDS + layout.ENDED] == (not is_child)
    assert len({place.start for place in slot.free}) == len(slot.free) == layout.PLACES
