"""The time that the end of a process may take, however many hooks take part in it."""

from __future__ import annotations

from fanlight.recording.clock import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_S = 2.0
"""Time that everything together may take when the process ends."""
STILL_S = 1.5
"""Time after which an exit gives up on whoever took nothing until then: a server with several processes
needs some time of its own to end, and promises 2.5 s in all."""
FORGOTTEN_NS = 10_000_000_000
"""After a pause of this length the process has not ended, so its end begins anew."""


class Budget:
    """What is left of the time: a server's end, finalizers and `atexit` may all come by."""

    __slots__ = ("ended_ns", "spent_ns")

    def __init__(self) -> None:
        self.spent_ns = self.ended_ns = 0

    def spend(self, send: Callable[[float, float], bool], timeout_s: float) -> bool:
        """Send what waits within what is left; answer whether all of it arrived.

        Args:
            send: takes the seconds that it has, and those after which it gives up on whoever took
                nothing until then.
            timeout_s: the most that this time may take.
        """
        began_ns = clock()
        if began_ns - self.ended_ns > FORGOTTEN_NS:
            self.spent_ns = 0
        spent_s = self.spent_ns / 1e9
        arrived = False
        try:
            arrived = send(max(min(timeout_s, EXIT_S - spent_s), 0.0), max(STILL_S - spent_s, 0.0))
        finally:
            self.ended_ns = clock()
            self.spent_ns = 0 if arrived else self.spent_ns + self.ended_ns - began_ns
        return arrived
