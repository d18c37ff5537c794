"""Sources: how busy this machine's web servers are, read from where they say so.

Comes in: nothing but the moment. Goes out: `Readings` of that moment: listening sockets, workers,
and what workers that are gone have left. A source reads; it adds nothing up, keeps no history that
others need, and never waits. What it cannot have it leaves out: no socket of this kind here, no
server that tells. It is read ten times a second, so one read costs less than 300 µs.

To add one: a file here with a class that meets `Source`, and one line in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fanlight.wire.readings import Readings


class Source(Protocol):
    """Made once, in the process that reads, with the directory of the runtime (where the socket is)."""

    def read(self, now_ns: int, /, *, whole: bool = True) -> Readings:
        """Answer what there is now, as the same object as before while nothing of it changed.

        Args:
            now_ns: monotonic; the same for all sources that are read together.
            whole: leave nothing to a later read that costs much and says little.

        Raises:
            OSError: it could not be read this time; it is asked again.
        """

    def close(self) -> None:
        """Let go of what it holds; closing twice is harmless."""


TABLE: dict[str, str] = {
    "listeners": "fanlight.sources.listeners:Listeners",
    "slots": "fanlight.sources.slots:Slots",
}
"""Name to a class that is made with the path of the runtime directory."""
