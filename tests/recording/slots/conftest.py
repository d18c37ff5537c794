"""A slot of its own, whose first place is noted after each store."""

from __future__ import annotations

import pytest

from fanlight.recording.slots import looping, serving
from fanlight.recording.slots import slot as module
from fanlight.recording.slots.slot import Place, Slot


class Word:
    """A word of a place; after each store they are all noted, as a reader would see them then.

    Args:
        word: to be written.
        words: all of the place.
        moments: are added to.
    """

    def __init__(self, word, words, moments: list[tuple[float, ...]]) -> None:
        self.word = word
        self.words = words
        self.moments = moments

    def __setitem__(self, key: object, value: float) -> None:
        self.word[key] = value
        self.moments.append(tuple(each[()] for each in self.words))


@pytest.fixture
def slot(monkeypatch: pytest.MonkeyPatch) -> Slot:
    """Answer the slot in which requests are told meanwhile."""
    made = Slot()
    for each in (looping, module, serving):
        monkeypatch.setattr(each, "HERE", made)
    return made


@pytest.fixture
def place(slot: Slot) -> Place:
    """Answer the place that is taken first."""
    return slot.free[-1]


@pytest.fixture
def moments(slot: Slot) -> list[tuple[float, ...]]:
    """Answer the first place as it is after each store from now on."""
    found: list[tuple[float, ...]] = []
    place = slot.free[-1]
    words = place.start, place.ended, place.spent
    place.start, place.ended, place.spent = (Word(each, words, found) for each in words)
    return found
