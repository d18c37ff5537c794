"""One clear message per trouble in the log, however often it comes up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.log import LOG

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET_S = 60.0


class Notices:
    """Says a trouble when it begins and when it is over, at most once a minute each.

    Args:
        clock: monotonic seconds.
        write: takes one line of text.
    """

    def __init__(self, clock: Callable[[], float], write: Callable[[str], object] | None = None) -> None:
        self.clock = clock
        self.write = write or LOG.warning
        self.said_at: dict[str, float] = {}
        self.present: dict[str, bool] = {}
        """Troubles that last, and whether each was told."""

    def trouble(self, key: str, text: str) -> None:
        """Tell that something is wrong, unless it was told already or within the last minute."""
        if key in self.present:
            return
        now = self.clock()
        told = now - self.said_at.get(key, -QUIET_S) >= QUIET_S
        self.present[key] = told
        if told:
            self.said_at[key] = now
            self.write(text)

    def over(self, key: str, text: str) -> None:
        """Tell that it is over, if it was told that it began."""
        if self.present.pop(key, False):
            self.write(text)
