"""An event comes back from its packed form as it was."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import given

from fanlight import Event, Property
from fanlight.event.coding import to_json
from fanlight.event.packing import pack, unpack
from fanlight.event.times import Time

sys.path.insert(0, str(Path(__file__).parent))
from shapes import EVENTS


@given(EVENTS)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    again = unpack(pack(event))
    assert to_json(again) == to_json(event)
    assert again.time_ns == event.time_ns


def test_bytes_that_are_no_text_survive() -> None:
    event = Event([Property("message", "caf\udce9")], time=Time(5, 3600))
    event.append_raw_line("caf\udce9")
    event.number = 7
    packed = pack(event)
    assert packed.raw is None
    assert (packed.time_ns, packed.line) == (5, 7)
    again = unpack(packed)
    assert (again.raw, again["message"], again.line) == ("caf\udce9", "caf\udce9", 7)
    assert again.time.offset_s == 3600


def test_events_of_one_schema_share_their_shape() -> None:
    one, two = (pack(Event([Property("a", n)])) for n in (1, 2))
    assert one.shape is two.shape
