"""For how long a collector waits: for its schedule rather than twice, but for nobody who is waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from fanlight.collector.collector import Collector
from fanlight.collector.options import Options

if TYPE_CHECKING:
    from pathlib import Path


class Due:
    """A schedule that has something to do at one moment."""

    def __init__(self, due_s: float) -> None:
        self.due_s = due_s

    def due(self) -> float:
        return self.due_s

    def turn(self) -> None:
        raise AssertionError("nobody runs this collector")

    def close(self) -> None:
        raise AssertionError("nobody runs this collector")


@pytest.mark.parametrize(("schedule_s", "waits_s"), [(20.05, 20.05), (20.5, 20.0), (5.0, 5.0)])
def test_what_is_looked_after_waits_for_the_schedule_if_that_is_soon(
    folder: Path, schedule_s: float, waits_s: float
) -> None:
    collector = Collector(Options(str(folder / "c.sock"), str(folder / "spool")))
    now_s = time.monotonic()
    collector.schedule, collector.calm_until_s = Due(now_s + schedule_s), now_s + 20.0
    assert now_s + waits_s - time.monotonic() <= collector.timeout() + 0.001 <= waits_s + 0.002
    # Who sent a batch waits for its acknowledgement.
    collector.committer.open_group()
    assert collector.timeout() <= min(schedule_s, 20.0)
    for each in (collector.selector, collector.wake, collector.waker):
        each.close()
