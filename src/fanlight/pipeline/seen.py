"""What the instruments of each application see, kept as an event whenever it is another than before."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.packing import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.wire.codec import Message

    Keep = Callable[[str, int, str, str], bool]

PROGRAMS = 1_000
"""Applications whose last state is known; beyond that some are kept again."""
LABELS = ("service", "host", "program", "python", "version")


class Seen:
    """Hands the states of instruments on, one event for each change.

    Args:
        keep: takes service, time, shape and values, as `Record.event` does; answers whether it did.
        clock: ns since 1970.
    """

    def __init__(self, keep: Keep, clock: Callable[[], int] = time.time_ns) -> None:
        self.keep = keep
        self.clock = clock
        self.known: dict[tuple[str, str, str], tuple[str, ...]] = {}

    def take(self, hello: Message) -> None:
        """Keep what a HELLO says of instruments, unless its application has just said the same."""
        lines = tuple(hello["instruments"])
        whose = hello["service"], hello["host"], hello["program"]
        if not lines or self.known.get(whose) == lines:
            return
        if self.keep(hello["service"], self.clock(), *packed(hello)):
            if len(self.known) >= PROGRAMS:
                self.known.clear()
            self.known[whose] = lines


def packed(hello: Message) -> tuple[str, str]:
    """Answer what the event of a HELLO shares with others, and what it has itself, as COMMIT tells it."""
    states = dict(line.partition("=")[::2] for line in hello["instruments"])
    active = sum(state.startswith("active") for state in states.values())
    told: dict[str, Any] = {
        "message": f"{active} of {len(states)} instruments are active",
        "level": "INFO",
        "logger": "fanlight.instruments",
        **{name: hello[name] for name in LABELS},
        **{f"instrument.{name}": state for name, state in sorted(states.items())},
    }
    columns = tuple((name, types.STRING, None, None) for name in told)
    # Neither a time as it was written nor a line.
    values = [None, None, *told.values()]
    return shape_of("log", None, True, columns), json.dumps(values, separators=(",", ":"))
