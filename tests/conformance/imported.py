"""Events of an imported file, and the pieces in which a store is given them."""

from __future__ import annotations

from commits import DAY_NS

from fanlight import Event, Property
from fanlight.event.event import UNTIMED
from fanlight.event.packing import pack
from fanlight.event.times import Time
from fanlight.stores.imports import Imported, Piece

START_NS = 20_000 * DAY_NS
FILE = Imported(0, "/var/log/app.log", "plain", "1:2", "abcd", 100)


def line(number: int, text: str, at: int | None = None, **more: object) -> Event:
    time = UNTIMED if at is None else Time(START_NS + at)
    event = Event([Property("message", text), *(Property(*each) for each in more.items())], time=time)
    event.number = number
    event.append_raw_line(f"{at} {text}")
    return event


def piece(file: Imported, position: int, *events: Event) -> Piece:
    return Piece(file, f"tail {position}", position, len(events), [pack(event) for event in events])
