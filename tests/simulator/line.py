"""A connection without a kernel: two streams that deliver in any pieces and break at any byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

ROOM = 4_096
"""Bytes that one direction holds."""


class End:
    """One end, as far as `Link` and `Connection` use a socket."""

    def __init__(self, chance: Random, here: bytearray, there: bytearray) -> None:
        self.chance = chance
        self.here, self.there = here, there
        self.other: End | None = None
        self.is_open = True

    def send(self, data: bytes | bytearray | memoryview) -> int:
        if self.other is None or not self.other.is_open:
            raise BrokenPipeError
        room = min(len(data), ROOM - len(self.there))
        if room <= 0:
            raise BlockingIOError
        part = room if self.chance.random() < 0.7 else self.chance.randrange(1, room + 1)
        self.there += bytes(data[:part])
        return part

    def recv(self, most: int) -> bytes:
        if not self.here:
            if self.other is None or not self.other.is_open:
                return b""
            raise BlockingIOError
        most = min(most, len(self.here))
        part = most if self.chance.random() < 0.7 else self.chance.randrange(1, most + 1)
        data = bytes(self.here[:part])
        del self.here[:part]
        return data

    def getsockopt(self, *_: int) -> int:
        return 0

    def fileno(self) -> int:
        raise OSError("there is no descriptor")

    def close(self) -> None:
        self.is_open = False

    detach = close

    def break_off(self) -> None:
        """Die as a killed process does; what is under way arrives in part."""
        self.is_open = False
        del self.there[self.chance.randrange(len(self.there) + 1) :]


def connect(chance: Random) -> tuple[End, End]:
    """Answer the two ends of a new connection."""
    up, down = bytearray(), bytearray()
    one, two = End(chance, down, up), End(chance, up, down)
    one.other, two.other = two, one
    return one, two


class Selector:
    """What `Reception` registers; the world asks who could be served."""

    def __init__(self) -> None:
        self.watched: dict[End, tuple[int, Callable[[int], None]]] = {}

    def register(self, peer: End, events: int, data: Callable[[int], None]) -> None:
        self.watched[peer] = events, data

    def unregister(self, peer: End) -> None:
        del self.watched[peer]
