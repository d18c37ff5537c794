"""For how long a collector waits: for its schedule rather than twice, but for nobody who is waited for."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from fanlight.collector.collector import CHECK_S, PATIENCE_S, Collector
from fanlight.collector.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable
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


class Often:
    """A schedule that looks with a period, and nobody is told."""

    def __init__(self, clock: Callable[[], float], period_s: float) -> None:
        self.clock = clock
        self.period_s = period_s
        self.due_s = 0.0
        self.looks = 0

    def due(self) -> float:
        return self.due_s

    def turn(self) -> None:
        self.looks += 1
        self.due_s = max(self.due_s, self.clock()) + self.period_s

    def close(self) -> None:
        pass


@pytest.mark.parametrize("period_s", [0.1, 0.5, 1.0])
def test_a_collector_at_rest_wakes_up_for_its_schedule_alone(folder: Path, period_s: float) -> None:
    now_s = [1_000.0]
    collector = Collector(Options(str(folder / "run" / "c.sock"), str(folder / "spool")), lambda: now_s[0])
    collector.schedule = schedule = Often(collector.clock, period_s)
    collector.begin()
    try:
        # Begun in the midst of what the schedule's first looks are to be apart.
        schedule.due_s = now_s[0] + 0.37
        wakes, checked = 0, {collector.checked_s: 0.0}
        while now_s[0] < 1_060.0:
            now_s[0] += collector.timeout() + 0.0002
            collector.turn(heard=False)
            checked[collector.checked_s] = 0.0
            wakes += 1
    finally:
        collector.end()
    # The first time it is due before it looks.
    assert wakes == schedule.looks + 1
    # What others can pull away is looked after as often as ever, and no sooner than it helps.
    assert max(after - before for before, after in pairwise(checked)) <= CHECK_S + PATIENCE_S
    assert 60 / CHECK_S - 6 <= len(checked) <= 60 / CHECK_S + 2
