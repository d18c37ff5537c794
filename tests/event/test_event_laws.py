"""Whatever is done to an event, it stays an ordered list of unique properties: held against a plain list."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fanlight import Event, Property
from fanlight.event import types
from fanlight.event.event import UNTIMED

sys.path.insert(0, str(Path(__file__).parent))
from shapes import TIMES, VALUES

if TYPE_CHECKING:
    from fanlight.event.times import Time

FEW = some.sampled_from(["a", "b", "c", "d e"])
KINDS = some.sampled_from(sorted(VALUES))


class Twin(RuleBasedStateMachine):
    """An event beside the list of what should be in it."""

    @initialize(time=some.sampled_from([UNTIMED, None]) | TIMES)
    def begin(self, time: Any) -> None:
        self.event = Event(time=time)
        self.listed: list[Property] = [] if time is UNTIMED else [Property("time", time, "timestamp")]
        self.timed = time is not UNTIMED

    def place(self, name: str) -> int | None:
        return next((place for place, each in enumerate(self.listed) if each.name == name), None)

    @rule(name=FEW, kind=KINDS, data=some.data(), unit=some.sampled_from([None, "ms"]))
    def put(self, name: str, kind: str, data: Any, unit: str | None) -> None:
        given = Property(name, data.draw(some.none() | VALUES[kind]), kind, unit)
        place = self.place(name)
        answer = self.event.set(given)
        if place is None:
            self.listed.append(given)
            assert answer is None
            return
        before = self.listed[place]
        if before.type == given.type == types.MAP:
            given = Property(name, {**before.value, **given.value}, kind, before.unit)
            assert answer == given
        else:
            assert answer == before
        self.listed[place] = given

    @rule(moment=some.none() | TIMES)
    def set_time(self, moment: Time | None) -> None:
        if self.timed:
            before = self.listed[0]
            assert self.event.set(Property("time", moment, "timestamp")) == (before if before.value else None)
            self.listed[0] = Property("time", moment, "timestamp")

    @rule(name=FEW, kind=some.none() | KINDS)
    def remove(self, name: str, kind: str | None) -> None:
        place = self.place(name)
        found = None if place is None or kind not in (None, self.listed[place].type) else self.listed[place]
        assert self.event.remove(name, kind) == found
        if found is not None:
            self.listed.remove(found)

    @rule()
    def clear(self) -> None:
        self.event.clear()
        del self.listed[self.timed :]

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "event"):
            return
        assert self.event.properties() == list(self.event) == self.listed
        assert len(self.event) == len(self.listed)
        assert [self.event.get(place) for place in range(len(self.listed) + 1)] == [*self.listed, None]
        for each in self.listed:
            assert self.event.get(each.name) == each
            assert each.name in self.event
        names = self.event.read()[0].names
        assert Event(self.listed[self.timed :]).read()[0].names == names


test_an_event_behaves_as_a_list_of_unique_properties = Twin.TestCase
