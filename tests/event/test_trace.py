"""What a trace and its spans were given beyond their columns comes back from what a store keeps of it."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as some

from fanlight import Property
from fanlight.event.trace import LENGTHS, OFFSET, OWN, SHAPES, Span, TraceRow, from_stored, to_stored

sys.path.insert(0, str(Path(__file__).parent))
from shapes import properties

ROW = TraceRow("0" * 32, "s", "e", "html", 1, 2, 2, 8, 0, 1.0, "h", 1)
RESERVED = {*OWN["trace"], *OWN["span"], SHAPES, OFFSET}
FURTHER = properties().filter(lambda each: each.name not in RESERVED)
NAMED = some.sampled_from([*sorted(LENGTHS), "annotation.service", "annotation.annotation.title"])
PLAIN = some.builds(Property, NAMED, some.integers(0, 9) | some.floats() | some.text() | some.booleans())


@given(some.lists(FURTHER | PLAIN, unique_by=lambda each: each.name))
@example([Property("loop.overdue", 5)])
@example([Property("loop.overdue", 5, "duration"), Property("queue.time", 0.5)])
@example([Property("annotation.note", 5), Property("note", 6), Property("annotation.title", 7)])
def test_properties_of_any_name_and_type_come_back(listed: list[Property]) -> None:
    event = from_stored(ROW, [Span("c", "t", "d", place, 0, 2, ()) for place in (None, 0)])
    for target in (event, event["spans"][1]):
        for each in listed:
            target.set(each)
    back = from_stored(*to_stored(event))
    for target in (back, back["spans"][1]):
        assert [target.get(each.name) for each in listed] == listed


def test_a_length_of_time_needs_no_word_about_its_type_and_another_number_does() -> None:
    event = from_stored(ROW, [Span("c", "t", "d", None, 0, 2, ())])
    event.set(Property("loop.overdue", 5, "duration"))
    assert to_stored(event)[1][0].notes == (("loop.overdue", 5),)
    event.set(Property("loop.overdue", 5, "int"))
    assert [name for name, _ in to_stored(event)[1][0].notes] == ["loop.overdue", SHAPES]
