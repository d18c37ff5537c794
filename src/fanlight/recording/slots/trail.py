"""The trail (HOT): what each request was leaves a mark that outlives the process, where servers are killed.

What waits to be sent is lost with a process that ends in the midst of a request, and some servers end
theirs like that each time they are told to leave. Whoever finds the process dead counts its last requests
by these marks, under their endpoints, without what they consisted of.
"""

from __future__ import annotations

from _thread import allocate_lock

from fanlight.recording.recorder import SWITCH
from fanlight.wire.trail import ENTRIES, ENTRY_WORDS, LONGEST_NS, NAME_SHIFT, NAMES_AT, ORDER, REST, START

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.recording.recorder import Trace
    from fanlight.wire.trail import Name

NUMBERS = 1_000
"""Sorts of requests that have a mark; the last ones of others are counted without their names."""
FAILED = 599


class Numbers(dict["tuple[Any, ...]", int]):
    """What traces share to the number of the name that was written down for it, 0 for none.

    Args:
        memory: for the names.
        name_of: as in `following`.
    """

    __slots__ = ("at", "memory", "name_of", "number", "turn")

    def __init__(self, memory: memoryview, name_of: Callable[[Trace], Name | None]) -> None:
        super().__init__()
        self.memory = memory
        self.name_of = name_of
        self.turn = allocate_lock()
        self.at = self.number = 0

    def __missing__(self, _: tuple[Any, ...]) -> int:
        """Answer -1 for what `add` has not been given yet."""
        return -1

    def add(self, key: tuple[Any, ...], trace: Trace) -> int:
        """Write down what a trace is called; answer its number."""
        # Another thread has a name to write, too: the next trace of this sort will find its turn.
        if len(self) >= NUMBERS or not self.turn.acquire(False):
            return 0
        try:
            name = self.name_of(trace)
            told, number = b"" if name is None else name.packed(), 0
            if told and self.at + len(told) <= len(self.memory):
                self.memory[self.at : self.at + len(told)] = told
                self.at += len(told)
                self.number = number = self.number + 1
            self[key] = number
            return number
        finally:
            self.turn.release()


def following(memory: memoryview, name_of: Callable[[Trace], Name | None]) -> Callable[[Trace], None]:
    """Answer what marks each finished trace, right before the account counts it.

    Args:
        memory: bytes that outlive the process, `wire.trail.SIZE` of them, zeros.
        name_of: answers what a trace shares with others.
    """
    cells = memory[:NAMES_AT].cast("q")
    numbers = Numbers(memory[NAMES_AT:], name_of)

    # A fast path: on the way of each request. Nothing is called between the order and its last word, so
    # no other thread comes between.
    def mark(trace: Trace, cells: Any = cells, numbers: Numbers = numbers, switch: Any = SWITCH) -> None:
        # A failure's segment is told by any such status.
        status = trace.status if trace.error is None else FAILED
        key = trace.endpoint, status, trace.segment, trace.title, trace.category
        try:
            number = numbers[key]
            if number < 0:
                number = numbers.add(key, trace)
        except (TypeError, ValueError):
            # The trace counts, whatever it is called, and without a mark where that cannot be told.
            switch.faults += 1
            return
        spent_ns = trace.end_ns - trace.start_ns
        spent_ns = spent_ns if spent_ns < LONGEST_NS else LONGEST_NS  # noqa: FURB136 a call costs more
        order = switch.finished + 1
        at = order % ENTRIES * ENTRY_WORDS
        cells[at + START] = trace.wall_ns
        cells[at + REST] = number << NAME_SHIFT | spent_ns
        # At last: until it stands there, the other two are nobody's.
        cells[at + ORDER] = order

    return mark
