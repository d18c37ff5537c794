"""Upkeep: a thread that closes days that are over and drops those that are too old or too much."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from fanlight.errors import FanlightError
from fanlight.log import LOG
from fanlight.server.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.stores import Store

EVERY_S = 60.0
DAY_NS = 86_400_000_000_000


class Retention(NamedTuple):
    """How long data stays."""

    days: int = 14
    """Whole days kept besides today."""
    max_bytes: int = 2 << 30
    import_days: int = 90
    """Whole days that imported events are kept for, from the day of their import on."""


RETENTION = Retention()
"""What is kept when nobody says otherwise."""


class Upkeep:
    """Looks after the store once a minute.

    Args:
        store: what is looked after.
        retention: what is dropped.
        tell: is given a line when something goes wrong and when it is well again.
        clock: wall-clock ns since 1970.
    """

    def __init__(
        self,
        store: Store,
        retention: Retention,
        tell: Callable[[str], None] = LOG.warning,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.store = store
        self.retention = retention
        self.trouble = Trouble(tell)
        self.clock = clock
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, name="fanlight-upkeep", daemon=True)

    def start(self) -> None:
        """Begin to look after the store."""
        self.thread.start()

    def stop(self, timeout_s: float) -> None:
        """End; a day that is being rewritten is left as it was."""
        self.ended.set()
        if self.thread.is_alive():
            self.thread.join(timeout_s)

    def run(self) -> None:
        """Look after the store until stopped; the first time after a minute, when the start is over."""
        while not self.ended.wait(EVERY_S):
            self.attempt()

    def attempt(self) -> None:
        """Close what is over, drop what is too old, whatever happens in it."""
        try:
            self.store.compact()
            today = self.clock() // DAY_NS
            self.store.expire(today - self.retention.days, self.retention.max_bytes)
            self.store.imports.expire(today - self.retention.import_days)
        except Exception as error:
            if self.ended.is_set():
                # The store was closed while a day was being rewritten.
                return
            what = str(error) if isinstance(error, (FanlightError, OSError)) else repr(error)
            self.trouble.begin(f"old days are neither rewritten nor dropped: {what}")
        else:
            self.trouble.end("old days are rewritten and dropped again")
